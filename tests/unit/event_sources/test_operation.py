"""A direct operation, by whoever may invoke the function."""

from __future__ import annotations

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources import parse
from state_backend.event_sources.request import Listed
from tests.unit.given import ACCOUNT

PLAN = {"operation": "plan", "accountId": ACCOUNT}


def test_it_says_what_where_and_how():
    asked = parse(
        {
            "operation": "reconcile",
            "accountId": ACCOUNT,
            "region": "eu-west-1",
            "properties": {"a": "b"},
        }
    )

    assert asked.accounts == (ACCOUNT,)
    assert asked.regions == ("eu-west-1",)
    assert asked.properties == {"a": "b"}
    assert asked.trusted
    assert not asked.plan_only


def test_only_the_account_is_needed():
    asked = parse(PLAN)

    assert asked.plan_only
    assert (asked.regions, asked.properties) == ((), None)


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "delete"},
        {"operation": None},
        {"operation": ["plan"]},
        {"accountId": "1"},
        {"accountId": 222222222222},
        {"region": None},
        {"region": 1},
        {"region": ["eu-west-1"]},
        {"properties": []},
        {"properties": "x"},
        {"propertis": {}},
        {5: "x"},
    ],
    ids=str,
)
def test_anything_else_is_refused(change):
    with pytest.raises(InvalidRequest) as refused:
        parse({**PLAN, **change})

    assert refused.value.remedy
    assert "EventBridge" not in refused.value.remedy


def test_the_properties_are_the_text_that_cloudformation_would_make_of_them():
    given = {
        "PreventDestroy": False,
        "NoncurrentVersionDays": 400,
        "StateAccessPrincipalArns": ["arn", 5, True],
        "Tags": [{"Key": "Cost", "Value": 4711}],
        "Adopt": None,
    }

    assert parse({**PLAN, "properties": given}).properties == {
        "PreventDestroy": "false",
        "NoncurrentVersionDays": "400",
        "StateAccessPrincipalArns": ["arn", "5", "true"],
        "Tags": [{"Key": "Cost", "Value": "4711"}],
        "Adopt": None,
    }


@pytest.mark.parametrize(
    ("part", "stated", "regions"),
    [
        ("", None, ()),
        ("", "", ()),
        ("", "eu-west-1", ("eu-west-1",)),
        ("eu-west-1", "", ("eu-west-1",)),
        # Which of two is meant is not for us to say: it is refused with the name of both.
        ("eu-central-1", "eu-west-1", ("eu-central-1",)),
        # No Region: refused as a property, by name.
        ("", ["eu-west-1"], ()),
    ],
)
def test_the_region_is_the_operations_else_the_propertys(part, stated, regions):
    properties = {} if stated is None else {"Region": stated}

    assert parse({**PLAN, "region": part, "properties": properties}).regions == regions


@pytest.mark.parametrize("account", [222222222222, "1", None, ["222222222222"]], ids=repr)
def test_an_account_that_is_none_is_told_how_to_write_one(account):
    with pytest.raises(InvalidRequest, match="accountId is") as refused:
        parse({"operation": "plan", "accountId": account})

    assert "twelve digits" in refused.value.remedy


SWEPT = {
    **PLAN,
    "organization": {"state": "ACTIVE", "units": ["ou-a1b2-c3d4e5f6", "r-a1b2"], "listedAt": 5},
}


def test_what_the_sweep_found_out_takes_the_place_of_trust():
    asked = parse(SWEPT)

    assert not asked.trusted
    assert asked.listed == Listed(state="ACTIVE", units=("ou-a1b2-c3d4e5f6", "r-a1b2"), at=5.0)


@pytest.mark.parametrize("units", [[], None], ids=str)
def test_the_list_need_not_say_the_units(units):
    organization = {**SWEPT["organization"], "units": units}

    assert parse({**SWEPT, "organization": organization}).listed.units == ()


@pytest.mark.parametrize(
    "organization",
    [
        None,
        [],
        {},
        {**SWEPT["organization"], "state": None},
        {**SWEPT["organization"], "units": ["222222222222"]},
        {**SWEPT["organization"], "units": "r-a1b2"},
        {**SWEPT["organization"], "listedAt": "now"},
        {**SWEPT["organization"], "listedAt": True},
        {**SWEPT["organization"], "listedAt": -1},
        {**SWEPT["organization"], "listedAt": float("inf")},
        {**SWEPT["organization"], "listedAt": float("nan")},
        {**SWEPT["organization"], "listedAt": 10**400},
    ],
    ids=str,
)
def test_no_half_word_of_the_organization_is_taken(organization):
    with pytest.raises(InvalidRequest):
        parse({**SWEPT, "organization": organization})


def test_an_account_is_needed():
    with pytest.raises(InvalidRequest, match="accountId"):
        parse({"operation": "plan"})
