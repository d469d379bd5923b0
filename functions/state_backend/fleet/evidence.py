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
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.fleet.row import Row
from state_backend.model import Control, Outcome
from state_backend.outcomes import READY
from state_backend.resources import RESOURCES

SHOWN = "SHOWN"
NOT_APPLICABLE = str(Outcome.NOT_APPLICABLE)
OBSERVED = "OBSERVED"
"""Left as it was found, or not to be told from that: the bucket is not enforced yet."""
MISSING = "MISSING"
"""The row says nothing of it."""
NO_KMS_KEY = "NO_KMS_KEY"
"""It is set, but not under a KMS key."""

_FINE = frozenset({SHOWN, NOT_APPLICABLE})

STANDARDS: Mapping[str, str] = {
    "NIST 800-53": "NIST SP 800-53, revision 5",
    "FSBP": "AWS Security Hub, by the ids of its checks",
    "CIS AWS": "CIS AWS Foundations Benchmark, versions 3.0.0 and 5.0.0",
}
"""How a requirement in ``satisfies`` begins -> the standard's name."""

TITLES: Mapping[str, str] = {
    "NIST 800-53 AC-3": "Access enforcement",
    "NIST 800-53 AU-2": "Event logging",
    "NIST 800-53 AU-9": "Protection of audit information",
    "NIST 800-53 AU-12": "Audit record generation",
    "NIST 800-53 CM-5": "Access restrictions for change",
    "NIST 800-53 CM-6": "Configuration settings",
    "NIST 800-53 CP-9": "System backup",
    "NIST 800-53 SC-8": "Transmission confidentiality and integrity",
    "NIST 800-53 SC-12": "Cryptographic key establishment and management",
    "NIST 800-53 SC-13": "Cryptographic protection",
    "NIST 800-53 SC-28": "Protection of information at rest",
    "NIST 800-53 SI-12": "Information management and retention",
    "FSBP S3.2": "No public read access",
    "FSBP S3.3": "No public write access",
    "FSBP S3.5": "Requests over TLS alone",
    "FSBP S3.8": "Public access blocked on the bucket",
    "FSBP S3.9": "Server access logging",
    "FSBP S3.10": "Lifecycle rules on a bucket with versions",
    "FSBP S3.12": "No access by ACLs",
    "FSBP S3.13": "Lifecycle rules",
    "FSBP S3.14": "Versioning",
    "FSBP S3.17": "Encryption under a KMS key",
    "FSBP KMS.4": "Key rotation",
    "FSBP KMS.5": "Keys not open to the public",
    "FSBP DynamoDB.2": "Point-in-time recovery of tables",
    "FSBP DynamoDB.6": "Deletion protection of tables",
    "CIS AWS 2.1.1": "The bucket's policy denies HTTP",
    "CIS AWS 2.1.4": "Public access blocked",
    "CIS AWS 3.6": "Rotation of customer managed keys",
}
"""What each requirement is about, in a few words."""

NOT_APPLICABLE_BECAUSE: Mapping[str, str] = {
    "kms-key": "The backend has no key of its own: it uses a shared one, whose owner has to show "
    "this, or S3's (Encryption is AES256).",
    "bucket": "The backend's settings ask for none.",
    "log-bucket": "Access logs are switched off in the backend's settings.",
    "lock-table": "Clients lock with a file in the bucket; there is no table.",
}
"""Resource -> why a setting of it need not be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something that an auditor may ask for and that this cannot show."""

    subject: str
    requirements: tuple[str, ...]
    why: str
    instead: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        subject="Who read or wrote a state",
        requirements=("FSBP S3.22", "FSBP S3.23", "CIS AWS 3.8", "CIS AWS 3.9"),
        why="A row says that access logs are on, not what is in them, nor that one arrived: S3 "
        "delivers them as best it can.",
        instead="CloudTrail data events of the organization's trail; the log buckets themselves",
    ),
    Limit(
        subject="What happened between two sweeps",
        requirements=("NIST 800-53 CM-3", "NIST 800-53 CM-6"),
        why="A row is one look. What was changed and changed back before it was not seen.",
        instead="CloudTrail management events, or AWS Config's history",
    ),
    Limit(
        subject="What others have added to a policy",
        requirements=("FSBP S3.6", "FSBP KMS.5", "NIST 800-53 AC-3"),
        why="Our statements are read; those of others stay as they are and are not judged. On a "
        "bucket that another tool manages, the one that reserves changes to our role is left out.",
        instead="IAM Access Analyzer for the bucket and the key",
    ),
    Limit(
        subject="Who may use a state by the account's own IAM",
        requirements=("FSBP KMS.1", "FSBP KMS.2", "NIST 800-53 AC-6"),
        why="Only the bucket's and the key's policy are read.",
        instead="IAM Access Analyzer; the account's own review of its roles",
    ),
    Limit(
        subject="The states that are there already",
        requirements=("NIST 800-53 SC-28",),
        why="The bucket's default and its policy are read, never an object. What was written "
        "before a bucket was adopted keeps the key it was written under.",
        instead="S3 Inventory with its encryption status",
    ),
    Limit(
        subject="Public access block of the whole account",
        requirements=("FSBP S3.1",),
        why="It is set for each account, not for a bucket, and is not read.",
        instead="Security Hub, or the tool that sets it",
    ),
    Limit(
        subject="MFA delete",
        requirements=("FSBP S3.20", "CIS AWS 2.1.2"),
        why="It takes the account's root user, and S3 allows no lifecycle rules beside it. The "
        "bucket's policy denies the deletion of versions instead.",
        instead="A documented exception",
    ),
    Limit(
        subject="A copy somewhere else",
        requirements=("FSBP S3.7", "NIST 800-53 CP-6", "NIST 800-53 SC-28(2)"),
        why="There is no replication and no copy that is offline; old versions are in the same "
        "bucket.",
        instead="A replica or backup of your own",
    ),
    Limit(
        subject="That a state can be restored",
        requirements=("NIST 800-53 CP-9(1)", "NIST 800-53 CP-10"),
        why="Versioning is read; nothing is restored for the sake of it.",
        instead="The record of a restore that was practised",
    ),
    Limit(
        subject="The bucket with the access logs",
        requirements=("FSBP S3.17", "FSBP S3.9"),
        why="It is under SSE-S3, since S3 delivers no logs under a customer's key, and keeps no "
        "logs of itself: a scanner reports both. Of one that AccessLogs names, only "
        "its existence and its encryption are read, though its row looks the same.",
        instead="A documented exception; the settings of the named bucket",
    ),
    Limit(
        subject="Expiry of old versions in an adopted bucket",
        requirements=("NIST 800-53 SI-12", "FSBP S3.10"),
        why="It is set only where the backend's properties say so; leftovers are removed in any "
        "case, and that is what the row then means.",
        instead="The bucket's lifecycle rules",
    ),
    Limit(
        subject="What is not set at all",
        requirements=("FSBP S3.11", "FSBP S3.15", "FSBP DynamoDB.4", "CIS AWS 2.1.3"),
        why="Event notifications, Object Lock, backup plans and Macie are no part of a backend.",
        instead="The tools that you use for them",
    ),
    Limit(
        subject="Findings of Security Hub",
        requirements=(),
        why="The ids say what a check asks for, not what it found. S3.10, S3.14, S3.17 and KMS.4 "
        "belong to its NIST 800-53 standard, not to its Foundational Security Best Practices.",
        instead="Security Hub's own findings",
    ),
)


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
        requirement: That it is asked for; some ask for more than the control sets in every mode.
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
