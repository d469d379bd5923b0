"""The page's table of all accounts: its lines, as data for the script, and what filters them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from state_backend.calls import JSON
from state_backend.fleet import changes, grid
from state_backend.outcomes import FAILED, IGNORED, READY, WAITING


def chips(by_status: Mapping[str, int], rows: Sequence[Mapping[str, JSON]], planned: bool) -> str:
    """The buttons that leave only the lines of one kind."""
    changed = sum(bool(row["changes" if planned else "repaired"]) for row in rows)
    counts = {
        **{it: (it, by_status[it]) for it in (FAILED, WAITING, READY, IGNORED)},
        "CHANGED": ("would change" if planned else "repaired", changed),
    }
    return "".join(
        f'<button type="button" value="{value}" aria-pressed="false">{word} {number:,}</button>'
        for value, (word, number) in counts.items()
    )


def data(report: Mapping[str, JSON], planned: bool) -> str:
    """The lines of *report*, as JSON that is safe within a page."""
    names = grid.columns(report["rows"])
    key = "changes" if planned else "repaired"
    told = {
        "columns": names,
        "outcomes": {letter: word.outcome for letter, word in grid.WORDS.items()},
        "changed": "Would change" if planned else "Repaired",
        "finished": _epoch(report["sweep"]["finishedAt"]),
        "why": {it["control"]: it["why"] for row in report["rows"] for it in row[key]},
        "rows": [_row(it, names, key) for it in report["rows"]],
    }
    text = json.dumps(told, separators=(",", ":"))  # ASCII: no U+2028 that a script would break at
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
        [changes.brief(it) for it in row[key]],
        row["notes"],
    ]


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
