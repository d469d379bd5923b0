"""
A stack's request, from what it claims to what CloudFormation hears.

Nothing is written for a request that the stack's own events do not confirm.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from state_backend import outcomes
from state_backend.aws import announcements, stacks
from state_backend.aws.cloudformation_response import Answer
from state_backend.calls import JSON, AwsError, Call, Invoke
from state_backend.deletion import Evidence, Verdict, decide, is_not_ours, refusal
from state_backend.errors import InvalidRequest, RefusedChange, TransientError, explain
from state_backend.event_sources.cloudformation import StackRequest, contradiction, parse
from state_backend.outcomes import Report
from state_backend.ownership import RELEASED, Record
from state_backend.policies.session_policy import SessionPolicy, existence_policy, stack_policy
from state_backend.properties import PROTOCOL_PROPERTIES
from state_backend.regions import partition_of
from state_backend.vending import Hub, Request, role_arns, vend

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 20.0
"""Between attempts at what AWS says may work later, as long as the function has time."""


def create_or_update(event: Mapping[str, JSON], hub: Hub) -> Answer:
    """
    The backend that the stack asks for, brought to its properties.

    Raises:
        StateholdError: It could not be; the message says why and what to do.
        AwsError: The stack could not be looked at.
    """
    request = parse(event)
    if not hub.settings.sam_local:
        look = _stack_session(request, hub)
        _must_agree(request, stacks.newest_event(look, request.stack_id, request.logical_id))
    report = _patiently(request, hub)
    if report.changes is not None:
        raise RefusedChange(
            "The hub's Mode is plan, so nothing was written", "Set the hub's Mode to reconcile"
        )
    if report.spec is None or not report.is_settled:
        raise report.error or InvalidRequest("The backend could not be completed")
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
    record = hub.register.read(request.account, request.region)
    done = Answer(physical_id=request.physical_id)
    if is_not_ours(request, record):
        return done
    evidence = _evidence(request, record, hub)
    verdict = decide(request, record, evidence)
    if verdict is Verdict.REFUSED:
        reason = refusal(request, record)
        _announce_refusal(request, record, reason, hub)
        return replace(done, failed=reason)
    if verdict is not Verdict.NOTHING_THERE:
        mine = (it for it in evidence.events if it["LogicalResourceId"] == request.logical_id)
        _must_agree(request, next(mine, None))
        _write_down(request, verdict, hub)
    return done


def _must_agree(request: StackRequest, newest: Mapping[str, JSON] | None) -> None:
    against = contradiction(request, newest)
    if against:
        raise InvalidRequest(
            f"The request is not confirmed by its stack: {against}",
            "Only CloudFormation itself may send it, for a resource of the stack",
        )


def _patiently(request: StackRequest, hub: Hub) -> Report:
    """Vends, again while AWS says that it may work later and there is time."""
    asked = Request(
        account=request.account,
        region=request.region,
        requester=request.stack_id,
        properties={
            name: value
            for name, value in request.properties.items()
            if name not in PROTOCOL_PROPERTIES
        },
    )
    while True:
        report = vend(asked, hub)
        late = hub.clock.now() + 2 * _PAUSE_SECONDS > hub.give_up_at
        if late or not isinstance(report.error, TransientError):
            return report
        hub.clock.sleep(_PAUSE_SECONDS)


def _stack_session(request: StackRequest, hub: Hub) -> Invoke:
    return _session(request, request.stack_region, stack_policy(request.stack_id), hub)


def _session(request: StackRequest, region: str, policy: SessionPolicy, hub: Hub) -> Invoke:
    return hub.sessions.open(role_arns(request.account, hub), region, (policy,)).invoke


def _evidence(request: StackRequest, record: Record, hub: Hub) -> Evidence:
    look = _stack_session(request, hub)
    arn = f"arn:{partition_of(record.region)}:s3:::{record.bucket_name}"
    look_at_bucket = _session(request, record.region, existence_policy(arn), hub)
    return Evidence(
        bucket_exists=_exists(look_at_bucket, record),
        events=tuple(stacks.events(look, request.stack_id)),
        resources=tuple(stacks.resources(look, request.stack_id)),
    )


def _exists(look: Invoke, record: Record) -> bool:
    bucket = {"Bucket": record.bucket_name, "ExpectedBucketOwner": record.account}
    try:
        look(Call("s3", "head_bucket", bucket))
    except AwsError as error:
        if error.code in {"404", "NoSuchBucket"}:
            return False
        raise
    return True


def _write_down(request: StackRequest, verdict: Verdict, hub: Hub) -> None:
    until = hub.deadline
    record = hub.register.acquire(request.account, request.region, hub.holder, until)
    if verdict is Verdict.RELEASED:
        after = replace(record, state=RELEASED)
    else:
        after = replace(record, owner=record.previous_owner, previous_owner="")
    hub.register.save(after, hub.holder, release=True)


def _announce_refusal(request: StackRequest, record: Record, reason: str, hub: Hub) -> None:
    detail = {
        "accountId": record.account,
        "region": record.region,
        "bucketName": record.bucket_name,
        "stackId": request.stack_id,
        "reason": reason,
    }
    try:
        announcements.announce(hub.invoke, announcements.DELETE_REFUSED, detail)
    except AwsError as error:
        # The refusal stands whether or not it could be told; the log keeps it.
        _log.warning("the refused delete could not be announced: %s", explain(error))
