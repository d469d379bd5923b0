"""
What is known of a stack and of its backend: what a request of CloudFormation is judged by.

The payload of a request proves nothing, so the stack's own events are read, in its own account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import TypeVar

from state_backend.aws import stacks
from state_backend.calls import JSON, AwsError, Call, Invoke
from state_backend.deletion import Evidence, has_ended
from state_backend.errors import StateholdError, TransientError, is_explicit_deny
from state_backend.event_sources.cloudformation import (
    StackRequest,
    UnconfirmedRequest,
    account_and_region,
    contradiction,
)
from state_backend.hub import Hub
from state_backend.ownership import HUB, Record
from state_backend.policies.session_policy import SessionPolicy, existence_policy, stack_policy
from state_backend.regions import partition_of
from state_backend.s3 import FORBIDDEN, NO_BUCKET
from state_backend.telemetry import count

_T = TypeVar("_T")

_PAUSE_SECONDS = 20.0
"""Between attempts at what AWS says may work later, as long as the function has time."""

_LOOK_SECONDS = 120.0
"""How long a stack's account is waited for: who only claims to be a stack must not hold us up."""

_LOOKS_AGAIN_AFTER = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further look for the event that a request rests on: it may show late."""


def confirmed_events(request: StackRequest, hub: Hub) -> Iterable[Mapping[str, JSON]]:
    """
    The stack's events, newest first: all of them for a Delete, else from the confirming one on.

    None at all in a local run, where no stack exists that could confirm anything.

    Raises:
        UnconfirmedRequest: The newest event of the resource says otherwise, or there is no stack.
        StateholdError, AwsError: The stack cannot be looked at.
    """
    return () if hub.settings.sam_local else _confirmed(request, _look(request, hub), hub)


def _confirmed(request: StackRequest, look: Invoke, hub: Hub) -> Iterable[Mapping[str, JSON]]:
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


def evidence_on(request: StackRequest, record: Record, hub: Hub) -> Evidence:
    """
    What a Delete of the backend on *record* is judged by.

    Raises:
        UnconfirmedRequest, StateholdError, AwsError: As ``confirmed_events``.
    """
    if hub.settings.sam_local:
        return Evidence(bucket_exists=not _is_gone(record, hub), events=(), resources=())
    look = _look(request, hub)
    return Evidence(
        events=tuple(_confirmed(request, look, hub)),
        bucket_exists=not _is_gone(record, hub),
        resources=tuple(stacks.resources(look, request.stack_id)),
    )


def owner_has_ended(record: Record, hub: Hub) -> bool:
    """Whether the owning stack has ended and left the backend: by a policy, by force, too late."""
    if record.owner in {"", HUB}:
        return False
    try:
        return has_ended(stacks.events(_stack_session(record.owner, hub), record.owner))
    except AwsError as error:
        return stacks.says_there_is_none(error)


def patiently(attempt: Callable[[], _T], hub: Hub, until: float = inf) -> _T:
    """What *attempt* returns, after as many as there is time for where it may work later."""
    while True:
        try:
            return attempt()
        except TransientError:
            if hub.clock.now() + 2 * _PAUSE_SECONDS > min(until, hub.give_up_at):
                raise
            hub.clock.sleep(_PAUSE_SECONDS)


def _look(request: StackRequest, hub: Hub) -> Invoke:
    """A session that looks at the stack; its role may be about to appear in a new account."""
    try:
        until = hub.clock.now() + _LOOK_SECONDS
        return patiently(lambda: _stack_session(request.stack_id, hub), hub, until)
    except TransientError:
        count("RequestsUnconfirmed")
        raise


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


def _is_gone(record: Record, hub: Hub) -> bool:
    """Whether the account has no such bucket. One that cannot be looked at counts as there."""
    policy = existence_policy(f"arn:{partition_of(record.region)}:s3:::{record.bucket_name}")
    try:
        return not _is_there(record, _session(record.account, record.region, policy, hub))
    except AwsError:
        return False


def _is_there(record: Record, look: Invoke) -> bool:
    bucket = {"Bucket": record.bucket_name, "ExpectedBucketOwner": record.account}
    try:
        look(Call("s3", "head_bucket", bucket))
    except AwsError as error:
        if error.code in FORBIDDEN:
            return _is_listed(record, look)
        if error.code in NO_BUCKET:
            return False
        raise
    return True


def _is_listed(record: Record, look: Invoke) -> bool:
    only_it = {"Prefix": record.bucket_name, "MaxBuckets": 1}
    listed = look(Call("s3", "list_buckets", only_it))["Buckets"]
    # In the order of their names: the bucket itself comes before all that begin like it.
    return any(it["Name"] == record.bucket_name for it in listed)


def _stack_session(stack_id: str, hub: Hub) -> Invoke:
    account, region = account_and_region(stack_id)
    return _session(account, region, stack_policy(stack_id), hub)


def _session(account: str, region: str, policy: SessionPolicy, hub: Hub) -> Invoke:
    """Looks through the first role that can be assumed and is not stopped by an explicit deny."""
    roles = hub.settings.role_arns(account)
    session = hub.sessions.open(roles, region, (policy,))

    def look(call: Call) -> JSON:
        nonlocal session
        while True:
            try:
                return session.invoke(call)
            except AwsError as error:
                further = roles[roles.index(session.role_arn) + 1 :]
                if not (further and is_explicit_deny(error)):
                    raise
                try:
                    session = hub.sessions.open(further, region, (policy,))
                except StateholdError:
                    raise error from None  # what stopped the first says more

    return look
