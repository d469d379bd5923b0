"""
The report for people: one HTML page that needs nothing else.

Names, tags and messages come from accounts that others administer. In the page they are text and
never markup; the page may load nothing, send nothing, and run one script, known by its hash.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from state_backend.calls import JSON
from state_backend.fleet import grid
from state_backend.outcomes import FAILED, IGNORED, READY, WAITING

_HERE = Path(__file__).parent

MEANINGS: Mapping[str, str] = {
    READY: "every control read, as it must be",
    WAITING: "looked at again, or only observed",
    FAILED: "needs a person",
    IGNORED: "out of scope",
}

_SHOWN_VALUE = 600
"""Characters of a value that a row of the table shows; the JSON file has all of it."""
_SHOWN_NEW_VALUE = 60
"""Where there was none before: in a new account that is every setting, and each as it must be."""
_SHOWN_NAMES = 30
"""Backends that are listed in one place; the table has all of them."""
_SHOWN_CHANGES = 50
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
        "attention": _attention(report["attention"]),
        "grid": grid.grid(report["rows"]),
        "changes_title": "What would change" if planned else "What had drifted, and was repaired",
        "changes": _changes(report["rows"], planned),
        "changed_title": "Would change" if planned else "Repaired",
        "chips": _chips(coverage["byStatus"], report["rows"], planned),
        "evidence": _evidence(report["evidence"]),
        "limits": _limits(report["evidence"]["cannotShow"]),
        "made": _made(report),
        "data": _data(report, planned),
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


# ---- the head, and the bar


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
        + (f'<div class="lost"><span>No longer ready:</span> {_names(lost)}</div>' if lost else "")
    )


def _bar(coverage: Mapping[str, JSON]) -> str:
    counts = {it: coverage["byStatus"][it] for it in MEANINGS}
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
        f'</svg>{status}</span> <span class="soft">{MEANINGS[status]}</span></li>'
        for status, number in counts.items()
    )
    said = ", ".join(f"{number:,} {status}" for status, number in counts.items())
    oldest = coverage["oldestUnready"]
    waits = (
        f"<p>Not ready for the longest time: {_name(oldest['backend'])}, since "
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


# ---- what needs a person, and what changed


def _attention(groups: Sequence[Mapping[str, JSON]]) -> str:
    if not groups:
        return "<p>Nothing does.</p>"
    failed = [_group(it) for it in groups if it["status"] == FAILED]
    waiting = [_group(it) for it in groups if it["status"] != FAILED]
    return "".join(
        f"<h3>{title}</h3>{''.join(found)}"
        for title, found in (
            ("Failed: somebody has to act", failed),
            ("Looked at again by itself, or only observed", waiting),
        )
        if found
    )


def _group(group: Mapping[str, JSON]) -> str:
    number = len(group["backends"])
    facts = (("Reason", group["reason"]), ("What to do", group["remedy"]))
    listed = "".join(f"<dt>{term}</dt><dd>{escape(it)}</dd>" for term, it in facts if it)
    return (
        f'<article class="reason is-{escape(group["status"])}">'
        f"<h4>{escape(group['code'] or group['status'])} "
        f"<span>· {number:,} {'backend' if number == 1 else 'backends'}</span></h4>"
        f"<dl>{listed}<dt>Accounts</dt><dd>{_names(group['backends'], group['code'])}</dd></dl>"
        "</article>"
    )


def _names(backends: Sequence[str], code: str = "") -> str:
    """Some of *backends* as links into the table; the rest as one link to all of *code*."""
    items = [f"<li>{_name(it)}</li>" for it in backends[:_SHOWN_NAMES]]
    further = len(backends) - _SHOWN_NAMES
    if further > 0:
        told = f"and {further:,} more"
        link = f'<a href="#accounts" data-filter="{escape(code)}">{told}</a>' if code else told
        items.append(f"<li>{link}</li>")
    return f'<ul class="names">{"".join(items)}</ul>'


def _name(backend: str) -> str:
    shown = escape(backend)
    return f'<a class="id" href="#accounts" data-filter="{shown}">{shown}</a>'


def _changes(rows: Sequence[Mapping[str, JSON]], planned: bool) -> str:
    key = "changes" if planned else "repaired"
    changed = [(row, it) for row in rows for it in row[key]]
    if not changed:
        return "<p>Nothing would.</p>" if planned else "<p>No setting was found changed.</p>"
    backends = sum(bool(row[key]) for row in rows)
    lead = (
        f'<p class="lead">{len(changed):,} {"setting" if len(changed) == 1 else "settings"} in '
        f"{backends:,} {'backend' if backends == 1 else 'backends'}.</p>"
    )
    shown = "".join(_change(row, it) for row, it in changed[:_SHOWN_CHANGES])
    further = len(changed) - _SHOWN_CHANGES
    rest = (
        f'<p><a href="#accounts" data-filter="" data-pressed="CHANGED">and {further:,} more, '
        "in the table</a></p>"
        if further > 0
        else ""
    )
    return lead + shown + rest


def _change(row: Mapping[str, JSON], change: Mapping[str, JSON]) -> str:
    backend = f"{row['account']}/{row['region']}"
    name = f"{escape(row['name'])} " if row["name"] else ""
    return (
        f'<article class="change"><p><code>{escape(change["control"])}</code> in {name}'
        f'{_name(backend)}</p><p class="soft">{escape(change["why"])}</p>'
        f"<pre>{_difference(change['before'], change['after'])}</pre></article>"
    )


def _difference(before: JSON, after: JSON) -> str:
    """The lines in which two values differ, with a little of what is round them."""
    lines = difflib.unified_diff(
        _text(before).splitlines(), _text(after).splitlines(), lineterm="", n=1
    )
    drawn: list[str] = []
    for line in list(lines)[2:]:  # without its two lines of file names
        if line.startswith("@@"):
            drawn.append("…" if drawn else "")
        elif line[0] in "-+":
            tag, sign = ("del", "−") if line[0] == "-" else ("ins", "+")
            drawn.append(f"<{tag}>{sign} {escape(line[1:])}</{tag}>")
        else:
            drawn.append(f"  {escape(line[1:])}")
    return "\n".join(it for it in drawn if it)


def _text(value: JSON, indent: int | None = 2) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, indent=indent, ensure_ascii=False)


# ---- evidence


def _evidence(evidence: Mapping[str, JSON]) -> str:
    return (
        '<p class="lead">A setting is shown where the sweep read it as it must be, or set it and '
        "read it back. What could not be read counts as an exception. A requirement is shown by a "
        "backend if each control that serves it is.</p>"
        + "".join(_standard(it) for it in evidence["standards"])
        + "<h3>By control</h3>"
        + _table(
            "by-control",
            ("Control", "what goes wrong without it", *_TALLY, "read by"),
            "".join(map(_control_line, evidence["controls"])),
        )
    )


def _standard(standard: Mapping[str, JSON]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(it["id"].removeprefix(standard["id"]).strip())}</th>'
        f"<td>{escape(it['title'])}</td>{_figures(it, len(it['exceptions']))}"
        f"<td>{_codes(it['controls'])}{_exceptions(it['exceptions'])}</td></tr>"
        for it in standard["requirements"]
    )
    heads = ("Requirement", "is about", *_TALLY, "served by")
    return f"<h3>{escape(standard['title'])}</h3>{_table('requirements', heads, lines)}"


_TALLY = ("shown", "need not be", "exceptions")


def _table(kind: str, heads: Iterable[str], lines: str) -> str:
    drawn = "".join(f'<th scope="col"{_NUMBER if it in _TALLY else ""}>{it}</th>' for it in heads)
    return (
        f'<div class="wide"><table class="tabular stack {kind}"><thead><tr>{drawn}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


_NUMBER = ' class="number"'


def _figures(tally: Mapping[str, JSON], exceptions: int) -> str:
    mark = ' class="exception"' if exceptions else ""
    return (
        f'<td class="number" data-of="shown">{tally["shown"]:,} of {tally["of"]:,}</td>'
        f'<td class="number" data-of="need not be">{tally["notApplicable"]:,}</td>'
        f'<td class="number" data-of="exceptions"><span{mark}>{exceptions:,}</span></td>'
    )


def _codes(names: Iterable[str]) -> str:
    return " ".join(f"<code>{escape(it)}</code>" for it in names)


def _exceptions(backends: Sequence[str]) -> str:
    if not backends:
        return ""
    return f"<details><summary>Exceptions</summary>{_names(backends)}</details>"


def _control_line(control: Mapping[str, JSON]) -> str:
    exceptions = control["exceptions"]
    told = "".join(
        f"<details><summary>{len(backends):,} {escape(outcome)}</summary>"
        f"{_names(backends)}</details>"
        for outcome, backends in exceptions.items()
    )
    absent = (
        f'<p class="soft">Need not be: {escape(control["notApplicableBecause"])}</p>'
        if control["notApplicable"]
        else ""
    )
    return (
        f'<tr><th scope="row"><code>{escape(control["id"])}</code></th>'
        f"<td>{escape(control['why'])}{absent}{told}</td>"
        f"{_figures(control, sum(map(len, exceptions.values())))}"
        f"<td><code>{escape(control['readBy'])}</code></td></tr>"
    )


def _limits(limits: Sequence[Mapping[str, JSON]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(it["subject"])}</th><td>{escape(it["why"])}</td>'
        f"<td>{escape(it['instead'])}</td><td>{_requirements(it['requirements'])}</td></tr>"
        for it in limits
    )
    return _table(
        "unshown", ("Subject", "why not", "what is evidence of it", "asked for by"), lines
    )


def _requirements(names: Iterable[str]) -> str:
    """By the name of who asks: the ids that begin with FSBP are Security Hub's."""
    return "".join(f"<span>{escape(it.replace('FSBP', 'Security Hub'))}</span>" for it in names)


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


