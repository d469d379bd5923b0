"""
Everything that is set on a bucket: kept as it was put, and given back as it was put.

One line of ``KINDS`` for each configuration; what S3 refuses to keep is in
``s3_configuration_checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_access import bucket_of
from tests.aws_double.s3_buckets import NEW_BUCKET
from tests.aws_double.s3_configuration_checks import CHECKS
from tests.aws_double.s3_object_lock import check_versioning

if TYPE_CHECKING:
    from tests.aws_double.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One configuration of a bucket, and the operations on it."""

    name: str
    """The sub-resource, as in the URL."""
    stem: str
    """Put<stem>, Get<stem> and Delete<stem> are its operations."""
    member: str
    """The parameter of Put that holds it."""
    wrapped: bool = False
    """Whether Get answers it under that name, or its members by themselves."""
    absent: Mapping[str, Any] | Refusal
    """What Get says where nothing was put."""
    deleted_by: str = ""
    """If not Delete<stem>."""


def _missing(code: str, message: str) -> Refusal:
    return Refusal(code, message, 404)


KINDS = (
    Kind(
        name="encryption",
        stem="BucketEncryption",
        member="ServerSideEncryptionConfiguration",
        wrapped=True,
        absent={"ServerSideEncryptionConfiguration": NEW_BUCKET["encryption", ""]},
    ),
    Kind(
        name="publicAccessBlock",
        stem="PublicAccessBlock",
        member="PublicAccessBlockConfiguration",
        wrapped=True,
        absent=_missing(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    ),
    Kind(
        name="ownershipControls",
        stem="BucketOwnershipControls",
        member="OwnershipControls",
        wrapped=True,
        absent=_missing(
            "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"
        ),
    ),
    Kind(
        name="lifecycle",
        stem="BucketLifecycleConfiguration",
        member="LifecycleConfiguration",
        deleted_by="DeleteBucketLifecycle",
        absent=_missing(
            "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"
        ),
    ),
    Kind(name="logging", stem="BucketLogging", member="BucketLoggingStatus", absent={}),
    Kind(
        name="replication",
        stem="BucketReplication",
        member="ReplicationConfiguration",
        wrapped=True,
        absent=_missing(
            "ReplicationConfigurationNotFoundError", "The replication configuration was not found"
        ),
    ),
    Kind(
        name="notification",
        stem="BucketNotificationConfiguration",
        member="NotificationConfiguration",
        absent={},
    ),
    Kind(
        name="website",
        stem="BucketWebsite",
        member="WebsiteConfiguration",
        absent=_missing(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
    ),
    Kind(
        name="cors",
        stem="BucketCors",
        member="CORSConfiguration",
        absent=_missing("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    Kind(
        name="accelerate",
        stem="BucketAccelerateConfiguration",
        member="AccelerateConfiguration",
        absent={},
    ),
    Kind(
        name="requestPayment",
        stem="BucketRequestPayment",
        member="RequestPaymentConfiguration",
        absent={"Payer": "BucketOwner"},
    ),
    Kind(
        name="abac",
        stem="BucketAbac",
        member="AbacStatus",
        wrapped=True,
        absent={"AbacStatus": {"Status": "Disabled"}},
    ),
)

MANY = {
    "Analytics": "AnalyticsConfiguration",
    "IntelligentTiering": "IntelligentTieringConfiguration",
    "Inventory": "InventoryConfiguration",
    "Metrics": "MetricsConfiguration",
}
"""Kinds of which a bucket has several, told apart by their Id."""


def _put(kind: Kind, call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    configuration = dict(call.parameters.get(kind.member) or {})
    check = CHECKS.get(kind.name)
    if check:
        configuration = check(call, world, bucket, configuration)
    bucket.configurations[kind.name, ""] = configuration
    return None


def _get(kind: Kind, call: Call, world: World, proceed: Proceed) -> Answer:
    configuration = bucket_of(call, world).configuration(kind.name)
    if configuration is not None:
        return {kind.member: configuration} if kind.wrapped else configuration
    if isinstance(kind.absent, Refusal):
        raise kind.absent
    return kind.absent


def _delete(kind: Kind, call: Call, world: World, proceed: Proceed) -> Answer:
    bucket_of(call, world).configurations.pop((kind.name, ""), None)
    return None


def _put_one(name: str, member: str, call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    bucket.configurations[name, call.parameters["Id"]] = call.parameters[member]
    return None


def _get_one(name: str, member: str, call: Call, world: World, proceed: Proceed) -> Answer:
    configuration = bucket_of(call, world).configuration(name, call.parameters["Id"])
    if configuration is None:
        raise _missing("NoSuchConfiguration", "The specified configuration does not exist.")
    return {member: configuration}


def _list_all(name: str, member: str, call: Call, world: World, proceed: Proceed) -> Answer:
    found = [
        configuration
        for (kind, _), configuration in bucket_of(call, world).configurations.items()
        if kind == name
    ]
    return {f"{member}List": found, "IsTruncated": False}


def _delete_one(name: str, member: str, call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    if bucket.configurations.pop((name, call.parameters["Id"]), None) is None:
        raise _missing("NoSuchConfiguration", "The specified configuration does not exist.")
    return None


for _kind in KINDS:
    rule("s3", f"Put{_kind.stem}")(partial(_put, _kind))
    rule("s3", f"Get{_kind.stem}")(partial(_get, _kind))
    rule("s3", _kind.deleted_by or f"Delete{_kind.stem}")(partial(_delete, _kind))
for _name, _member in MANY.items():
    rule("s3", f"PutBucket{_name}Configuration")(partial(_put_one, _name, _member))
    rule("s3", f"GetBucket{_name}Configuration")(partial(_get_one, _name, _member))
    rule("s3", f"ListBucket{_name}Configurations")(partial(_list_all, _name, _member))
    rule("s3", f"DeleteBucket{_name}Configuration")(partial(_delete_one, _name, _member))


@rule("s3", "PutBucketVersioning")
def put_versioning(call: Call, world: World, proceed: Proceed) -> Answer:
    """moto needs to know as well: it makes the versions."""
    bucket = bucket_of(call, world)
    status = (call.parameters.get("VersioningConfiguration") or {}).get("Status")
    if status not in {"Enabled", "Suspended"}:
        raise Refusal(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            400,
        )
    check_versioning(bucket, status)
    before = bucket.configuration("versioning") or {}
    bucket.configurations["versioning", ""] = before | {"Status": status}
    return proceed(call)


@rule("s3", "GetBucketVersioning")
def get_versioning(call: Call, world: World, proceed: Proceed) -> Answer:
    return bucket_of(call, world).configuration("versioning")
