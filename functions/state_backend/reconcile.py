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

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
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
    Present,
    Unknown,
    look,
)
from state_backend.controls import CONTROLS
from state_backend.errors import Contested, NotStabilized, StateholdError, TransientError, explain
from state_backend.model import Control, Outcome, Reconciled, Resource
from state_backend.progress import (
    Existence,
    Setting,
    cut_answer,
    imagined,
    is_missing,
    is_settled,
    is_there,
    learned,
    matters,
    outcome_of,
    planned,
    reported_as,
    stops,
    summary,
    unsettled,
)
from state_backend.resources import RESOURCES
from state_backend.spec import BackendSpec

_NOT_YET_THERE = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NotFoundException",
        "ResourceNotFoundException",
        "TableNotFoundException",
        "ContinuousBackupsUnavailableException",
    }
)
"""What AWS may answer for a while about a thing that it has just made."""

_NOT_YET_USABLE = "KMSInvalidStateException"
_USABLE_AFTER_SECONDS = 4.0
"""A key that was just made may say so for moments; one that is disabled says it for good."""

_POLLS = (0.5, 1.0, 2.0, 4.0, 8.0, *(15.0,) * 40)
"""Seconds to wait before each further look at something stale; longer than a function runs."""

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
    ours = [it for it in resources if not spec or any(map(it.ours, possible))]
    declared = (
        *(it.find_permissions for it in resources),
        *(it.create_permissions for it in ours),
        *(it.permissions for it in controls),
    )
    return frozenset(action for actions in declared for action in actions)


def wanted(spec: BackendSpec) -> dict[str, str]:
    """
    For each control a digest of what it would set where nothing is set.

    It changes with the spec, the roles that act, and our own code, and with nothing else.
    """
    return {it.id: _digest(it, spec) for it in CONTROLS if it.applies(spec)}


