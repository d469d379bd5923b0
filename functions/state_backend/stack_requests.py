"""
A stack's request, from what it claims to what CloudFormation hears.

Nothing is written, in the account or in the register, for a request that the stack's own events do
not confirm, or that the record does not allow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import TypeVar

from state_backend import outcomes
from state_backend.aws import announcements, stacks
from state_backend.aws.cloudformation_response import Answer
from state_backend.calls import JSON, AwsError, Call, Invoke
from state_backend.deletion import (
    Evidence,
    Verdict,
    decide,
    has_ended,
    is_not_ours,
    refusal,
    rolls_back,
    settled,
)
from state_backend.errors import (
    AlreadyExists,
    InvalidRequest,
    RefusedChange,
    StateholdError,
    TransientError,
    explain,
)
from state_backend.event_sources.cloudformation import (
    StackRequest,
    UnconfirmedRequest,
    account_and_region,
    contradiction,
    parse,
)
from state_backend.lock_modes import LOCK_MODES
from state_backend.outcomes import Report
from state_backend.ownership import HUB, LIVE, RELEASED, Record
from state_backend.policies.session_policy import (
    SessionPolicy,
    existence_policy,
    session_policies,
    stack_policy,
)
from state_backend.properties import PROTOCOL_PROPERTIES
from state_backend.regions import partition_of
from state_backend.spec import BackendSpec, resolve
from state_backend.telemetry import count, tell
from state_backend.vending import Hub, Request, claim_of, role_arns, vend

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_PAUSE_SECONDS = 20.0
"""Between attempts at what AWS says may work later, as long as the function has time."""

_LOOK_SECONDS = 120.0
"""How long a stack's account is waited for: who only claims to be a stack must not hold us up."""

_LOOKS_AGAIN_AFTER = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further look for the event that a request rests on: it may show late."""

_TAG_PERMISSIONS = ("s3:TagResource", "kms:TagResource", "dynamodb:TagResource")
"""What it takes to mirror the record's state in the account."""

_STATE_TAG = "StateholdState"


def create_or_update(event: Mapping[str, JSON], hub: Hub) -> Answer:
    """
    The backend that the stack asks for, brought to its properties.

    Raises:
        StateholdError: It could not be; the message says why and what to do.
        AwsError: The stack could not be looked at.
    """
    request = parse(event)
    asked = _asked(request)
    if not hub.settings.sam_local:
        events = _confirmed_events(request, _look(request, hub), hub)
        asked = replace(asked, rolling_back=request.kind == "Update" and rolls_back(events))
    record = _claimed(request, asked, hub)
    report = _vended(asked, hub)
    if isinstance(report.error, AlreadyExists):
        # While the lease was waited for, another run has recorded it for a stack that may be gone.
        record = _claimed(request, asked, hub)
        report = _vended(asked, hub)
    tell(report)
    if report.changes is not None:
        raise _plan_only()
    if report.spec is None or not report.is_settled:
        raise report.error or InvalidRequest("The backend could not be completed")
    if record.state == RELEASED:
        _mirror(report.spec, LIVE, role_arns(request.account, hub), hub)
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
    record = hub.register.read(request.account, request.region)
    if is_not_ours(request, record):
        return done
    evidence = _evidence(request, record, hub)

    def judged(record: Record) -> Record:
        return settled(record, decide(request, record, evidence))

    if not hub.settings.plan_only:
        record = _rewritten(request, hub, judged)
    elif decide(request, record, evidence) is Verdict.RELEASED:
        raise _plan_only()
    if decide(request, record, evidence) is not Verdict.REFUSED:
        return done
    reason = refusal(request, record)
    count("DeletesRefused")
    _announce_refusal(request, record, reason, hub)
    return replace(done, failed=reason)


# ---- whether to believe it -----------------------------------------------------------------------


def _look(request: StackRequest, hub: Hub) -> Invoke:
    """A session that looks at the stack; its role may be about to appear in a new account."""
    try:
        until = hub.clock.now() + _LOOK_SECONDS
        return _patiently(lambda: _stack_session(request.stack_id, hub), hub, until)
    except TransientError:
        count("RequestsUnconfirmed")
        raise


