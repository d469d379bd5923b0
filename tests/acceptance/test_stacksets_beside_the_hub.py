"""The same account by both ways: its stack and the hub's event, one after the other or at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.acceptance.cloudformation_backend import ACCOUNT, REGION
from tests.acceptance.stack_set_fleet import (
    HUBS,
    SECOND_REGION,
    THE_STACK,
    Fleet,
    last_status,
    said_of_it,
    vended,
    with_policy,
    without_the_function,
)
from tests.acceptance.stack_sets import CURRENT, INOPERABLE, OUTDATED
from tests.aws_double import Fault


def test_an_event_after_the_stack_finds_its_backend_and_keeps_it(fleet: Fleet) -> None:
    fleet.set.create_instances()

    assert said_of_it(fleet) == "READY"

    assert fleet.it.backend() == fleet.it.at_first
    assert fleet.owner() == THE_STACK
    assert _keys(fleet) == 1


CALLS = ("CreateKey", "PutBucketVersioning", "PutParameter")


@pytest.mark.parametrize("at", CALLS)
def test_an_event_that_comes_while_the_stack_is_worked_on_waits_and_finds_its_backend(
    fleet: Fleet, at: str
) -> None:
    left: list[int] = []

    def meanwhile(request: dict[str, Any]) -> None:
        left.append(it.deployment.deliver(vended(), clock=it.time.clock).left)
        it.time.let_go()
        it.cloudformation.finish()

    it = fleet.it
    it.cloudformation.meanwhile = meanwhile
    it.hold_the_function(at)
    with it.side_by_side():
        fleet.set.create_instances()
    it.time.seconds += 61

    again = it.deployment.deliver_again(clock=it.time.clock)

    assert left == [1]
    assert (again.left, again.dead) == (0, ())
    assert last_status(again) == "READY"
    assert (fleet.set.status(ACCOUNT), fleet.owner(), _keys(fleet)) == (CURRENT, THE_STACK, 1)


@pytest.mark.parametrize("at", CALLS)
def test_a_stack_that_comes_while_the_event_is_worked_on_waits_and_reads_the_hubs_backend(
    fleet: Fleet, at: str
) -> None:
    it = fleet.it
    with it.side_by_side():
        event = _held_at(fleet, at)
        it.time.at_next_sleep = lambda: _goes_on(fleet, event)
        fleet.set.create_instances()

    assert (fleet.set.status(ACCOUNT), fleet.owner(), _keys(fleet)) == (CURRENT, HUBS, 1)


def test_a_stack_that_asks_for_something_else_than_the_hub_made_is_refused_and_touches_nothing(
    fleet: Fleet,
) -> None:
    fleet.it.vend()
    made = fleet.it.backend()
    fleet.set = fleet.a_set(LockMode="dynamodb")

    fleet.set.create_instances()

    assert fleet.set.status(ACCOUNT) == OUTDATED
    assert "which belongs to the hub" in fleet.set.stack(ACCOUNT).reasons[0]
    assert made is not None
    assert fleet.it.at_first == fleet.it.backend()
    assert replace(made, states=fleet.it.at_first.states) == fleet.it.at_first


def test_a_second_region_has_a_backend_and_a_key_of_its_own(fleet: Fleet) -> None:
    fleet.set.regions = (REGION, SECOND_REGION)
    fleet.set.__post_init__()

    fleet.set.create_instances()

    assert fleet.set.status(ACCOUNT) == fleet.set.status(ACCOUNT, SECOND_REGION) == CURRENT
    there = fleet.it.record(SECOND_REGION)
    assert there.owner == fleet.set.stack(ACCOUNT, SECOND_REGION).stack_id
    assert fleet.it.record().owner == fleet.set.stack(ACCOUNT).stack_id
    keys = {
        region: fleet.it.client("kms", region).list_keys()["Keys"]
        for region in (REGION, SECOND_REGION)
    }
    assert {region: len(it) for region, it in keys.items()} == {REGION: 1, SECOND_REGION: 1}


@pytest.mark.parametrize(
    ("policy", "stuck"), [("RetainExceptOnCreate", INOPERABLE), ("Retain", OUTDATED)]
)
def test_only_retain_lets_a_creation_end_whose_function_never_answers(
    fleet: Fleet, policy: str, stuck: str
) -> None:
    fleet.set = with_policy(fleet, policy)

    without_the_function(fleet, fleet.set.create_instances)

    assert fleet.set.status(ACCOUNT) == stuck


def _held_at(fleet: Fleet, at: str) -> threading.Thread:
    """The event, worked on apart, which has come to a stand at the call *at*."""
    it = fleet.it
    it.aws.faults.add(Fault(operation=at, kind="throttle"))
    it.time.hold_next_sleeper = True
    thread = threading.Thread(
        target=it.deployment.deliver, args=(vended(),), kwargs={"clock": it.time.clock}
    )
    thread.start()
    while thread.is_alive() and not it.time.holds_somebody:
        thread.join(0.005)
    assert it.time.holds_somebody
    return thread


def _goes_on(fleet: Fleet, event: threading.Thread) -> None:
    fleet.it.time.let_go()
    event.join()


def _keys(fleet: Fleet) -> int:
    return len(fleet.it.client("kms").list_keys()["Keys"])
