"""
Buckets come and go: names, namespaces, who owns one already, and what a new one is set to.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from tests.aws_double.bucket import Bucket
from tests.aws_double.call import Answer, Call, Proceed, partition_of, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_access import bucket_of
from tests.aws_double.wire import HttpResponse

if TYPE_CHECKING:
    from tests.aws_double.world import World

RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
WITHOUT_ACCOUNT_NAMESPACE = frozenset({"me-south-1", "me-central-1"})
NEW_BUCKET: dict[tuple[str, str], dict[str, Any]] = {
    ("encryption", ""): {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BucketKeyEnabled": False,
            }
        ]
    },
    ("publicAccessBlock", ""): {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    },
    ("ownershipControls", ""): {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
}
"""What S3 sets on every bucket since 2023."""


@rule("s3", "CreateBucket")
def create_bucket(call: Call, world: World, proceed: Proceed) -> Answer:
    name = call.parameters["Bucket"]
    namespace = call.parameters.get("BucketNamespace") or "global"
    check_name(name)
    _check_namespace(call, name, namespace)
    region = _region_of_new(call)
    existing = world.buckets.get(name)
    if existing:
        return _again(call, existing.account, existing.region, namespace)
    response = proceed(_told_to_moto(call, region))
    if response.status == 200:
        world.buckets[name] = _new_bucket(call, region, namespace)
        response.headers["Location"] = f"/{name}"
        if namespace == "account-regional":
            response.headers["x-amz-bucket-arn"] = world.buckets[name].arn
    return response


@rule("s3", "HeadBucket")
def head_bucket(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": False}


@rule("s3", "DeleteBucket")
def delete_bucket(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    theirs = s3_backends[bucket.account][partition_of(bucket.region)].buckets[bucket.name]
    if any(theirs.keys.getlist(key) for key in list(theirs.keys)):
        raise Refusal(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty"
            + (". You must delete all versions in the bucket." if theirs.versioning_status else ""),
            409,
            members={"BucketName": bucket.name},
        )
    response = proceed(call)
    if response.status < 300:
        del world.buckets[bucket.name]
    return response


def check_name(name: str) -> None:
    """
    Raises:
        Refusal: *name* is none that a general purpose bucket may have.
    """
    well_formed = (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)
        and ".." not in name
        and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name)
    )
    if not well_formed or name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIXES):
        raise _invalid_name(name)


def _invalid_name(name: str) -> Refusal:
    return Refusal(
        "InvalidBucketName", "The specified bucket is not valid.", 400, members={"BucketName": name}
    )


def _check_namespace(call: Call, name: str, namespace: str) -> None:
    """The suffix ``-<account>-<region>-an`` and the account's namespace go together."""
    if namespace == "global":
        if name.endswith("-an"):
            raise _invalid_name(name)
    elif call.region in WITHOUT_ACCOUNT_NAMESPACE or not name.endswith(
        f"-{call.account}-{call.region}-an"
    ):
        raise Refusal(
            "InvalidNamespaceHeader",
            "The requested bucket was not in the account-regional namespace of this account "
            "and Region",
            400,
        )


def _region_of_new(call: Call) -> str:
    """
    Where the bucket is to be: the Region whose endpoint is asked, which the body must name.

    Raises:
        Refusal: It names another, or none where it must.
    """
    configuration = call.parameters.get("CreateBucketConfiguration") or {}
    asked = configuration.get("LocationConstraint")
    if asked == "us-east-1":
        raise Refusal(
            "InvalidLocationConstraint", "The specified location-constraint is not valid", 400
        )
    if call.region == "us-east-1":
        return str(asked or "us-east-1")
    if asked != call.region:
        raise Refusal(
            "IllegalLocationConstraintException",
            f"The {asked or 'unspecified'} location constraint is incompatible for the region "
            "specific endpoint this request was sent to.",
            400,
        )
    return call.region


def _again(call: Call, owner: str, region: str, namespace: str) -> Answer:
    """What S3 says to one who creates a bucket that is there."""
    name = call.parameters["Bucket"]
    if owner != call.account:
        raise Refusal(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again.",
            409,
            members={"BucketName": name},
        )
    if region == call.region == "us-east-1" and namespace == "global":
        # The one Region where S3 takes a second creation for the first one's echo.
        return HttpResponse(headers={"Location": f"/{name}"})
    raise Refusal(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        members={"BucketName": name},
    )


def _told_to_moto(call: Call, region: str) -> Call:
    """The creation as moto understands it: everything else about the bucket is kept here."""
    constraint = f"<LocationConstraint>{region}</LocationConstraint>"
    configuration = f"<CreateBucketConfiguration>{constraint}</CreateBucketConfiguration>"
    body = b"" if region == "us-east-1" else configuration.encode()
    plain = call.with_headers(
        {
            "x-amz-bucket-namespace": None,
            "x-amz-object-ownership": None,
            "content-length": str(len(body)),
        }
    )
    return replace(plain, region=region, http=replace(plain.http, body=body))


def _new_bucket(call: Call, region: str, namespace: str) -> Bucket:
    configuration = call.parameters.get("CreateBucketConfiguration") or {}
    bucket = Bucket(
        name=call.parameters["Bucket"],
        account=call.account,
        region=region,
        namespace=namespace,
        configurations={key: dict(value) for key, value in NEW_BUCKET.items()},
        tags={tag["Key"]: tag.get("Value", "") for tag in configuration.get("Tags") or []},
    )
    ownership = call.parameters.get("ObjectOwnership")
    if ownership:
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        bucket.configurations["ownershipControls", ""] = rules
    if call.parameters.get("ObjectLockEnabledForBucket"):
        bucket.configurations["versioning", ""] = {"Status": "Enabled"}
        bucket.configurations["objectLock", ""] = {"ObjectLockEnabled": "Enabled"}
    return bucket