def _confirmed_events(
    request: StackRequest, look: Invoke, hub: Hub
) -> Iterable[Mapping[str, JSON]]:
    """
    The stack's events, newest first: all of them for a Delete, else from the confirming one on.

    Raises:
        UnconfirmedRequest: The newest event of the resource says otherwise, or there is no stack.
        StateholdError, AwsError: The stack cannot be looked at.
    """
    for pause in (*_LOOKS_AGAIN_AFTER, 0.0):
        events, against = _read(request, look)
        if not against:
            return events
        if not pause or hub.clock.now() + pause > hub.give_up_at:
            break
        hub.clock.sleep(pause)
    raise UnconfirmedRequest(
        f"The request is not confirmed by its stack: {against}",
        "Only CloudFormation itself may send it, for a resource of the stack",
    )


def _read(request: StackRequest, look: Invoke) -> tuple[Iterable[Mapping[str, JSON]], str]:
    """The events that the request needs, and in what they contradict it."""
    try:
        events: Iterable[Mapping[str, JSON]] = stacks.events(look, request.stack_id)
        if request.kind == "Delete":
            events = tuple(events)
        mine = (it for it in events if it.get("LogicalResourceId") == request.logical_id)
        return events, contradiction(request, next(mine, None))
    except AwsError as error:
        if stacks.says_there_is_none(error):
            return (), "the account has no such stack"
        raise


# ---- whether the record allows it ----------------------------------------------------------------


def _claimed(request: StackRequest, asked: Request, hub: Hub) -> Record:
    """
    The record that *request* meets: held against it before even the register is written.

    Raises:
        InvalidRequest, AlreadyExists, RefusedChange: The record does not allow it.
    """
    record = hub.register.read(request.account, request.region)
    moves = request.kind == "Update" and record.bucket_name != request.physical_id
    if moves and hub.settings.backend_register:
        raise RefusedChange(
            f"Property Region is {request.region}, where {request.physical_id} is not on record: "
            "a backend keeps its place, name and key",
            "Keep Region, or make a new backend elsewhere and migrate the states to it",
        )
    left = _left_by(record.owner)
    leaves = not record.complete and record.owner not in {"", HUB, request.stack_id}
    try:
        claim_of(record, asked, hub)
    except AlreadyExists:
        if request.kind != "Create" or not _owner_has_ended(record, hub):
            raise
        claim_of(left(record), asked, hub)
        leaves = True
    if leaves and not hub.settings.plan_only:
        # So that a rollback does not hand it back to a stack that never had it, or is gone.
        _rewritten(request, hub, left)
    return record


def _owner_has_ended(record: Record, hub: Hub) -> bool:
    """Whether the owning stack has ended and left the backend: by a policy, by force, too late."""
    if record.owner in {"", HUB}:
        return False
    try:
        return has_ended(stacks.events(_stack_session(record.owner, hub), record.owner))
    except AwsError as error:
        return stacks.says_there_is_none(error)


def _left_by(owner: str) -> Callable[[Record], Record]:
    """The change that leaves the backend to the next Create, if it still is *owner*'s."""

    def left(record: Record) -> Record:
        return replace(record, owner="", previous_owner="") if record.owner == owner else record

    return left


def _rewritten(request: StackRequest, hub: Hub, change: Callable[[Record], Record]) -> Record:
    """
    The record as it was before *change*, which is written down under the lease.

    Raises:
        NotReady: Another run held the lease for as long as there was time.
    """
    record = _patiently(
        lambda: hub.register.acquire(request.account, request.region, hub.holder, hub.deadline),
        hub,
    )
    try:
        after = change(record)
        if after.state not in {record.state, ""}:
            _mirror(_spec(record), after.state, _roles(record), hub)
    except BaseException:
        hub.register.release(record, hub.holder)
        raise
    hub.register.save(after, hub.holder, release=True)
    return record


