"""
The state bucket's policy: what it refuses, statement by statement, to be read top to bottom.

Every statement is a Deny: who may use the bucket is IAM's business, and nobody gains a right here.
The order is for the reader; AWS gives it no meaning. Two rules of AWS shape the conditions:
a negated operator is true where its key is absent, so ``Null … false`` (the key is there) goes
with it wherever a request without the header must stay allowed; and ``aws:PrincipalArn`` of an
assumed role is the role's ARN.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from state_backend.calls import JSON
from state_backend.policies.document import (
    ALGORITHM_HEADER,
    KEY_HEADER,
    Document,
    Statement,
    deny,
    except_for,
    merge,
)
from state_backend.spec import BackendSpec

SIZE_LIMIT = 20_480
"""Bytes. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html"""

_CUSTOMER_ALGORITHM = "s3:x-amz-server-side-encryption-customer-algorithm"

CONFIGURATION_ACTIONS = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketAcl",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketLogging",
    "s3:PutReplicationConfiguration",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:UpdateObjectEncryption",
    "s3:PutBucketTagging",
    "s3:TagResource",
    "s3:UntagResource",
    "s3:PutBucketAbac",
    "s3:PutInventoryConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:CreateBucketMetadataTableConfiguration",
    "s3:DeleteBucketMetadataTableConfiguration",
    "s3:UpdateBucketMetadataAnnotationTableConfiguration",
    "s3:UpdateBucketMetadataInventoryTableConfiguration",
    "s3:UpdateBucketMetadataJournalTableConfiguration",
    "s3:PutBucketWebsite",
    "s3:DeleteBucketWebsite",
    "s3:PutBucketCORS",
    "s3:PutAccelerateConfiguration",
    "s3:PutBucketRequestPayment",
)
"""What changes how the bucket keeps, shows or copies state."""

REPLICATION_ACTIONS = ("s3:ReplicateObject", "s3:ReplicateDelete")
"""With these S3 itself copies another bucket's objects into this one."""

READ_ACTIONS = (
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectAnnotation",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAnnotationForReplication",
)
WRITE_ACTIONS = (
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:RestoreObject",
    "s3:PutObjectAnnotation",
    "s3:PutObjectVersionAnnotation",
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectVersionAnnotation",
)


def deny_insecure_transport(spec: BackendSpec) -> Sequence[Statement]:
    """
    State and lock files never cross the network in clear text. Whoever comes over plain http is
    refused, break-glass included.
    """
    return [
        deny("InsecureTransport", "s3:*", _all(spec), {"Bool": {"aws:SecureTransport": "false"}})
    ]


