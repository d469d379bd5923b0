"""
Each call of a run goes wrong in each way: the run succeeds, or says what is to be tried again.

Never READY where something is not as it must be, never an absence read out of a broken answer,
never a second key; and when the trouble is over, one more run brings the undisturbed end state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from tests.aws_double import AwsDouble
from tests.fault.calls import Named
from tests.fault.errands import CREATE, ERRANDS, Errand, Undisturbed, own_calls, undisturbed
from tests.fault.ground import REGION, YOUNG_SECONDS, Ground, Report, destructive, warm

KINDS = (
    "throttle",
    "500",
    "503",
    "drop_before",
    "reset_connection",
    "drop_after",
    "reset_after",
    "500_after",
    "truncate",
    "conflict_409",
)
FOR_GOOD = 10_000
"""Times: as long as the run lasts."""

RETRYABLE = frozenset(
    {"NotReady", "NotStabilized", "ResourceConflict", "ServiceInternalError", "Throttling"}
)
LATE_SECONDS = 1.5
"""After that an answer comes that is delayed."""
Case = tuple[Named, str, int]
"""Which call, what befalls it, and how many times in a row."""


def in_turn(calls: Sequence[Named]) -> list[Case]:
    """Every call, the kinds in turn; every other one for as long as it lasts."""
    return [
        (call, KINDS[(number * 3) % len(KINDS)], FOR_GOOD if number % 2 else 1)
        for number, call in enumerate(calls)
    ]


def wrongs(errand: Errand, ground: Ground, like: Undisturbed, case: Case) -> list[str]:
    """What is wrong in a run to which *case* happens, and after the next ones."""
    call, kind, times = case
    site = errand.prepare(ground)
    since = len(ground.aws.calls)
    fault = ground.faults.add(call.fault(site.account, kind, times=times, seconds=LATE_SECONDS))
    first = errand.run(site)
    ground.faults.clear()
    found = [] if fault.struck else ["it was not struck"]
    found += told(first)
    found += [f"{len(site.keys)} keys"] if len(site.keys) > 1 else []
    if first["status"] == "READY":
        return found + (site.wrongs() if site.state == like.state else ["a false READY"])

    for pause in (60.0, YOUNG_SECONDS):
        ground.time.wait(pause)
        report = errand.run(site)
        ground.let_land(since)
        found += told(report)
        if report["status"] == "READY":
            break
    if site.state != like.state:
        found.append(f"another end state: {report.get('error')}")
    return found + site.wrongs() + destructive(site.calls(since))


def told(report: Report) -> list[str]:
    """What is wrong with an answer: it has to be a success, or a failure to be tried again."""
    if report["status"] == "READY":
        return []
    error = report["error"]
    named = error["code"] in RETRYABLE and error["message"] and error["remedy"]
    return [] if report["status"] == "WAITING" and named else [f"{report['status']}: {error}"]


@pytest.mark.sample
def test_each_call_of_a_creation_may_go_wrong(ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(in_turn(like.calls), partial(wrongs, CREATE, ground, like)) == {}


@pytest.mark.sample
@pytest.mark.parametrize("errand", ERRANDS[1:], ids=lambda it: it.name)
def test_each_call_that_only_another_run_makes_may_go_wrong(errand, ground, broken):
    like = undisturbed(errand, ground)
    cases = in_turn(own_calls(errand, ground))

    assert broken(cases, partial(wrongs, errand, ground, like)) == {}


@pytest.fixture
def new_ground() -> Iterator[Ground]:
    """A double for one test: what 3,460 cases leave in one is more than a machine can keep."""
    with AwsDouble(region=REGION) as aws, warm():
        yield Ground(aws)


@pytest.mark.soak
@pytest.mark.parametrize("times", [1, FOR_GOOD], ids=["once", "for good"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("errand", ERRANDS, ids=lambda it: it.name)
def test_in_every_way(errand, kind, times, new_ground, broken):
    like = undisturbed(errand, new_ground)
    cases = [(call, kind, times) for call in like.calls]

    assert broken(cases, partial(wrongs, errand, new_ground, like)) == {}
