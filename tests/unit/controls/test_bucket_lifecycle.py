from __future__ import annotations

import pytest

from state_backend.controls.bucket_lifecycle import CONTROL
from tests.unit.controls.table import asked, judged, wanted, written
from tests.unit.given import ACCOUNT, BUCKET, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
LEFTOVERS = {
    "ID": "StateholdLeftovers",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"ExpiredObjectDeleteMarker": True},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
VERSIONS = {
    "ID": "StateholdNoncurrentVersions",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 365, "NewerNoncurrentVersions": 100},
}
FOREIGN = {
    "ID": "archive",
    "Status": "Enabled",
    "Filter": {"Prefix": "a/"},
    "Expiration": {"Days": 9},
}
FOREIGN_VERSIONS = {
    **VERSIONS,
    "ID": "theirs",
    "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
}
STATED = {"NoncurrentVersionDays": "30"}


def test_it_asks_the_bucket():
    assert asked(CONTROL, backend(), BUCKET) == ("s3:get_bucket_lifecycle_configuration", PLACE)
    assert CONTROL.absent == {"NoSuchLifecycleConfiguration"}


def test_a_new_bucket_gets_two_rules():
    assert wanted(CONTROL, backend()) == [LEFTOVERS, VERSIONS]


def test_no_rule_of_ours_expires_a_current_object():
    for rule in wanted(CONTROL, backend()):
        assert set(rule.get("Expiration", {})) <= {"ExpiredObjectDeleteMarker"}


def test_foreign_rules_stay_untouched():
    assert wanted(CONTROL, backend(), [FOREIGN, {**VERSIONS, "Status": "Disabled"}]) == [
        LEFTOVERS,
        VERSIONS,
        FOREIGN,
    ]


@pytest.mark.parametrize(
    ("properties", "found", "expected"),
    [
        ({}, None, [LEFTOVERS]),
        ({}, [FOREIGN_VERSIONS], [LEFTOVERS, FOREIGN_VERSIONS]),
        (STATED, [FOREIGN_VERSIONS], [LEFTOVERS, FOREIGN_VERSIONS]),
        ({"NoncurrentVersionsKept": "100"}, None, [LEFTOVERS, VERSIONS]),
    ],
)
def test_an_adopted_bucket_limits_versions_only_where_stated_and_nobody_else_does(
    properties, found, expected
):
    assert wanted(CONTROL, backend(properties, origin="adopted"), found) == expected


@pytest.mark.parametrize(
    ("rules", "enough"),
    [
        ([LEFTOVERS, VERSIONS], True),
        ([VERSIONS, FOREIGN, LEFTOVERS], True),
        ([{**LEFTOVERS, "Filter": {}}, VERSIONS], True),
        ([LEFTOVERS], False),
        ([LEFTOVERS, {**VERSIONS, "Status": "Disabled"}], False),
        ([LEFTOVERS, {**VERSIONS, "Filter": {"Prefix": "x"}}], False),
        ([LEFTOVERS, {**VERSIONS, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}], False),
        ([{**LEFTOVERS, "Expiration": {"Days": 1}}, VERSIONS], False),
    ],
)
def test_rules_are_judged_by_what_they_say(rules, enough):
    assert judged(CONTROL, backend(), {"Rules": rules}) is enough


def test_an_old_rule_with_its_prefix_outside_says_the_same():
    old = {key: value for key, value in LEFTOVERS.items() if key != "Filter"}

    assert judged(CONTROL, backend(), {"Rules": [{**old, "Prefix": ""}, VERSIONS]})


def test_it_writes_ours_and_theirs():
    assert written(CONTROL, backend(), BUCKET, [FOREIGN]) == (
        "s3:put_bucket_lifecycle_configuration",
        {**PLACE, "LifecycleConfiguration": {"Rules": [LEFTOVERS, VERSIONS, FOREIGN]}},
    )
