"""
Evidence in, answer out: what CloudFormation hears when it asks for a Delete. Pure.

Nothing is ever deleted here. A Delete is refused only for a live, protected backend of a stack
that was really created: refusing more would wedge stacks, refusing less would lose state. The rows
of ``decide`` are tried from the top.

Source for the statuses:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import takewhile

from state_backend.calls import JSON
from state_backend.event_sources.cloudformation import StackRequest
from state_backend.ownership import HUB, RELEASED, Record, on_record

FAILED_ID_PREFIX = "statehold-create-failed-"
"""How the physical id of a Create that came to nothing begins."""

_CREATED = frozenset({"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE"})
"""
What a stack reaches only once it exists. A creation that failed and was kept (OnFailure DO_NOTHING)
can be mended by an update: such a stack never is CREATE_COMPLETE.
"""

_GONE = frozenset({"DELETE_COMPLETE", "ROLLBACK_COMPLETE"})
"""The ends of a stack after which it can ask for nothing any more."""

_ROLLING_BACK_UPDATE = frozenset(
    {"UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"}
)


class Verdict(Enum):
    """What becomes of a Delete."""

    NOTHING_THERE = auto()
    """SUCCESS, nothing touched: it never was a backend, or is not this resource's alone."""
    GONE = auto()
    """SUCCESS, nothing touched: its bucket is not there. The record waits for the next Create."""
    HANDED_BACK = auto()
    """SUCCESS, everything stays; the recorded owner is again the previous one."""
    RELEASED = auto()
    """SUCCESS, everything stays; the record says that it was released."""
    REFUSED = auto()
    """FAILED: the backend is live and protected."""


def failed_id(event: Mapping[str, JSON]) -> str:
    """The physical id of a Create that came to nothing; no bucket can be named so."""
    return f"{FAILED_ID_PREFIX}{event['LogicalResourceId']}"[:200]


def never_made(request: StackRequest) -> bool:
    """Whether the resource is what a failed Create left: then nothing need be looked at."""
    return request.physical_id.startswith(FAILED_ID_PREFIX)


def is_not_ours(request: StackRequest, record: Record) -> bool:
    """Whether the resource never had a backend of its own: then the stack need not be looked at."""
    unknown = request.physical_id != record.bucket_name
    return unknown or not record.complete or record.owner != request.stack_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was found out about a Delete of a backend that this stack owns on record."""

    bucket_exists: bool
    """Whether it may be there: one that cannot be looked at counts as there."""
    events: Sequence[Mapping[str, JSON]]
    """All events of the stack, newest first."""
    resources: Sequence[Mapping[str, JSON]]
    """The stack's resources as they stand."""


def decide(request: StackRequest, record: Record, evidence: Evidence) -> Verdict:  # noqa: PLR0911 - a table of cases
    """The verdict on *request*."""
    if is_not_ours(request, record):
        return Verdict.NOTHING_THERE
    if not evidence.bucket_exists:
        return Verdict.GONE
    if _creation_rolls_back(evidence.events):
        return Verdict.HANDED_BACK
    if _is_new_in_a_rolled_back_update(request, evidence.events):
        was_here = _was_here_before(request, evidence.events)
        return Verdict.NOTHING_THERE if was_here else Verdict.HANDED_BACK
    if _is_held_by_another(request, evidence.resources):
        return Verdict.NOTHING_THERE
    if record.state == RELEASED or not is_protected(record):
        return Verdict.RELEASED
    return Verdict.REFUSED


def after(record: Record, verdict: Verdict) -> Record:
    """*record* after *verdict*."""
    match verdict:
        case Verdict.RELEASED:
            return replace(record, state=RELEASED, previous_owner="")
        case Verdict.HANDED_BACK:
            # From another stack only a released backend is taken over: that is what it is again.
            state = record.state if record.previous_owner in {"", HUB} else RELEASED
            return replace(record, owner=record.previous_owner, previous_owner="", state=state)
        case Verdict.GONE:
            return replace(record, owner="", previous_owner="", state="")
        case _:
            return record


def has_ended(events: Iterable[Mapping[str, JSON]]) -> bool:
    """Whether the stack of *events* is deleted, or is what a rolled back creation leaves."""
    return _newest_status(events) in _GONE


def rolls_back(events: Iterable[Mapping[str, JSON]]) -> bool:
    """Whether the stack of *events* is going back to what it was before an update."""
    return _newest_status(events) in _ROLLING_BACK_UPDATE


def is_protected(record: Record) -> bool:
    """Whether the protection on record stands; what a template says no longer counts."""
    return on_record(record).prevent_destroy


def refusal(request: StackRequest, record: Record) -> str:
    """The Reason of a refused Delete."""
    return (
        f"The state backend {record.bucket_name} in account {record.account} ({record.region}) is "
        f"protected and was not touched. To release it, set PreventDestroy: 'false' on "
        f"{request.logical_id}, update the stack, then delete again. To delete the stack and keep "
        f"the backend, retain {request.logical_id}"
    )


def _creation_rolls_back(events: Iterable[Mapping[str, JSON]]) -> bool:
    """
    Whether the stack itself never came to exist.

    Only if its events reach back to its own CREATE_IN_PROGRESS, before which a change set leaves a
    REVIEW_IN_PROGRESS: CloudFormation forgets old events, and a stack whose beginning cannot be
    seen counts as created.
    """
    statuses = [it["ResourceStatus"] for it in events if _is_the_stack(it)]
    return "CREATE_IN_PROGRESS" in statuses and not _CREATED.intersection(statuses)


def _is_new_in_a_rolled_back_update(
    request: StackRequest, events: Sequence[Mapping[str, JSON]]
) -> bool:
    """Whether the update that is being rolled back has created the resource."""
    stack = [it["ResourceStatus"] for it in events if _is_the_stack(it)]
    if not stack or stack[0] not in _ROLLING_BACK_UPDATE:
        return False
    return any(
        it.get("LogicalResourceId") == request.logical_id
        and it["ResourceStatus"] == "CREATE_IN_PROGRESS"
        for it in takewhile(_is_after_the_update_began, events)
    )


def _was_here_before(request: StackRequest, events: Sequence[Mapping[str, JSON]]) -> bool:
    """Whether the backend may have been this stack's already when the update began."""
    older = events[len(list(takewhile(_is_after_the_update_began, events))) :]
    began = any(_is_the_stack(it) and it["ResourceStatus"] == "CREATE_IN_PROGRESS" for it in older)
    return not began or any(it.get("PhysicalResourceId") == request.physical_id for it in older)


def _is_after_the_update_began(event: Mapping[str, JSON]) -> bool:
    return not (_is_the_stack(event) and event["ResourceStatus"] == "UPDATE_IN_PROGRESS")


def _is_held_by_another(request: StackRequest, resources: Iterable[Mapping[str, JSON]]) -> bool:
    return any(
        it.get("PhysicalResourceId") == request.physical_id
        and it.get("LogicalResourceId") != request.logical_id
        and not it["ResourceStatus"].startswith("DELETE")
        for it in resources
    )


def _newest_status(events: Iterable[Mapping[str, JSON]]) -> str:
    """The stack's own newest status; empty where none is seen."""
    return next((it["ResourceStatus"] for it in events if _is_the_stack(it)), "")


def _is_the_stack(event: Mapping[str, JSON]) -> bool:
    return event.get("PhysicalResourceId") == event.get("StackId")
