"""What the story needs to begin: the AWS double with the deployed template, and the event."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from demo.words import Teller
from state_backend.calls import JSON
from tests.aws_double import AwsDouble, authorization
from tests.aws_double.conditions import Access
from tests.aws_double.evaluator import Document, Finding, judge
from tests.deployment import Deployment

MANAGEMENT_ACCOUNT = "111111111111"
MEMBER_ACCOUNT = "222222222222"
"""The account that joins where an event does not say which."""
REGION = "us-east-1"
LOOPBACK = "127.0.0.1"


class BadEvent(Exception):
    """The event cannot be read, or is none that the demo can play."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that the chapters share."""

    aws: AwsDouble
    hub: Deployment
    tell: Teller
    denials: list[str] = field(default_factory=list)
    """The Sids of the statements that refused, in order."""

    @property
    def hub_account(self) -> str:
        return self.aws.management_account

    def client(self, service: str, account: str, role: str, **options: Any) -> Any:
        """A boto3 client of an administrator: the role *role* of *account*, over TLS."""
        return self.client_of(service, role_arn(account, role), **options)

    def client_of(self, service: str, principal: str, **options: Any) -> Any:
        """The same of whoever has the ARN *principal*."""
        return self.aws.client(service, principal=principal, **{"tls": True, **options})

    def account_comes(self, account: str, *, name: str = "", unit: str = "") -> None:
        """*account* joins the organization, with the roles that a vended account has."""
        if account != self.hub_account:
            self.aws.add_account(account, name=name or None, parent=unit or None)

    def unit_comes(self, unit: str) -> None:
        """An organizational unit with exactly this id."""
        organization = self.aws.world.organization
        self.aws.client("organizations").create_organizational_unit(
            ParentId=organization.org.root_id, Name=unit
        )
        organization.ou[-1].id = unit  # moto gives it one of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The backend that came of it."""

    account: str
    region: str
    bucket: str


@contextlib.contextmanager
def stage(tell: Teller) -> Iterator[Stage]:
    """The double, with the template deployed in the management account, until the end of it."""
    denials: list[str] = []
    with (
        mock.patch.object(authorization, "judge", _noting(denials)),
        AwsDouble(management_account=MANAGEMENT_ACCOUNT, region=REGION) as aws,
    ):
        # The stack's chapter answers to a host of its own, on loopback.
        hub = Deployment(aws, environment={"RESPONSE_URL_ALLOWED_HOSTS": LOOPBACK})
        yield Stage(aws=aws, hub=hub, tell=tell, denials=denials)


def read_event(path: Path) -> Mapping[str, JSON]:
    """
    The event in *path*; of a batch of queue messages, the event in the first one.

    Raises:
        BadEvent: There is none.
    """
    try:
        event = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(event, dict) and isinstance(event.get("Records"), list):
            event = json.loads(event["Records"][0]["body"])
    except OSError as error:
        raise BadEvent(f"The event {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadEvent(f"The event {path} is no text in UTF-8.") from error
    except ValueError as error:
        raise BadEvent(f"The event {path} is no JSON: {error}.") from error
    except (LookupError, TypeError) as error:
        raise BadEvent(f"The batch in {path} has no message with a body.") from error
    if not isinstance(event, dict):
        raise BadEvent(f"The event {path} is no JSON object; EventBridge sends objects only.")
    return event


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def _noting(denials: list[str]) -> Any:
    """The double's judge, which also notes by which statements it denies."""

    def judging(policies: Any, access: Access) -> Finding:
        documents: list[Document] = list(policies)
        finding = judge(documents, access)
        if finding.denied:
            denials.extend(
                str(statement.get("Sid", "a statement without Sid"))
                for document in documents
                for statement in _listed(document["Statement"])
                if judge([{"Statement": [statement]}], access).denied
            )
        return finding

    return judging


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
