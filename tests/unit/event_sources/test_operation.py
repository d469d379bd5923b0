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
            "properties": {"a": 1},
        }
    )

    assert asked.accounts == (ACCOUNT,)
    assert asked.regions == ("eu-west-1",)
    assert asked.properties == {"a": 1}
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
        {"region": ""},
        {"region": None},
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
