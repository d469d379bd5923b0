"""
One account and Region, from what is asked to what became of it.

Both Lambda functions end here: take the lease, hold the request against the record, open a session
in the account, run the loop, record the result, give the lease back, announce it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from state_backend import outcomes
from state_backend.aws import announcements
from state_backend.aws.invoke import Clients, Invoker
from state_backend.aws.register import Register
from state_backend.aws.session import AccountSessions, Session
from state_backend.calls import JSON, AwsError, Clock, Invoke
from state_backend.drift import Actor, Repairs, contested, counted
from state_backend.errors import (
    AccessDenied,
    InvalidRequest,
    NotReady,
    StateholdError,
    explain,
)
from state_backend.model import Change, Reconciled
from state_backend.outcomes import Report
from state_backend.ownership import HUB, LIVE, RELEASED, Claim, Record, claim
from state_backend.policies.session_policy import session_policies
from state_backend.reconcile import Loop, permissions, wanted
from state_backend.regions import partition_of
from state_backend.settings import Settings, settings_from
from state_backend.spec import BackendSpec, Defaults, resolve

_YOUNG_SECONDS = 600.0
"""How long AWS's tag index may not know a key that a run has made and then lost sight of."""

_RESERVE_SECONDS = 30.0
"""What is kept of the time for recording and answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for one account and Region."""

    account: str
    region: str
    requester: str = HUB
    """``hub``, or the ARN of the stack that asks."""
    properties: Mapping[str, JSON] | None = None
    """None asks for what is on record."""
    plan_only: bool = False
    rolling_back: bool = False
    """Whether the stack that asks goes back to its earlier properties."""
    by_hand: bool = False
    """Whether a person asks, who may want to repair what was left alone."""
    changed_by: Actor | None = None
    """Whose change it is for, if one was seen."""


class LambdaContext(Protocol):
    """What we need of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What one invocation works with."""

    settings: Settings
    invoke: Invoke
    """The function's own identity, in its own Region."""
    at_home: Invoke
    """The same in the home Region, where the register and the event bus are."""
    register: Register
    clock: Clock
    deadline: float
    """When the function is stopped. Epoch seconds."""
    holder: str
    """Who holds the lease: this invocation's id."""

    @property
    def give_up_at(self) -> float:
        return self.deadline - _RESERVE_SECONDS

    @property
    def defaults(self) -> Defaults:
        return Defaults(self.settings.bucket_name_prefix, self.settings.property_defaults)

    @property
    def sessions(self) -> AccountSessions:
        return AccountSessions(invoke=self.invoke, clock=self.clock, give_up_at=self.give_up_at)


def hub_of(environment: Mapping[str, str], context: LambdaContext, clock: Clock) -> Hub:
    """
    What the invocation described by *context* works with.

    Raises:
        InvalidRequest: A setting in *environment* is wrong.
    """
    settings = settings_from(environment)
    deadline = clock.now() + context.get_remaining_time_in_millis() / 1000
    regions = {settings.region, settings.home_region}
    invokers = {
        region: Invoker(
            clients=Clients(region=region), clock=clock, give_up_at=deadline - _RESERVE_SECONDS
        )
        for region in regions
    }
    at_home = invokers[settings.home_region]
    return Hub(
        settings=settings,
        invoke=invokers[settings.region],
        at_home=at_home,
        register=Register(table=settings.backend_register, invoke=at_home, clock=clock),
        clock=clock,
        deadline=deadline,
        holder=context.aws_request_id,
    )


def vend(request: Request, hub: Hub) -> Report:
    """What became of *request*. Whatever AWS answers, this returns."""
    try:
        check(request, hub)
        if request.plan_only or hub.settings.plan_only:
            return _plan(request, hub)
        return _reconcile(request, hub)
    except StateholdError as error:
        return outcomes.failure(request.account, request.region, error)
    except AwsError as error:
        return outcomes.failure(request.account, request.region, explain(error))


def check(request: Request, hub: Hub) -> None:
    """
    That *request* is sound in itself, before any call is made for it.

    Raises:
        InvalidRequest: Its account, Region or properties are not accepted.
    """
    given = request.properties
    defaults = hub.defaults if given is not None else Defaults()
    resolve(request.account, request.region, given or {}, defaults)


def _plan(request: Request, hub: Hub) -> Report:
    record = hub.register.read(request.account, request.region)
    if _leaves_alone(record, request):
        return outcomes.ignored(request.account, request.region, _RELEASED)
    claimed = claim_of(record, request, hub)
    return _act(record, claimed, hub, plan_only=True).report


def claim_of(record: Record, request: Request, hub: Hub) -> Claim:
    """
    *request* held against *record*.

    Raises:
        InvalidRequest, AlreadyExists, RefusedChange: The record does not allow it.
    """
    return claim(
        record,
        request.requester,
        request.properties,
        hub.defaults,
        rolling_back=request.rolling_back,
    )


