"""
Calls that CloudTrail saw: somebody may have changed a backend.

They come from the account and Region of what was changed, by way of EventBridge alone: whose they
are is the envelope's word. What a call is about is the detail's, which can only make us look.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from state_backend.calls import JSON
from state_backend.drift import Actor
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import Asked, Seen, account_at, mapping_at, text_at
from state_backend.regions import is_region
from state_backend.spec import KEY_ALIAS

DETAIL_TYPE = "AWS API Call via CloudTrail"

EVENTS: Mapping[str, tuple[str, ...]] = {
    # CloudTrail's names, not IAM's. By their beginnings, since some have had two
    # (PutBucketLifecycle, PutBucketLifecycleConfiguration) and S3 keeps adding to them.
    "s3.amazonaws.com": (
        "CreateBucketMetadata*",
        "DeleteBucket*",
        "PutAccelerateConfiguration",
        "PutBucket*",
        "PutObjectLockConfiguration",
        "TagResource",
        "UntagResource",
        "UpdateBucket*",
    ),
    # Not CreateGrant: our policy refuses it to all, and on other keys AWS makes them all day.
    "kms.amazonaws.com": (
        "CancelKeyDeletion",
        "DeleteAlias",
        "DeleteImportedKeyMaterial",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "PutKeyPolicy",
        "ReplicateKey",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdatePrimaryRegion",
    ),
    "dynamodb.amazonaws.com": (
        "DeleteTable",
        "UntagResource",
        "UpdateContinuousBackups",
        "UpdateTable",
    ),
    "ssm.amazonaws.com": ("DeleteParameter", "DeleteParameters", "PutParameter"),
}
"""Event source -> the names of the calls that are looked at; ``*`` stands for any end."""

PARAMETER_PATH = "/statehold/"
"""Below it are the published parameters: calls of SSM on others are none of ours."""

_NAMES = (
    "aliasName",
    "bucketName",
    "keyId",
    "name",
    "names",
    "resourceArn",
    "resourceARN",
    "tableName",
    "targetKeyId",
)
"""Where requests say what they are about."""


def parse(event: Mapping[str, JSON]) -> Asked:
    """
    The account and Region of the call, which asks for what is on record there.

    Raises:
        InvalidRequest: A part of the event is missing or of the wrong kind.
    """
    region = text_at(event, "region")
    if not is_region(region):
        raise InvalidRequest(
            f"The event has {region[:40]!r} at region", "It must be the name of a Region"
        )
    place = Asked(accounts=(account_at(event, "account"),), regions=(region,))
    detail = mapping_at(event, "detail")
    name = text_at(detail, "eventName")[:60]
    about = frozenset(_about(detail))
    reason = _reason(event, detail, name) or _reason_by_name(detail, name, about)
    if reason:
        return replace(place, reason=reason)
    return replace(place, seen=Seen(by=_actor(detail), about=about))


def is_watched(source: str, name: str) -> bool:
    """Whether a call named *name* of the event source *source* is looked at."""
    return any(fnmatchcase(name, it) for it in EVENTS.get(source, ()))


def bare(name: str) -> str:
    """*name* as it is without an ARN: a bucket, a key's id, an alias, a table, a parameter."""
    resource = name.split(":", 5)[5] if name.startswith("arn:") and name.count(":") >= 5 else name
    for kind, kept in (("key/", ""), ("table/", ""), ("parameter/", "/")):
        if resource.startswith(kind):
            return kept + resource.removeprefix(kind)
    return resource


def _reason(event: Mapping[str, JSON], detail: Mapping[str, JSON], name: str) -> str:
    """Why the call changed nothing, whatever it was about."""
    if event.get("detail-type") != DETAIL_TYPE:
        return f"{name} is no call that CloudTrail saw"
    if detail.get("errorCode") is not None or detail.get("errorMessage") is not None:
        return f"the call {name} failed: {str(detail.get('errorCode'))[:60]}"
    if detail.get("readOnly") is True:
        return f"the call {name} only read"
    if not is_watched(text_at(detail, "eventSource"), name):
        return f"the call {name} changes nothing that we look after"
    return ""


def _reason_by_name(detail: Mapping[str, JSON], name: str, about: frozenset[str]) -> str:
    """Why the call cannot be about a backend, whatever is on record."""
    aliases = {it for it in about if it.startswith("alias/")}
    if aliases and KEY_ALIAS not in aliases:
        return f"the call {name} is about another alias"
    of_parameters = detail.get("eventSource") == "ssm.amazonaws.com"
    if of_parameters and not any(it.startswith(PARAMETER_PATH) for it in about):
        return f"the call {name} is about none of our parameters"
    return "" if about else f"the call {name} names nothing"


def _about(detail: Mapping[str, JSON]) -> Iterator[str]:
    given, resources = detail.get("requestParameters"), detail.get("resources")
    found: list[JSON] = [given.get(it) for it in _NAMES] if isinstance(given, dict) else []
    if isinstance(resources, list):
        found += [it.get("ARN") for it in resources if isinstance(it, dict)]
    for value in found:
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and name:
                yield bare(name)


def _actor(detail: Mapping[str, JSON]) -> Actor:
    return Actor(
        arn=_who(detail.get("userIdentity"))[:300],
        event_name=_text(detail, "eventName")[:60],
        event_time=_text(detail, "eventTime")[:40],
        event_id=_text(detail, "eventID")[:64],
    )


def _who(identity: JSON) -> str:
    """The caller's ARN. A caller of another account, and a service, may have none there."""
    context = _mapping(identity, "sessionContext")
    issuer = _text(_mapping(context, "sessionIssuer"), "arn")
    named = (_text(identity, it) for it in ("invokedBy", "accountId", "principalId", "type"))
    return _text(identity, "arn") or issuer or next(filter(None, named), "")


def _mapping(value: JSON, name: str) -> Mapping[str, JSON]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: JSON, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
