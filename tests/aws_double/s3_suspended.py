"""
Versioning that was suspended keeps the versions that are there; only the one called ``null`` is
replaced. moto forgets them all at the next write.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from tests.aws_double.call import Answer, Call, Proceed, partition_of, rule
from tests.aws_double.s3_access import bucket_of

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

NULL = "null"


@rule("s3", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "PutObject")
def keep_versions(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    if (bucket.configuration("versioning") or {}).get("Status") != "Suspended":
        return proceed(call)
    if call.parameters.get("VersionId"):
        with versions_known(bucket):
            return proceed(call)
    with null_version_replaced(bucket, call.parameters["Key"]):
        response = proceed(call)
    if response.status < 300:
        response.headers["x-amz-version-id"] = NULL
    return response


@contextmanager
def versions_known(bucket: Bucket) -> Iterator[None]:
    """Lets moto see versions in a bucket where versioning is suspended."""
    theirs = _theirs(bucket)
    before = theirs.versioning_status
    if before == "Suspended":
        theirs.versioning_status = "Enabled"
    try:
        yield
    finally:
        theirs.versioning_status = before


@contextmanager
def null_version_replaced(bucket: Bucket, key: str) -> Iterator[None]:
    """What is written to *key* inside becomes its null version, in place of the one there was."""
    theirs = _theirs(bucket)
    before = list(theirs.keys.getlist(key, []))
    with versions_known(bucket):
        yield
    now = list(theirs.keys.getlist(key, []))
    if len(now) > len(before) and theirs.versioning_status == "Suspended":
        now[-1]._version_id = NULL
        older = [version for version in now[:-1] if version.version_id != NULL]
        theirs.keys.setlist(key, [*older, now[-1]])


def _theirs(bucket: Bucket) -> Any:
    return s3_backends[bucket.account][partition_of(bucket.region)].buckets[bucket.name]
