"""The log bucket's policy: only S3's log delivery may write."""

from __future__ import annotations

import json

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.policies.document import says_the_same, text_of
from state_backend.policies.log_bucket_policy import log_bucket_policy
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_policy", bucket)


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (bucket_call(spec, "put_bucket_policy", bucket, Policy=text_of(desired)),)


CONTROL = Control(
    id="log-bucket-policy",
    on=("log-bucket",),
    why="Access logs that anybody could write or delete would prove nothing.",
    satisfies=("FSBP S3.5", "NIST 800-53 AU-2", "NIST 800-53 AU-9", "NIST 800-53 SC-8"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html",),
    permissions=("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
    read=_read,
    absent=frozenset({"NoSuchBucketPolicy"}),
    select=lambda answer: json.loads(answer["Policy"]),
    desired=log_bucket_policy,
    satisfied=says_the_same,
    write=_write,
)
