"""Control Tower's lifecycle events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources import SOURCES, parse

EVENTS = Path(__file__).parents[3] / "events"


def sample(name="CreateManagedAccount.succeeded"):
    return json.loads((EVENTS / f"controltower.{name}.json").read_text())


def status(event):
    [found] = event["detail"]["serviceEventDetails"].values()
    return found


@pytest.mark.parametrize("name", ["CreateManagedAccount", "UpdateManagedAccount"])
def test_an_account_that_was_vended_or_mended_gets_a_backend(name):
    event = sample(f"{name}.succeeded")

    asked = parse(event)

    assert asked.accounts == (status(event)["account"]["accountId"],)
    assert (asked.reason, asked.regions, asked.plan_only, asked.properties) == ("", (), False, None)


def test_the_accounts_place_is_not_taken_from_the_event_and_it_is_not_trusted():
    """Control Tower sends from its home Region, which says nothing of the account's."""
    asked = parse({**sample(), "region": "ap-south-1"})

    assert asked.regions == ()
    assert not asked.trusted


def test_a_failed_vending_is_ignored_with_its_state():
    asked = parse(sample("CreateManagedAccount.failed"))

    assert "FAILED" in asked.reason


def test_a_failed_vending_that_names_no_account_is_ignored_too():
    """A creation that failed early has no account id."""
    event = sample("CreateManagedAccount.failed")
    del status(event)["account"]["accountId"]

    assert "FAILED" in parse(event).reason


def test_another_event_of_control_tower_is_ignored():
    event = sample()
    event["detail"]["eventName"] = "EnableGuardrail"

    assert "vends no account" in parse(event).reason


@pytest.mark.parametrize(
    "account", [None, 222222222222, "", "22222222222", "２" * 12, "x" * 12, {}]
)
def test_an_account_is_twelve_digits(account):
    event = sample()
    status(event)["account"]["accountId"] = account

    with pytest.raises(InvalidRequest, match="accountId"):
        parse(event)


@pytest.mark.parametrize(
    "event", [None, [], "x", 7, {}, {"source": None}, {"source": "aws.ec2"}, {"source": []}]
)
def test_what_nobody_understands_is_refused_with_what_is_understood(event):
    with pytest.raises(InvalidRequest) as refused:
        parse(event)

    assert all(source in refused.value.remedy for source in SOURCES)


@pytest.mark.parametrize(
    "name", ["EnableBaseline", "UpdateEnabledBaseline", "ResetEnabledBaseline"]
)
def test_a_baseline_on_an_account_enrols_it(name):
    assert parse(sample(f"{name}.account")).accounts == ("222222222222",)


def test_a_baseline_on_a_unit_enrols_what_is_in_it():
    asked = parse(sample("EnableBaseline.unit"))

    assert (asked.accounts, asked.units, asked.reason) == ((), ("ou-a1b2-c3d4e5f6",), "")


def test_a_failed_baseline_is_ignored_with_its_status():
    """These events have no state: it is the status of their last operation."""
    assert "FAILED" in parse(sample("EnableBaseline.failed")).reason


@pytest.mark.parametrize(
    "target", [None, "", "222222222222", "arn:aws:organizations::1:account/o/1"]
)
def test_a_baselines_target_is_an_arn(target):
    event = sample("EnableBaseline.account")
    status(event)["enabledBaselineDetails"]["targetIdentifier"] = target

    with pytest.raises(InvalidRequest, match="targetIdentifier"):
        parse(event)


def test_a_registered_unit_stands_for_all_that_is_in_it():
    asked = parse(sample("RegisterOrganizationalUnit.succeeded"))

    assert (asked.accounts, asked.units) == ((), ("ou-a1b2-c3d4e5f6",))


@pytest.mark.parametrize("name", ["SetupLandingZone", "UpdateLandingZone", "ResetLandingZone"])
def test_a_landing_zone_names_accounts_and_units(name):
    asked = parse(sample(f"{name}.succeeded"))

    assert asked.accounts == ("555555555555", "666666666666")
    assert asked.units == ("ou-a1b2-s3c4r5t6",)


def test_a_landing_zone_need_not_name_any():
    """Since version 4.0 the accounts of the Security unit are optional."""
    asked = parse(sample("UpdateLandingZone.without-accounts"))

    assert (asked.accounts, asked.units, asked.reason) == ((), (), "")


@pytest.mark.parametrize("accounts", ["x", {}, [None], [{"accountId": "1"}]])
def test_a_landing_zones_accounts_are_a_list_of_accounts(accounts):
    event = sample("SetupLandingZone.succeeded")
    status(event)["accounts"] = accounts

    with pytest.raises(InvalidRequest):
        parse(event)
