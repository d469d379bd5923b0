"""
What the loop knows of each resource and setting on its way, and what it makes of it. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from state_backend.calls import JSON, Absent, AwsError, Call, Observation, Present, Unknown
from state_backend.errors import (
    NotStabilized,
    PermanentError,
    StateholdError,
    TransientError,
    explain,
)
from state_backend.model import Change, Control, Outcome, Reconciled, Resource
from state_backend.spec import BackendSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Existence:
    """One resource, on its way through the loop."""

    resource: Resource
    seen: Observation
    created: bool = False
    error: StateholdError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One control on one resource, on its way through the loop."""

    control: Control
    resource: Resource
    found: JSON = None
    desired: JSON = None
    unread: bool = False
    """Whether it was not read, because we have just created the resource."""
    written: bool = False
    outcome: Outcome = Outcome.UNKNOWN
    error: StateholdError | None = None

    @property
    def pending(self) -> bool:
        return self.outcome is Outcome.WOULD_CHANGE


def is_missing(it: Existence) -> bool:
    """Whether it could be looked at, and is not there."""
    return isinstance(it.seen, Absent) and it.error is None


def is_there(it: Existence) -> bool:
    """Whether it exists, or in a plan would."""
    return not isinstance(it.seen, Unknown) and it.error is None


def stops(it: Existence) -> bool:
    """Whether nothing more may be written: somebody else's bucket, a key about to be deleted."""
    return isinstance(it.error, PermanentError)


def cut_answer(what: Call | Resource, error: Exception) -> AwsError:
    """An answer that lacks what it must have: it was cut, and says nothing."""
    call = what if isinstance(what, Call) else Call(what.id, "find", {})
    return AwsError(call, "TruncatedAnswer", f"the answer is not whole ({error!r})")


def matters(spec: BackendSpec, it: Existence) -> bool:
    """Whether it still applies now that all was looked at; what is not ours is never created."""
    return it.resource.applies(spec) and not (is_missing(it) and not it.resource.ours(spec))


def learned(spec: BackendSpec, existing: Sequence[Existence]) -> BackendSpec:
    """The spec completed by what exists."""
    for it in existing:
        if isinstance(it.seen, Present):
            spec = it.resource.learn(spec, it.seen.value)
    return spec


def imagined(spec: BackendSpec, existing: Sequence[Existence]) -> BackendSpec:
    """The spec as it would be learned if what is missing were created."""
    for it in existing:
        if is_missing(it):
            spec = it.resource.learn(spec, it.resource.planned(spec))
    return spec


def planned(spec: BackendSpec, setting: Setting, found: JSON) -> Setting:
    """*setting* held against what is desired, given that *found* is set (None: nothing)."""
    control = setting.control
    try:
        desired = control.desired(spec, found)
    except StateholdError as error:
        return replace(setting, found=found, outcome=Outcome.REFUSED, error=error)
    if found is None:
        outcome = Outcome.NOT_APPLICABLE if desired is None else Outcome.WOULD_CHANGE
    else:
        met = control.satisfied(desired, found)
        outcome = Outcome.KEPT if met else Outcome.WOULD_CHANGE
    return replace(setting, found=found, desired=desired, outcome=outcome)


def unsettled(setting: Setting) -> Setting:
    """*setting* where time ran out before AWS showed it."""
    error = NotStabilized(
        f"{setting.control.id} was written, but AWS does not show it yet", "It is looked at again"
    )
    return replace(setting, outcome=Outcome.UNSETTLED, error=error)


def is_settled(setting: Setting) -> bool:
    """Whether it is as it must be, and was read so."""
    return setting.outcome in {Outcome.KEPT, Outcome.CHANGED, Outcome.NOT_APPLICABLE}


def outcome_of(error: StateholdError) -> Outcome:
    """The outcome of what failed with *error*."""
    if isinstance(error, TransientError):
        return Outcome.UNSETTLED
    refused = {"AccessDenied", "AlreadyExists", "NotUpdatable", "InvalidRequest"}
    return Outcome.REFUSED if error.code in refused else Outcome.FAILED


def _resource_outcome(it: Existence) -> tuple[Outcome, StateholdError | None]:
    if it.error is not None:
        return outcome_of(it.error), it.error
    match it.seen:
        case Unknown(error):
            return Outcome.UNKNOWN, explain(error)
        case Absent():
            return Outcome.WOULD_CHANGE, None
        case _:
            return (Outcome.CHANGED if it.created else Outcome.KEPT), None


def summary(
    spec: BackendSpec,
    registries: tuple[Sequence[Resource], Sequence[Control]],
    existing: Sequence[Existence],
    settings: Sequence[Setting],
) -> Reconciled:
    """What all of it came to; of the settings that are reported as one, the worst counts."""
    outcomes = _blank(spec, *registries)
    errors: dict[str, StateholdError] = {}
    # What could not be looked at comes first: for its sake others were not made.
    for it in sorted(existing, key=lambda it: not isinstance(it.seen, Unknown)):
        outcomes[it.resource.id], error = _resource_outcome(it)
        if error is not None:
            errors[it.resource.id] = error
    judged: set[str] = set()
    for setting in settings:
        name = reported_as(setting.control, setting.resource)
        first = name not in judged and not setting.resource.supporting
        rivals = (setting.outcome,) if first else (outcomes[name], setting.outcome)
        outcomes[name] = max(rivals, key=list(Outcome).index)
        judged.add(name)
        if setting.error is not None:
            errors.setdefault(name, setting.error)
    return Reconciled(
        spec=spec,
        outcomes=outcomes,
        errors=errors,
        changes=(
            *(_creation(spec, it) for it in existing if is_missing(it)),
            *(_change(setting) for setting in settings if setting.pending),
        ),
        made=(
            *(_creation(spec, it) for it in existing if it.created),
            *(_change(it) for it in settings if it.outcome is Outcome.CHANGED),
        ),
        notes=tuple(note for it in existing for note in _orphans(it)),
    )


def _blank(
    spec: BackendSpec, resources: Sequence[Resource], controls: Sequence[Control]
) -> dict[str, Outcome]:
    """An outcome for everything that is reported: not applicable, or not looked at."""
    by_id = {it.id: it for it in resources}
    outcomes = {
        it.id: Outcome.UNKNOWN if it.applies(spec) and it.ours(spec) else Outcome.NOT_APPLICABLE
        for it in resources
    }
    for control in controls:
        resource = by_id[control.on[0]]
        if not resource.supporting:
            applies = resource.applies(spec) and resource.ours(spec) and control.applies(spec)
            outcomes[control.id] = Outcome.UNKNOWN if applies else Outcome.NOT_APPLICABLE
    return outcomes


def reported_as(control: Control, resource: Resource) -> str:
    """The id under which *control* on *resource* is told."""
    return resource.id if resource.supporting else control.id


def _creation(spec: BackendSpec, it: Existence) -> Change:
    name = it.resource.subject(spec)
    return Change(control=it.resource.id, before=None, after=name, why=it.resource.why)


def _change(setting: Setting) -> Change:
    return Change(
        control=reported_as(setting.control, setting.resource),
        before=setting.found,
        after=setting.desired,
        why=setting.control.why,
    )


def _orphans(it: Existence) -> list[str]:
    """A note on the key that lost against a twin run's, where there is one."""
    key = it.seen.value.get("orphan") if isinstance(it.seen, Present) else None
    if not key:
        return []
    return [
        f"The key {key} was made at the same moment as the backend's own and encrypts nothing; "
        "a person may schedule its deletion"
    ]