def _digest(control: Control, spec: BackendSpec) -> str:
    try:
        desired = control.desired(spec, None)
    except StateholdError as error:
        desired = str(error)
    text = json.dumps(desired, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _possible_origins(spec: BackendSpec) -> tuple[str, ...]:
    return (spec.origin,) if spec.origin else ("created", "adopted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The loop with what it acts through. One object may run once."""

    invoke: Invoke
    clock: Clock = field(default_factory=Clock)
    give_up_at: float = float("inf")
    """When to stop waiting for what AWS does not show yet. Epoch seconds."""
    before_creating: Callable[[frozenset[str]], None] = lambda missing: None
    """Called with the ids of what is missing before any of it is created; raises to stop it."""
    left_alone: Mapping[str, StateholdError] = field(default_factory=dict)
    """What is looked at but never changed, by the id under which it is told, and why."""
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
            stopped = any(stops(it) for it in existing)
            if plan_only:
                spec = imagined(spec, existing)
            elif not stopped:
                existing = self._create(spec, existing)
                spec = learned(spec, existing)
            settings = self._observe(spec, existing) if not stopped else []
            if not plan_only:
                settings = self._settle(spec, [self._spared(it) for it in settings])
        return summary(spec, (self.resources, self.controls), existing, settings)

    # observe

    def _find(self, spec: BackendSpec) -> tuple[BackendSpec, list[Existence]]:
        """What exists and what is missing; what is found can make further resources matter."""
        existing: list[Existence] = []
        while True:
            looked = {it.resource.id for it in existing}
            further = [it for it in self.resources if it.applies(spec) and it.id not in looked]
            if not further:
                break
            existing += self.pool.map(partial(self._find_one, spec), further)
            spec = learned(spec, existing)
        return spec, [it for it in existing if matters(spec, it)]

    def _find_one(self, spec: BackendSpec, resource: Resource) -> Existence:
        try:
            return Existence(resource=resource, seen=resource.find(spec, self.invoke))
        except AwsError as error:
            return Existence(resource=resource, seen=Unknown(error))
        except StateholdError as error:
            return Existence(resource=resource, seen=Absent(), error=error)
        except LookupError as error:
            return Existence(resource=resource, seen=Unknown(cut_answer(resource, error)))

    def _create(self, spec: BackendSpec, existing: list[Existence]) -> list[Existence]:
        """Creates what is missing, unless something could not be looked at."""
        existing = [
            replace(it, error=self.left_alone.get(it.resource.id)) if is_missing(it) else it
            for it in existing
        ]
        missing = frozenset(it.resource.id for it in existing if is_missing(it))
        unseen = [explain(it.seen.error) for it in existing if isinstance(it.seen, Unknown)]
        if not missing:
            return existing
        try:
            if unseen:
                raise NotStabilized(
                    f"Nothing was created, since {unseen[0].message}", unseen[0].remedy
                )
            self.before_creating(missing)
        except StateholdError as error:
            return [replace(it, error=error) if is_missing(it) else it for it in existing]
        return list(self.pool.map(lambda it: self._create_one(spec, it), existing))

    def _create_one(self, spec: BackendSpec, it: Existence) -> Existence:
        if not is_missing(it):
            return it
        try:
            made = it.resource.create(spec, self._patiently)
            return replace(it, seen=Present(made), created=True)
        except AwsError as error:
            return replace(it, error=explain(error))
        except StateholdError as error:
            return replace(it, error=error)
        except LookupError as error:
            return replace(it, error=explain(cut_answer(it.resource, error)))

    def _observe(self, spec: BackendSpec, existing: list[Existence]) -> list[Setting]:
        by_id = {it.resource.id: it for it in existing}
        places = [
            (control, by_id[on])
            for control in self.controls
            for on in control.on
            if on in by_id and by_id[on].resource.ours(spec) and control.applies(spec)
        ]
        observed = list(self.pool.map(lambda place: self._observe_one(spec, *place), places))
        blind = {it.resource.id for it in existing if not is_there(it)}
        blind |= {it.control.id for it in observed if it.error is not None}
        return [
            replace(setting, outcome=Outcome.UNKNOWN)
            if blind.intersection(setting.control.needs)
            else setting
            for setting in observed
        ]

    def _observe_one(self, spec: BackendSpec, control: Control, place: Existence) -> Setting:
        setting = Setting(control=control, resource=place.resource)
        if not isinstance(place.seen, Present | Absent) or place.error is not None:
            return setting
        if place.created:
            return planned(spec, replace(setting, unread=True), None)
        if isinstance(place.seen, Absent):
            return planned(spec, setting, None)
        return self._read(spec, setting)

    def _read(self, spec: BackendSpec, setting: Setting) -> Setting:
        control = setting.control
        call = control.read(spec, setting.resource.subject(spec))
        try:
            seen = look(self.invoke, call, control.absent)
            if isinstance(seen, Unknown):
                raise seen.error
            return planned(
                spec, setting, control.select(seen.value) if isinstance(seen, Present) else None
            )
        except AwsError as error:
            return replace(setting, outcome=Outcome.UNKNOWN, error=explain(error))
        except (LookupError, ValueError) as error:
            return replace(setting, outcome=Outcome.UNKNOWN, error=explain(cut_answer(call, error)))

    def _spared(self, setting: Setting) -> Setting:
        """*setting*, not to be written if it is left alone."""
        error = self.left_alone.get(reported_as(setting.control, setting.resource))
        if error is None or not setting.pending:
            return setting
        return replace(setting, outcome=outcome_of(error), error=error)

    # apply and verify

    def _settle(self, spec: BackendSpec, settings: list[Setting]) -> list[Setting]:
        """Supporting resources first, then the rest, then what says that all is ready."""
        waves = (
            [it for it in settings if it.resource.supporting],
            [it for it in settings if not it.resource.supporting and not it.control.last],
            [it for it in settings if it.control.last],
        )
        settled: list[Setting] = []
        for ready in waves:
            late = {it.resource.id for it in settled if isinstance(it.error, TransientError)}
            wave = [_held_back(it) if late.intersection(it.control.needs) else it for it in ready]
            last = any(it.control.last for it in wave)
            if last and not all(is_settled(it) or _is_contested(it) for it in settled):
                settled += [_held_back(it) for it in wave]
            else:
                settled += self._verify(spec, self._apply(spec, wave))
        return settled

    def _apply(self, spec: BackendSpec, wave: list[Setting]) -> list[Setting]:
        chains = [
            [it for it in wave if it.resource is resource]
            for resource in {id(it.resource): it.resource for it in wave}.values()
        ]
        written = self.pool.map(lambda chain: [self._write(spec, it) for it in chain], chains)
        return [setting for chain in written for setting in chain]

    def _write(self, spec: BackendSpec, setting: Setting) -> Setting:
        control = setting.control
        already = setting.written or (setting.unread and control.set_at_creation)
        if not setting.pending or setting.error is not None or already:
            return setting
        calls = control.write(spec, setting.resource.subject(spec), setting.desired, setting.found)
        try:
            # An S3 setting is one call, so no two run on one bucket at once.
            list(self.pool.map(self._patiently, calls))
        except AwsError as error:
            if error.code != "AlreadyExistsException":  # what is there, but not shown yet
                explained = explain(error)
                return replace(setting, outcome=outcome_of(explained), error=explained)
        return replace(setting, written=True)

    def _verify(self, spec: BackendSpec, wave: list[Setting]) -> list[Setting]:
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
        return [unsettled(it) if it.pending and it.error is None else it for it in wave]

    def _read_back(self, spec: BackendSpec, setting: Setting) -> Setting:
        after = self._read(spec, setting)
        if after.outcome in {Outcome.KEPT, Outcome.NOT_APPLICABLE}:
            # With what was found before, which is what there is to tell.
            return replace(setting, outcome=Outcome.CHANGED)
        if after.error is not None and not _is_not_yet_there(after.error):
            return after
        # Still stale if it was written; else what a creation brings did not come: write it now.
        return replace(after, outcome=Outcome.WOULD_CHANGE, unread=False, error=None)

    def _patiently(self, call: Call) -> JSON:
        """Makes *call*, again while AWS does not yet know a thing that it has just made."""
        for delay in _POLLS:
            try:
                return self.invoke(call)
            except AwsError as error:
                soon = error.code == _NOT_YET_USABLE and delay <= _USABLE_AFTER_SECONDS
                if not (soon or error.code in _NOT_YET_THERE) or not self._wait(delay):
                    raise
        return self.invoke(call)

    def _wait(self, seconds: float) -> bool:
        if self.clock.now() + seconds > self.give_up_at:
            return False
        self.clock.sleep(seconds)
        return True


def _is_not_yet_there(error: StateholdError) -> bool:
    return isinstance(error.__cause__, AwsError) and error.__cause__.code in _NOT_YET_THERE


def _is_contested(setting: Setting) -> bool:
    """Whether it is left to people, who are told: what clients read is kept right meanwhile."""
    return isinstance(setting.error, Contested)


def _held_back(setting: Setting) -> Setting:
    """*setting* where it may not be written yet: what it leans on, or speaks for, is not ready."""
    return replace(setting, outcome=Outcome.UNSETTLED) if setting.pending else setting
