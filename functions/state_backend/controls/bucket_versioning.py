"""Versioning: what is overwritten or deleted can be put back."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_versioning", bucket)


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (
        bucket_call(
            spec, "put_bucket_versioning", bucket, VersioningConfiguration={"Status": desired}
        ),
    )


CONTROL = Control(
    id="bucket-versioning",
    on=("bucket", "log-bucket"),
    why="A bad apply, or a deleted state, could not be undone.",
    satisfies=("FSBP S3.14", "NIST 800-53 CP-9", "NIST 800-53 AU-9"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",),
    permissions=("s3:GetBucketVersioning", "s3:PutBucketVersioning"),
    read=_read,
    absent=frozenset(),
    select=lambda answer: answer.get("Status"),  # AWS leaves it out where it was never set
    desired=lambda spec, found: "Enabled",
    write=_write,
)
