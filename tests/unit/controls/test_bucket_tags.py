from __future__ import annotations

from state_backend.controls.bucket_tags import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, BUCKET, backend

OURS = {"StateholdBackend": BUCKET, "StateholdOrigin": "created", "StateholdOwner": "hub"}


def tagged(**tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def test_it_asks_the_bucket():
    place = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}

    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_tagging", place)
    assert CONTROL.absent == {"NoSuchTagSet"}


def test_foreign_tags_do_not_matter():
    assert judged(CONTROL, backend(), tagged(**OURS, Team="payments"))


def test_a_missing_or_other_value_does():
    assert not judged(CONTROL, backend(), tagged())
    assert not judged(CONTROL, backend(), tagged(**{**OURS, "StateholdOwner": "me"}))


def test_it_adds_what_is_missing_and_replaces_nothing_else():
    found = {**OURS, "StateholdOwner": "me", "Team": "payments"}

    assert written(CONTROL, backend({"Tags": "Cost=7"}), BUCKET, found) == (
        "s3control:tag_resource",
        {
            "AccountId": ACCOUNT,
            "ResourceArn": f"arn:aws:s3:::{BUCKET}",
            "Tags": [{"Key": "Cost", "Value": "7"}, {"Key": "StateholdOwner", "Value": "hub"}],
        },
    )
