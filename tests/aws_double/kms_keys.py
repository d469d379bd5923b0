"""
KMS keys and aliases, where moto is milder or forgets.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.core.utils import unix_time, utcnow

from tests.aws_double.authorization import Demand, verdict_on
from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.identity import ADMINISTRATOR
from tests.aws_double.kms_access import key_of
from tests.aws_double.policy_grammar import Malformed, check_key_policy, parsed_policy
from tests.aws_double.s3_policies import check_principals_exist

if TYPE_CHECKING:
    from moto.kms.models import Key

    from tests.aws_double.evaluator import Document
    from tests.aws_double.world import World

LARGEST_POLICY = 32 * 1024
USABLE_ONLY_IF_ENABLED = (
    "Decrypt",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "RotateKeyOnDemand",
)
NOT_WHILE_PENDING_DELETION = (
    "CreateAlias",
    "DisableKey",
    "EnableKey",
    "GetKeyRotationStatus",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
)


@rule("kms", *USABLE_ONLY_IF_ENABLED)
def only_if_enabled(call: Call, world: World, proceed: Proceed) -> Answer:
    if call.parameters.get("KeyId"):
        key = _key(call, world)
        _check_not_pending(key)
        if not key.enabled:
            raise Refusal("DisabledException", f"{key.arn} is disabled.", 400)
    return proceed(call)


@rule("kms", *NOT_WHILE_PENDING_DELETION)
def not_while_pending_deletion(call: Call, world: World, proceed: Proceed) -> Answer:
    key_id = call.parameters.get("KeyId") or call.parameters["TargetKeyId"]
    _check_not_pending(key_of(call, world, key_id))
    return proceed(call)


@rule("kms", "ReplicateKey", "UpdatePrimaryRegion")
def only_of_many_regions(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    if not key.multi_region:
        raise _unsupported(f"{key.arn} is not a multi-Region key.")
    return proceed(call)


@rule("kms", "DeleteImportedKeyMaterial")
def only_where_it_was_imported(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    if key.origin != "EXTERNAL":
        raise _unsupported(
            f"{key.arn} origin is {key.origin} which is not valid for this operation."
        )
    return proceed(call)


@rule("kms", "CreateKey")
def create_key(call: Call, world: World, proceed: Proceed) -> Answer:
    policy = call.parameters.get("Policy")
    if policy is not None:
        _check_policy(call, world, policy, "*")
    tags = [tag["TagKey"] for tag in call.parameters.get("Tags") or []]
    _check_tag_names(tags)
    return proceed(call)


@rule("kms", "TagResource")
def tag_resource(call: Call, world: World, proceed: Proceed) -> Answer:
    _check_tag_names([tag["TagKey"] for tag in call.parameters["Tags"]])
    return proceed(call)


@rule("kms", "PutKeyPolicy")
def put_key_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    _check_policy_name(call, key)
    _check_policy(call, world, call.parameters["Policy"], key.arn)
    key.policy = call.parameters["Policy"]
    return None


@rule("kms", "GetKeyPolicy")
def get_key_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    _check_policy_name(call, key)
    return {"Policy": key.policy, "PolicyName": "default"}


@rule("kms", "EnableKeyRotation")
def enable_key_rotation(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    period = call.parameters.get("RotationPeriodInDays")
    if period is not None and not 90 <= period <= 2560:
        raise Refusal(
            "ValidationException",
            f"1 validation error detected: Value '{period}' at 'rotationPeriodInDays' failed to "
            "satisfy constraint: Member must have value between 90 and 2560",
            400,
        )
    key.key_rotation_status = True
    # Without a period, a key that rotates keeps its own.
    world.rotation_periods[key.arn] = period or world.rotation_periods.get(key.arn, 365)
    return None


@rule("kms", "GetKeyRotationStatus")
def get_key_rotation_status(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.key_rotation_status}
    if key.key_rotation_status:
        period = world.rotation_periods.get(key.arn, 365)
        answer["RotationPeriodInDays"] = period
        answer["NextRotationDate"] = utcnow() + timedelta(days=period)
    return answer


@rule("kms", "DisableKey", "EnableKey")
def switch_key(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    key.enabled = call.operation == "EnableKey"
    key.key_state = "Enabled" if key.enabled else "Disabled"
    return None


@rule("kms", "ScheduleKeyDeletion")
def schedule_key_deletion(call: Call, world: World, proceed: Proceed) -> Answer:
    key = _key(call, world)
    window = call.parameters.get("PendingWindowInDays") or 30
    if not 7 <= window <= 30:
        raise Refusal(
            "ValidationException",
            f"1 validation error detected: Value '{window}' at 'pendingWindowInDays' failed to "
            "satisfy constraint: Member must have value between 7 and 30",
            400,
        )
    key.enabled, key.key_state = False, "PendingDeletion"
    key.deletion_date = utcnow() + timedelta(days=window)
    return {
        "KeyId": key.arn,
        "DeletionDate": unix_time(key.deletion_date),
        "KeyState": key.key_state,
        "PendingWindowInDays": window,
    }


@rule("kms", "CancelKeyDeletion")
def cancel_key_deletion(call: Call, world: World, proceed: Proceed) -> Answer:
    """The key comes back disabled."""
    key = _key(call, world)
    if key.key_state != "PendingDeletion":
        raise Refusal("KMSInvalidStateException", f"{key.arn} is not pending deletion.", 400)
    key.key_state, key.enabled, key.deletion_date = "Disabled", False, None
    return {"KeyId": key.arn}


@rule("kms", "CreateAlias", "UpdateAlias", "DeleteAlias")
def reserved_alias(call: Call, world: World, proceed: Proceed) -> Answer:
    if call.parameters["AliasName"].startswith("alias/aws/"):
        raise Refusal("NotAuthorizedException", "", 400)
    return proceed(call)


def _key(call: Call, world: World) -> Key:
    return key_of(call, world, call.parameters["KeyId"])


def _unsupported(message: str) -> Refusal:
    return Refusal("UnsupportedOperationException", message, 400)


def _check_not_pending(key: Key) -> None:
    if key.key_state == "PendingDeletion":
        raise Refusal("KMSInvalidStateException", f"{key.arn} is pending deletion.", 400)


def _check_policy_name(call: Call, key: Key) -> None:
    if call.parameters.get("PolicyName") not in {None, "default"}:
        raise Refusal("NotFoundException", "No such policy exists", 400)


def _check_policy(call: Call, world: World, text: str, resource: str) -> None:
    """
    The policy must be one, and leave its author able to change it.

    Raises:
        Refusal: ``MalformedPolicyDocumentException``, as KMS says in either case.
    """
    try:
        document = parsed_policy(text, largest=LARGEST_POLICY)
        check_key_policy(document)
        check_principals_exist(world, document)
    except Malformed as error:
        raise Refusal("MalformedPolicyDocumentException", str(error), 400) from error
    bypass = call.parameters.get("BypassPolicyLockoutSafetyCheck")
    if not bypass and not _may_put_policy(call, world, document, resource):
        raise Refusal(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
            400,
        )


def _may_put_policy(call: Call, world: World, document: Document, resource: str) -> bool:
    wanted = Demand(
        action="kms:PutKeyPolicy",
        resource=resource,
        account=call.account,
        policies=(document,),
        must_be_granted_by_resource=True,
        context={"kms:calleraccount": [call.principal.account]},
    )
    # Only the key's policy is asked: what it leaves to IAM counts as allowed.
    anyone = replace(call.principal, policies=(ADMINISTRATOR,), session_policies=None)
    return verdict_on(replace(call, principal=anyone), world, wanted).allowed


def _check_tag_names(names: list[str]) -> None:
    if any(name.lower().startswith("aws:") for name in names) or len(names) != len(set(names)):
        raise Refusal("TagException", "Tags must have unique keys that do not begin with aws:", 400)


def managed_key_policy(partition: str, account: str, region: str, suffix: str) -> str:
    """The policy of ``aws/s3``: everybody in the account, through S3 only."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": "auto-s3-2",
            "Statement": [
                {
                    "Sid": "Allow access through S3 for all principals in the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [
                        "kms:Encrypt",
                        "kms:Decrypt",
                        "kms:ReEncrypt*",
                        "kms:GenerateDataKey*",
                        "kms:DescribeKey",
                    ],
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {
                            "kms:ViaService": f"s3.{region}.{suffix}",
                            "kms:CallerAccount": account,
                        }
                    },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                    "Resource": "*",
                },
            ],
        }
    )
