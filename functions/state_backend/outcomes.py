"""
What became of each control, and how it is told: JSON, CloudFormation's Data and Reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from state_backend.adoption import client_changes, gaps
from state_backend.calls import JSON
from state_backend.drift import Actor
from state_backend.errors import NotStabilized, StateholdError, TransientError
from state_backend.model import Change, Outcome, Reconciled
from state_backend.outputs.backend_block import backend_hcl
from state_backend.spec import BackendSpec

READY = "READY"
WAITING = "WAITING"
FAILED = "FAILED"
IGNORED = "IGNORED"

_SATISFIED = frozenset({Outcome.KEPT, Outcome.CHANGED})
_GOOD = _SATISFIED | {Outcome.NOT_APPLICABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one account and Region."""

    account: str
    region: str
    bucket_name: str = ""
    status: str
    controls: Mapping[str, Outcome] = field(default_factory=dict)
    error: StateholdError | None = None
    changes: Sequence[Change] | None = None
    """What would change; None unless it is a plan."""
    spec: BackendSpec | None = None
    """The completed spec; None where nothing was looked at."""
    repaired: Sequence[Change] = ()
    """What had drifted from what is on record, and was set right."""
    changed_by: Actor | None = None
    """Who had changed it, or keeps changing it; None where nobody saw."""
    notes: tuple[str, ...] = ()
    """What a person should know though all is well."""

    @property
    def changed(self) -> bool:
        return Outcome.CHANGED in self.controls.values()

    @property
    def needs_attention(self) -> bool:
        """Whether a message about it is not done with: it has to be tried again, or looked at."""
        return self.status == FAILED or isinstance(self.error, TransientError)

    @property
    def is_settled(self) -> bool:
        """Whether the backend is as wanted, if only as far as an observed bucket allows."""
        return bool(self.controls) and all(it in _GOOD for it in self.controls.values())

    def to_json(self) -> dict[str, JSON]:
        """The form in which a function answers, and in which it is published."""
        answer: dict[str, JSON] = {
            "accountId": self.account,
            "region": self.region,
            "bucketName": self.bucket_name,
            "status": self.status,
            "controls": {control: str(outcome) for control, outcome in self.controls.items()},
        }
        if self.error is not None:
            answer["error"] = {
                "code": self.error.code,
                "message": self.error.message,
                "remedy": self.error.remedy,
            }
        if self.changes is not None:
            answer["changes"] = [asdict(change) for change in self.changes]
        if self.repaired:
            answer["repaired"] = [asdict(change) for change in self.repaired]
        if self.changed_by is not None:
            answer["changedBy"] = {
                "arn": self.changed_by.arn,
                "eventName": self.changed_by.event_name,
                "eventTime": self.changed_by.event_time,
                "eventId": self.changed_by.event_id,
            }
        if self.notes:
            answer["notes"] = list(self.notes)
        return answer


def report(result: Reconciled, *, planned: bool) -> Report:
    """The report on what the loop did, or would do."""
    status, error = _verdict(result, planned)
    adopting = result.spec.origin == "adopted" and (planned or result.spec.observes)
    told = client_changes(result.spec) if adopting else gaps(result.spec)
    return Report(
        account=result.spec.account,
        region=result.spec.region,
        bucket_name=result.spec.bucket_name,
        status=status,
        controls=result.outcomes,
        error=error,
        changes=result.changes if planned else None,
        spec=result.spec,
        notes=(*result.notes, *told),
    )


def failure(account: str, region: str, error: StateholdError) -> Report:
    """The report on a request that came to nothing."""
    status = WAITING if isinstance(error, TransientError) else FAILED
    return Report(account=account, region=region, status=status, error=error)


def ignored(account: str, region: str, reason: str) -> Report:
    """The report on an event that is none of our business, with its reason."""
    error = StateholdError(reason, "Nothing has to be done", code="Ignored")
    return Report(account=account, region=region, status=IGNORED, error=error)


def attributes(spec: BackendSpec, controls: Mapping[str, Outcome]) -> dict[str, str]:
    """What ``Fn::GetAtt`` finds on ``Custom::StateBackend``."""
    return {
        "BucketName": spec.bucket_name,
        "BucketArn": spec.bucket_arn,
        "AccountId": spec.account,
        "Region": spec.region,
        "KmsKeyArn": spec.key_for_clients,
        "LockMode": spec.lock_mode_for_clients,
        "LockTableName": spec.lock_table_name if spec.lock_table_found else "",
        "BackendHcl": backend_hcl(spec),
        "ControlsSatisfied": controls_satisfied(controls),
    }


def controls_satisfied(controls: Mapping[str, Outcome]) -> str:
    """How many of the controls that apply are as they must be: ``15/15``."""
    applicable = [it for it in controls.values() if it is not Outcome.NOT_APPLICABLE]
    return f"{sum(it in _SATISFIED for it in applicable)}/{len(applicable)}"


def _verdict(result: Reconciled, planned: bool) -> tuple[str, StateholdError | None]:
    if result.errors:
        # A permanent error needs a person, whatever else could be tried again.
        errors = sorted(result.errors.values(), key=lambda it: isinstance(it, TransientError))
        return (WAITING if isinstance(errors[0], TransientError) else FAILED), errors[0]
    pending = [name for name, it in result.outcomes.items() if it is Outcome.WOULD_CHANGE]
    if pending and planned:
        return WAITING, StateholdError(
            f"{len(pending)} controls would change: {', '.join(pending)}",
            "Run the operation reconcile to make it so",
            code="NotReady",
        )
    unsettled = [name for name, it in result.outcomes.items() if it not in _GOOD]
    if unsettled:
        return WAITING, NotStabilized(
            f"Not all is as it must be yet: {', '.join(unsettled)}", "It is looked at again"
        )
    if result.spec.observes:
        return WAITING, StateholdError(
            f"The bucket {result.spec.bucket_name} was not made by us and is only observed",
            "; ".join((*client_changes(result.spec), "then set Adopt to enforce")),
            code="NotReady",
        )
    return READY, None