# ---- the table's rows, for the script


def _chips(by_status: Mapping[str, int], rows: Sequence[Mapping[str, JSON]], planned: bool) -> str:
    changed = sum(bool(row["changes" if planned else "repaired"]) for row in rows)
    counts = {
        **{it: (it, by_status[it]) for it in (FAILED, WAITING, READY, IGNORED)},
        "CHANGED": ("would change" if planned else "repaired", changed),
    }
    return "".join(
        f'<button type="button" value="{value}" aria-pressed="false">{word} {number:,}</button>'
        for value, (word, number) in counts.items()
    )


def _data(report: Mapping[str, JSON], planned: bool) -> str:
    names = grid.columns(report["rows"])
    key = "changes" if planned else "repaired"
    data = {
        "columns": names,
        "outcomes": {letter: word.outcome for letter, word in grid.WORDS.items()},
        "changed": "Would change" if planned else "Repaired",
        "finished": _epoch(report["sweep"]["finishedAt"]),
        "why": {it["control"]: it["why"] for row in report["rows"] for it in row[key]},
        "rows": [_row(it, names, key) for it in report["rows"]],
    }
    text = json.dumps(data, separators=(",", ":"))  # ASCII: no U+2028 that a script would break at
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _row(row: Mapping[str, JSON], names: Sequence[str], key: str) -> list[JSON]:
    return [
        row["account"],
        row["region"],
        row["name"],
        row["bucketName"],
        row["status"],
        row["owner"],
        grid.letters(row, names),
        row["code"],
        row["message"],
        row["remedy"],
        _epoch(row["unreadySince"]) if row["unreadySince"] else 0,
        [_brief(it) for it in row[key]],
        row["notes"],
    ]


def _brief(change: Mapping[str, JSON]) -> list[str]:
    limit = _SHOWN_NEW_VALUE if change["before"] is None else _SHOWN_VALUE
    return [change["control"], *(_short(change[it], limit) for it in ("before", "after"))]


def _short(value: JSON, limit: int) -> str:
    text = _text(value, indent=None)
    return text if len(text) <= limit else f"{text[:limit]}… (the JSON file has all)"


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%-d %B %Y, %H:%M} UTC" if text else "unknown"


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
