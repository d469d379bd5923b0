"""A direct operation, by whoever may invoke the function."""

from __future__ import annotations

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources import parse
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


def test_an_account_is_needed():
    with pytest.raises(InvalidRequest, match="accountId"):
        parse({"operation": "plan"})
