"""
A process is killed before and after each of its calls; then the same is asked once more.

What was asked for is there, as if nothing had happened: one key, one lease, no manual step, and
nothing that was finished is done again.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tests.fault.calls import Named
from tests.fault.errands import (
    ADOPT,
    CREATE,
    ERRANDS,
    LOCK_MODE,
    REPAIR,
    Errand,
    Undisturbed,
    undisturbed,
)
from tests.fault.ground import LEASE_SECONDS, YOUNG_SECONDS, Ground, Site, destructive

SIDES = ("kill_before", "kill_after")
Case = tuple[Named, str]


def every(run: Undisturbed) -> list[Case]:
    return [(call, side) for call in run.calls for side in SIDES]


def each_once(run: Undisturbed) -> list[Case]:
    """Every call, and of a write its far side, where the run no longer knows what it did."""
    return [(call, SIDES[call.write or number % 2]) for number, call in enumerate(run.calls)]


def behind_writes(run: Undisturbed) -> list[Case]:
    return [(call, "kill_after") for call in run.calls if call.write]


def wrongs(errand: Errand, ground: Ground, like: Undisturbed, case: Case) -> list[str]:
    """What is wrong after a run was killed at *case*, and the same was asked again."""
    call, side = case
    site = errand.prepare(ground)
    since = len(ground.aws.calls)
    fault = ground.faults.add(call.fault(site.account, side))
    site.ask_until_killed(errand.properties(site))
    ground.faults.clear()
    found = [] if fault.struck == 1 else ["it was not killed"]
    return found + made_good(errand, site, since, like)


def made_good(errand: Errand, site: Site, since: int, like: Undisturbed) -> list[str]:
    """What is wrong once the same was asked again of a run that was killed."""
    ground = site.ground
    found = _at_once(errand, site)
    ground.time.wait(LEASE_SECONDS)
    report = errand.run(site)
    if report.get("error", {}).get("code") == "NotReady":
        # A key may have been made that AWS does not show yet: never a second one on a guess.
        found += [] if len(site.keys) <= 1 else ["a second key"]
        ground.time.wait(YOUNG_SECONDS)
        report = errand.run(site)

    if report["status"] != "READY":
        return [*found, str(report.get("error"))]
    if site.state != like.state:
        found.append("another end state")
    calls = site.calls(since)
    return found + site.wrongs() + destructive(calls) + _repeated(site, since)


def _at_once(errand: Errand, site: Site) -> list[str]:
    """While the killed run's lease lasts, nobody works in the account, and nobody is misled."""
    since = len(site.aws.calls)
    report = errand.run(site)
    if report["status"] == "READY":
        return site.wrongs()
    waits = report["status"] == "WAITING" and report["error"]["code"] == "NotReady"
    return ([] if waits else [f"at once: {report}"]) + site.writes(since)


def _repeated(site: Site, since: int) -> list[str]:
    """Writes that took effect more than once."""
    done = Counter(
        str(call) for call in site.aws.writes(since, account=site.account) if not call.error
    )
    return [f"{times} times {call}" for call, times in done.items() if times > 1]


@pytest.mark.sample
@pytest.mark.parametrize(
    ("errand", "cases"),
    [
        (CREATE, each_once),
        (ADOPT, behind_writes),
        (REPAIR, behind_writes),
        (LOCK_MODE, behind_writes),
    ],
    ids=lambda it: getattr(it, "name", ""),
)
def test_a_run_that_was_killed_is_made_good_by_the_next(errand, cases, ground, broken):
    like = undisturbed(errand, ground)

    assert broken(cases(like), partial(wrongs, errand, ground, like)) == {}


@pytest.mark.soak
@pytest.mark.parametrize("errand", ERRANDS, ids=lambda it: it.name)
def test_at_whatever_call_and_on_whichever_side_of_it(errand, ground, broken):
    like = undisturbed(errand, ground)

    assert broken(every(like), partial(wrongs, errand, ground, like)) == {}
