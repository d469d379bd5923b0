"""
Who is calling: credentials, the principals behind them, and the roles that can be assumed.

An access key leads to a principal and its policies. Signatures are not checked: a secret is
worth nothing here, but an unknown key or token is refused as AWS refuses it.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from tests.aws_double.conditions import Caller
from tests.aws_double.errors import Refusal
from tests.aws_double.evaluator import Document

ADMINISTRATOR: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A role's session, a user, an account's root, a service, or nobody."""

    arn: str = ""
    """What ``aws:PrincipalArn`` says: of a session, the ARN of its role."""
    account: str = ""
    session_arn: str = ""
    """What GetCallerIdentity and refusals say."""
    user_id: str = "ANONYMOUS"
    policies: tuple[Document, ...] = ()
    session_policies: tuple[Document, ...] | None = None
    """None: the session has none. Empty is not possible."""
    service: str = ""
    source: dict[str, str] = field(default_factory=dict)
    """For a service: ``aws:SourceArn`` and the like."""

    @property
    def is_root(self) -> bool:
        return self.arn.endswith(":root")

    @property
    def is_anonymous(self) -> bool:
        return not self.arn and not self.service

    @property
    def caller(self) -> Caller:
        return Caller(
            arn=self.arn, session_arn=self.session_arn, account=self.account, service=self.service
        )

    @property
    def name(self) -> str:
        """As refusals name it."""
        return self.session_arn or self.arn or self.service or "anonymous"


ANONYMOUS = Principal()


@dataclass(slots=True, kw_only=True)
class Role:
    """A role in an account."""

    arn: str
    trust: Document
    policies: tuple[Document, ...]


@dataclass(slots=True)
class Identities:
    """All principals, their keys, and the roles of all accounts."""

    by_key: dict[str, tuple[Principal, str]] = field(default_factory=dict)
    """Access key -> principal and session token."""
    roles: dict[str, Role] = field(default_factory=dict)
    """By ARN."""
    expired: set[str] = field(default_factory=set)
    """Access keys whose time is over."""

    def issue(self, principal: Principal) -> dict[str, str]:
        """New credentials of *principal*, named as boto3's arguments."""
        key = "ASIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
        token = secrets.token_urlsafe(64)
        self.by_key[key] = (principal, token)
        return {
            "aws_access_key_id": key,
            "aws_secret_access_key": secrets.token_urlsafe(30),
            "aws_session_token": token,
        }

    def principal_of(self, access_key: str | None, token: str | None, service: str) -> Principal:
        """
        Who signed with *access_key*; nobody if the request is not signed.

        Raises:
            Refusal: AWS does not know the key, or not with this token, or not any more.
        """
        if access_key is None:
            return ANONYMOUS
        principal, expected = self.by_key.get(access_key, (None, ""))
        if principal is None:
            raise _unknown_key(service)
        if token != expected:
            raise Refusal("InvalidToken", "The provided token is malformed or otherwise invalid.")
        if access_key in self.expired:
            raise _expired(service)
        return principal


def _unknown_key(service: str) -> Refusal:
    match service:
        case "s3" | "s3control":
            return Refusal(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                403,
            )
        case "sts" | "cloudformation" | "iam":
            code = "InvalidClientTokenId"
        case _:
            code = "UnrecognizedClientException"
    return Refusal(code, "The security token included in the request is invalid.", 403)


def _expired(service: str) -> Refusal:
    match service:
        case "s3" | "s3control":
            return Refusal("ExpiredToken", "The provided token has expired.", 400)
        case "sts" | "cloudformation" | "iam":
            code, status = "ExpiredToken", 403
        case _:
            code, status = "ExpiredTokenException", 400
    return Refusal(code, "The security token included in the request is expired", status)


def acting_as(
    arn: str,
    *,
    policies: Sequence[Document],
    session: str = "session",
    source: Mapping[str, str] | None = None,
) -> Principal:
    """
    The principal that *arn* names: a role (in a session), a user, an account's root or a service.

    Args:
        source: Of a service: ``aws:SourceArn`` and the like, on whose behalf it comes.

    Raises:
        ValueError: *arn* names none of these.
    """
    if arn.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return Principal(service=arn, source=dict(source or {}))
    found = re.fullmatch(r"arn:(aws[\w-]*):iam::(\d{12}):(root|role/(.+)|user/(.+))", arn)
    if not found:
        raise ValueError(f"{arn} is no IAM ARN of a role, a user or a root")
    partition, account, _, role, user = found.groups()
    if role:
        name = role.rpartition("/")[2]
        return Principal(
            arn=arn,
            account=account,
            session_arn=f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}",
            user_id=f"{stable_id('AROA', arn)}:{session}",
            policies=tuple(policies),
        )
    user_id = stable_id("AIDA", arn) if user else account
    return Principal(
        arn=arn, account=account, session_arn=arn, user_id=user_id, policies=tuple(policies)
    )


def with_session_policies(principal: Principal, policies: Sequence[Document]) -> Principal:
    """*principal* limited by *policies*: what they do not allow, it may not do."""
    return replace(principal, session_policies=tuple(policies))


def stable_id(prefix: str, arn: str) -> str:
    """An id of AWS's form, always the same for *arn*."""
    letters = string.ascii_uppercase + "234567"
    return prefix + "".join(letters[byte % 32] for byte in sha256(arn.encode()).digest()[:17])


def trust_of(account: str, partition: str = "aws") -> Document:
    """A trust policy by which principals of *account* may assume a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def parsed(policy: Any) -> Document:
    """*policy* as a document, whether given as one or as text."""
    document: Document = json.loads(policy) if isinstance(policy, str) else policy
    return document
