"""
Object Lock: once on, it stays on, and a default retention binds every new version.

A bucket gets it at its creation or at any time later; moto takes it for empty buckets only.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from tests.aws_double.call import Answer, Call, Proceed, partition_of, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_access import bucket_of
from tests.aws_double.s3_configuration_checks import malformed_xml

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World


@rule("s3", "PutObjectLockConfiguration")
def put_object_lock(call: Call, world: World, proceed: Proceed) -> Answer:
    """moto needs to know as well: it keeps the versions."""
    bucket = bucket_of(call, world)
    configuration = call.parameters.get("ObjectLockConfiguration") or {}
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    retention = _retention(configuration)
    if (bucket.configuration("versioning") or {}).get("Status") != "Enabled":
        raise Refusal(
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            409,
        )
    bucket.configurations["objectLock", ""] = configuration
    theirs = s3_backends[bucket.account][partition_of(bucket.region)].buckets[bucket.name]
    theirs.object_lock_enabled = True
    theirs.default_lock_mode = retention.get("Mode", "")
    theirs.default_lock_days = retention.get("Days", 0)
    theirs.default_lock_years = retention.get("Years", 0)
    return None


@rule("s3", "GetObjectLockConfiguration")
def get_object_lock(call: Call, world: World, proceed: Proceed) -> Answer:
    configuration = bucket_of(call, world).configuration("objectLock")
    if configuration is None:
        raise Refusal(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
            404,
        )
    return {"ObjectLockConfiguration": configuration}


def check_versioning(bucket: Bucket, status: str) -> None:
    """
    Raises:
        Refusal: *status* would suspend what Object Lock needs.
    """
    if status == "Suspended" and bucket.configuration("objectLock") is not None:
        raise Refusal(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state "
            "cannot be changed.",
            409,
        )


def _retention(configuration: dict[str, Any]) -> dict[str, Any]:
    """The default retention; empty if there is none."""
    if "Rule" not in configuration:
        return {}
    retention: dict[str, Any] = configuration["Rule"].get("DefaultRetention") or {}
    if "DefaultEventHold" in retention:
        raise NotImplementedError("default event holds")
    if retention.get("Mode") not in {"GOVERNANCE", "COMPLIANCE"}:
        raise malformed_xml()
    if ("Days" in retention) == ("Years" in retention):
        raise malformed_xml()
    if retention.get("Days", 0) + retention.get("Years", 0) <= 0:
        raise Refusal(
            "InvalidArgument", "Default retention period must be a positive integer value", 400
        )
    return retention
