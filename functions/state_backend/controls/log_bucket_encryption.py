"""Default encryption of the log bucket: SSE-S3, the only one that S3's log delivery can write."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import (
    NO_DEFAULT_ENCRYPTION,
    bucket_call,
    default_encryption,
    encryption_rule,
)
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_encryption", bucket)


def _select(answer: JSON) -> JSON:
    rule = encryption_rule(answer)
    return {
        "algorithm": default_encryption(rule)[0],
        "blocked": sorted(rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", [])),
    }


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": desired["algorithm"]},
        "BlockedEncryptionTypes": {"EncryptionType": desired["blocked"]},
    }
    return (
        bucket_call(
            spec,
            "put_bucket_encryption",
            bucket,
            ServerSideEncryptionConfiguration={"Rules": [rule]},
        ),
    )


CONTROL = Control(
    id="log-bucket-encryption",
    on=("log-bucket",),
    why="Under a customer managed key S3 would deliver no access logs, and say nothing.",
    satisfies=("NIST 800-53 SC-28", "FSBP S3.9"),
    sources=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html",
    ),
    permissions=("s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"),
    read=_read,
    absent=NO_DEFAULT_ENCRYPTION,
    select=_select,
    desired=lambda spec, found: {"algorithm": "AES256", "blocked": ["SSE-C"]},
    write=_write,
)
