from __future__ import annotations

import pytest

from state_backend.controls.log_bucket_lifecycle import CONTROL
from tests.unit.controls.table import asked, judged, wanted, written
from tests.unit.given import ACCOUNT, LOG_BUCKET, backend

PLACE = {"Bucket": LOG_BUCKET, "ExpectedBucketOwner": ACCOUNT}
OURS = {
    "ID": "StateholdAccessLogs",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"Days": 400},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
FOREIGN = {
    "ID": "theirs",
    "Status": "Enabled",
    "Filter": {"Prefix": "x"},
    "Expiration": {"Days": 1},
}
SPEC = backend({"AccessLogsDays": "400"})


def test_it_asks_the_log_bucket():
    assert asked(CONTROL, SPEC, LOG_BUCKET) == ("s3:get_bucket_lifecycle_configuration", PLACE)
    assert CONTROL.absent == {"NoSuchLifecycleConfiguration"}


def test_logs_are_kept_as_long_as_stated():
    assert wanted(CONTROL, SPEC, [FOREIGN]) == [OURS, FOREIGN]


@pytest.mark.parametrize(
    ("rules", "enough"),
    [
        ([FOREIGN, OURS], True),
        ([{**OURS, "Expiration": {"Days": 1}}], False),
        ([{**OURS, "Status": "Disabled"}], False),
        ([FOREIGN], False),
    ],
)
def test_only_that_rule_is_enough(rules, enough):
    assert judged(CONTROL, SPEC, {"Rules": rules}) is enough


def test_it_writes_ours_and_theirs():
    assert written(CONTROL, SPEC, LOG_BUCKET, [FOREIGN]) == (
        "s3:put_bucket_lifecycle_configuration",
        {**PLACE, "LifecycleConfiguration": {"Rules": [OURS, FOREIGN]}},
    )
