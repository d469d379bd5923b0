"""
One account and Region in a report: what its run answered, and what the sweep knows besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.ids import is_account
from state_backend.model import Outcome
from state_backend.outcomes import FAILED, IGNORED, READY, WAITING

STATUSES = (READY, WAITING, FAILED, IGNORED)

_OUTCOMES = tuple(Outcome)
_CHANGE = ("control", "before", "after", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One account and Region."""

    account: str
    region: str
    name: str = ""
    """The account's name in Organizations; empty if unknown."""
    bucket_name: str = ""
    status: str
    owner: str = ""
    """``hub``, or the ARN of the stack that owns the backend; empty if unknown."""
    controls: Mapping[str, str] = field(default_factory=dict)
    """What became of each resource and control, by its id."""
    code: str = ""
    message: str = ""
    remedy: str = ""
    """Why it is not ready, and what to do; the three are empty where there is no error."""
    repaired: tuple[Mapping[str, JSON], ...] = ()
    """What had drifted and was set right: ``control``, ``before``, ``after``, ``why``."""
    changes: tuple[Mapping[str, JSON], ...] = ()
    """What a plan would change, in the same form."""
    notes: tuple[str, ...] = ()
    unready_since: float = 0.0
    """Epoch seconds; 0 if it is ready, ignored, or not known to have been unready before."""

    @property
    def backend(self) -> str:
        """How the report refers to it: ``222222222222/eu-central-1``."""
        return f"{self.account}/{self.region}"

    @property
    def in_scope(self) -> bool:
        return self.status != IGNORED

    @property
    def unready(self) -> bool:
        return self.status in {WAITING, FAILED}


def row_of(answer: JSON) -> Row:
    """
    The row of one object that ``AccountVendedFunction`` answers.

    Read is what ``outcomes.Report.to_json`` writes; what else is in it is left out.

    Raises:
        InvalidRequest: It has not that form.
    """
    if not isinstance(answer, Mapping):
        raise _wrong("it is no object")
    error = _part(answer, "error", Mapping, {})
    status = _text(answer, "status")
    if status not in STATUSES:
        raise _wrong(f"status is {status!r}")
    if not is_account(answer.get("accountId")):
        raise _wrong("accountId is not an account's")
    if not _text(answer, "region"):
        raise _wrong("it names no Region")
    return Row(
        account=_text(answer, "accountId"),
        region=_text(answer, "region"),
        bucket_name=_text(answer, "bucketName", ""),
        status=status,
        controls=_controls(_part(answer, "controls", Mapping, {})),
        code=_text(error, "code", ""),
        message=_text(error, "message", ""),
        remedy=_text(error, "remedy", ""),
        repaired=_changes(answer, "repaired"),
        changes=_changes(answer, "changes"),
        notes=tuple(_string("notes", it) for it in _part(answer, "notes", list, [])),
    )


def _controls(given: Mapping[str, JSON]) -> dict[str, str]:
    for control, outcome in given.items():
        if outcome not in _OUTCOMES:
            raise _wrong(f"the outcome of {control} is {outcome!r}")
    return {control: str(outcome) for control, outcome in given.items()}


def _changes(answer: Mapping[str, JSON], key: str) -> tuple[Mapping[str, JSON], ...]:
    found = _part(answer, key, list, [])
    for it in found:
        if not isinstance(it, Mapping) or not set(_CHANGE) <= set(it):
            raise _wrong(f"an item of {key} lacks one of {', '.join(_CHANGE)}")
        _string(key, it["control"])
        _string(key, it["why"])
    return tuple({part: it[part] for part in _CHANGE} for it in found)


def _text(part: Mapping[str, JSON], key: str, default: str | None = None) -> str:
    if key not in part and default is None:
        raise _wrong(f"it has no {key}")
    return _string(key, part.get(key, default))


def _string(key: str, value: JSON) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{key} is no text")
    return value


def _part(answer: Mapping[str, JSON], key: str, kind: type, default: JSON) -> JSON:
    value = answer.get(key, default)
    if not isinstance(value, kind):
        raise _wrong(f"{key} has the wrong form")
    return value


def _wrong(fault: str) -> InvalidRequest:
    return InvalidRequest(
        f"An account's answer cannot be reported: {fault}",
        "Hand over one object of the array that AccountVendedFunction answers",
    )