def deny_old_tls(spec: BackendSpec) -> Sequence[Statement]:
    """
    Whoever comes over TLS below 1.2 is refused. AWS's own services, which choose their version,
    are exempt.
    """
    condition = {
        "NumericLessThan": {"s3:TlsVersion": "1.2"},
        # IfExists: a request without a signature has no principal, and no such key.
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    return [deny("OldTls", "s3:*", _all(spec), condition)]


def deny_wrong_algorithm(spec: BackendSpec) -> Sequence[Statement]:
    """
    A write that asks for another encryption than the backend's is refused. One that asks for none
    is let in, and gets the bucket's default.
    """
    condition = {
        "Null": {ALGORITHM_HEADER: "false"},
        "StringNotEquals": {ALGORITHM_HEADER: spec.encryption},
    }
    return [deny("WrongAlgorithm", "s3:PutObject", _objects(spec), condition)]


def deny_wrong_key(spec: BackendSpec) -> Sequence[Statement]:
    """
    A write that names another key than the backend's, or that key by anything but its ARN, is
    refused. Whoever owns another key could make the state unreadable.
    """
    if spec.encryption != "aws:kms":
        return []
    condition = {"Null": {KEY_HEADER: "false"}, "StringNotEquals": {KEY_HEADER: spec.key_arn}}
    return [deny("WrongKey", "s3:PutObject", _objects(spec), condition)]


def deny_kms_without_key(spec: BackendSpec) -> Sequence[Statement]:
    """
    A write that asks for ``aws:kms`` and names no key is refused. It would not get the bucket's
    key: S3 takes ``aws/s3``.
    """
    if spec.encryption != "aws:kms":
        return []
    condition = {"StringEquals": {ALGORITHM_HEADER: "aws:kms"}, "Null": {KEY_HEADER: "true"}}
    return [deny("KmsWithoutKey", "s3:PutObject", _objects(spec), condition)]


def deny_sse_c(spec: BackendSpec) -> Sequence[Statement]:
    """
    A write under a key that only the client holds is refused. If that key were lost, so were the
    state, for everybody.
    """
    condition = {"Null": {_CUSTOMER_ALGORITHM: "false"}}
    return [deny("SseC", "s3:PutObject", _objects(spec), condition)]


def deny_destroy(spec: BackendSpec) -> Sequence[Statement]:
    """
    The bucket, and a version of anything in it, are deleted by nobody but break-glass. A version
    that is gone cannot be brought back.
    """
    if not spec.prevent_destroy:
        return []
    gone_for_good = ["s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
    spared = except_for(spec.break_glass_principal_arns)
    return [deny("Destroy", gone_for_good, _all(spec), spared)]


def deny_destroy_state(spec: BackendSpec) -> Sequence[Statement]:
    """
    A state's current object is deleted by nobody but break-glass. Lock files and workspace states
    can be: clients must release locks and delete workspaces. Even then only a delete marker is
    laid; the versions stay.
    """
    if not spec.prevent_destroy:
        return []
    deletable = [
        f"{spec.bucket_arn}/*.tflock",
        f"{spec.bucket_arn}/{spec.workspace_key_prefix}/*",
    ]
    return [
        {
            "Sid": "StateholdDenyDestroyState",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "NotResource": deletable,
            **_except_block(spec.break_glass_principal_arns),
        },
    ]


def deny_reconfigure(spec: BackendSpec) -> Sequence[Statement]:
    """
    Settings are changed by nobody but the role that we act through, and break-glass. Whoever wants
    to get round the bucket's protection would begin there.

    A bucket that another tool manages goes without, unless break-glass names the manager: it would
    fail at its next update. While an adopted bucket is only observed, copies of another bucket
    still come in.
    """
    allowed = (*spec.acting_role_arns, *spec.break_glass_principal_arns)
    if is_left_to_its_manager(spec):
        return []
    let_in = REPLICATION_ACTIONS if spec.observes else ()
    refused = [it for it in CONFIGURATION_ACTIONS if it not in let_in]
    return [deny("Reconfigure", refused, _all(spec), except_for(allowed))]


def deny_state_access(spec: BackendSpec) -> Sequence[Statement]:
    """
    Where clients are listed, nobody else reads a state but break-glass.

    Where clients are listed, nobody else writes or deletes a state, break-glass included.
    """
    if not spec.state_access_principal_arns:
        return []
    listed = spec.state_access_principal_arns
    readers = (*listed, *spec.break_glass_principal_arns)
    return [
        deny("StateAccess", list(READ_ACTIONS), _objects(spec), except_for(readers)),
        deny("StateWrite", list(WRITE_ACTIONS), _objects(spec), except_for(listed)),
    ]


STATEMENTS: tuple[Callable[[BackendSpec], Sequence[Statement]], ...] = (
    deny_insecure_transport,
    deny_old_tls,
    deny_wrong_algorithm,
    deny_wrong_key,
    deny_kms_without_key,
    deny_sse_c,
    deny_destroy,
    deny_destroy_state,
    deny_reconfigure,
    deny_state_access,
)

UNNOTICED_BY_CLIENTS = (
    deny_insecure_transport,
    deny_old_tls,
    deny_destroy,
    deny_reconfigure,
)
"""
What an adopted bucket gets while it is only observed: no client of a backend does these. Not so
*DenyDestroyState*: its clients may keep workspaces under another prefix, and delete them.
"""


def bucket_policy(spec: BackendSpec, current: Document | None) -> Document:
    """The whole policy for *spec*, with the foreign statements of *current*."""
    statements = UNNOTICED_BY_CLIENTS if spec.observes else STATEMENTS
    ours = [made for statement in statements for made in statement(spec)]
    return merge(ours, current, limit=SIZE_LIMIT)


def is_left_to_its_manager(spec: BackendSpec) -> bool:
    """Whether another tool sets the bucket, one that break-glass does not name."""
    # A tag may tell its ARN, or its bare name.
    named = (
        name for arn in spec.break_glass_principal_arns for name in (arn, arn.rpartition("/")[2])
    )
    return bool(spec.manager) and spec.manager not in named


def _all(spec: BackendSpec) -> list[str]:
    return [spec.bucket_arn, f"{spec.bucket_arn}/*"]


def _objects(spec: BackendSpec) -> str:
    return f"{spec.bucket_arn}/*"


def _except_block(principals: Sequence[str]) -> dict[str, JSON]:
    condition = except_for(principals)
    return {"Condition": condition} if condition else {}
