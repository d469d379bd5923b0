"""
Every fact is broken by hand: found once, repaired once, then silence.

What cannot be repaired, or only at somebody's cost, stops the run with a name; nothing is ever made
anew over what states may depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import pytest

from state_backend.resources import RESOURCES
from tests.fault.damage import DAMAGES, Fact, damaged, place, repaired_state
from tests.fault.ground import Ground, destructive

_SUPPORTING = {it.id for it in RESOURCES if it.supporting}


def wrongs(ground: Ground, facts: Sequence[Fact]) -> list[object]:
    """What is wrong once *facts* were broken and repaired."""
    site = damaged(ground)
    keys, before = site.keys, repaired_state(site)
    for fact in facts:
        DAMAGES[fact](site)
    reported = {on if on in _SUPPORTING else control for control, on in facts}

    planned = site.ask(kind="plan")
    since = len(ground.aws.calls)
    repaired = site.ask()
    calls = site.calls(since)
    after = len(ground.aws.calls)
    silent = site.ask()

    found: list[object] = []
    if {it["control"] for it in planned["changes"]} != reported:
        found.append(("planned", planned["changes"]))
    changed = {name for name, it in repaired["controls"].items() if it == "CHANGED"}
    if repaired["status"] != "READY" or changed != reported:
        found.append(("repaired", repaired))
    if silent["status"] != "READY" or site.writes(after):
        found.append(("not silent", silent, site.writes(after)))
    if repaired_state(site) != before:
        found.append("another end state")
    if [it for it in site.keys if it in keys] != keys or site.key != keys[0]:
        found.append("another key")
    return found + site.losses() + destructive([it for it in calls if it.write])


@pytest.mark.parametrize("fact", DAMAGES, ids=place)
def test_a_broken_fact_is_found_once_repaired_once_and_then_there_is_silence(fact, ground):
    assert wrongs(ground, [fact]) == []


@pytest.mark.soak
@pytest.mark.parametrize("fact", DAMAGES, ids=place)
def test_two_at_once(fact, ground, broken):
    pairs = [pair for pair in combinations(DAMAGES, 2) if pair[0] == fact]

    assert broken(pairs, partial(wrongs, ground)) == {}
