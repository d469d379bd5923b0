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


def test_without_logs_none_is_switched_on():
    assert wanted(CONTROL, backend({"AccessLogs": "off"})) is None


def test_without_logs_what_we_switched_on_is_switched_off():
    off = backend({"AccessLogs": "off"})

    assert not judged(CONTROL, off, {"LoggingEnabled": OURS})
    assert CONTROL.write(off, BUCKET, None, OURS)[0].parameters == {
        **PLACE,
        "BucketLoggingStatus": {},
    }


def test_without_logs_what_others_log_stays():
    theirs = {"TargetBucket": "elsewhere", "TargetPrefix": "theirs/"}

    assert judged(CONTROL, backend({"AccessLogs": "off"}), {"LoggingEnabled": theirs})


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
