"""
What break-glass can do to a backend: each call that our policies leave to it, and the control that
sets it right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from state_backend.outputs import PARAMETERS
from state_backend.spec import KEY_ALIAS
from tests.fault.ground import Site

Change = Callable[[Site], None]


def break_glass(site: Site, service: str = "s3", session: str = "ana") -> Any:
    principal = f"arn:aws:iam::{site.account}:role/BreakGlass"
    return site.aws.client(
        service, principal=principal, session_name=session, region=site.region, tls=True
    )


def s3(operation: str, **parameters: Any) -> Change:
    def change(site: Site) -> None:
        getattr(break_glass(site), operation)(Bucket=site.bucket, **parameters)

    return change


def _table(name: str, **table: Any) -> Change:
    member = {f"{name.capitalize()}TableConfiguration": table}
    return s3(f"update_bucket_metadata_{name}_table_configuration", **member)


def _many(kind: str, **configuration: Any) -> tuple[tuple[str, Change, str], ...]:
    """Of a configuration of which a bucket has several: what puts and deletes one."""
    stem = f"bucket_{kind}_configuration"
    name = "".join(part.capitalize() for part in kind.split("_"))
    put = {f"{name}Configuration": {"Id": "x", **configuration}}
    return (
        (f"PutBucket{name}Configuration", s3(f"put_{stem}", Id="x", **put), ""),
        (f"DeleteBucket{name}Configuration", s3(f"delete_{stem}", Id="x"), ""),
    )


def _tags(operation: str, **parameters: Any) -> Change:
    def change(site: Site) -> None:
        client = break_glass(site, "s3control")
        arn = f"arn:aws:s3:::{site.bucket}"
        getattr(client, operation)(AccountId=site.account, ResourceArn=arn, **parameters)

    return change


def _kms(operation: str, **parameters: Any) -> Change:
    def change(site: Site) -> None:
        getattr(break_glass(site, "kms"), operation)(KeyId=site.key, **parameters)

    return change


def _ssm(operation: str, **parameters: Any) -> Change:
    def change(site: Site) -> None:
        getattr(break_glass(site, "ssm"), operation)(**parameters)

    return change


def _another_key(site: Site) -> None:
    kms = site.client("kms", "Administrator")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    break_glass(site, "kms").update_alias(AliasName=KEY_ALIAS, TargetKeyId=other)


def _no_alias(site: Site) -> None:
    break_glass(site, "kms").delete_alias(AliasName=KEY_ALIAS)


def _key_policy(site: Site) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{site.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    _kms("put_key_policy", Policy=json.dumps(document))(site)


_OPEN = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
)
_AES256 = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
UNOWNED = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
_DAYS = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]}
_ELSEWHERE = {
    "Role": "arn:aws:iam::222222222222:role/Replication",
    "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::elsewhere"}}],
}
_INVENTORY = {
    "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::elsewhere", "Format": "CSV"}},
    "IsEnabled": True,
    "IncludedObjectVersions": "All",
    "Schedule": {"Frequency": "Daily"},
}
_JOURNAL = {"RecordExpiration": {"Expiration": "DISABLED"}}
_TABLES = {
    "TableBucketArn": "arn:aws:s3tables:us-east-1:222222222222:bucket/elsewhere",
    "TableName": "state",
}
FOR_GOOD = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 10}},
}


def _policy(site: Site) -> None:
    resource = f"arn:aws:s3:::{site.bucket}/*"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{site.account}:root"},
        "Action": "s3:GetObject",
        "Resource": resource,
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    s3("put_bucket_policy", Policy=json.dumps(document))(site)


CALLS: tuple[tuple[str, Change, str], ...] = (
    ("PutBucketPolicy", _policy, "bucket-policy"),
    ("DeleteBucketPolicy", s3("delete_bucket_policy"), "bucket-policy"),
    (
        "PutBucketEncryption",
        s3("put_bucket_encryption", ServerSideEncryptionConfiguration=_AES256),
        "bucket-encryption",
    ),
    ("DeleteBucketEncryption", s3("delete_bucket_encryption"), "bucket-encryption"),
    (
        "PutBucketVersioning",
        s3("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}),
        "bucket-versioning",
    ),
    (
        "PutPublicAccessBlock",
        s3("put_public_access_block", PublicAccessBlockConfiguration=_OPEN),
        "bucket-public-access-block",
    ),
    (
        "DeletePublicAccessBlock",
        s3("delete_public_access_block"),
        "bucket-public-access-block",
    ),
    (
        "PutBucketOwnershipControls",
        s3("put_bucket_ownership_controls", OwnershipControls=UNOWNED),
        "bucket-ownership",
    ),
    (
        "DeleteBucketOwnershipControls",
        s3("delete_bucket_ownership_controls"),
        "bucket-ownership",
    ),
    (
        "PutBucketLifecycleConfiguration",
        s3("put_bucket_lifecycle_configuration", LifecycleConfiguration=_DAYS),
        "bucket-lifecycle",
    ),
    ("DeleteBucketLifecycle", s3("delete_bucket_lifecycle"), "bucket-lifecycle"),
    ("PutBucketLogging", s3("put_bucket_logging", BucketLoggingStatus={}), "bucket-logging"),
    (
        "PutBucketReplication",
        s3("put_bucket_replication", ReplicationConfiguration=_ELSEWHERE),
        "",
    ),
    ("DeleteBucketReplication", s3("delete_bucket_replication"), ""),
    (
        "PutBucketNotificationConfiguration",
        s3("put_bucket_notification_configuration", NotificationConfiguration={}),
        "",
    ),
    (
        "PutBucketTagging",
        s3("put_bucket_tagging", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        "bucket-tags",
    ),
    ("DeleteBucketTagging", s3("delete_bucket_tagging"), "bucket-tags"),
    (
        "TagResource",
        _tags("tag_resource", Tags=[{"Key": "StateholdOwner", "Value": "me"}]),
        "bucket-tags",
    ),
    ("UntagResource", _tags("untag_resource", TagKeys=["StateholdBackend"]), "bucket-tags"),
    ("PutBucketAbac", s3("put_bucket_abac", AbacStatus={"Status": "Disabled"}), ""),
    *_many("inventory", **_INVENTORY),
    *_many("metrics"),
    *_many("analytics", StorageClassAnalysis={}),
    *_many("intelligent_tiering", Status="Enabled", Tierings=[]),
    (
        "CreateBucketMetadataConfiguration",
        s3(
            "create_bucket_metadata_configuration",
            MetadataConfiguration={"JournalTableConfiguration": _JOURNAL},
        ),
        "",
    ),
    (
        "UpdateBucketMetadataAnnotationTableConfiguration",
        _table("annotation", ConfigurationState="ENABLED"),
        "",
    ),
    (
        "UpdateBucketMetadataInventoryTableConfiguration",
        _table("inventory", ConfigurationState="ENABLED"),
        "",
    ),
    ("UpdateBucketMetadataJournalTableConfiguration", _table("journal", **_JOURNAL), ""),
    ("DeleteBucketMetadataConfiguration", s3("delete_bucket_metadata_configuration"), ""),
    (
        "CreateBucketMetadataTableConfiguration",
        s3(
            "create_bucket_metadata_table_configuration",
            MetadataTableConfiguration={"S3TablesDestination": _TABLES},
        ),
        "",
    ),
    (
        "DeleteBucketMetadataTableConfiguration",
        s3("delete_bucket_metadata_table_configuration"),
        "",
    ),
    (
        "PutBucketWebsite",
        s3("put_bucket_website", WebsiteConfiguration={"IndexDocument": {"Suffix": "x"}}),
        "",
    ),
    ("DeleteBucketWebsite", s3("delete_bucket_website"), ""),
    (
        "PutBucketCors",
        s3(
            "put_bucket_cors",
            CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
        ),
        "",
    ),
    ("DeleteBucketCors", s3("delete_bucket_cors"), ""),
    (
        "PutBucketAccelerateConfiguration",
        s3("put_bucket_accelerate_configuration", AccelerateConfiguration={"Status": "Enabled"}),
        "",
    ),
    (
        "PutBucketRequestPayment",
        s3("put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "Requester"}),
        "",
    ),
)
"""Each call that DenyReconfigure leaves to break-glass, and the control that sets it right."""

KEY_CALLS: tuple[tuple[str, Change, str], ...] = (
    ("DeleteAlias", _no_alias, "kms-key-alias"),
    ("DisableKeyRotation", _kms("disable_key_rotation"), "kms-key-rotation"),
    (
        "EnableKeyRotation",
        _kms("enable_key_rotation", RotationPeriodInDays=2560),
        "kms-key-rotation",
    ),
    ("PutKeyPolicy", _key_policy, "kms-key-policy"),
    ("TagResource", _kms("tag_resource", Tags=[{"TagKey": "a", "TagValue": "b"}]), ""),
    ("UntagResource", _kms("untag_resource", TagKeys=["a"]), ""),
    ("UpdateAlias", _another_key, "kms-key-alias"),
)
"""The same of the key's policy."""

