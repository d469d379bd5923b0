"""
One account and Region, from what is asked to what became of it.

What an event and what a stack asks for ends here: take the lease, hold the request against the
record, act on it, record the result, give the lease back, announce it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from state_backend import outcomes
from state_backend.acting import Run, act
from state_backend.aws import announcements
from state_backend.calls import JSON, AwsError
from state_backend.drift import Actor, Repairs, contested, counted
from state_backend.errors import StateholdError, explain
from state_backend.hub import Hub
from state_backend.intent import begun
from state_backend.lease import Lease
from state_backend.model import Outcome
from state_backend.outcomes import Report
from state_backend.ownership import HUB, LIVE, RELEASED, Claim, Record, claim, on_record
from state_backend.reconcile import wanted
from state_backend.spec import Defaults, resolve

_RELEASED = "the backend was released: it is reported, never repaired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What is asked for one account and Region, sound in itself: no call has to be made to see that.

    Which defaults it meets is for the record to say: the hub's of today are not those of a backend
    that is there.

    Raises:
        InvalidRequest: Its account, Region or properties are not accepted.
    """

    account: str
    region: str
    requester: str = HUB
    """``hub``, or the ARN of the stack that asks."""
    properties: Mapping[str, JSON] | None = None
    """None asks for what is on record."""
    plan_only: bool = False
    rolling_back: bool = False
    """Whether the stack that asks goes back to its earlier properties."""
    creating: bool = False
    """Whether it asks for a resource that it did not have."""
    by_hand: bool = False
    """Whether a person asks, who may want to repair what was left alone."""
    changed_by: Actor | None = None
    """Whose change it is for, if one was seen."""

    def __post_init__(self) -> None:
        resolve(self.account, self.region, self.properties or {}, Defaults())


def vend(request: Request, hub: Hub) -> Report:
    """What became of *request*. Whatever AWS answers, this returns."""
    plan_only = request.plan_only or hub.settings.plan_only
    try:
        return _plan(request, hub) if plan_only else _reconcile(request, hub)
    except StateholdError as error:
        report = outcomes.failure(request.account, request.region, error)
    except AwsError as error:
        report = outcomes.failure(request.account, request.region, explain(error))
    return report if plan_only else replace(report, notes=_announce(report, hub))


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
        creating=request.creating,
    )


def _plan(request: Request, hub: Hub) -> Report:
    record = hub.register.read(request.account, request.region)
    if _is_only_reported(record, request):
        return outcomes.ignored(request.account, request.region, _RELEASED)
    claimed = claim_of(record, request, hub)
    return act(record, claimed, hub, plan_only=True).report


def _reconcile(request: Request, hub: Hub) -> Report:
    with Lease(request.account, request.region, hub) as lease:
        record = lease.record
        if _is_only_reported(record, request):
            return outcomes.ignored(request.account, request.region, _RELEASED)
        left_alone = _left_alone(record, request, hub)
        claimed = replace(claim_of(record, request, hub), left_alone=left_alone)
        run = act(record, claimed, hub, plan_only=False)
        report = _with_drift(record, request, run)
        repairs = _repairs(record, request, report, hub)
        with ThreadPoolExecutor(1) as pool:
            announced = pool.submit(_announce, report, hub)
            lease.conclude(replace(_recorded(record, claimed, run), repairs=repairs))
    return replace(report, notes=(*report.notes, *announced.result()))


def _is_only_reported(record: Record, request: Request) -> bool:
    """Whether the backend was released, and nobody asks to have it again."""
    return record.state == RELEASED and request.properties is None


def _recorded(record: Record, claimed: Claim, run: Run) -> Record:
    """The record after *run*. What was asked for counts only once it is so."""
    spec = run.report.spec or claimed.spec
    found = replace(
        begun(record, claimed),
        key_arn=spec.key_arn if spec.makes_key else record.key_arn,
        origin=spec.origin,
        key_intent_at=run.key_intent_at,
    )
    if not run.report.is_settled:
        return replace(found, given={**found.given, **_put_under_a_key(record, claimed, run)})
    return replace(
        found,
        state=LIVE,
        given=claimed.given,
        role_arn=run.role_arn,
        previous_role_arn=run.other_role_arn,
        wanted=wanted(spec),
    )


def _put_under_a_key(record: Record, claimed: Claim, run: Run) -> Mapping[str, JSON]:
    """
    The properties that count though not all is so: a bucket that is under a key by now stays under
    it, and whoever goes back to AES256 must not be refused for that. One that is only observed is
    kept as it is, under a key or not.
    """
    spec = run.report.spec or claimed.spec
    done = run.report.controls.get("bucket-encryption") in {Outcome.CHANGED, Outcome.KEPT}
    before = on_record(record).encryption if record.complete else ""
    if spec.observes or not done or (before, claimed.spec.encryption) != ("AES256", "aws:kms"):
        return {}
    key = {it: claimed.given[it] for it in ("KmsKeyArn",) if it in claimed.given}
    return {"Encryption": "aws:kms", **key}


def _left_alone(record: Record, request: Request, hub: Hub) -> Mapping[str, StateholdError]:
    """What this run may not change: a person and a stack mean what they ask for."""
    if request.by_hand or request.properties is not None:
        return {}
    return contested(record.repairs, request.changed_by, hub.clock.now())


def _with_drift(record: Record, request: Request, run: Run) -> Report:
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


def _repairs(record: Record, request: Request, report: Report, hub: Hub) -> Mapping[str, Repairs]:
    """The repairs on record after this run; who asks by hand has settled what was contested."""
    repaired = (change.control for change in report.repaired)
    if request.by_hand:
        return {}
    return counted(record.repairs, repaired, request.changed_by, hub.clock.now())


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
