"""
The loop that brings one account and Region to its spec: observe, plan, apply, verify.

::

    observe   find every resource; create what is missing; read every setting
    plan      hold what was found against what is desired
    apply     write what differs, in the order of the registries
    verify    read back what was written, until AWS shows it

Creating, updating, repairing and adopting are the same code. What cannot be read is not written.
Writes on one resource are serial (S3 answers overlapping ones with 409 OperationAborted); resources
do not wait for each other, except for those that the state bucket leans on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from state_backend.calls import (
    JSON,
    Absent,
    AwsError,
    Call,
    Clock,
    Invoke,
    Observation,
    Present,
    Unknown,
    look,
)
from state_backend.controls import CONTROLS
from state_backend.errors import (
    NotStabilized,
    PermanentError,
    StateholdError,
    TransientError,
    explain,
)
from state_backend.model import Change, Control, Outcome, Reconciled, Resource
from state_backend.resources import RESOURCES
from state_backend.spec import BackendSpec

_NOT_YET_THERE = frozenset(
    {"404", "NoSuchBucket", "NotFoundException", "ResourceNotFoundException"}
)
"""What AWS may answer for a while about a thing that it has just made."""

_POLLS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds to wait before each further look at something stale; the last one repeats."""

_THREADS = 12


def permissions(spec: BackendSpec | None = None) -> frozenset[str]:
    """The IAM actions that bringing an account to *spec* takes; to any spec, if none is given."""
    # Whether a bucket has to be adopted shows only when the session is open.
    possible = [replace(spec, origin=it) for it in _possible_origins(spec)] if spec else []
    resources = [it for it in RESOURCES if not spec or any(map(it.applies, possible))]
    ids = {it.id for it in resources}
    controls = [
        it
        for it in CONTROLS
        if not spec or (any(map(it.applies, possible)) and ids.intersection(it.on))
    ]
    declared = [it.permissions for it in resources] + [it.permissions for it in controls]
    return frozenset(action for actions in declared for action in actions)