def _spec(record: Record) -> BackendSpec:
    spec = resolve(record.account, record.region, record.given, record.defaults)
    return replace(spec, origin=record.origin, key_arn=record.key_arn or spec.key_arn)


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
    )


def _vended(asked: Request, hub: Hub) -> Report:
    """What became of it, after as many attempts as there is time for."""
    report: list[Report] = []

    def attempt() -> None:
        report[:] = [vend(asked, hub)]
        if isinstance(report[0].error, TransientError):
            raise report[0].error

    with suppress(TransientError):
        _patiently(attempt, hub)
    return report[0]


def _patiently(attempt: Callable[[], _T], hub: Hub, until: float = inf) -> _T:
    """What *attempt* returns, after as many as there is time for where it may work later."""
    while True:
        try:
            return attempt()
        except TransientError:
            if hub.clock.now() + 2 * _PAUSE_SECONDS > min(until, hub.give_up_at):
                raise
            hub.clock.sleep(_PAUSE_SECONDS)


def _properties(request: StackRequest) -> Mapping[str, JSON]:
    return {
        name: value for name, value in request.properties.items() if name not in PROTOCOL_PROPERTIES
    }


def _stack_session(stack_id: str, hub: Hub) -> Invoke:
    account, region = account_and_region(stack_id)
    return _session(account, region, stack_policy(stack_id), hub)


def _session(account: str, region: str, policy: SessionPolicy, hub: Hub) -> Invoke:
    return hub.sessions.open(role_arns(account, hub), region, (policy,)).invoke


def _evidence(request: StackRequest, record: Record, hub: Hub) -> Evidence:
    look = _look(request, hub)
    return Evidence(
        events=tuple(_confirmed_events(request, look, hub)),
        bucket_exists=_may_exist(record, hub),
        resources=tuple(stacks.resources(look, request.stack_id)),
    )


def _may_exist(record: Record, hub: Hub) -> bool:
    arn = f"arn:{partition_of(record.region)}:s3:::{record.bucket_name}"
    bucket = {"Bucket": record.bucket_name, "ExpectedBucketOwner": record.account}
    try:
        look = _session(record.account, record.region, existence_policy(arn), hub)
        look(Call("s3", "head_bucket", bucket))
    except AwsError as error:
        return error.code not in {"404", "NoSuchBucket"}
    return True


def _mirror(spec: BackendSpec, state: str, role_arns: Sequence[str], hub: Hub) -> None:
    """
    Tags bucket, key and table with *state*, for whoever finds them.

    The register is the truth: that they could not be tagged is logged, and changes no answer.
    """
    try:
        policies = session_policies(spec, _TAG_PERMISSIONS)
        session = hub.sessions.open(role_arns, spec.region, policies)
    except (StateholdError, AwsError) as error:
        _log.warning("nothing could be tagged %s: %s", state, error)
        return
    for call in _tag_calls(spec, state):
        try:
            session.invoke(call)
        except AwsError as error:
            _log.warning("not tagged %s: %s", state, explain(error))


def _tag_calls(spec: BackendSpec, state: str) -> Iterator[Call]:
    tags = [{"Key": _STATE_TAG, "Value": state}]
    bucket = {"AccountId": spec.account, "ResourceArn": spec.bucket_arn, "Tags": tags}
    yield Call("s3control", "tag_resource", bucket)
    if spec.makes_key and spec.key_arn:
        key_tags = [{"TagKey": _STATE_TAG, "TagValue": state}]
        yield Call("kms", "tag_resource", {"KeyId": spec.key_arn, "Tags": key_tags})
    if LOCK_MODES[spec.lock_mode].lock_table:
        start = f"arn:{spec.partition}:dynamodb:{spec.region}:{spec.account}"
        table = f"{start}:table/{spec.lock_table_name}"
        yield Call("dynamodb", "tag_resource", {"ResourceArn": table, "Tags": tags})


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
        _log.warning("the refused delete could not be announced: %s", explain(error))


def _plan_only() -> RefusedChange:
    return RefusedChange(
        "The hub's Mode is plan, so nothing was written", "Set the hub's Mode to reconcile"
    )
