"""
A stack's request, from what it claims to what CloudFormation hears.

Nothing is written, in the account or in the register, for a request that the stack's own events do
not confirm, or that the record does not allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from state_backend import outcomes
from state_backend.aws import announcements
from state_backend.aws.cloudformation_response import Answer
from state_backend.calls import JSON, AwsError
from state_backend.deletion import (
    Verdict,
    after,
    decide,
    is_not_ours,
    never_made,
    refusal,
    rolls_back,
)
from state_backend.errors import (
    AlreadyExists,
    InvalidRequest,
    RefusedChange,
    TransientError,
    explain,
)
from state_backend.event_sources.cloudformation import StackRequest, parse
from state_backend.hub import Hub
from state_backend.lease import Lease
from state_backend.outcomes import Report
from state_backend.ownership import HUB, LIVE, RELEASED, Record, on_record
from state_backend.properties import PROTOCOL_PROPERTIES
from state_backend.settings_in_force import hub_for
from state_backend.stack_evidence import (
    confirmed_events,
    evidence_on,
    owner_has_ended,
    patiently,
)
from state_backend.state_tags import mirror
from state_backend.telemetry import count, logger, tell
from state_backend.vending import Request, claim_of, vend


def create_or_update(event: Mapping[str, JSON], hub: Hub) -> Answer:
    """
    The backend that the stack asks for, brought to its properties.

    Raises:
        StateholdError: It could not be; the message says why and what to do.
        AwsError: The stack could not be looked at.
    """
    request = parse(event)
    asked = _asked(request)
    events = confirmed_events(request, hub)
    if request.kind == "Create":  # later on, what is recorded counts
        hub = hub_for(hub, request.account, request.region)
    asked = replace(asked, rolling_back=request.kind == "Update" and rolls_back(events))
    record = _claimed(request, asked, hub)
    report = _vended(asked, hub)
    if isinstance(report.error, AlreadyExists):
        # While the lease was waited for, another run has recorded it for a stack that may be gone.
        record = _claimed(request, asked, hub)
        report = _vended(asked, hub)
    tell(report)
    planned = report.changes is not None
    if planned and not _goes_back_to_what_is_on_record(record, asked, hub):
        raise _plan_only()
    if report.spec is None or not (planned or report.is_settled):
        raise report.error or InvalidRequest("The backend could not be completed")
    if record.state == RELEASED and not planned:
        mirror(report.spec, LIVE, hub.settings.role_arns(request.account), hub)
    return Answer(
        physical_id=report.bucket_name,
        data=outcomes.attributes(report.spec, report.controls),
    )


def delete(event: Mapping[str, JSON], hub: Hub) -> Answer:
    """
    The answer to a Delete. Nothing is deleted, whatever it is.

    Raises:
        StateholdError, AwsError: What it rests on could not be looked at: it is refused.
    """
    request = parse(event)
    done = Answer(physical_id=request.physical_id)
    if never_made(request):
        return done
    record = hub.register.read(request.account, request.region)
    if is_not_ours(request, record):
        return done
    evidence = evidence_on(request, record, hub)

    def judged(found: Record) -> Record:
        return after(found, decide(request, found, evidence))

    if not hub.settings.plan_only:
        record = _rewrite(request, hub, judged)
    verdict = decide(request, record, evidence)
    if verdict is Verdict.RELEASED and hub.settings.plan_only:
        raise _plan_only()
    if verdict is not Verdict.REFUSED:
        return done
    reason = refusal(request, record)
    count("DeletesRefused")
    _announce_refusal(request, record, reason, hub)
    return replace(done, failed=reason)


# ---- whether the record allows it ----------------------------------------------------------------


def _claimed(request: StackRequest, asked: Request, hub: Hub) -> Record:
    """
    The record that *request* meets, checked against it before anything is written.

    Raises:
        InvalidRequest, AlreadyExists, RefusedChange: The record does not allow it.
    """
    record = hub.register.read(request.account, request.region)
    if request.kind == "Update":
        _check_same_backend(request, record, asked, hub)
    left = _left_by(record.owner)
    leaves = not record.complete and record.owner not in {"", HUB, request.stack_id}
    try:
        claim_of(record, asked, hub)
    except AlreadyExists:
        if request.kind != "Create" or not owner_has_ended(record, hub):
            raise
        claim_of(left(record), asked, hub)
        leaves = True
    if leaves and not hub.settings.plan_only:
        # So that a rollback does not hand it back to a stack that never had it, or is gone.
        _rewrite(request, hub, left)
    return record


def _check_same_backend(request: StackRequest, record: Record, asked: Request, hub: Hub) -> None:
    """
    That an update is for the backend that its resource stands for.

    Raises:
        RefusedChange: It would make another one.
    """
    if hub.settings.backend_register:
        there = record.bucket_name
        wrong = f"Property Region is {request.region}, where {request.physical_id} is not on record"
    else:
        there = claim_of(record, asked, hub).spec.bucket_name
        wrong = f"The bucket would be {there} in place of {request.physical_id}"
    if there != request.physical_id:
        raise RefusedChange(
            f"{wrong}: a backend keeps its place, name and key",
            "Keep Region and BucketName, or make a new backend elsewhere and migrate the states",
        )


def _left_by(owner: str) -> Callable[[Record], Record]:
    """The change that leaves the backend to the next Create, if it still is *owner*'s."""

    def left(record: Record) -> Record:
        return replace(record, owner="", previous_owner="") if record.owner == owner else record

    return left


