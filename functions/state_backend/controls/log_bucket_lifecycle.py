"""Lifecycle of the log bucket: access logs are kept as long as stated, then they go."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call, merge_rules, same_rules
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_lifecycle_configuration", bucket)


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    ours = {
        "ID": "StateholdAccessLogs",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": spec.access_logs_days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return merge_rules([ours], found)


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (
        bucket_call(
            spec,
            "put_bucket_lifecycle_configuration",
            bucket,
            LifecycleConfiguration={"Rules": desired},
        ),
    )


CONTROL = Control(
    id="log-bucket-lifecycle",
    on=("log-bucket",),
    why="Access logs would be kept, and paid for, for ever.",
    satisfies=("FSBP S3.13", "NIST 800-53 SI-12"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html",),
    permissions=("s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    read=_read,
    absent=frozenset({"NoSuchLifecycleConfiguration"}),
    select=lambda answer: answer["Rules"],
    desired=_desired,
    satisfied=same_rules,
    write=_write,
)