PARAMETER_CALLS: tuple[tuple[str, Change, str], ...] = (
    (
        "PutParameter",
        _ssm("put_parameter", Name="/statehold/backend", Value="{}", Overwrite=True),
        "parameters",
    ),
    ("DeleteParameter", _ssm("delete_parameter", Name="/statehold/backend"), "parameters"),
    ("DeleteParameters", _ssm("delete_parameters", Names=[*PARAMETERS]), "parameters"),
)
"""What whoever may put parameters can do: only an SCP refuses it."""

IRREVERSIBLE = "PutObjectLockConfiguration"
"""What no later call takes back: made on a backend of its own."""

REFUSED: tuple[tuple[str, Change, str], ...] = (
    ("PutBucketAcl", s3("put_bucket_acl", ACL="private"), "AccessControlListNotSupported"),
    (
        "DeleteImportedKeyMaterial",
        _kms("delete_imported_key_material"),
        "UnsupportedOperationException",
    ),
    (
        "ReplicateKey",
        _kms("replicate_key", ReplicaRegion="eu-west-1"),
        "UnsupportedOperationException",
    ),
    (
        "UpdatePrimaryRegion",
        _kms("update_primary_region", PrimaryRegion="eu-west-1"),
        "UnsupportedOperationException",
    ),
    (
        "CreateGrant",
        _kms("create_grant", GranteePrincipal="arn:aws:iam::222222222222:root", Operations=[]),
        "AccessDeniedException",
    ),
)
"""Calls that AWS itself refuses, with its error, as the backend is: break-glass's as well."""

TAKEN_AWAY: tuple[tuple[str, Change], ...] = (
    ("DisableKey", _kms("disable_key")),
    ("ScheduleKeyDeletion", _kms("schedule_key_deletion", PendingWindowInDays=7)),
)
"""Calls that take the key away."""

ABOUT_OBJECTS = {
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    "s3:UpdateObjectEncryption",
}
"""Actions on objects: CloudTrail tells of them as data events at most, which nobody looks at."""
