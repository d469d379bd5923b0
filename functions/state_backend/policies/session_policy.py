"""
What our own sessions may do, and with the same list what the role ``StateholdProvisioner`` may.

Generated from the permissions that resources and controls declare, so nothing is granted that no
call needs. No delete, no reading of state objects, no use of a key on data is ever among them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.policies.document import VERSION
from state_backend.spec import BACKEND_PARAMETER, HCL_PARAMETER, KEY_ALIAS, BackendSpec

SIZE_LIMIT = 2_048
"""Characters of one session policy."""

CONFIRMATION_PERMISSIONS = (
    "cloudformation:DescribeStackEvents",
    "cloudformation:ListStackResources",
)
"""What it takes to confirm a stack's request, and to judge its Delete."""

LIST_BUCKETS = "s3:ListAllMyBuckets"
"""
What it takes to tell a bucket that another account has taken since from one that must not be
looked at: S3 answers 403 to both. IAM knows no resource for it.
"""

_GROUPS = (("s3", "s3control"), ("kms", "resourcegroupstaggingapi", "ssm", "dynamodb"))
"""The services that share a session, by boto3's names."""

_PREFIXES = {"s3control": "s3", "resourcegroupstaggingapi": "tag"}
"""Service -> the beginning of its IAM actions, where they differ."""

_ON_EVERYTHING = frozenset({"kms:CreateKey", "kms:TagResource", "tag:GetResources"})
"""
Actions that IAM knows no resource for; and kms:TagResource, which for the tags of a key in the
making must not be restricted to particular keys.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
"""

_ON_ALIAS_TOO = frozenset({"kms:CreateAlias", "kms:UpdateAlias"})
"""Actions that ask for a permission on the alias and on each key that it points or pointed at."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """The policy of one session."""

    services: tuple[str, ...]
    """boto3's names of the services that are called through it."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The ARNs that the actions are granted on."""

    buckets: tuple[str, ...]
    named_log_bucket: str = ""
    """Only looked at, never changed."""
    keys: str
    """Which keys may be looked at: an own key of another account's is among them."""
    account_keys: str
    our_key: str
    """The key that we made; all of the account while it is not known."""
    alias: str
    parameters: tuple[str, ...]
    table: str
    stacks: str


def places_of(spec: BackendSpec) -> Places:
    """Where the sessions for *spec* may act."""
    here = f"{spec.region}:{spec.account}"
    start = f"arn:{spec.partition}"
    account_keys = f"{start}:kms:{here}:key/*"
    log_bucket = spec.log_bucket_arn
    return Places(
        buckets=(spec.bucket_arn, log_bucket) if spec.makes_log_bucket else (spec.bucket_arn,),
        named_log_bucket=log_bucket if spec.access_logs not in {"create", "off"} else "",
        keys=spec.kms_key_arn or account_keys,
        account_keys=account_keys,
        our_key=spec.key_arn or account_keys,
        alias=f"{start}:kms:{here}:{KEY_ALIAS}",
        parameters=tuple(
            f"{start}:ssm:{here}:parameter{name}" for name in (BACKEND_PARAMETER, HCL_PARAMETER)
        ),
        table=spec.lock_table_arn,
        stacks=f"{start}:cloudformation:{here}:stack/*",
    )


def session_policies(spec: BackendSpec, permissions: Iterable[str]) -> tuple[SessionPolicy, ...]:
    """As many policies as it takes for *permissions* on the resources of *spec*."""
    wanted = frozenset(permissions)
    return tuple(
        SessionPolicy(services, _text(_statements(_of(services, wanted), places_of(spec))))
        for services in _GROUPS
        if _of(services, wanted)
    )


def stack_policy(stack_arn: str) -> SessionPolicy:
    """The policy of the session that looks at one stack."""
    return SessionPolicy(
        ("cloudformation",), _text([_allow(list(CONFIRMATION_PERMISSIONS), (stack_arn,))])
    )


def existence_policy(bucket_arn: str) -> SessionPolicy:
    """The policy of the session that only looks whether a bucket is the account's."""
    statements = [_allow(["s3:ListBucket"], (bucket_arn,)), _allow([LIST_BUCKETS], ("*",))]
    return SessionPolicy(("s3",), _text(statements))


def role_statements(permissions: Iterable[str], places: Places) -> list[Mapping[str, JSON]]:
    """The statements of the provisioner role: the same list, on the *places* of an account."""
    stacks = _allow(list(CONFIRMATION_PERMISSIONS), (places.stacks,))
    return [
        *_statements(frozenset(permissions), places),
        stacks,
        _allow([LIST_BUCKETS], ("*",)),
    ]


def _of(services: tuple[str, ...], permissions: frozenset[str]) -> frozenset[str]:
    prefixes = {_PREFIXES.get(service, service) for service in services}
    return frozenset(action for action in permissions if action.partition(":")[0] in prefixes)


def _statements(permissions: frozenset[str], places: Places) -> list[Mapping[str, JSON]]:
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action in sorted(permissions):
        by_resources.setdefault(_resources(action, places), []).append(action)
    statements = [_allow(actions, resources) for resources, actions in by_resources.items()]
    if places.named_log_bucket and "s3:ListBucket" in permissions:
        look = ["s3:GetEncryptionConfiguration", "s3:ListBucket"]
        statements.append(_allow(look, (places.named_log_bucket,)))
    return statements


def _allow(actions: list[str], resources: tuple[str, ...]) -> Mapping[str, JSON]:
    return {
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }


def _resources(action: str, places: Places) -> tuple[str, ...]:
    if action in _ON_EVERYTHING:
        return ("*",)
    if action in _ON_ALIAS_TOO:
        return (places.alias, places.account_keys)
    if action == "kms:DescribeKey":
        return (places.keys,)
    by_service = {
        "s3": places.buckets,
        "kms": (places.our_key,),
        "ssm": places.parameters,
        "dynamodb": (places.table,),
    }
    return by_service[action.partition(":")[0]]


def _text(statements: list[Mapping[str, JSON]]) -> str:
    return json.dumps({"Version": VERSION, "Statement": statements}, separators=(",", ":"))
