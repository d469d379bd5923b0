"""Coverage as one number: how many accounts are as they must be, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from state_backend.fleet.row import STATUSES, Row
from state_backend.outcomes import READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far the organization is covered."""

    accounts_in_scope: int
    accounts_covered: int
    """Those whose backends are READY in every Region in scope."""
    backends_in_scope: int
    by_status: Mapping[str, int]
    """Backends, an account and Region each; those out of scope are the IGNORED ones."""
    reasons: Mapping[str, int]
    """Error code -> accounts that are not covered for it, the most frequent first."""
    repaired: int
    """Backends that had drifted and were set right."""
    oldest_unready: Row | None
    """The backend that has waited longest, of those that are not READY."""

    @property
    def percent(self) -> float:
        """Rounded down to one decimal: 4,999 of 5,000 is no hundred. 0 if nothing is in scope."""
        return (1000 * self.accounts_covered // (self.accounts_in_scope or 1)) / 10

    @property
    def accounts_uncovered(self) -> int:
        return self.accounts_in_scope - self.accounts_covered

    @property
    def sentence(self) -> str:
        """The number in words."""
        if not self.accounts_in_scope:
            return "No account is in scope."
        covered, of = f"{self.accounts_covered:,}", f"{self.accounts_in_scope:,}"
        subject = f"{covered} of {of} {_plural(self.accounts_in_scope, 'account')}"
        if not self.accounts_uncovered:
            return f"{subject} {_have(self.accounts_covered)} every control in place."
        why = ", ".join(f"{number:,} {code}" for code, number in self.reasons.items())
        return (
            f"{subject} {_have(self.accounts_covered)} every control in place; "
            f"{self.accounts_uncovered:,} {_plural(self.accounts_uncovered, 'does', 'do')} not: "
            f"{why}."
        )


def coverage(rows: Sequence[Row]) -> Coverage:
    """How far *rows* are covered."""
    in_scope = [it for it in rows if it.in_scope]
    accounts = {it.account for it in in_scope}
    uncovered = {it.account for it in in_scope if it.status != READY}
    unready = [it for it in in_scope if it.unready]
    return Coverage(
        accounts_in_scope=len(accounts),
        accounts_covered=len(accounts - uncovered),
        backends_in_scope=len(in_scope),
        by_status={status: sum(it.status == status for it in rows) for status in STATUSES},
        reasons=_reasons(unready),
        repaired=sum(bool(it.repaired) for it in rows),
        oldest_unready=min(unready, key=lambda it: it.unready_since, default=None),
    )


def _reasons(unready: Sequence[Row]) -> dict[str, int]:
    """An account counts once, for the first of its backends that is not ready."""
    first: dict[str, str] = {}
    for row in unready:
        first.setdefault(row.account, row.code or row.status)
    return dict(sorted(Counter(first.values()).items(), key=lambda it: (-it[1], it[0])))


def _plural(number: int, one: str, many: str = "") -> str:
    return one if number == 1 else many or f"{one}s"


def _have(number: int) -> str:
    return _plural(number, "has", "have")
