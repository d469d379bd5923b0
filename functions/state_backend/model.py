"""
The two shapes in which all knowledge about hardening is written down, and what became of it.

A ``Resource`` is something that must exist; a ``Control`` is one setting of it. Both are data with
pure functions of the spec: they make ``Call`` values and judge answers, and never call anything.
The loop in ``reconcile`` does the rest, the same for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from state_backend.calls import JSON, Call, Invoke, Observation
from state_backend.errors import StateholdError
from state_backend.spec import BackendSpec


def always(spec: BackendSpec) -> bool:
    return True


def same(desired: JSON, found: JSON) -> bool:
    return bool(desired == found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something that must exist in the account."""

    id: str
    why: str
    """What it is for, one sentence."""
    find_permissions: tuple[str, ...]
    """The IAM actions that ``find`` needs where the resource is not ours."""
    create_permissions: tuple[str, ...]
    """The further ones that ``find`` and ``create`` need where it is."""
    find: Callable[[BackendSpec, Invoke], Observation]
    """
    Looks for it. Raises ``AwsError`` where it cannot be looked at, ``PermanentError`` where it is
    there but must not be used, ``TransientError`` where it is still being made.
    """
    create: Callable[[BackendSpec, Invoke], JSON]
    """Makes it, safely against a twin run; returns what ``find`` would."""
    learn: Callable[[BackendSpec, JSON], BackendSpec]
    """Completes the spec with what is known only now."""
    planned: Callable[[BackendSpec], JSON]
    """What stands for it in a plan while it does not exist."""
    subject: Callable[[BackendSpec], str]
    """What its controls act on: a bucket's name, a key's ARN."""
    applies: Callable[[BackendSpec], bool] = always
    """Whether it is looked for at all."""
    ours: Callable[[BackendSpec], bool] = always
    """Whether we make it where it is missing, and set it; else it is only looked at."""
    supporting: bool = False
    """
    Whether the state bucket leans on it. It is then settled first, and its controls are reported
    under its own id.
    """

    @property
    def permissions(self) -> tuple[str, ...]:
        return (*self.find_permissions, *self.create_permissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One setting of one or more resources."""

    id: str
    """As it is reported, and the name of its file."""
    on: tuple[str, ...]
    """The ids of the resources that are set so."""
    why: str
    """What goes wrong without it, one sentence."""
    satisfies: tuple[str, ...]
    """The requirements of standards that it serves: ``NIST 800-53 CP-9``, ``FSBP S3.14``."""
    sources: tuple[str, ...]
    """AWS's pages on it."""
    permissions: tuple[str, ...]
    """The IAM actions that ``read`` and ``write`` need."""
    read: Callable[[BackendSpec, str], Call]
    """The call that shows the setting of the subject."""
    absent: frozenset[str]
    """The error codes by which AWS says that it is not set."""
    select: Callable[[JSON], JSON]
    """The part of AWS's answer that counts; None where the answer means that it is not set."""
    desired: Callable[[BackendSpec, JSON], JSON]
    """
    The setting as it must be, given the one that was found (None: not set): what is foreign in it
    is kept. None takes it away, where there is any. Raises ``PermanentError`` where that is not
    possible.
    """
    write: Callable[[BackendSpec, str, JSON, JSON], tuple[Call, ...]]
    """The calls that make it so: spec, subject, desired, found."""
    satisfied: Callable[[JSON, JSON], bool] = same
    """Whether the found setting (second) is as good as the desired one, or stricter."""
    applies: Callable[[BackendSpec], bool] = always
    needs: tuple[str, ...] = ()
    """The ids of what else has to be known and possible: further resources, other controls."""
    set_at_creation: bool = False
    """Whether a resource that we have just created has it already; read back all the same."""
    last: bool = False
    """Whether it is written only when all else is as it must be."""


class Outcome(StrEnum):
    """What became of a resource or a control; the worse, the further down."""

    NOT_APPLICABLE = "NOT_APPLICABLE"
    KEPT = "KEPT"
    CHANGED = "CHANGED"
    WOULD_CHANGE = "WOULD_CHANGE"
    UNKNOWN = "UNKNOWN"
    UNSETTLED = "UNSETTLED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change that a plan tells, or that a run made."""

    control: str
    before: JSON
    after: JSON
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the loop found and did."""

    spec: BackendSpec
    """Completed by what was learned on the way."""
    outcomes: Mapping[str, Outcome]
    errors: Mapping[str, StateholdError]
    """By control; none where all is well."""
    changes: Sequence[Change]
    """What a plan would change."""
    made: Sequence[Change] = ()
    """What a run did change, and saw changed."""
    notes: tuple[str, ...] = ()
    """What a person should know though all is well."""
