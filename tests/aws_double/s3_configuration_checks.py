"""
Which bucket configurations S3 takes, and how it completes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from moto.s3.models import OWNER, s3_backends

from tests.aws_double.bucket import Bucket
from tests.aws_double.call import Call, partition_of
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_buckets import NEW_BUCKET
from tests.aws_double.s3_lifecycle import check_lifecycle
from tests.aws_double.s3_logging import check_logging

if TYPE_CHECKING:
    from tests.aws_double.world import World

Check: TypeAlias = Callable[[Call, "World", Bucket, dict[str, Any]], dict[str, Any]]
"""Refuses what was put, or returns it as S3 keeps it."""


def _all_four_switches(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    """What is not named is off."""
    names = NEW_BUCKET["publicAccessBlock", ""]
    return {name: bool(configuration.get(name, False)) for name in names}


def _encryption(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    """S3 knows the algorithms, but does not look whether the key is there."""
    rules = [dict(rule) for rule in configuration.get("Rules") or []]
    if len(rules) != 1:
        raise malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
    if default.get("SSEAlgorithm") not in {"AES256", "aws:kms", "aws:kms:dsse"}:
        raise malformed_xml()
    if default.get("KMSMasterKeyID") and default["SSEAlgorithm"] == "AES256":
        raise Refusal(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms "
            "or aws:kms:dsse",
            400,
        )
    blocked = (rules[0].get("BlockedEncryptionTypes") or {}).get("EncryptionType") or []
    if set(blocked) - {"NONE", "SSE-C"} or ("NONE" in blocked and len(blocked) > 1):
        raise malformed_xml()
    rules[0].setdefault("BucketKeyEnabled", False)
    return {"Rules": rules}


def _ownership(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    values = [rule.get("ObjectOwnership") for rule in configuration.get("Rules") or []]
    if len(values) != 1 or values[0] not in {
        "BucketOwnerEnforced",
        "BucketOwnerPreferred",
        "ObjectWriter",
    }:
        raise malformed_xml()
    if values == ["BucketOwnerEnforced"] and grants_to_others(bucket):
        raise Refusal(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            400,
        )
    return configuration


def grants_to_others(bucket: Bucket) -> bool:
    """Whether the bucket's ACL, which moto holds, names anybody but its owner."""
    theirs = s3_backends[bucket.account][partition_of(bucket.region)].buckets[bucket.name]
    grantees = [it for grant in theirs.acl.grants for it in grant.grantees]
    return any(it.id != OWNER for it in grantees)


def _lifecycle(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    rules = [dict(rule) for rule in configuration.get("Rules") or []]
    check_lifecycle(rules)
    for one in rules:
        if not one.get("ID"):
            one["ID"] = str(uuid4())
    minimum = call.parameters.get("TransitionDefaultMinimumObjectSize")
    return {
        "Rules": rules,
        "TransitionDefaultMinimumObjectSize": minimum or "all_storage_classes_128K",
    }


def _replication(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    versioning = bucket.configuration("versioning") or {}
    if versioning.get("Status") != "Enabled":
        raise Refusal(
            "InvalidRequest",
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
            400,
        )
    return configuration


def malformed_xml() -> Refusal:
    return Refusal(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        400,
    )


CHECKS: Mapping[str, Check] = {
    "encryption": _encryption,
    "lifecycle": _lifecycle,
    "logging": check_logging,
    "ownershipControls": _ownership,
    "publicAccessBlock": _all_four_switches,
    "replication": _replication,
}
