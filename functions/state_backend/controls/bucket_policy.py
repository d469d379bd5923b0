"""The bucket's policy: every wrong thing that could happen to a state, refused."""

from __future__ import annotations

import json

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.document import says_the_same, text_of
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_policy", bucket)


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (bucket_call(spec, "put_bucket_policy", bucket, Policy=text_of(desired)),)


CONTROL = Control(
    id="bucket-policy",
    on=("bucket",),
    why="Default settings are only defaults: a request, or an administrator, could go round them.",
    satisfies=(
        "FSBP S3.5",
        "NIST 800-53 SC-8",
        "NIST 800-53 SC-13",
        "NIST 800-53 AC-3",
        "NIST 800-53 CM-5",
        "NIST 800-53 CP-9",
        "CIS AWS 2.1.1",
    ),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html",),
    permissions=("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
    read=_read,
    absent=frozenset({"NoSuchBucketPolicy"}),
    select=lambda answer: json.loads(answer["Policy"]),
    desired=bucket_policy,
    satisfied=says_the_same,
    write=_write,
    needs=("kms-key", "bucket-encryption"),  # who names a key that stays must not be refused
)
