"""A run makes as many calls as docs/calls.md records, and no more than its budget allows."""

import pytest

from tests.budget.scenarios import LATENCY, SCENARIOS, measured, recorded

BUDGETS = {"fresh": (32, 13), "nothing to change": (20, 6)}
"""Scenario -> calls and longest chain, at most."""


def test_every_run_makes_the_calls_that_are_recorded() -> None:
    counted = {name: (calls, writes) for name, calls, writes, _ in measured(latency=0.0)}

    said = {name: (calls, writes) for name, (calls, writes, _) in recorded().items()}
    assert counted == said, "if meant: PYTHONPATH=functions python -m tests.budget.scenarios"


def test_a_run_that_finds_nothing_to_change_writes_nothing_in_the_account() -> None:
    assert all(
        writes == 0
        for name, (_, writes, _) in recorded().items()
        if name.startswith(("nothing", "plan"))
    )


@pytest.mark.parametrize("name", BUDGETS)
def test_it_keeps_within_its_budget_of_calls(name: str) -> None:
    most, _ = BUDGETS[name]

    calls, _, _ = recorded()[name]

    assert calls <= most


@pytest.mark.parametrize("name", BUDGETS)
def test_it_keeps_within_its_budget_of_calls_in_a_chain(name: str) -> None:
    _, most = BUDGETS[name]
    scenario = [it for it in SCENARIOS if it.name == name]
    seen = []

    # A machine that is busy elsewhere can make a chain look longer, never shorter.
    for _ in range(3):
        seen += [chain for _, _, _, chain in measured(LATENCY, scenario)]
        if seen[-1] <= most:
            break

    assert min(seen) <= most
