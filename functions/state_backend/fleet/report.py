"""
The report on a sweep: one object, ready to be written as JSON, that page and CSV are made from.

``schemas/report.schema.json`` says its form to programs, ``docs/evidence.md`` to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from state_backend.calls import JSON
from state_backend.fleet.coverage import Coverage, coverage
from state_backend.fleet.evidence import evidence
from state_backend.fleet.row import Row
from state_backend.outcomes import FAILED, READY

VERSION = 1
"""Of the report's form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One look at the whole organization."""

    id: str
    started_at: float
    finished_at: float
    """Epoch seconds, both."""
    operation: str
    """``reconcile``, or ``plan`` if nothing was written."""
    hub_account: str
    home_region: str


def report(
    sweep: Sweep, rows: Iterable[Row], previous: Mapping[str, JSON] | None = None
) -> dict[str, JSON]:
    """
    The report on *rows*, in their order.

    Args:
        previous: The report on the sweep before, if there is one: it knows since when something has
            not been ready, and what has changed is told against it.
    """
    if previous and previous.get("version") != VERSION:
        previous = None  # of another form: what it says cannot be relied on
    since = _unready_since(previous)
    if previous and previous["sweep"]["id"] == sweep.id:
        previous = None  # this very one, written before its step was repeated
    rows = [_dated(it, since.get(it.backend, sweep.started_at)) for it in rows]
    return {
        "version": VERSION,
        "sweep": {
            "id": sweep.id,
            "startedAt": text_of_time(sweep.started_at),
            "finishedAt": text_of_time(sweep.finished_at),
            "operation": sweep.operation,
            "hubAccount": sweep.hub_account,
            "homeRegion": sweep.home_region,
        },
        "coverage": _coverage(coverage(rows)),
        "sinceLast": _since_last(rows, previous) if previous else None,
        "attention": _attention(rows),
        "rows": [_row(it) for it in rows],
        "evidence": evidence(rows),
    }


def text_of_time(epoch: float) -> str:
    """ISO 8601 in UTC, to the second; empty for 0."""
    if not epoch:
        return ""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unready_since(previous: Mapping[str, JSON] | None) -> dict[str, float]:
    rows = previous["rows"] if previous else []
    return {
        f"{it['account']}/{it['region']}": datetime.fromisoformat(it["unreadySince"]).timestamp()
        for it in rows
        if it["unreadySince"]
    }


def _dated(row: Row, since: float) -> Row:
    if not row.unready:
        return replace(row, unready_since=0.0)
    return replace(row, unready_since=row.unready_since or since)


def _coverage(it: Coverage) -> dict[str, JSON]:
    oldest = it.oldest_unready
    return {
        "sentence": it.sentence,
        "percent": it.percent,
        "accountsInScope": it.accounts_in_scope,
        "accountsCovered": it.accounts_covered,
        "backendsInScope": it.backends_in_scope,
        "byStatus": dict(it.by_status),
        "reasons": dict(it.reasons),
        "repaired": it.repaired,
        "oldestUnready": oldest
        and {"backend": oldest.backend, "since": text_of_time(oldest.unready_since)},
    }


def _since_last(rows: Sequence[Row], previous: Mapping[str, JSON]) -> dict[str, JSON]:
    """What has changed: by backend, in the order of *rows*; what is gone in that of *previous*."""
    before = {f"{it['account']}/{it['region']}": it["status"] for it in previous["rows"]}
    now = {it.backend: it.status for it in rows}
    both = [it for it in now if it in before]
    return {
        "sweep": previous["sweep"]["id"],
        "finishedAt": previous["sweep"]["finishedAt"],
        "accountsCovered": previous["coverage"]["accountsCovered"],
        "accountsInScope": previous["coverage"]["accountsInScope"],
        "percent": previous["coverage"]["percent"],
        "appeared": [it for it in now if it not in before],
        "gone": [it for it in before if it not in now],
        "nowReady": [it for it in both if now[it] == READY != before[it]],
        "noLongerReady": [it for it in both if now[it] != READY == before[it]],
    }


def _attention(rows: Sequence[Row]) -> list[JSON]:
    """Why backends are not ready: one entry per reason and remedy, those for a person first."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.unready:
            key = (row.status, row.code, _in_general(row.remedy, row))
            groups.setdefault(key, []).append(row)
    ordered = sorted(groups.items(), key=lambda it: (it[0][0] != FAILED, -len(it[1]), it[0]))
    return [
        {
            "status": status,
            "code": code,
            "reason": _common_reason(found),
            "remedy": remedy,
            "backends": [it.backend for it in found],
        }
        for (status, code, remedy), found in ordered
    ]


def _common_reason(rows: Sequence[Row]) -> str:
    """What is said of all of them, or of the first for an example."""
    reasons = {_in_general(it.message, it) for it in rows}
    return reasons.pop() if len(reasons) == 1 else f"For example: {rows[0].message}"


def _in_general(text: str, row: Row) -> str:
    """*text* without what names its own account, so that the same can be told of many at once."""
    for own, general in (
        (row.bucket_name, "<bucket>"),
        (row.account, "<account>"),
        (row.region, "<Region>"),
    ):
        text = text.replace(own, general) if own else text
    return text


def _row(row: Row) -> dict[str, JSON]:
    return {
        "account": row.account,
        "region": row.region,
        "name": row.name,
        "bucketName": row.bucket_name,
        "status": row.status,
        "owner": row.owner,
        "controls": dict(row.controls),
        "code": row.code,
        "message": row.message,
        "remedy": row.remedy,
        "repaired": [dict(it) for it in row.repaired],
        "changes": [dict(it) for it in row.changes],
        "notes": list(row.notes),
        "unreadySince": text_of_time(row.unready_since),
    }
