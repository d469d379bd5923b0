"""Calls that CloudTrail saw."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources import SOURCES, cloudtrail, parse

EVENTS = Path(__file__).parents[3] / "events"
MEMBER, OTHER = "222222222222", "333333333333"
BUCKET = f"tfstate-{MEMBER}-us-east-1-an"


def sample(name="PutBucketPolicy", **detail):
    event = json.loads((EVENTS / f"cloudtrail.{name}.json").read_text())
    event["detail"] |= detail
    return event


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("PutBucketPolicy", BUCKET),
        ("DisableKey", "1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("UpdateAlias", "alias/statehold"),
        ("UpdateTable", f"{BUCKET}-lock"),
        ("DeleteParameter", "/statehold/backend"),
        ("DeleteParameters", "/statehold/backend"),
    ],
)
def test_a_change_asks_for_what_is_on_record_where_it_happened(name, about):
    asked = parse(sample(name))

    assert (asked.accounts, asked.regions, asked.reason) == ((MEMBER,), ("us-east-1",), "")
    assert about in asked.seen.about
    assert (asked.properties, asked.trusted) == (None, False)


def test_who_did_it_is_told():
    by = parse(sample()).seen.by

    assert by.arn == f"arn:aws:sts::{MEMBER}:assumed-role/BreakGlass/ana"
    assert (by.event_name, by.event_time) == ("PutBucketPolicy", "2026-11-02T09:14:02Z")
    assert by.event_id == sample()["detail"]["eventID"]


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ({"type": "Root", "arn": f"arn:aws:iam::{MEMBER}:root"}, f"arn:aws:iam::{MEMBER}:root"),
        ({"type": "AWSAccount", "accountId": OTHER, "principalId": "AIDA:x"}, OTHER),
        ({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, "config.amazonaws.com"),
        ({"sessionContext": {"sessionIssuer": {"arn": "arn:x"}}}, "arn:x"),
        ({"type": "Unknown"}, "Unknown"),
        ({"arn": ["arn:x"]}, ""),
        (None, ""),
        ("root", ""),
    ],
)
def test_who_has_no_arn_is_told_by_what_there_is(identity, told):
    assert parse(sample(userIdentity=identity)).seen.by.arn == told


class TestWhatTheDetailClaims:
    @pytest.mark.parametrize("part", ["recipientAccountId", "accountId", "awsRegion", "account"])
    def test_another_account_or_region_in_it_is_not_believed(self, part):
        asked = parse(sample(**{part: OTHER if part != "awsRegion" else "eu-west-1"}))

        assert (asked.accounts, asked.regions) == ((MEMBER,), ("us-east-1",))

    def test_nor_is_one_in_an_arn(self):
        theirs = f"arn:aws:kms:eu-west-1:{OTHER}:key/1234"
        asked = parse(sample("DisableKey", requestParameters={"keyId": theirs}, resources=[]))

        assert (asked.accounts, asked.regions) == ((MEMBER,), ("us-east-1",))
        assert asked.seen.about == {"1234"}

    @pytest.mark.parametrize("size", [10_000])
    def test_what_is_told_of_it_is_short(self, size):
        by = parse(
            sample(
                userIdentity={"arn": "a" * size},
                eventName="PutBucket" + "b" * size,
                eventTime="c" * size,
                eventID="d" * size,
            )
        ).seen.by

        assert max(map(len, (by.arn, by.event_name, by.event_time, by.event_id))) <= 300


class TestWhatIsIgnored:
    @pytest.mark.parametrize(
        ("name", "detail", "why"),
        [
            ("PutBucketPolicy.refused", {}, "failed: AccessDenied"),
            ("PutBucketPolicy", {"errorMessage": "no"}, "failed"),
            ("PutBucketPolicy", {"readOnly": True}, "only read"),
            ("PutBucketPolicy", {"eventName": "CreateBucket"}, "nothing that we look after"),
            ("PutBucketPolicy", {"eventName": "PutObject"}, "nothing that we look after"),
            ("PutBucketPolicy", {"eventSource": "iam.amazonaws.com"}, "nothing that we look"),
            ("DisableKey", {"eventName": "CreateGrant"}, "nothing that we look after"),
            ("UpdateAlias", {"requestParameters": {"aliasName": "alias/x"}, "resources": []}, "al"),
            ("PutParameter.another", {}, "none of our parameters"),
            ("PutBucketPolicy", {"requestParameters": None, "resources": None}, "names nothing"),
            ("PutBucketPolicy", {"requestParameters": [], "resources": {}}, "names nothing"),
        ],
    )
    def test_it_says_why(self, name, detail, why):
        asked = parse(sample(name, **detail))

        assert why in asked.reason
        assert asked.seen is None
        assert asked.accounts == (MEMBER,)

    def test_an_event_of_s3_that_is_no_call(self):
        event = sample() | {"detail-type": "Object Created"}

        assert "no call" in parse(event).reason


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("account", "22222222222"),
        ("account", None),
        ("region", "nowhere"),
        ("region", "us-east-1#"),
        ("detail", []),
    ],
)
def test_what_cannot_be_placed_is_refused(part, value):
    event = deepcopy(sample())
    event[part] = value

    with pytest.raises(InvalidRequest):
        parse(event)


@pytest.mark.parametrize(
    ("name", "without_arn"),
    [
        ("arn:aws:s3:::b", "b"),
        ("arn:aws-cn:kms:cn-north-1:1:key/k", "k"),
        ("arn:aws:kms:x:1:alias/statehold", "alias/statehold"),
        ("arn:aws:dynamodb:x:1:table/t", "t"),
        ("arn:aws:ssm:x:1:parameter/statehold/backend", "/statehold/backend"),
        ("/statehold/backend", "/statehold/backend"),
        ("parameters-prod-tfstate", "parameters-prod-tfstate"),
        ("arn:aws:s3:::parameter.store", "parameter.store"),
        ("arn:aws:s3", "arn:aws:s3"),
    ],
)
def test_a_name_is_the_same_with_and_without_its_arn(name, without_arn):
    assert cloudtrail.bare(name) == without_arn


def test_every_source_whose_calls_are_looked_at_has_the_parser():
    watched = {f"aws.{it.removesuffix('.amazonaws.com')}" for it in cloudtrail.EVENTS}

    assert watched == {source for source, read in SOURCES.items() if read is cloudtrail.parse}
