"""
What KMS checks before it does anything: which key is meant, and that its policy allows the call.

Unlike elsewhere, an identity's policy is worth nothing here unless the key's policy hands the
decision on to the account.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from moto.kms.models import Key, kms_backends

from tests.aws_double.authorization import Demand
from tests.aws_double.call import Call
from tests.aws_double.conditions import Values
from tests.aws_double.errors import Refusal

if TYPE_CHECKING:
    from tests.aws_double.world import World

WITHOUT_KEY = frozenset(
    {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
)
TAKE_NO_ALIAS = frozenset(
    {
        "CancelKeyDeletion",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "EnableKeyRotation",
        "GetKeyPolicy",
        "GetKeyRotationStatus",
        "ListKeyPolicies",
        "ListResourceTags",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateKeyDescription",
    }
)
ON_ALIASES = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})


def owner_of(call: Call, world: World) -> str | None:
    """The account in the key's ARN, if it is named by one."""
    key_id = call.parameters.get("KeyId") or ""
    return key_id.split(":")[4] if key_id.startswith("arn:") else None


def demands_of(call: Call, world: World) -> Iterable[Demand]:
    """The permissions that an operation of KMS needs."""
    action = f"kms:{call.operation}"
    if call.operation in ON_ALIASES:
        yield from _alias_demands(call, world, action)
    elif call.operation in WITHOUT_KEY and not call.parameters.get("KeyId"):
        yield Demand(action=action, resource="*", account=call.account, context=_context(call))
        if call.operation == "CreateKey" and call.parameters.get("Tags"):
            yield Demand(
                action="kms:TagResource", resource="*", account=call.account, context=_context(call)
            )
    else:
        yield key_demand(
            key_of(call, world, call.parameters.get("KeyId") or ""), action, _context(call)
        )


def key_demand(key: Key, action: str, context: Mapping[str, Values]) -> Demand:
    """*action* on *key*, under the key's own policy."""
    return Demand(
        action=action,
        resource=key.arn,
        account=key.account_id,
        policies=(json.loads(key.policy),),
        must_be_granted_by_resource=True,
        context={
            **context,
            "kms:keyspec": [key.key_spec],
            "kms:keyusage": [key.key_usage or "ENCRYPT_DECRYPT"],
            "kms:keyorigin": [key.origin],
            "kms:multiregion": [str(bool(key.multi_region)).lower()],
            **resource_tags(key),
        },
    )


def key_of(call: Call, world: World, key_id: str) -> Key:
    """
    The key that *key_id* names for *call*.

    Raises:
        Refusal: There is none, it is in another Region, or the operation takes no alias.
    """
    if key_id.startswith("arn:") and key_id.split(":")[3] != call.region:
        raise Refusal("NotFoundException", f"Invalid arn {key_id.split(':')[3]}", 400)
    is_alias = key_id.startswith("alias/") or ":alias/" in key_id
    if is_alias and call.operation in TAKE_NO_ALIAS:
        raise Refusal("NotFoundException", f"Invalid keyId '{key_id}'", 400)
    key = world.key(key_id, call.principal.account, call.region)
    if key is None:
        raise not_found(call, key_id)
    return key


def not_found(call: Call, key_id: str) -> Refusal:
    """KMS's words for a key or alias that is not there."""
    prefix = f"arn:{call.partition}:kms:{call.region}:{call.principal.account}"
    if key_id.startswith("alias/") or ":alias/" in key_id:
        arn = key_id if key_id.startswith("arn:") else f"{prefix}:{key_id}"
        return Refusal("NotFoundException", f"Alias {arn} is not found.", 400)
    arn = key_id if key_id.startswith("arn:") else f"{prefix}:key/{key_id}"
    return Refusal("NotFoundException", f"Key '{arn}' does not exist", 400)


def resource_tags(key: Key) -> dict[str, Values]:
    backend = kms_backends[key.account_id][key.region]
    tags = backend.list_resource_tags(key.id)["Tags"]
    return {f"aws:resourcetag/{tag['TagKey'].lower()}": [tag["TagValue"]] for tag in tags}


def _alias_demands(call: Call, world: World, action: str) -> Iterable[Demand]:
    """It takes permission on the alias, by IAM alone, and on every key that it touches."""
    name = call.parameters["AliasName"]
    arn = f"arn:{call.partition}:kms:{call.region}:{call.account}:{name}"
    yield Demand(action=action, resource=arn, account=call.account, context=_context(call))
    if call.operation != "CreateAlias":
        yield key_demand(key_of(call, world, name), action, _context(call))
    if "TargetKeyId" in call.parameters:
        target = key_of(call, world, call.parameters["TargetKeyId"])
        yield key_demand(target, action, _context(call))


def _context(call: Call) -> dict[str, Values]:
    """KMS's own condition keys."""
    parameters: Mapping[str, Any] = call.parameters
    context: dict[str, Values] = {"kms:calleraccount": [call.principal.account]}
    for parameter, key in (
        ("RotationPeriodInDays", "kms:rotationperiodindays"),
        ("PendingWindowInDays", "kms:schedulekeydeletionpendingwindowindays"),
    ):
        if parameters.get(parameter) is not None:
            context[key] = [str(parameters[parameter])]
    if call.operation in {"CreateKey", "PutKeyPolicy"}:
        bypass = bool(parameters.get("BypassPolicyLockoutSafetyCheck"))
        context["kms:bypasspolicylockoutsafetycheck"] = [str(bypass).lower()]
    if str(parameters.get("KeyId") or "").startswith("alias/"):
        context["kms:requestalias"] = [parameters["KeyId"]]
    return context