def _possible_origins(spec: BackendSpec) -> tuple[str, ...]:
    return (spec.origin,) if spec.origin else ("created", "adopted")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Existence:
    """One resource, on its way through the loop."""

    resource: Resource
    seen: Observation
    created: bool = False
    error: StateholdError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The loop with what it acts through. One object may run once."""

    invoke: Invoke
    clock: Clock = field(default_factory=Clock)
    give_up_at: float = float("inf")
    """When to stop waiting for what AWS does not show yet. Epoch seconds."""
    before_creating: Callable[[frozenset[str]], None] = lambda missing: None
    """Called with the ids of what is missing before any of it is created; raises to stop it."""
    resources: Sequence[Resource] = RESOURCES
    controls: Sequence[Control] = CONTROLS
    pool: ThreadPoolExecutor = field(
        init=False, default_factory=lambda: ThreadPoolExecutor(_THREADS)
    )

    def run(self, spec: BackendSpec, *, plan_only: bool = False) -> Reconciled:
        """
        Brings the account and Region of *spec* to it, or says what that would change.

        Whatever AWS answers, this returns: every failure is an outcome with its error.
        """
        with self.pool:
            spec, existing = self._find(spec)
            if plan_only:
                spec = _imagined(spec, existing)
            elif not any(_stops(it) for it in existing):
                existing = self._create(spec, existing)
                spec = _learned(spec, existing)
            stopped = any(_stops(it) for it in existing)
            settings = self._observe(spec, existing) if not stopped else []
            if not plan_only:
                settings = self._settle(spec, settings)
        return _result(spec, self, existing, settings)

    # observe

    def _find(self, spec: BackendSpec) -> tuple[BackendSpec, list[_Existence]]:
        """What exists and what is missing; what is found can make further resources matter."""
        existing: list[_Existence] = []
        while True:
            looked = {it.resource.id for it in existing}
            wanted = [it for it in self.resources if it.applies(spec) and it.id not in looked]
            if not wanted:
                break
            existing += self.pool.map(partial(self._find_one, spec), wanted)
            spec = _learned(spec, existing)
        return spec, [it for it in existing if _matters(spec, it)]

    def _find_one(self, spec: BackendSpec, resource: Resource) -> _Existence:
        try:
            return _Existence(resource=resource, seen=resource.find(spec, self.invoke))
        except AwsError as error:
            return _Existence(resource=resource, seen=Unknown(error))
        except StateholdError as error:
            return _Existence(resource=resource, seen=Absent(), error=error)
        except LookupError as error:
            return _Existence(resource=resource, seen=Unknown(_cut(resource.id, error)))

    def _create(self, spec: BackendSpec, existing: list[_Existence]) -> list[_Existence]:
        """Creates what is missing, unless something could not be looked at."""
        missing = frozenset(it.resource.id for it in existing if _is_missing(it))
        unseen = [it.resource.id for it in existing if isinstance(it.seen, Unknown)]
        if not missing:
            return existing
        try:
            if unseen:
                raise NotStabilized(
                    f"Nothing was created while {', '.join(unseen)} could not be looked at",
                    "Resolve that first",
                )
            self.before_creating(missing)
        except StateholdError as error:
            return [replace(it, error=error) if _is_missing(it) else it for it in existing]
        return list(self.pool.map(lambda it: self._create_one(spec, it), existing))

    def _create_one(self, spec: BackendSpec, it: _Existence) -> _Existence:
        if not _is_missing(it):
            return it
        try:
            made = it.resource.create(spec, self._patiently)
            return replace(it, seen=Present(made), created=True)
        except AwsError as error:
            return replace(it, error=explain(error))
        except StateholdError as error:
            return replace(it, error=error)

    def _observe(self, spec: BackendSpec, existing: list[_Existence]) -> list[_Setting]:
        by_id = {it.resource.id: it for it in existing}
        places = [
            (control, by_id[on])
            for control in self.controls
            for on in control.on
            if on in by_id and by_id[on].resource.ours(spec) and control.applies(spec)
        ]
        observed = self.pool.map(lambda place: self._observe_one(spec, *place), places)
        blind = {it.resource.id for it in existing if not _is_there(it)}
        return [
            replace(setting, outcome=Outcome.UNKNOWN)
            if blind.intersection(setting.control.needs)
            else setting
            for setting in observed
        ]

    def _observe_one(self, spec: BackendSpec, control: Control, place: _Existence) -> _Setting:
        setting = _Setting(control=control, resource=place.resource)
        if not isinstance(place.seen, Present | Absent) or place.error is not None:
            return setting
        if place.created:
            return _planned(spec, replace(setting, unread=True), None)
        if isinstance(place.seen, Absent):
            return _planned(spec, setting, None)
        return self._read(spec, setting)

    def _read(self, spec: BackendSpec, setting: _Setting) -> _Setting:
        control = setting.control
        call = control.read(spec, setting.resource.subject(spec))
        try:
            seen = look(self.invoke, call, control.absent)
            if isinstance(seen, Unknown):
                raise seen.error
            return _planned(
                spec, setting, control.select(seen.value) if isinstance(seen, Present) else None
            )
        except AwsError as error:
            return replace(setting, outcome=Outcome.UNKNOWN, error=explain(error))
        except (LookupError, ValueError) as error:
            return replace(setting, outcome=Outcome.UNKNOWN, error=explain(_cut(call, error)))

    # apply and verify

    def _settle(self, spec: BackendSpec, settings: list[_Setting]) -> list[_Setting]:
        """Supporting resources first, then the rest, then what says that all is ready."""
        waves = (
            [it for it in settings if it.resource.supporting],
            [it for it in settings if not it.resource.supporting and not it.control.last],
            [it for it in settings if it.control.last],
        )
        settled: list[_Setting] = []
        for wave in waves:
            last = any(it.control.last for it in wave)
            if last and not all(_is_settled(it) for it in settled):
                settled += wave
            else:
                settled += self._verify(spec, self._apply(spec, wave))
        return settled

    def _apply(self, spec: BackendSpec, wave: list[_Setting]) -> list[_Setting]:
        chains = [
            [it for it in wave if it.resource is resource]
            for resource in {id(it.resource): it.resource for it in wave}.values()
        ]
        written = self.pool.map(lambda chain: [self._write(spec, it) for it in chain], chains)
        return [setting for chain in written for setting in chain]

    def _write(self, spec: BackendSpec, setting: _Setting) -> _Setting:
        control = setting.control
        already = setting.written or (setting.unread and control.set_at_creation)
        if not setting.pending or setting.error is not None or already:
            return setting
        calls = control.write(spec, setting.resource.subject(spec), setting.desired, setting.found)
        try:
            for call in calls:
                self._patiently(call)
        except AwsError as error:
            explained = explain(error)
            return replace(setting, outcome=_outcome_of(explained), error=explained)
        return replace(setting, written=True, unread=False)

    def _verify(self, spec: BackendSpec, wave: list[_Setting]) -> list[_Setting]:
        """Reads back until all is as desired, or it is time to give up."""
        for delay in (0.0, *_POLLS):
            stale = [it for it in wave if it.pending and it.error is None]
            if not stale:
                break
            if delay and not self._wait(delay):
                break
            fresh = self.pool.map(lambda it: self._read_back(spec, it), stale)
            seen = dict(zip(map(id, stale), fresh, strict=True))
            wave = self._apply(spec, [seen.get(id(it), it) for it in wave])
        return [_unsettled(it) if it.pending and it.error is None else it for it in wave]

    def _read_back(self, spec: BackendSpec, setting: _Setting) -> _Setting:
        after = self._read(spec, setting)
        if after.outcome is Outcome.KEPT:
            return replace(after, outcome=Outcome.CHANGED, unread=False)
        if after.error is not None:
            return after
        # Still stale if it was written; else what a creation brings did not come: write it now.
        return replace(after, outcome=Outcome.WOULD_CHANGE, unread=False)

    def _patiently(self, call: Call) -> JSON:
        """Makes *call*, again while AWS does not yet know a thing that it has just made."""
        for delay in _POLLS:
            try:
                return self.invoke(call)
            except AwsError as error:
                if error.code not in _NOT_YET_THERE or not self._wait(delay):
                    raise
        return self.invoke(call)

    def _wait(self, seconds: float) -> bool:
        if self.clock.now() + seconds > self.give_up_at:
            return False
        self.clock.sleep(seconds)
        return True


def _is_missing(it: _Existence) -> bool:
    return isinstance(it.seen, Absent) and it.error is None


def _is_there(it: _Existence) -> bool:
    """Whether it exists, or in a plan would."""
    return not isinstance(it.seen, Unknown) and it.error is None


def _stops(it: _Existence) -> bool:
    """Whether nothing more may be written: somebody else's bucket, a key about to be deleted."""
    return isinstance(it.error, PermanentError)


