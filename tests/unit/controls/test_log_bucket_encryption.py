from __future__ import annotations

import pytest

from state_backend.controls.log_bucket_encryption import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, LOG_BUCKET, backend

PLACE = {"Bucket": LOG_BUCKET, "ExpectedBucketOwner": ACCOUNT}


def encrypted(algorithm, blocked=("SSE-C",)):
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm},
        "BlockedEncryptionTypes": {"EncryptionType": list(blocked)},
    }
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def test_it_asks_the_log_bucket():
    assert asked(CONTROL, backend(), LOG_BUCKET) == ("s3:get_bucket_encryption", PLACE)


@pytest.mark.parametrize(
    ("algorithm", "enough"), [("AES256", True), ("aws:kms", False), ("aws:kms:dsse", False)]
)
def test_only_sse_s3_is_enough(algorithm, enough):
    """S3 delivers no logs into a bucket under a KMS key."""
    assert judged(CONTROL, backend(), encrypted(algorithm)) is enough


def test_a_bucket_that_takes_sse_c_is_not_enough():
    assert not judged(CONTROL, backend(), encrypted("AES256", blocked=()))


def test_it_writes_sse_s3_and_blocks_sse_c():
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }

    assert written(CONTROL, backend(), LOG_BUCKET) == (
        "s3:put_bucket_encryption",
        {**PLACE, "ServerSideEncryptionConfiguration": {"Rules": [rule]}},
    )
