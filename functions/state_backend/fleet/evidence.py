"""
Evidence by standard: what was read in each account, told in the words of those who ask for it.

A setting counts as shown where the run read it as it must be (KEPT) or set it and read it back
(CHANGED). Whatever was not read, for whatever reason, is an exception, and what need not be set is
told apart from both. Where an outcome alone would say too much, ``_VERDICTS`` says less.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.fleet.row import Row
from state_backend.fleet.standards import LIMITS, STANDARDS, TITLES
from state_backend.model import Control, Outcome
from state_backend.outcomes import READY
from state_backend.resources import RESOURCES

SHOWN = "SHOWN"
NOT_APPLICABLE = str(Outcome.NOT_APPLICABLE)
OBSERVED = "OBSERVED"
"""Perhaps as it was found: the bucket is not enforced yet."""
MISSING = "MISSING"
"""The row says nothing of it."""
NO_KMS_KEY = "NO_KMS_KEY"
"""It is set, but not under a KMS key."""

_FINE = frozenset({SHOWN, NOT_APPLICABLE})

NOT_APPLICABLE_BECAUSE: Mapping[str, str] = {
    "kms-key": "The backend has no key of its own: it uses a shared one, whose owner has to show "
    "this, or S3's (Encryption is AES256).",
    "bucket": "The backend's settings ask for none.",
    "log-bucket": "Access logs are switched off in the backend's settings.",
    "lock-table": "Clients lock with a file in the bucket; there is no table.",
}
"""Resource -> why a setting of it need not be there."""

_SUPPORTING = frozenset(it.id for it in RESOURCES if it.supporting)

REPORTED_AS: Mapping[str, tuple[str, ...]] = {
    control.id: tuple(dict.fromkeys(on if on in _SUPPORTING else control.id for on in control.on))
    for control in CONTROLS
}
"""Control -> the ids by which a row tells of it: its own, or that of what the bucket leans on."""


def evidence(rows: Sequence[Row]) -> dict[str, JSON]:
    """What *rows* show: by standard and requirement, by control, and what they cannot show."""
    in_scope = [it for it in rows if it.in_scope]
    return {
        "backends": len(in_scope),
        "standards": [_standard(it, in_scope) for it in STANDARDS],
        "controls": [_control(it, in_scope) for it in CONTROLS],
        "cannotShow": [
            {
                "subject": it.subject,
                "requirements": list(it.requirements),
                "why": it.why,
                "instead": it.instead,
            }
            for it in LIMITS
        ],
    }


def requirements() -> dict[str, list[Control]]:
    """Every requirement that a control serves, in order -> those that serve it."""
    serving: dict[str, list[Control]] = defaultdict(list)
    for control in CONTROLS:
        for requirement in control.satisfies:
            serving[requirement].append(control)
    return dict(sorted(serving.items(), key=lambda it: _natural(it[0])))


def _natural(requirement: str) -> list[tuple[bool, int | str]]:
    """So that S3.5 comes before S3.10."""
    parts = re.split(r"([0-9]+)", requirement)
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts]


def _standard(standard: str, rows: Sequence[Row]) -> dict[str, JSON]:
    return {
        "id": standard,
        "title": STANDARDS[standard],
        "requirements": [
            _requirement(requirement, serving, rows)
            for requirement, serving in requirements().items()
            if requirement.startswith(f"{standard} ")
        ],
    }


def _requirement(
    requirement: str, serving: Sequence[Control], rows: Sequence[Row]
) -> dict[str, JSON]:
    """A backend shows it if each control that serves it is shown, or need not be there."""
    verdicts = {
        row.backend: _together({verdict(control, row, requirement) for control in serving})
        for row in rows
    }
    return {
        "id": requirement,
        "title": TITLES.get(requirement, ""),
        "controls": [it.id for it in serving],
        **_tally(verdicts),
        "exceptions": [name for name, it in verdicts.items() if it not in _FINE],
    }


def _together(verdicts: set[str]) -> str:
    return min(verdicts - _FINE, default=SHOWN if SHOWN in verdicts else NOT_APPLICABLE)


def _control(control: Control, rows: Sequence[Row]) -> dict[str, JSON]:
    verdicts = {row.backend: verdict(control, row) for row in rows}
    exceptions: dict[str, list[str]] = defaultdict(list)
    for name, it in verdicts.items():
        if it not in _FINE:
            exceptions[it].append(name)
    return {
        "id": control.id,
        "why": control.why,
        "readBy": next(it for it in control.permissions if _READS.search(it)),
        "satisfies": list(control.satisfies),
        "sources": list(control.sources),
        **_tally(verdicts),
        "notApplicableBecause": not_applicable_because(control),
        "exceptions": dict(exceptions),
    }


def not_applicable_because(control: Control) -> str:
    """Why *control* need not be set where it is NOT_APPLICABLE."""
    # Logging goes with its bucket: where there is none, none is asked for.
    resource = "log-bucket" if "log-bucket" in control.needs else control.on[0]
    return NOT_APPLICABLE_BECAUSE[resource]


def _tally(verdicts: Mapping[str, str]) -> dict[str, JSON]:
    counts = Counter(verdicts.values())
    return {"shown": counts[SHOWN], "notApplicable": counts[NOT_APPLICABLE], "of": len(verdicts)}


_READS = re.compile(r":(Get|Describe)")

# ---- what an outcome comes to ------------------------------------------------------------------


def verdict(control: Control, row: Row, requirement: str = "") -> str:
    """
    What *row* shows of *control*: SHOWN, NOT_APPLICABLE, or the word for why it is not shown.

    Args:
        requirement: The one that asks for it; some ask for more than the control always sets.
    """
    found = [_of_outcome(row, name) for name in REPORTED_AS[control.id]]
    own = min(set(found) - _FINE, default=found[0])
    further = _VERDICTS.get(requirement) or _VERDICTS.get(control.id)
    return further(row, own) if further else own


def _of_outcome(row: Row, name: str) -> str:
    outcome = row.controls.get(name, MISSING)
    return SHOWN if outcome in {Outcome.KEPT, Outcome.CHANGED} else outcome


def _may_be_observed(row: Row) -> bool:
    """
    Whether the bucket may be only observed: what was found there is then reported as kept.

    A row does not say so. One that is READY is enforced, and so is one with a key of its own.
    """
    own_key = row.controls.get("kms-key-policy", NOT_APPLICABLE)
    return row.status != READY and own_key == NOT_APPLICABLE


def _if_enforced(row: Row, own: str) -> str:
    return OBSERVED if own == SHOWN and _may_be_observed(row) else own


def _if_logged(row: Row, own: str) -> str:
    """Logging that was just turned off is CHANGED too; but then there is no log bucket."""
    off = row.controls.get("log-bucket") == NOT_APPLICABLE
    return NOT_APPLICABLE if own == SHOWN and off else own


def _if_under_kms(row: Row, own: str) -> str:
    """Default encryption is kept under S3's own key too, where that is asked for."""
    if own == SHOWN and _of_outcome(row, "kms-key") != SHOWN:
        return NO_KMS_KEY
    return _if_enforced(row, own)


_VERDICTS: Mapping[str, Callable[[Row, str], str]] = {
    "bucket-encryption": _if_enforced,
    "bucket-ownership": _if_enforced,
    "bucket-policy": _if_enforced,
    "bucket-logging": _if_logged,
    "FSBP S3.17": _if_under_kms,
}
"""A control, or a requirement of one -> what its outcome comes to."""
