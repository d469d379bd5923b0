"""
AWS shows for a while what was: no second key, nothing written twice, and no sleep but the clock's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.aws_double import Fault
from tests.fault.calls import Named
from tests.fault.damage import DAMAGES, damaged, place, repaired_state
from tests.fault.errands import CREATE, undisturbed
from tests.fault.ground import Ground

ONCE, OFTEN = 1, 3
"""How often in a row the old answer comes."""


def repeated_reads(calls: list[Named]) -> list[Named]:
    """The first reads that follow upon a like one: what they show may be the earlier answer."""
    return [it for it in calls if not it.write and it.nth == 2]


def reads_after_creation(calls: list[Named]) -> Iterator[Named]:
    yield from repeated_reads([it for it in calls if it.service in {"s3", "kms", "dynamodb"}])


def test_a_thing_that_was_just_made_may_not_show_yet(ground, broken):
    like = undisturbed(CREATE, ground)
    reads = list(reads_after_creation(like.calls))
    assert {it.operation for it in reads} == {"HeadBucket", "DescribeKey"}

    def wrongs(case: tuple[Named, int]) -> list[Any]:
        read, times = case
        site = ground.site()
        ground.faults.add(read.fault(site.account, "stale", times=times))
        report = CREATE.run(site)
        ground.faults.clear()
        if report["status"] != "READY" or site.state != like.state:
            return [report]
        return site.wrongs()

    assert broken(product(reads, (ONCE, OFTEN)), wrongs) == {}


@pytest.mark.parametrize("times", [ONCE, pytest.param(OFTEN, marks=pytest.mark.soak)])
@pytest.mark.parametrize("fact", DAMAGES, ids=place)
def test_a_setting_that_was_just_put_may_not_show_yet(fact, times, ground):
    assert _put_and_stale(ground, fact, times) == []


def _put_and_stale(ground: Ground, fact: Any, times: int) -> list[Any]:
    site = damaged(ground)
    before = repaired_state(site)
    DAMAGES[fact](site)
    since = len(ground.aws.calls)
    # The repair reads, writes, and reads again: from there on, the old answer.
    for read in {(it.operation, it.bucket) for it in _dry_run(site, since)}:
        _stale(ground, site, *read, times=times)
    since = len(ground.aws.calls)
    report = site.ask()
    ground.faults.clear()
    if report["status"] != "READY":
        return [report]
    found: list[Any] = [] if repaired_state(site) == before else ["another end state"]
    return found


def _dry_run(site: Any, since: int) -> list[Any]:
    site.ask(kind="plan")
    return [it for it in site.calls(since) if not it.write and it.service != "sts"]


def _stale(ground: Ground, site: Any, operation: str, bucket: str, *, times: int) -> None:
    ground.faults.add(
        Fault(
            operation=operation,
            kind="stale",
            account=site.account,
            nth=2,
            times=times,
            match=lambda call: call.bucket == bucket,
        )
    )
