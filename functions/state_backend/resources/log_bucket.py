"""The log bucket: takes the access logs of the state bucket. A named one is only looked at."""

from __future__ import annotations

from state_backend.calls import JSON, Absent, Invoke, Observation, Present, look
from state_backend.errors import InvalidRequest
from state_backend.model import Resource
from state_backend.resources.bucket import create_bucket, find_bucket
from state_backend.s3 import (
    NO_DEFAULT_ENCRYPTION,
    bucket_call,
    default_encryption,
    encryption_rule,
)
from state_backend.spec import BackendSpec


def _find(spec: BackendSpec, invoke: Invoke) -> Observation:
    found = find_bucket(spec, invoke, spec.log_bucket_name, "AccessLogs")
    if spec.makes_log_bucket:
        return found
    if isinstance(found, Absent):
        raise InvalidRequest(
            f"Property AccessLogs names the bucket {spec.log_bucket_name}, which does not exist",
            "Create it, or set AccessLogs to create or off",
        )
    call = bucket_call(spec, "get_bucket_encryption", spec.log_bucket_name)
    match look(invoke, call, NO_DEFAULT_ENCRYPTION):
        case Present(answer):
            algorithm, _ = default_encryption(encryption_rule(answer))
        case Absent():
            algorithm = "AES256"  # as it was before every bucket had a default
        case unknown:
            return unknown
    if algorithm not in {"", "AES256"}:  # a rule that names none leaves S3's own default
        raise InvalidRequest(
            f"Property AccessLogs names the bucket {spec.log_bucket_name}, which encrypts with a "
            "KMS key: S3 delivers no logs there",
            "Name a bucket under SSE-S3, or set AccessLogs to create or off",
        )
    return found


def _create(spec: BackendSpec, invoke: Invoke) -> JSON:
    return create_bucket(spec, invoke, spec.log_bucket_name, "AccessLogs")


RESOURCE = Resource(
    id="log-bucket",
    why="It keeps the record of who asked for a state, out of reach of whoever asked.",
    find_permissions=(
        "s3:ListBucket",
        "s3:GetEncryptionConfiguration",
    ),
    create_permissions=(
        "s3:CreateBucket",
        "s3:PutBucketOwnershipControls",
        "s3:TagResource",
    ),
    find=_find,
    create=_create,
    learn=lambda spec, found: spec,
    planned=lambda spec: {},
    subject=lambda spec: spec.log_bucket_name,
    applies=lambda spec: spec.access_logs != "off",
    ours=lambda spec: spec.makes_log_bucket,
    supporting=True,
)
