"""What had drifted, or in a plan would change, on the page: line by line, or cut to fit a cell."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from html import escape

from state_backend.calls import JSON
from state_backend.fleet import links

_SHOWN = 50
"""Changes that are told line by line; the table has all of them."""
_SHOWN_VALUE = 600
"""Characters of a value that a cell shows; the JSON file has all of it."""
_SHOWN_NEW_VALUE = 60
"""Where there was none before: in a new account that is every setting, and each as it must be."""


def changes(rows: Sequence[Mapping[str, JSON]], planned: bool) -> str:
    key = "changes" if planned else "repaired"
    changed = [(row, it) for row in rows for it in row[key]]
    if not changed:
        return "<p>Nothing would.</p>" if planned else "<p>No setting was found changed.</p>"
    backends = sum(bool(row[key]) for row in rows)
    lead = (
        f'<p class="lead">{len(changed):,} {"setting" if len(changed) == 1 else "settings"} in '
        f"{backends:,} {'backend' if backends == 1 else 'backends'}.</p>"
    )
    shown = "".join(_change(row, it) for row, it in changed[:_SHOWN])
    further = len(changed) - _SHOWN
    rest = (
        f'<p><a href="#accounts" data-filter="" data-pressed="CHANGED">and {further:,} more, '
        "in the table</a></p>"
        if further > 0
        else ""
    )
    return lead + shown + rest


def brief(change: Mapping[str, JSON]) -> list[str]:
    """*change* as a cell of the table tells it: the control, and both values cut short."""
    limit = _SHOWN_NEW_VALUE if change["before"] is None else _SHOWN_VALUE
    return [change["control"], *(_short(change[it], limit) for it in ("before", "after"))]


def _change(row: Mapping[str, JSON], change: Mapping[str, JSON]) -> str:
    backend = f"{row['account']}/{row['region']}"
    name = f"{escape(row['name'])} " if row["name"] else ""
    return (
        f'<article class="change"><p><code>{escape(change["control"])}</code> in {name}'
        f'{links.name(backend)}</p><p class="soft">{escape(change["why"])}</p>'
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


def _short(value: JSON, limit: int) -> str:
    text = _text(value, indent=None)
    return text if len(text) <= limit else f"{text[:limit]}… (the JSON file has all)"


def _text(value: JSON, indent: int | None = 2) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, indent=indent, ensure_ascii=False)