def _rewrite(request: StackRequest, hub: Hub, change: Callable[[Record], Record]) -> Record:
    """
    Makes *change* under the lease. Returns the record that it met.

    Raises:
        NotReady: Another run held the lease for as long as there was time.
    """
    with patiently(lambda: Lease(request.account, request.region, hub), hub) as lease:
        met = lease.record
        changed = change(met)
        if changed.state not in {met.state, ""}:
            mirror(on_record(met), changed.state, _roles(met), hub)
        lease.conclude(changed)
    return met


def _roles(record: Record) -> list[str]:
    """The roles that the backend's policies let tag."""
    return [arn for arn in (record.role_arn, record.previous_role_arn) if arn]


# ---- what is done --------------------------------------------------------------------------------


def _asked(request: StackRequest) -> Request:
    return Request(
        account=request.account,
        region=request.region,
        requester=request.stack_id,
        properties=_properties(request),
        creating=request.kind == "Create",
    )


def _vended(asked: Request, hub: Hub) -> Report:
    """What became of it, after as many attempts as there is time for."""
    report: list[Report] = []

    def attempt() -> None:
        report[:] = [vend(asked, hub)]
        if isinstance(report[0].error, TransientError):
            raise report[0].error

    with suppress(TransientError):
        patiently(attempt, hub)
    return report[0]


def _properties(request: StackRequest) -> Mapping[str, JSON]:
    return {
        name: value for name, value in request.properties.items() if name not in PROTOCOL_PROPERTIES
    }


def _announce_refusal(request: StackRequest, record: Record, reason: str, hub: Hub) -> None:
    detail = {
        "accountId": record.account,
        "region": record.region,
        "bucketName": record.bucket_name,
        "stackId": request.stack_id,
        "reason": reason,
    }
    try:
        announcements.announce(hub.at_home, announcements.DELETE_REFUSED, detail)
    except AwsError as error:
        # The refusal stands whether or not it could be told; the log keeps it.
        logger.warning("the refused delete could not be announced: %s", explain(error))


def _goes_back_to_what_is_on_record(record: Record, asked: Request, hub: Hub) -> bool:
    """Whether a stack rolls back to what nothing has to be written for: refusing would wedge it."""
    return asked.rolling_back and claim_of(record, asked, hub).given == record.given


def _plan_only() -> RefusedChange:
    return RefusedChange(
        "The hub's Mode is plan, so nothing was written", "Set the hub's Mode to reconcile"
    )