def _reconcile(request: Request, hub: Hub) -> Report:
    until = hub.deadline + _RESERVE_SECONDS
    record = hub.register.acquire(request.account, request.region, hub.holder, until)
    try:
        if _leaves_alone(record, request):
            hub.register.release(record, hub.holder)
            return outcomes.ignored(request.account, request.region, _RELEASED)
        left_alone = _left_alone(record, request, hub)
        claimed = replace(claim_of(record, request, hub), left_alone=left_alone)
        run = _act(record, claimed, hub, plan_only=False)
    except BaseException:
        # What was recorded on the way, such as the intent to create a key, stays.
        hub.register.release(record, hub.holder)
        raise
    report = _told(record, request, run)
    done = replace(_recorded(record, claimed, run), repairs=_repairs(record, request, report, hub))
    with ThreadPoolExecutor(1) as pool:
        announced = pool.submit(_announce, report, hub)
        hub.register.save(done, hub.holder, release=True)
    return replace(report, notes=(*report.notes, *announced.result()))


def _told(record: Record, request: Request, run: _Run) -> Report:
    """The report on *run*, with what of it was drift, and whose."""
    on_record = record.state == LIVE and request.properties is None
    # Where another role, or another release of ours, wants something else, nobody has changed it.
    today = wanted(run.report.spec) if on_record and run.report.spec else {}
    repaired = tuple(it for it in run.made if _is_as_before(it.control, record.wanted, today))
    matters = bool(repaired) or run.report.status == outcomes.FAILED
    who = request.changed_by if matters else None
    return replace(run.report, repaired=repaired, changed_by=who)


def _is_as_before(part: str, recorded: Mapping[str, str], today: Mapping[str, str]) -> bool:
    """Whether we want of *part* what we wanted. A resource has no digest: it is always wanted."""
    return bool(today) and (part not in today or recorded.get(part) == today[part])


def _left_alone(record: Record, request: Request, hub: Hub) -> Mapping[str, StateholdError]:
    """What this run may not change: a person and a stack mean what they ask for."""
    if request.by_hand or request.properties is not None:
        return {}
    return contested(record.repairs, request.changed_by, hub.clock.now())


def _repairs(record: Record, request: Request, report: Report, hub: Hub) -> Mapping[str, Repairs]:
    """The repairs on record after this run; who asks by hand has settled what was contested."""
    repaired = (change.control for change in report.repaired)
    if request.by_hand:
        return {}
    return counted(record.repairs, repaired, request.changed_by, hub.clock.now())


_RELEASED = "the backend was released: it is reported, never repaired"


