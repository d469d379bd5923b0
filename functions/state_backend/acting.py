"""
The loop, through the first role of the hub's that can be assumed and is not stopped by a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from state_backend import outcomes
from state_backend.aws.session import Session
from state_backend.calls import Invoke
from state_backend.errors import AccessDenied, InvalidRequest, NotReady
from state_backend.hub import Hub
from state_backend.intent import Intent
from state_backend.model import Change
from state_backend.outcomes import Report
from state_backend.ownership import Claim, Record
from state_backend.policies.session_policy import session_policies
from state_backend.reconcile import Loop, permissions
from state_backend.spec import BackendSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run did, and as whom."""

    report: Report
    made: tuple[Change, ...]
    """What was changed, through whichever role."""
    role_arn: str
    other_role_arn: str
    """The second role that the policies let repair; empty if there is none."""
    key_intent_at: float
    """The intent to create a key that is still open; 0 if none is."""


def act(record: Record, claimed: Claim, hub: Hub, *, plan_only: bool) -> Run:
    """
    What is done for *claimed*, or in a plan would be.

    Where every role is stopped, what stopped the first counts: the others may fail by our own
    policies, which do not know them.

    Raises:
        InvalidRequest: The hub names no role.
        NotReady: None of them can be assumed.
        AwsError: STS did not answer.
    """
    remaining = configured = hub.settings.role_arns(claimed.spec.account)
    policies = session_policies(claimed.spec, permissions(claimed.spec))
    first: Run | None = None
    stopped: Session | None = None
    made: tuple[Change, ...] = ()

    def run_as(role_arn: str, beside: str, invoke: Invoke) -> Run:
        nonlocal record, claimed, made
        through = _through(role_arn, beside, record, claimed, configured)
        run = _loop(record, through, hub, invoke, plan_only=plan_only)
        made += run.made
        if not plan_only:
            record, claimed = _after(run, record, claimed)
        return run

    while remaining:
        try:
            session = hub.sessions.open(remaining, claimed.spec.region, policies)
        except NotReady:
            if first is None:
                raise
            break
        if stopped is not None and not plan_only:
            # What the stopped role has written lets only that role repair: it admits the next one.
            run_as(stopped.role_arn, session.role_arn, stopped.invoke)
        run = run_as(session.role_arn, stopped.role_arn if stopped else "", session.invoke)
        if not isinstance(run.report.error, AccessDenied):
            return replace(run, made=made)
        first, stopped = first or run, session
        remaining = remaining[remaining.index(session.role_arn) + 1 :]
    if first is None:
        raise InvalidRequest("No role to act through is set", "Name one in ExecutionRoleNames")
    # A key that a later role made, or set out to make, is on record all the same.
    report = replace(first.report, spec=_with_key(first.report.spec, claimed.spec.key_arn))
    return replace(first, report=report, made=made, key_intent_at=record.key_intent_at)


def _with_key(spec: BackendSpec | None, key_arn: str) -> BackendSpec | None:
    return replace(spec, key_arn=spec.key_arn or key_arn) if spec is not None else None


def _after(run: Run, record: Record, claimed: Claim) -> tuple[Record, Claim]:
    """What the next loop has to know of *run*: the key that it made, or set out to make."""
    spec = run.report.spec
    key = spec.key_arn if spec is not None and spec.makes_key else ""
    known = replace(record, key_arn=record.key_arn or key, key_intent_at=run.key_intent_at)
    return known, replace(claimed, spec=replace(claimed.spec, key_arn=claimed.spec.key_arn or key))


def _through(
    role_arn: str, beside: str, record: Record, claimed: Claim, configured: Sequence[str]
) -> Claim:
    """
    *claimed*, to be acted on through *role_arn*.

    The policies let two roles repair: this one, and the one *beside* it that a policy of ours stops
    or has just stopped, or that was recorded before, so that roles can be exchanged. One that is
    no longer among the *configured* ones is let in for a single run more.
    """
    before_that = record.previous_role_arn if record.previous_role_arn in configured else ""
    others = (beside, record.role_arn, before_that)
    other = next((arn for arn in others if arn and arn != role_arn), "")
    acting = tuple(filter(None, (role_arn, other)))
    return replace(claimed, spec=replace(claimed.spec, acting_role_arns=acting))


def _loop(record: Record, claimed: Claim, hub: Hub, invoke: Invoke, *, plan_only: bool) -> Run:
    spec = claimed.spec
    intent = Intent(record, claimed, hub)
    with ThreadPoolExecutor(1) as pool:
        if not plan_only and intent.is_needed:
            intent.saved = pool.submit(intent.save)
        loop = Loop(
            invoke=invoke,
            clock=hub.clock,
            give_up_at=hub.give_up_at,
            before_creating=intent.before_creating,
            left_alone=claimed.left_alone,
        )
        result = loop.run(spec, plan_only=plan_only)
    return Run(
        report=outcomes.report(result, planned=plan_only),
        made=tuple(result.made),
        role_arn=spec.acting_role_arns[0],
        other_role_arn=(*spec.acting_role_arns, "")[1],
        key_intent_at=intent.left_open(result),
    )
