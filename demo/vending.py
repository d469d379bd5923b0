"""The account gets its backend: what is set now and why, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from demo.stage import Backend, Stage
from demo.values import in_words
from demo.words import expect
from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.resources import RESOURCES
from state_backend.spec import TO_BE_CREATED
from tests.aws_double import RecordedCall
from tests.deployment import Invocation
from tests.deployment.deployed import DEFAULT_BUS

VENDED = "AccountVendedFunction"
LATENCY = 0.03
"""Seconds added to each call while the backend is made, about what AWS itself takes."""

_NAMES = {control.why: control.id for control in CONTROLS}
"""What a setting is called, also where it is reported under its resource's name."""

_RESOURCES = {it.id for it in RESOURCES}

Reports: TypeAlias = Sequence[Mapping[str, JSON]]
"""What the function said, one for each account and Region, in the form of its answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the function: what it said, and what it took."""

    reports: Reports
    set_aside: str = ""
    """With what code and remedy the message was handed to a person; empty if it was not."""
    calls: Sequence[RecordedCall]
    seconds: float


def deliver(stage: Stage, event: Mapping[str, JSON], *, bus: str = DEFAULT_BUS) -> Run:
    """Sends *event*, on *bus*, the whole way: rule, queue, function."""
    set_aside: list[str] = []

    def act() -> Reports:
        delivery = stage.hub.deliver(event, bus=bus)
        for invocation in delivery.invocations:
            expect(not invocation.error, f"The function failed: {invocation.error}")
        said = [line["error"] for it in delivery.invocations for line in it.logs if "error" in line]
        expect(
            delivery.left == 0,
            "The message is back in the queue, to be tried again: "
            + ("; ".join(filter(None, said)) or "the function's log does not say why"),
        )
        for letter in delivery.dead:
            told = letter["MessageAttributes"]
            set_aside.append(f"{told['code']['StringValue']}: {told['remedy']['StringValue']}")
        return [report for it in delivery.invocations for report in _logged(it)]

    return replace(_measured(stage, act), set_aside="; ".join(set_aside))


def operate(stage: Stage, operation: Mapping[str, JSON]) -> Run:
    """Invokes the function with a direct operation."""

    def act() -> Reports:
        invocation = stage.hub.invoke(VENDED, operation)
        expect(not invocation.error, f"The function failed: {invocation.error}")
        return list(invocation.answer)

    return _measured(stage, act)


def show_controls(stage: Stage, planned: Mapping[str, JSON], key_id: str | None) -> None:
    """
    What did not exist, then each control from what the plan found to what was wanted, and why.

    Args:
        key_id: Of the key that was made since; None if the plan is all there is.
    """
    entry, made, key = (
        (stage.tell.note, "to be made", "a new key")
        if key_id is None
        else (stage.tell.done, "made", f"key/{key_id}")
    )
    changes = planned["changes"]
    said_by: dict[str, str] = {}
    for change in changes:
        said_by.setdefault(change["why"], change["control"])
    for control in dict.fromkeys(change["control"] for change in changes):
        likewise = []
        for change in (it for it in changes if it["control"] == control):
            if said_by[change["why"]] != control:
                likewise.append(said_by[change["why"]])
                continue
            name = name_of(change)
            before, after = (in_words(name, change[it]) for it in ("before", "after"))
            after = after.replace(f"key/{TO_BE_CREATED}", key)
            new = name in _RESOURCES and change["before"] is None
            entry(name, f"{made}: {after}" if new else f"{before} → {after}", change["why"])
        if likewise:
            entry(f"{control}, likewise", f"as on the bucket: {', '.join(likewise)}")


def name_of(change: Mapping[str, JSON]) -> str:
    """What the setting is called that *change* is about."""
    return _NAMES.get(change["why"], str(change["control"]))


def show_effort(stage: Stage, run: Run) -> None:
    accounts = {it["accountId"] for it in run.reports}
    writes = sum(call.write and call.account in accounts for call in run.calls)
    where = "the account" if len(accounts) == 1 else f"the {len(accounts)} accounts"
    stage.tell.say(
        f"That took {len(run.calls)} calls to AWS, of which {writes} write in {where}, and "
        f"{run.seconds:.1f} s with {LATENCY * 1000:.0f} ms added to each. docs/calls.md has the "
        "exact counts of runs by hand, which do not ask Organizations."
    )


def show_settled(stage: Stage, backend: Backend) -> None:
    """A second plan finds nothing to change."""
    again = operate(
        stage, {"operation": "plan", "accountId": backend.account, "region": backend.region}
    )
    [report] = again.reports
    left = [change["control"] for change in report.get("changes", ["everything"])]
    expect(report["status"] == "READY" and not left, f"Still to change: {', '.join(left)}.")
    stage.tell.say(f"A second look, {len(again.calls)} calls, finds nothing left to change.")


def backend_of(report: Mapping[str, JSON]) -> Backend:
    return Backend(
        account=report["accountId"], region=report["region"], bucket=report["bucketName"]
    )


def _measured(stage: Stage, act: Callable[[], Reports]) -> Run:
    since = len(stage.aws.calls)
    stage.aws.latency = LATENCY
    try:
        reports = act()
    finally:
        stage.aws.latency = 0.0
    calls = [call for call in stage.aws.calls[since:] if call.service != "sqs"]
    return Run(
        reports=reports,
        calls=calls,
        seconds=max(call.ended for call in calls) - calls[0].started if calls else 0.0,
    )


def _logged(invocation: Invocation) -> list[Mapping[str, JSON]]:
    """
    The reports in the function's log, in the form of its answers.

    A queue gets no answer but which messages failed; what became of an account is in the log.
    """
    return [
        {
            "accountId": line["account_id"],
            "region": line["backend_region"],
            "bucketName": line["bucket"],
            "status": line["message"].rpartition(" ")[2],
            "controls": line["controls"],
            "error": {"message": line["error"]},
        }
        for line in invocation.logs
        if "account_id" in line
    ]
