"""
The report for people: one HTML page that needs nothing else.

Names, tags and messages come from accounts that others administer. In the page they are text and
never markup; the page may load nothing, send nothing, and run one script, known by its hash.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from html import escape
from pathlib import Path

from state_backend.calls import JSON
from state_backend.fleet import evidence_tables, grid, links, table
from state_backend.fleet.attention import attention
from state_backend.fleet.changes import changes
from state_backend.outcomes import FAILED, IGNORED, READY, WAITING

_HERE = Path(__file__).parent

_MEANINGS: Mapping[str, str] = {
    READY: "every control read, as it must be",
    WAITING: "looked at again, or only observed",
    FAILED: "needs a person",
    IGNORED: "out of scope",
}

_LEAST_BAR = 0.6
"""Percent: what is there is seen."""


def html(report: Mapping[str, JSON]) -> str:
    """The page of *report*, as ``report.report`` made it."""
    script, style = _file("page.js"), _file("page.css")
    planned = report["sweep"]["operation"] == "plan"
    coverage = report["coverage"]
    parts = {
        "policy": _policy(script, style),
        "title": escape(f"{coverage['percent']} % of accounts covered · Statehold"),
        "style": style,
        "percent": escape(str(coverage["percent"])),
        "sentence": escape(coverage["sentence"]),
        "since": _plan_notice(planned) + _since_last(report["sinceLast"]),
        "bar": _bar(coverage),
        "attention": attention(report["attention"]),
        "grid": grid.grid(report["rows"]),
        "changes_title": "What would change" if planned else "What had drifted, and was repaired",
        "changes": changes(report["rows"], planned),
        "changed_title": "Would change" if planned else "Repaired",
        "chips": table.chips(coverage["byStatus"], report["rows"], planned),
        "evidence": evidence_tables.by_standard_and_control(report["evidence"]),
        "limits": evidence_tables.what_is_not_shown(report["evidence"]["cannotShow"]),
        "made": _made(report),
        "data": table.data(report, planned),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda it: parts[it[1]], _file("page.html"))


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Nothing may be loaded or sent; what runs is known by its hash."""

    def known(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {known(script)}; style-src {known(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _plan_notice(planned: bool) -> str:
    return '<p class="plan">This was a plan: nothing was written.</p>' if planned else ""


def _since_last(since: Mapping[str, JSON] | None) -> str:
    if since is None:
        return '<p class="soft">This is the first sweep, or the one before is not known.</p>'
    told = [
        f"{len(since[key]):,} {words}"
        for key, words in (
            ("nowReady", "became ready"),
            ("noLongerReady", "no longer ready"),
            ("appeared", "new"),
            ("gone", "gone"),
        )
        if since[key]
    ]
    lost = since["noLongerReady"]
    return (
        f'<p class="soft">Since the sweep of {_time(since["finishedAt"])} '
        f"({since['accountsCovered']:,} of {since['accountsInScope']:,} accounts, "
        f"{since['percent']} %): {', '.join(told) or 'no change'}.</p>"
        + (
            f'<div class="lost"><span>No longer ready:</span> {links.names(lost)}</div>'
            if lost
            else ""
        )
    )


def _bar(coverage: Mapping[str, JSON]) -> str:
    counts = {it: coverage["byStatus"][it] for it in _MEANINGS}
    total = sum(counts.values())
    drawn, start = [], 0.0
    for status, width in _widths(counts).items():
        drawn.append(
            f'<rect class="{status}" x="{start:.3f}%" width="{width:.3f}%" height="100%">'
            f"<title>{status}: {counts[status]:,}</title></rect>"
        )
        start += width
    items = "".join(
        f'<li><strong>{number:,}</strong><span class="tag {status}">'
        f'<svg class="key" aria-hidden="true"><rect class="{status}" width="100%" height="100%"/>'
        f'</svg>{status}</span> <span class="soft">{_MEANINGS[status]}</span></li>'
        for status, number in counts.items()
    )
    said = ", ".join(f"{number:,} {status}" for status, number in counts.items())
    oldest = coverage["oldestUnready"]
    waits = (
        f"<p>Not ready for the longest time: {links.name(oldest['backend'])}, since "
        f"{_time(oldest['since'])}.</p>"
        if oldest
        else ""
    )
    return (
        f'<p class="lead">{total:,} {"backend" if total == 1 else "backends"}: one for each '
        "account and Region. An account is covered if all of its backends in scope are READY.</p>"
        f'<svg class="bar" role="img" aria-label="{said}">{"".join(drawn)}</svg>'
        f'<ul class="legend">{items}</ul>{waits}'
    )


def _widths(counts: Mapping[str, int]) -> dict[str, float]:
    """Percent of the bar; what is there is wide enough to be seen, at the cost of the widest."""
    total = sum(counts.values()) or 1
    widths = {
        status: max(100 * number / total, _LEAST_BAR) if number else 0.0
        for status, number in counts.items()
    }
    widest = max(widths, key=lambda it: widths[it])
    widths[widest] -= max(sum(widths.values()) - 100, 0.0)
    return widths


def _made(report: Mapping[str, JSON]) -> str:
    sweep = report["sweep"]
    facts = (
        ("Sweep", sweep["id"]),
        ("Operation", sweep["operation"]),
        ("Began", _time(sweep["startedAt"])),
        ("Ended", _time(sweep["finishedAt"])),
        ("Hub", f"account {sweep['hubAccount']}, {sweep['homeRegion']}"),
        ("Rows", f"{len(report['rows']):,}, one for each account and Region"),
    )
    items = "".join(f"<dt>{term}</dt><dd>{escape(str(it))}</dd>" for term, it in facts)
    return (
        f'<dl class="facts">{items}</dl><p>In each account and Region the sweep assumed a role, '
        "read every setting from AWS and held it against what is wanted. Nothing in here is taken "
        "from a template or from an earlier sweep, except since when something has not been ready. "
        "The page loads nothing and sends nothing.</p>"
    )


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%-d %B %Y, %H:%M} UTC" if text else "unknown"
