"""A sweep of a thousand accounts of which k fail: a thousand rows, and no failure is covered."""

from __future__ import annotations

import pytest

from state_backend.fleet.coverage import coverage
from state_backend.fleet.report import report
from tests.unit.fleet.given import SWEEP, denied, not_ready, row

ACCOUNTS = 1_000
FAILING = range(1, 101)
TOLD = (1, 37, 100)
ROWS = [row(str(300_000_000_000 + number)) for number in range(ACCOUNTS)]


def rows(failing: int) -> list:
    """Every other one of those that fail is only late."""
    step = ACCOUNTS // failing
    found = list(ROWS)
    for number in range(failing):
        wrong = not_ready if number % 2 else denied
        found[number * step] = wrong(found[number * step])
    return found


@pytest.mark.parametrize("failing", FAILING)
def test_as_many_are_covered_as_are_ready(failing):
    number = coverage(rows(failing))

    late = failing // 2
    assert number.by_status["READY"] == ACCOUNTS - failing
    assert (number.by_status["FAILED"], number.by_status["WAITING"]) == (failing - late, late)
    assert number.percent < 100


@pytest.mark.parametrize("failing", TOLD)
def test_the_report_lists_all_and_says_of_each_that_is_not_ready_why(failing):
    told = report(SWEEP, rows(failing))

    wrong = [it for it in told["rows"] if it["status"] != "READY"]
    assert [it["account"] for it in told["rows"]] == [it.account for it in ROWS]
    assert len(wrong) == failing
    assert all(it["code"] and it["remedy"] for it in wrong)
