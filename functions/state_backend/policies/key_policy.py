"""
The key's policy: who may administer it, who may use it, and what nobody does by accident.

KMS knows no way back from a lock-out but AWS Support, so the account's root can always administer
it; and S3 calls KMS on behalf of whoever calls S3, so an S3 permission is all that a client needs.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from state_backend.policies.document import Document, Statement, deny, except_for, merge
from state_backend.regions import dns_suffix_of
from state_backend.spec import BackendSpec

SIZE_LIMIT = 32_768
"""Bytes. Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"""

ADMINISTRATION_ACTIONS = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyLastUsage",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What the account administers: everything but using the key, granting its use and copying it."""

USE_ACTIONS = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
DELETION_ACTIONS = (
    "kms:DeleteAlias",
    "kms:DeleteImportedKeyMaterial",
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
)
CONFIGURATION_ACTIONS = (
    "kms:DisableKeyRotation",
    "kms:EnableKeyRotation",
    "kms:PutKeyPolicy",
    "kms:ReplicateKey",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdatePrimaryRegion",
)


def allow_administration(spec: BackendSpec) -> Sequence[Statement]:
    """
    The account's root, and through IAM its administrators, may administer the key. No
    cryptographic action is in it.
    """
    return [
        {
            "Sid": "StateholdAllowAdministration",
            "Effect": "Allow",
            "Principal": {"AWS": _root(spec)},
            "Action": list(ADMINISTRATION_ACTIONS),
            "Resource": "*",
        }
    ]


def allow_use_through_s3(spec: BackendSpec) -> Sequence[Statement]:
    """
    Principals of the account may encrypt and decrypt where S3 of this Region asks in their name.
    Nobody uses the key past S3, and whoever reads or writes a state there meets the bucket's
    policy.
    """
    return [
        {
            "Sid": "StateholdAllowUseThroughS3",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [*USE_ACTIONS, "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": spec.account,
                    "kms:ViaService": _s3_hosts(spec),
                }
            },
        }
    ]


def deny_grants(spec: BackendSpec) -> Sequence[Statement]:
    """Nobody makes a grant. It would be a second, unseen list of who may decrypt."""
    return [deny("Grants", ["kms:CreateGrant"], "*", {})]


def deny_deletion(spec: BackendSpec) -> Sequence[Statement]:
    """
    The key is disabled or deleted by nobody but the root and break-glass. Without it the state is
    unreadable at once, though every version is still there.
    """
    if not spec.prevent_destroy:
        return []
    allowed = (_root(spec), *spec.break_glass_principal_arns)
    return [deny("Deletion", list(DELETION_ACTIONS), "*", except_for(allowed))]


def deny_reconfigure(spec: BackendSpec) -> Sequence[Statement]:
    """
    Policy, rotation, alias, tags and replicas are changed by nobody but our role, break-glass and
    the root. Whoever may set the policy could let themselves in.
    """
    allowed = (_root(spec), *spec.acting_role_arns, *spec.break_glass_principal_arns)
    return [deny("Reconfigure", list(CONFIGURATION_ACTIONS), "*", except_for(allowed))]


STATEMENTS: tuple[Callable[[BackendSpec], Sequence[Statement]], ...] = (
    allow_administration,
    allow_use_through_s3,
    deny_grants,
    deny_deletion,
    deny_reconfigure,
)


def key_policy(spec: BackendSpec, current: Document | None) -> Document:
    """The whole policy for *spec*, with the foreign statements of *current*."""
    ours = [made for statement in STATEMENTS for made in statement(spec)]
    return merge(ours, current, limit=SIZE_LIMIT)


def _s3_hosts(spec: BackendSpec) -> str | list[str]:
    """S3's name as KMS hears it. In China AWS's pages are not of one mind about its ending."""
    host = f"s3.{spec.region}.amazonaws.com"
    there = f"s3.{spec.region}.{dns_suffix_of(spec.region)}"
    return host if host == there else [there, host]


def _root(spec: BackendSpec) -> str:
    return f"arn:{spec.partition}:iam::{spec.account}:root"
