"""
The picture of the controls: a line for each control, a column for each backend, as SVG.

The columns are the same in every line, the worst first, so that what is wrong stands at the left.
Where there are too many for a column each, those that are fine share what is left of the width.
What a cell says is told by its form as well as by its colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.model import Outcome
from state_backend.outcomes import IGNORED
from state_backend.resources import RESOURCES


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """How an outcome is drawn."""

    outcome: str
    glyph: str
    says: str
    top: int = 0
    height: int = 100
    """In percent of the line."""


WORDS: Mapping[str, Word] = {
    "k": Word(outcome=Outcome.KEPT, glyph="✓", says="read, and as it must be", top=14, height=72),
    "c": Word(
        outcome=Outcome.CHANGED,
        glyph="+",
        says="set in this sweep, and read back",
        top=14,
        height=86,
    ),
    "n": Word(
        outcome=Outcome.NOT_APPLICABLE, glyph="", says="need not be there", top=42, height=16
    ),
    "w": Word(
        outcome=Outcome.WOULD_CHANGE,
        glyph="",
        says="a reconcile would change it",
        top=50,
        height=50,
    ),
    "s": Word(
        outcome=Outcome.UNSETTLED, glyph="…", says="not yet seen as it must be", top=25, height=75
    ),
    "u": Word(outcome=Outcome.UNKNOWN, glyph="?", says="could not be read"),
    "m": Word(outcome="MISSING", glyph="", says="the run did not come to it"),
    "r": Word(outcome=Outcome.REFUSED, glyph="✕", says="may not be set"),
    "f": Word(outcome=Outcome.FAILED, glyph="!", says="could not be set"),
}
"""Letter -> outcome, from the best to the worst."""

FINE = "kcn"

_LETTERS = {word.outcome: letter for letter, word in WORDS.items()}
_ORDER = "".join(WORDS)
_COLUMNS = 400
"""Beyond so many backends with something wrong, one column stands for several, by the worst."""
_DISTINCT = 1.0
"""From what width on columns are drawn apart. In percent of the line."""
_NUMBERED = 12
"""Up to so many backends are named, by number."""


def columns(rows: Sequence[Mapping[str, JSON]]) -> list[str]:
    """The ids that *rows* tell of, in the order of the registries; unknown ones last."""
    found = {name for row in rows for name in row["controls"]}
    ordered = [*(it.id for it in RESOURCES), *(it.id for it in CONTROLS)]
    return [*(it for it in ordered if it in found), *sorted(found.difference(ordered))]


def letters(row: Mapping[str, JSON], names: Sequence[str]) -> str:
    """The outcomes of *row*, a letter each; empty where there are none at all."""
    if not row["controls"]:
        return ""
    return "".join(_LETTERS[row["controls"].get(name, "MISSING")] for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One or several backends, as one column."""

    backends: tuple[str, ...]
    outcomes: str
    start: float
    width: float
    """In percent of the line."""


def grid(rows: Sequence[Mapping[str, JSON]]) -> str:
    """The picture of *rows*, as HTML."""
    names = columns(rows)
    in_scope = [it for it in rows if it["status"] != IGNORED]
    if not names or not in_scope:
        return "<p>No backend was looked at.</p>"
    told = [(_label(it), letters(it, names) or "m" * len(names)) for it in in_scope]
    told.sort(key=lambda it: (-max(map(_ORDER.index, it[1])), it[1], it[0]))
    placed = _placed(told)
    lines = [
        _line(name, at, placed, [outcomes[at] for _, outcomes in told])
        for at, name in enumerate(names)
    ]
    return (
        f"{_lead(told)}{_PATTERN}"
        '<table class="picture"><thead><tr><th scope="col">Control</th><th scope="col">'
        f"{len(told):,} {'backend' if len(told) == 1 else 'backends'}, the worst first</th>"
        '<th scope="col" class="number">as it must be</th>'
        '<th scope="col" class="number">need not be</th>'
        '<th scope="col" class="number">exceptions</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody>{_axis(placed)}</table>{_legend(told)}{_numbers(told)}"
    )


def _label(row: Mapping[str, JSON]) -> str:
    return f"{row['name']} {row['account']} {row['region']}".strip()


_PATTERN = (
    '<svg class="defs" aria-hidden="true"><defs><pattern id="unsure" width="6" height="6" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line class="unsure" x1="0" y1="0" x2="0" y2="6"/></pattern><pattern id="missing" width="4" '
    'height="4" patternUnits="userSpaceOnUse"><circle class="missing" cx="2" cy="2" r="1"/>'
    "</pattern></defs></svg>"
)


def _lead(told: Sequence[tuple[str, str]]) -> str:
    wrong = sum(not _is_fine(outcomes) for _, outcomes in told)
    if not wrong:
        return '<p class="lead">In every backend, every control is as it must be.</p>'
    what = "one backend has" if wrong == 1 else f"{wrong:,} backends have"
    return (
        f'<p class="lead">Each column is one account and Region: {what} an exception, and '
        "the number of exceptions leads to them.</p>"
    )


def _is_fine(outcomes: str) -> bool:
    return all(letter in FINE for letter in outcomes)


# ---- where each column stands


