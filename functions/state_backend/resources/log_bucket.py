"""The log bucket: takes the access logs of the state bucket. A named one is only looked at."""

from __future__ import annotations

from state_backend.calls import JSON, Absent, Invoke, Observation
from state_backend.errors import InvalidRequest
from state_backend.model import Resource
from state_backend.resources.bucket import create_bucket, find_bucket
from state_backend.spec import BackendSpec


def _find(spec: BackendSpec, invoke: Invoke) -> Observation:
    found = find_bucket(spec, invoke, spec.log_bucket_name, "AccessLogs")
    if isinstance(found, Absent) and not spec.makes_log_bucket:
        raise InvalidRequest(
            f"Property AccessLogs names the bucket {spec.log_bucket_name}, which does not exist",
            "Create it, or set AccessLogs to create or off",
        )
    return found


def _create(spec: BackendSpec, invoke: Invoke) -> JSON:
    return create_bucket(spec, invoke, spec.log_bucket_name, "AccessLogs")


RESOURCE = Resource(
    id="log-bucket",
    why="It keeps the record of who asked for a state, out of reach of whoever asked.",
    permissions=(
        "s3:ListBucket",
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
    supporting=True,
)
