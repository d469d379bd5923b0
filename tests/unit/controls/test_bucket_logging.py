from __future__ import annotations

import pytest

from state_backend.controls.bucket_logging import CONTROL
from tests.unit.controls.table import asked, judged, wanted, written
from tests.unit.given import ACCOUNT, BUCKET, LOG_BUCKET, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
OURS = {"TargetBucket": LOG_BUCKET, "TargetPrefix": f"{BUCKET}/"}
DATED = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_logging", PLACE)
    assert CONTROL.needs == ("log-bucket",)


def test_without_logs_it_does_not_apply():
    assert CONTROL.applies(backend())
    assert not CONTROL.applies(backend({"AccessLogs": "off"}))


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ({"LoggingEnabled": OURS}, True),
        ({"LoggingEnabled": {**OURS, "TargetObjectKeyFormat": DATED}}, True),
        ({"LoggingEnabled": {**OURS, "TargetBucket": "elsewhere"}}, False),
        ({}, False),
    ],
)
def test_logs_go_to_the_log_bucket(answer, enough):
    assert judged(CONTROL, backend(), answer) is enough


def test_a_prefix_under_which_our_log_bucket_lets_nobody_write_is_repaired():
    """The log bucket's policy lets S3 deliver below the bucket's name alone."""
    assert not judged(CONTROL, backend(), {"LoggingEnabled": {**OURS, "TargetPrefix": "lost/"}})


def test_a_named_log_bucket_keeps_its_prefix():
    found = {"TargetBucket": "acme-logs", "TargetPrefix": "theirs/"}

    assert judged(CONTROL, backend({"AccessLogs": "acme-logs"}), {"LoggingEnabled": found})


def test_what_an_adopted_bucket_logs_elsewhere_stays():
    found = {"TargetBucket": "elsewhere", "TargetPrefix": ""}

    assert judged(CONTROL, backend(origin="adopted"), {"LoggingEnabled": found})
    assert wanted(CONTROL, backend(origin="adopted")) == OURS


def test_it_switches_logging_on():
    assert written(CONTROL, backend(), BUCKET) == (
        "s3:put_bucket_logging",
        {**PLACE, "BucketLoggingStatus": {"LoggingEnabled": OURS}},
    )
