"""Default encryption: what a client gets that asks for none, and SSE-C refused outright."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.errors import RefusedChange
from state_backend.model import Control
from state_backend.s3 import (
    NO_DEFAULT_ENCRYPTION,
    bucket_call,
    default_encryption,
    encryption_rule,
)
from state_backend.spec import BackendSpec

_TWICE = "aws:kms:dsse"


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_encryption", bucket)


def _select(answer: JSON) -> JSON:
    rule = encryption_rule(answer)
    algorithm, key = default_encryption(rule)
    return {
        "algorithm": algorithm,
        "key": key,
        "bucket_key": bool(rule.get("BucketKeyEnabled", False)),
        "blocked": sorted(rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", [])),
    }


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    if spec.observes and found is not None:
        return found  # clients may rely on it; adoption tells them what to change first
    if spec.encryption == "AES256" and found is not None and found["algorithm"] != "AES256":
        raise RefusedChange(
            f"The bucket {spec.bucket_name} encrypts with {found['algorithm']} by default, and "
            "Encryption is AES256: that would weaken it",
            "Set Encryption to aws:kms",
        )
    # Two layers of encryption stay two; a bucket key goes with one.
    twice = found is not None and found["algorithm"] == _TWICE
    return {
        "algorithm": _TWICE if twice else spec.encryption,
        "key": spec.key_arn,
        "bucket_key": spec.encryption == "aws:kms" and not twice,
        "blocked": ["SSE-C"],
    }


def _satisfied(desired: JSON, found: JSON) -> bool:
    return found is not None and _plain(found) == _plain(desired)


def _plain(setting: JSON) -> JSON:
    """The setting without a bucket key where that means nothing."""
    return {**setting, "bucket_key": setting["bucket_key"] and setting["algorithm"] == "aws:kms"}


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    default = {"SSEAlgorithm": desired["algorithm"]}
    if desired["key"]:
        default["KMSMasterKeyID"] = desired["key"]
    rule = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": desired["bucket_key"],
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
    id="bucket-encryption",
    on=("bucket",),
    why="A state written without an encryption header would not be under the backend's key.",
    satisfies=("FSBP S3.17", "NIST 800-53 SC-28", "NIST 800-53 SC-13", "NIST 800-53 CP-9"),
    sources=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html",
    ),
    permissions=("s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"),
    read=_read,
    absent=NO_DEFAULT_ENCRYPTION,
    select=_select,
    desired=_desired,
    satisfied=_satisfied,
    write=_write,
    needs=("kms-key",),
)
