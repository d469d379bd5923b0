"""Server access logging: who asked the state bucket for what."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.policies.log_bucket_policy import log_prefix
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_logging", bucket)


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    if spec.access_logs == "off":
        # What we once turned on is turned off; what others log is theirs.
        return None if found is None or _is_ours(spec, found) else found
    if found is not None and (spec.origin == "adopted" or _named(spec, found)):
        return found  # what is logged already keeps its place, prefix and format
    return {"TargetBucket": spec.log_bucket_name, "TargetPrefix": log_prefix(spec)}


def _is_ours(spec: BackendSpec, found: JSON) -> bool:
    return spec.origin != "adopted" and bool(found["TargetPrefix"] == log_prefix(spec))


def _named(spec: BackendSpec, found: JSON) -> bool:
    """Whether it goes to the named bucket; in ours only one prefix can be written."""
    return not spec.makes_log_bucket and bool(found["TargetBucket"] == spec.log_bucket_name)


def _satisfied(desired: JSON, found: JSON) -> bool:
    return desired is not None and all(found.get(key) == it for key, it in desired.items())


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    status = {"LoggingEnabled": desired} if desired else {}
    return (bucket_call(spec, "put_bucket_logging", bucket, BucketLoggingStatus=status),)


CONTROL = Control(
    id="bucket-logging",
    on=("bucket",),
    why="Nobody could say afterwards who asked for a state.",
    satisfies=("FSBP S3.9", "NIST 800-53 AU-2", "NIST 800-53 AU-12"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html",),
    permissions=("s3:GetBucketLogging", "s3:PutBucketLogging"),
    read=_read,
    absent=frozenset(),
    select=lambda answer: answer.get("LoggingEnabled"),  # AWS leaves it out where it is off
    desired=_desired,
    satisfied=_satisfied,
    write=_write,
    needs=("log-bucket",),
)
