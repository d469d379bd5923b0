from __future__ import annotations

import pytest

from state_backend.controls.bucket_versioning import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, BUCKET, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_versioning", PLACE)


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ({"Status": "Enabled"}, True),
        ({"Status": "Enabled", "MFADelete": "Enabled"}, True),
        ({"Status": "Suspended"}, False),
        ({}, False),
    ],
)
def test_only_enabled_is_enough(answer, enough):
    assert judged(CONTROL, backend(), answer) is enough


def test_it_enables_and_says_nothing_of_mfa():
    assert written(CONTROL, backend(), BUCKET) == (
        "s3:put_bucket_versioning",
        {**PLACE, "VersioningConfiguration": {"Status": "Enabled"}},
    )
