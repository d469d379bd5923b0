from __future__ import annotations

import pytest

from state_backend.controls.bucket_ownership import CONTROL
from tests.unit.controls.table import asked, judged, wanted, written
from tests.unit.given import ACCOUNT, BUCKET, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}


def owned(ownership):
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_ownership_controls", PLACE)
    assert CONTROL.absent == {"OwnershipControlsNotFoundError"}


@pytest.mark.parametrize(
    ("ownership", "enough"),
    [("BucketOwnerEnforced", True), ("BucketOwnerPreferred", False), ("ObjectWriter", False)],
)
def test_only_without_acls_is_it_enough(ownership, enough):
    assert judged(CONTROL, backend(), owned(ownership)) is enough


def test_an_observed_bucket_keeps_its_acls():
    assert judged(CONTROL, backend(origin="adopted"), owned("ObjectWriter"))
    assert wanted(CONTROL, backend(origin="adopted")) == "BucketOwnerEnforced"


def test_it_switches_acls_off():
    assert written(CONTROL, backend(), BUCKET) == (
        "s3:put_bucket_ownership_controls",
        {**PLACE, **owned("BucketOwnerEnforced")},
    )