def _cut(what: object, error: Exception) -> AwsError:
    """An answer that lacks what it must have: it was cut, and says nothing."""
    call = what if isinstance(what, Call) else Call(str(what), "find", {})
    return AwsError(call, "TruncatedAnswer", f"the answer is not whole ({error!r})")


def _matters(spec: BackendSpec, it: _Existence) -> bool:
    """Whether it still applies now that all was looked at; what is not ours is never created."""
    return it.resource.applies(spec) and not (_is_missing(it) and not it.resource.ours(spec))


def _learned(spec: BackendSpec, existing: Sequence[_Existence]) -> BackendSpec:
    for it in existing:
        if isinstance(it.seen, Present):
            spec = it.resource.learn(spec, it.seen.value)
    return spec


def _imagined(spec: BackendSpec, existing: Sequence[_Existence]) -> BackendSpec:
    """The spec as it would be learned if what is missing were created."""
    for it in existing:
        if _is_missing(it):
            spec = it.resource.learn(spec, it.resource.planned(spec))
    return spec


def _planned(spec: BackendSpec, setting: _Setting, found: JSON) -> _Setting:
    control = setting.control
    try:
        desired = control.desired(spec, found)
    except StateholdError as error:
        return replace(setting, found=found, outcome=Outcome.REFUSED, error=error)
    met = found is not None and control.satisfied(desired, found)
    outcome = Outcome.KEPT if met else Outcome.WOULD_CHANGE
    return replace(setting, found=found, desired=desired, outcome=outcome)


