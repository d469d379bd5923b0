from __future__ import annotations

import pytest

from state_backend.controls.bucket_public_access_block import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, BUCKET, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ALL = dict.fromkeys(FLAGS, True)


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_public_access_block", PLACE)
    assert CONTROL.absent == {"NoSuchPublicAccessBlockConfiguration"}


def test_all_four_flags_are_wanted():
    assert judged(CONTROL, backend(), {"PublicAccessBlockConfiguration": ALL})


@pytest.mark.parametrize("flag", FLAGS)
def test_one_flag_less_is_not_enough(flag):
    for less in ({**ALL, flag: False}, {name: True for name in FLAGS if name != flag}):
        assert not judged(CONTROL, backend(), {"PublicAccessBlockConfiguration": less})


def test_it_writes_all_four():
    assert written(CONTROL, backend(), BUCKET) == (
        "s3:put_public_access_block",
        {**PLACE, "PublicAccessBlockConfiguration": ALL},
    )
