"""
AWS throttles a share of all calls, by chance: the run gets through, without a storm of its own.

Chance is seeded by call: which attempt at what is struck does not hang on who comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest

from state_backend.aws.invoke import _ATTEMPTS
from state_backend.errors import _THROTTLED
from tests.aws_double import Fault, RecordedCall
from tests.fault.calls import name_of
from tests.fault.errands import CREATE, Undisturbed, undisturbed
from tests.fault.ground import YOUNG_SECONDS, Ground, destructive
from tests.fault.test_every_call import FOR_GOOD, told

SHARES = {0.1: 2.0, 0.3: 2.0, 0.5: 3.0}
"""How many calls are throttled -> how many times the undisturbed run's calls there are at most."""
SEEDS, MANY_SEEDS = 4, 100


def by_chance(share: float, seed: int, account: str) -> Callable[[RecordedCall], bool]:
    seen: Counter[str] = Counter()

    def is_struck(call: RecordedCall) -> bool:
        name = name_of(call, account)
        seen[name] += 1
        return Random(f"{seed} {name} {seen[name]}").random() < share

    return is_struck


def wrongs(ground: Ground, like: Undisturbed, share: float, seed: int) -> list[Any]:
    site = ground.site()
    since = len(ground.aws.calls)
    chance = by_chance(share, seed, site.account)
    ground.faults.add(Fault(kind="throttle", times=FOR_GOOD, match=chance))
    first = CREATE.run(site)
    ground.faults.clear()
    calls = ground.aws.calls[since:]

    found: list[Any] = told(first)
    if len(calls) > SHARES[share] * len(like.calls):
        found.append(f"{len(calls)} calls instead of {len(like.calls)}")
    if (longest := _longest_row(calls, site.account)) > _ATTEMPTS:
        found.append(f"{longest} attempts at one call")
    if first["status"] != "READY":
        found += ["it gave up"] if share <= min(SHARES) else []
        ground.time.wait(YOUNG_SECONDS)
        found += told(CREATE.run(site))
    if site.state != like.state:
        found.append("another end state")
    return found + site.wrongs() + destructive(site.calls(since))


def _longest_row(calls: list[RecordedCall], account: str) -> int:
    """The most attempts at one call until it was taken or given up."""
    row: Counter[str] = Counter()
    longest = 0
    for call in calls:
        same = f"{name_of(call, account)} {call.parameters}"
        row[same] += 1
        longest = max(longest, row[same])
        if call.error not in _THROTTLED:
            row[same] = 0
    return longest


@pytest.mark.sample
@pytest.mark.parametrize("share", SHARES, ids=lambda it: f"{it:.0%}")
def test_a_run_gets_through_a_burst_of_throttling(share, ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(range(SEEDS), partial(wrongs, ground, like, share)) == {}


@pytest.mark.soak
@pytest.mark.parametrize("share", SHARES, ids=lambda it: f"{it:.0%}")
def test_a_hundred_times(share, ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(range(MANY_SEEDS), partial(wrongs, ground, like, share)) == {}
