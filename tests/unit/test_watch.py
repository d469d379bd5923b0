"""A call that CloudTrail saw, held against the register."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from state_backend.drift import Actor
from state_backend.event_sources.request import Asked, Seen
from state_backend.ownership import LIVE, RELEASED, Record
from state_backend.settings import settings_from
from state_backend.watch import concerning
from tests.unit.given import ACCOUNT, BUCKET, KEY, LOG_BUCKET, REGION, TABLE

BY = Actor(arn="arn:ana", event_name="PutBucketPolicy", event_time="t", event_id="i")
RECORD = Record(
    account=ACCOUNT, region=REGION, owner="hub", state=LIVE, bucket_name=BUCKET, key_arn=KEY
)
OWN_KEY = "99999999-1111-4222-8333-444444444444"


def asked(*about, arn="arn:ana"):
    seen = Seen(by=replace(BY, arn=arn), about=frozenset(about))
    return Asked(accounts=(ACCOUNT,), regions=(REGION,), seen=seen)


def hub(record=RECORD, **environment):
    looked = []

    def read(account, region):
        looked.append((account, region))
        return record

    settings = settings_from({"AWS_REGION": REGION, **environment})
    return SimpleNamespace(settings=settings, register=SimpleNamespace(read=read), looked=looked)


@pytest.mark.parametrize(
    "name",
    [
        BUCKET,
        LOG_BUCKET,
        TABLE,
        KEY.rpartition("/")[2],
        "alias/statehold",
        "/statehold/backend",
        "/statehold/backend.hcl",
    ],
)
@pytest.mark.parametrize("state", [LIVE, RELEASED])
def test_what_is_the_backends_concerns_it(name, state):
    assert concerning(asked("x", name), hub(replace(RECORD, state=state))).reason == ""


@pytest.mark.parametrize(
    "name", ["another", f"{BUCKET}x", "alias/other", "/statehold/settings", "", OWN_KEY]
)
def test_what_is_not_does_not(name):
    assert "nothing of the backend" in concerning(asked(name), hub()).reason


def test_a_named_log_bucket_is_somebody_elses():
    record = replace(RECORD, given={"AccessLogs": "their-logs"})

    assert concerning(asked("their-logs"), hub(record)).reason


def test_an_own_key_is_looked_at():
    given = {"KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{OWN_KEY}"}
    record = replace(RECORD, key_arn="", given=given)

    assert concerning(asked(OWN_KEY), hub(record)).reason == ""


def test_where_nothing_is_complete_on_record_nothing_is_made():
    half_made = replace(RECORD, state="")

    assert "never makes one" in concerning(asked(BUCKET), hub(half_made)).reason


@pytest.mark.parametrize("role", ["StateholdProvisioner", "OrganizationAccountAccessRole"])
def test_our_own_calls_are_known_without_a_look(role):
    here = hub()
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/statehold"

    assert concerning(asked(BUCKET, arn=arn), here).reason == "the call was our own"
    assert here.looked == []


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/StateholdProvisioner/ana",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/statehold",
        "arn:aws:sts::333333333333:assumed-role/StateholdProvisioner/statehold",
        f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/StateholdProvisioner/statehold",
        f"arn:aws:iam::{ACCOUNT}:role/StateholdProvisioner",
        f"arn:aws:iam::{ACCOUNT}:user/statehold",
        "",
    ],
)
def test_whoever_looks_like_us_is_not_us(arn):
    assert concerning(asked(BUCKET, arn=arn), hub()).reason == ""


def test_in_another_partition_we_have_its_arn():
    event = replace(asked("x"), regions=("cn-north-1",))
    arn = f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/StateholdProvisioner/statehold"
    event = replace(event, seen=replace(event.seen, by=replace(BY, arn=arn)))

    assert concerning(event, hub(AWS_REGION="cn-north-1")).reason == "the call was our own"


def test_what_nobody_saw_is_left_as_it_is():
    here = hub()
    event = Asked(accounts=(ACCOUNT,))

    assert concerning(event, here) is event
    assert here.looked == []
