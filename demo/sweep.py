"""A sweep: the functions at its beginning and its end get their events from a state machine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from demo.stage import MEMBER_ACCOUNT, Stage
from demo.words import expect
from state_backend.calls import JSON

MACHINE = "FleetSweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What of the sweep an event belongs to."""

    function: str
    place: str
    operation: str


def task_of(event: Mapping[str, JSON]) -> Task | None:
    """The task that *event* is the input of; None if it is none's."""
    asked = event.get("input")
    if isinstance(asked, dict):
        operation = str(asked.get("operation", "reconcile"))
        return Task(function="FleetSweepFunction", place="first", operation=operation)
    if "map" in event:
        operation = str(event.get("operation"))
        return Task(function="FleetSummaryFunction", place="last", operation=operation)
    return None


def play(stage: Stage, event: Mapping[str, JSON], task: Task) -> None:
    """Runs the whole sweep, in which *task* gets its event."""
    stage.account_comes(MEMBER_ACCOUNT)
    stage.tell.say(
        f"The event is for {task.function}, the {task.place} task of the state machine {MACHINE}. "
        f"`make sam-local EVENT=path` runs that function alone. Here the whole sweep is run, "
        f"operation {task.operation}, in an organization of two accounts."
    )
    stage.tell.blank()
    since = len(stage.aws.calls)
    # moto tells of what it does not look at; nobody would know what to make of it.
    logging.getLogger("moto").addHandler(logging.NullHandler())
    asked = {"operation": task.operation}
    done = stage.hub.execute(MACHINE, asked, name=str(event.get("id", "by-hand")))
    expect(done.status == "SUCCEEDED", f"The sweep ended {done.status}: {done.cause}")
    if task.operation == "plan":
        writes = stage.aws.writes(since, account=MEMBER_ACCOUNT)
        expect(not writes, f"The plan wrote: {', '.join(map(str, writes))}.")
    stage.tell.done("FleetSweepFunction", "lists each account and Region to look at")
    stage.tell.done("AccountVendedFunction", f"{task.operation} for each of them, side by side")
    stage.tell.done("FleetSummaryFunction", done.output["sentence"], done.output["report"])