def _unsettled(setting: _Setting) -> _Setting:
    error = NotStabilized(
        f"{setting.control.id} was written, but AWS does not show it yet", "It is looked at again"
    )
    return replace(setting, outcome=Outcome.UNSETTLED, error=error)


def _is_settled(setting: _Setting) -> bool:
    return setting.outcome in {Outcome.KEPT, Outcome.CHANGED}


def _outcome_of(error: StateholdError) -> Outcome:
    if isinstance(error, TransientError):
        return Outcome.UNSETTLED
    refused = {"AccessDenied", "AlreadyExists", "NotUpdatable", "InvalidRequest"}
    return Outcome.REFUSED if error.code in refused else Outcome.FAILED


def _resource_outcome(it: _Existence) -> tuple[Outcome, StateholdError | None]:
    if it.error is not None:
        return _outcome_of(it.error), it.error
    match it.seen:
        case Unknown(error):
            return Outcome.UNKNOWN, explain(error)
        case Absent():
            return Outcome.WOULD_CHANGE, None
        case _:
            return (Outcome.CHANGED if it.created else Outcome.KEPT), None


def _result(
    spec: BackendSpec,
    loop: Loop,
    existing: Sequence[_Existence],
    settings: Sequence[_Setting],
) -> Reconciled:
    outcomes = _blank(loop, spec)
    errors: dict[str, StateholdError] = {}
    for it in existing:
        outcomes[it.resource.id], error = _resource_outcome(it)
        if error is not None:
            errors[it.resource.id] = error
    judged: set[str] = set()
    for setting in settings:
        name = _reported_as(setting.control, setting.resource)
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
            *(_creation(spec, it) for it in existing if _is_missing(it)),
            *(_change(setting) for setting in settings if setting.pending),
        ),
        notes=tuple(note for it in existing for note in _orphans(it)),
    )


def _blank(loop: Loop, spec: BackendSpec) -> dict[str, Outcome]:
    """An outcome for everything that is reported: not applicable, or not looked at."""
    resources = {it.id: it for it in loop.resources}
    outcomes = {
        it.id: Outcome.UNKNOWN if it.applies(spec) else Outcome.NOT_APPLICABLE
        for it in loop.resources
    }
    for control in loop.controls:
        resource = resources[control.on[0]]
        if not resource.supporting:
            applies = resource.applies(spec) and resource.ours(spec) and control.applies(spec)
            outcomes[control.id] = Outcome.UNKNOWN if applies else Outcome.NOT_APPLICABLE
    return outcomes


def _reported_as(control: Control, resource: Resource) -> str:
    return resource.id if resource.supporting else control.id


def _creation(spec: BackendSpec, it: _Existence) -> Change:
    name = it.resource.subject(it.resource.learn(spec, it.resource.planned(spec)))
    return Change(control=it.resource.id, before=None, after=name, why=it.resource.why)


def _change(setting: _Setting) -> Change:
    return Change(
        control=_reported_as(setting.control, setting.resource),
        before=setting.found,
        after=setting.desired,
        why=setting.control.why,
    )


def _orphans(it: _Existence) -> list[str]:
    """A note on the key that lost against a twin run's, where there is one."""
    key = it.seen.value.get("orphan") if isinstance(it.seen, Present) else None
    if not key:
        return []
    return [
        f"The key {key} was made at the same moment as the backend's own and encrypts nothing; "
        "a person may schedule its deletion"
    ]
