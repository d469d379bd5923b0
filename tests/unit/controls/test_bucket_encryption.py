from __future__ import annotations

import pytest

from state_backend.controls.bucket_encryption import CONTROL
from state_backend.errors import RefusedChange
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, BUCKET, KEY, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
BLOCKED = {"EncryptionType": ["SSE-C"]}


def rule(algorithm="aws:kms", key=KEY, bucket_key=True, blocked=BLOCKED):
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    made = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
    return made | ({"BlockedEncryptionTypes": blocked} if blocked else {})


def answer(*rules):
    return {"ServerSideEncryptionConfiguration": {"Rules": list(rules)}}


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_encryption", PLACE)
    assert CONTROL.needs == ("kms-key",)


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        (rule(), True),
        (rule(bucket_key=False), False),
        (rule(blocked=None), False),
        (rule(blocked={"EncryptionType": ["NONE"]}), False),
        (rule(key="alias/statehold"), False),
        (rule(key=KEY.replace("0000", "9999")), False),
        (rule(key=""), False),
        (rule("AES256", key=""), False),
    ],
)
def test_kms_means_our_key_with_a_bucket_key_and_no_sse_c(found, enough):
    assert judged(CONTROL, backend(key_arn=KEY), answer(found)) is enough


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        (rule("AES256", key="", bucket_key=False), True),
        (rule("AES256", key="", bucket_key=True), True),
        (rule("AES256", key="", blocked=None), False),
    ],
)
def test_aes256_means_that_and_no_sse_c(found, enough):
    assert judged(CONTROL, backend({"Encryption": "AES256"}), answer(found)) is enough


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
def test_kms_does_not_become_aes256(algorithm):
    found = CONTROL.select(answer(rule(algorithm)))

    with pytest.raises(RefusedChange, match="would weaken"):
        CONTROL.desired(backend({"Encryption": "AES256"}), found)


def test_two_layers_under_the_same_key_do_not_become_one():
    """Nobody's better setting is weakened."""
    found = rule("aws:kms:dsse", bucket_key=False)

    assert judged(CONTROL, backend(key_arn=KEY), answer(found))


@pytest.mark.parametrize("bucket_key", [True, False])
@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_an_observed_bucket_keeps_its_default(algorithm, bucket_key):
    """Also SSE-S3 with a bucket key, which means nothing, but which S3's console sets."""
    found = rule(algorithm, key="", bucket_key=bucket_key, blocked=None)

    assert judged(CONTROL, backend(origin="adopted"), answer(found))


def test_it_writes_the_whole_rule():
    assert written(CONTROL, backend(key_arn=KEY), BUCKET) == (
        "s3:put_bucket_encryption",
        {**PLACE, **answer(rule())},
    )
    assert written(CONTROL, backend({"Encryption": "AES256"}), BUCKET) == (
        "s3:put_bucket_encryption",
        {**PLACE, **answer(rule("AES256", key="", bucket_key=False))},
    )