def _placed(told: Sequence[tuple[str, str]]) -> list[_Column]:
    wrong = _gathered([it for it in told if not _is_fine(it[1])])
    fine = [((label,), outcomes) for label, outcomes in told if _is_fine(outcomes)]
    wide, narrow = _widths(len(wrong), len(fine))
    starts = [
        *(at * wide for at in range(len(wrong))),
        *(len(wrong) * wide + at * narrow for at in range(len(fine))),
    ]
    return [
        _Column(
            backends=backends,
            outcomes=outcomes,
            start=start,
            width=wide if at < len(wrong) else narrow,
        )
        for at, ((backends, outcomes), start) in enumerate(
            zip([*wrong, *fine], starts, strict=True)
        )
    ]


def _widths(wrong: int, fine: int) -> tuple[float, float]:
    """Of a column with an exception, and of one without. In percent of the line."""
    even = min(100 / (wrong + fine), 3.0)
    if even >= _DISTINCT or not wrong or not fine:
        return even, even
    # The few that are wrong would vanish among thousands.
    wide = max(even, min(1.2, 50 / wrong))
    return wide, (100 - wide * wrong) / fine


def _gathered(wrong: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, ...], str]]:
    """As few columns as can be seen; each shows the worst of what it stands for."""
    size = -(-len(wrong) // _COLUMNS) or 1
    gathered = []
    for start in range(0, len(wrong), size):
        part = wrong[start : start + size]
        worst = "".join(
            max(cells, key=_ORDER.index) for cells in zip(*(it[1] for it in part), strict=True)
        )
        gathered.append((tuple(label for label, _ in part), worst))
    return gathered


# ---- what is drawn


def _line(name: str, at: int, placed: Sequence[_Column], outcomes: Sequence[str]) -> str:
    kept = sum(it in "kc" for it in outcomes)
    absent = outcomes.count("n")
    wrong = len(outcomes) - kept - absent
    exceptions = (
        f'<a class="exception" href="#accounts" data-filter="{escape(name)}=">{wrong:,}</a>'
        if wrong
        else '<span class="soft">0</span>'
    )
    said = f"{name}: {kept:,} as it must be, {absent:,} need not be there, {wrong:,} exceptions"
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        f'<td><svg role="img" aria-label="{escape(said)}">{"".join(_cells(at, placed))}</svg></td>'
        f'<td class="number">{kept:,}</td><td class="number">{absent:,}</td>'
        f'<td class="number">{exceptions}</td></tr>'
    )


def _cells(at: int, placed: Sequence[_Column]) -> Iterator[str]:
    """A rectangle for each column that can be told from the next, else for all alike."""

    def alike(it: tuple[int, _Column]) -> tuple[str, int]:
        number, column = it
        return column.outcomes[at], number if column.width >= _DISTINCT else -1

    for (letter, _), group in groupby(enumerate(placed), key=alike):
        yield _cell(letter, [column for _, column in group])


def _cell(letter: str, run: Sequence[_Column]) -> str:
    word = WORDS[letter]
    start, width = run[0].start, run[-1].start + run[-1].width - run[0].start
    backends = [name for column in run for name in column.backends]
    who = backends[0] if len(backends) == 1 else f"{len(backends):,} backends"
    told = f"<title>{escape(f'{who}: {word.outcome}, {word.says}')}</title>"
    cell = " cell" if run[0].width >= _DISTINCT else ""
    drawn = (
        f'<rect class="{letter}{cell}" x="{start:.3f}%" width="{width:.3f}%" y="{word.top}%" '
        f'height="{word.height}%">{told}</rect>'
    )
    if word.glyph and run[0].width >= 2.4:
        drawn += (
            f'<text class="{letter}" x="{start + width / 2:.3f}%" y="50%">{word.glyph}{told}</text>'
        )
    return drawn


def _axis(placed: Sequence[_Column]) -> str:
    """Numbers under few columns; under many, where those that are fine begin."""
    if len(placed) <= _NUMBERED:
        marks = "".join(
            f'<text x="{it.start + it.width / 2:.3f}%" y="55%">{number}</text>'
            for number, it in enumerate(placed, start=1)
        )
    else:
        fine = [it for it in placed if _is_fine(it.outcomes)]
        begin = fine[0].start if fine else 100.0
        if not 0 < begin < 100:
            return ""
        wrong = sum(len(it.backends) for it in placed) - len(fine)
        side, gap = ("start", 6) if begin < 50 else ("end", -6)
        marks = (
            f'<line x1="{begin:.3f}%" x2="{begin:.3f}%" y1="0" y2="100%"/>'
            f'<text class="{side}" x="{begin:.3f}%" dx="{gap}" y="55%">'
            f"← {wrong:,} with an exception · {len(fine):,} without →</text>"
        )
    return (
        '<tfoot class="axis"><tr><th></th><td>'
        f'<svg aria-hidden="true">{marks}</svg></td><td colspan="3"></td></tr></tfoot>'
    )


def _legend(told: Sequence[tuple[str, str]]) -> str:
    """Only the words that are there."""
    used = {letter for _, outcomes in told for letter in outcomes}
    items = "".join(
        f'<li><svg aria-hidden="true"><rect class="{letter}" y="{word.top}%" width="100%" '
        f'height="{word.height}%"/></svg><code>{word.outcome}</code> {word.says}</li>'
        for letter, word in WORDS.items()
        if letter in used
    )
    return f'<ul class="words" aria-label="What the cells mean">{items}</ul>'


def _numbers(told: Sequence[tuple[str, str]]) -> str:
    if len(told) > _NUMBERED:
        return ""
    items = "".join(f"<li>{escape(label)}</li>" for label, _ in told)
    return f'<ol class="numbered" aria-label="The columns">{items}</ol>'