def _leaves_alone(record: Record, request: Request) -> bool:
    return record.state == RELEASED and request.properties is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one run did, and as whom."""

    report: Report
    made: tuple[Change, ...]
    """What was changed, through whichever role."""
    role_arn: str
    other_role_arn: str
    """The second role that the policies let repair."""
    key_intent_at: float
    """The intent to create a key that is still open; 0 if none is."""


def _act(record: Record, claimed: Claim, hub: Hub, *, plan_only: bool) -> _Run:
    """
    The loop through the first role that can be assumed and is not stopped by a policy.

    Where every role is stopped, what stopped the first counts: the others may fail by our own
    policies, which do not know them.
    """
    remaining = role_arns(claimed.spec.account, hub)
    policies = session_policies(claimed.spec, permissions(claimed.spec))
    first: _Run | None = None
    stopped: Session | None = None
    made: tuple[Change, ...] = ()
    while remaining:
        try:
            session = hub.sessions.open(remaining, claimed.spec.region, policies)
        except NotReady:
            if first is None:
                raise
            break
        if stopped is not None and not plan_only:
            # What the stopped role has written lets only that role repair: it admits the next one.
            admitting = _acting(claimed.spec, stopped.role_arn, session.role_arn, record)
            again = replace(claimed, spec=admitting)
            made += _loop(record, again, hub, stopped.invoke, plan_only=False).made
        before = stopped.role_arn if stopped else ""
        spec = _acting(claimed.spec, session.role_arn, before, record)
        run = _loop(record, replace(claimed, spec=spec), hub, session.invoke, plan_only=plan_only)
        made += run.made
        if not isinstance(run.report.error, AccessDenied):
            return replace(run, made=made)
        first, stopped = first or run, session
        remaining = remaining[remaining.index(session.role_arn) + 1 :]
    if first is None:
        raise InvalidRequest("No role to act through is set", "Name one in ExecutionRoleNames")
    return replace(first, made=made)


def _loop(record: Record, claimed: Claim, hub: Hub, session: Invoke, *, plan_only: bool) -> _Run:
    spec = claimed.spec
    intent = _Intent(record, claimed, hub)
    with ThreadPoolExecutor(1) as pool:
        if not plan_only and intent.is_needed:
            intent.saved = pool.submit(intent.save)
        loop = Loop(
            invoke=session,
            clock=hub.clock,
            give_up_at=hub.give_up_at,
            before_creating=intent.before_creating,
            left_alone=claimed.left_alone,
        )
        result = loop.run(spec, plan_only=plan_only)
    return _Run(
        report=outcomes.report(result, planned=plan_only),
        made=tuple(result.made),
        role_arn=spec.acting_role_arns[0],
        other_role_arn=(*spec.acting_role_arns, "")[1],
        key_intent_at=intent.left_open(result),
    )


class _Intent:
    """
    The register's word that a run is about to create a key.

    CreateKey's answer can be lost, and AWS's tag index does not know a new key at once. So a run
    says what it is about to do before it looks whether it must; a later run that finds neither key
    nor alias, but a young intent, waits instead of making a second key.
    """

    def __init__(self, record: Record, claimed: Claim, hub: Hub) -> None:
        self._record = record
        self._claimed = claimed
        self._hub = hub
        self._now = hub.clock.now()
        self._creating = False
        self.saved: Future[None] | None = None

    @property
    def is_needed(self) -> bool:
        makes_key = self._claimed.spec.makes_key and not self._record.key_arn
        return makes_key or not self._record.complete

    def save(self) -> None:
        claimed = self._claimed
        record = replace(
            self._record,
            owner=claimed.owner,
            previous_owner=_previous_owner(self._record, claimed),
            given=claimed.given if not self._record.complete else self._record.given,
            defaults=claimed.defaults,
            bucket_name=claimed.spec.bucket_name,
            key_intent_at=self._record.key_intent_at if self._is_young else self._now,
        )
        self._hub.register.save(record, self._hub.holder, release=False)

    def before_creating(self, missing: frozenset[str]) -> None:
        if self.saved is not None:
            self.saved.result()
        if "kms-key" in missing and self._is_young:
            raise NotReady(
                "A run that set out to create the key did not say how it went, and AWS may not "
                "show that key yet",
                "It is tried again; a second key is never made on a guess",
            )
        self._creating = "kms-key" in missing

    def left_open(self, result: Reconciled) -> float:
        if result.spec.key_arn or not self._claimed.spec.makes_key:
            return 0.0
        error = result.errors.get("kms-key")
        cause = error.__cause__ if error is not None else None
        said_no = (
            isinstance(cause, AwsError) and cause.answered and cause.call.operation == "create_key"
        )
        if self._creating and not said_no:
            return self._now
        return self._record.key_intent_at if self._is_young else 0.0

    @property
    def _is_young(self) -> bool:
        return self._now - self._record.key_intent_at < _YOUNG_SECONDS


def role_arns(account: str, hub: Hub) -> list[str]:
    """The roles to act through in *account*, best first."""
    start = f"arn:{partition_of(hub.settings.region)}:iam::{account}:role/"
    return [f"{start}{name}" for name in hub.settings.execution_role_names]


def _acting(spec: BackendSpec, role_arn: str, stopped: str, record: Record) -> BackendSpec:
    """
    The spec as acted on through *role_arn*.

    The policies let two roles repair: this one, and the one that a policy of ours has just
    *stopped*, or that was recorded before, so that roles can be exchanged.
    """
    others = (stopped, record.role_arn, record.previous_role_arn)
    other = next((arn for arn in others if arn and arn != role_arn), "")
    return replace(spec, acting_role_arns=tuple(filter(None, (role_arn, other))))


def _recorded(record: Record, claimed: Claim, run: _Run) -> Record:
    """The record after *run*. What was asked for counts only once it is so."""
    spec = run.report.spec or claimed.spec
    done = run.report.is_settled
    return replace(
        record,
        owner=claimed.owner,
        previous_owner=_previous_owner(record, claimed),
        state=LIVE if done else record.state,
        given=claimed.given if done or not record.complete else record.given,
        defaults=claimed.defaults,
        bucket_name=spec.bucket_name,
        role_arn=run.role_arn if done else record.role_arn,
        previous_role_arn=run.other_role_arn if done else record.previous_role_arn,
        key_arn=spec.key_arn if spec.makes_key else record.key_arn,
        origin=spec.origin,
        wanted=wanted(spec) if done else record.wanted,
        key_intent_at=run.key_intent_at,
    )


def _previous_owner(record: Record, claimed: Claim) -> str:
    """Whose it is again if who takes it over now rolls back."""
    return record.owner if record.owner != claimed.owner else record.previous_owner


def _announce(report: Report, hub: Hub) -> tuple[str, ...]:
    """Tells the bus what became of it; that it could not be told is a note, never a failure."""
    if report.status == outcomes.FAILED:
        kind = announcements.FAILED
    elif report.repaired:
        kind = announcements.DRIFT_REPAIRED
    elif report.status == outcomes.READY and report.changed:
        kind = announcements.READY
    else:
        return ()
    try:
        announcements.announce(hub.at_home, kind, report.to_json())
    except AwsError as error:
        return (f"The event '{kind}' could not be published: {error.code}",)
    return ()
