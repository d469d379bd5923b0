"""
How all of it is told: the same rows for people at a terminal and for docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import BUDGETS, Budget, Figure

Rows = Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table with its heading; the first row is its head."""

    heading: str
    rows: Rows
    notes: tuple[str, ...] = ()


RECORDED = {
    "five AWS CLI commands": ("5", "5", "5", "2.6 to 3.0 s", "2.9 to 3.4 s", "", "awscli 1.46.3"),
    "Terraform, fresh": (
        "87",
        "16",
        "55 to 59",
        "",
        "68 s",
        "",
        "provider-aws 5.100, 5 parameters",
    ),
    "Terraform, nothing to change": ("46", "0", "", "", "", "", "provider-aws 5.100, 5 parameters"),
}
"""What was found earlier, for a machine that cannot run it: as the columns, and with what."""

JOBS = (
    ("ours, fresh", "ours, fresh"),
    ("ours, fresh", "ours, fresh, warm"),
    ("ours, fresh", "ours, fresh, start of the process included"),
    ("ours, fresh", "plain boto3, fresh"),
    ("ours, fresh", "five AWS CLI commands"),
    ("ours, fresh", "Terraform, fresh"),
    ("ours, nothing to change", "ours, nothing to change"),
    ("ours, nothing to change", "ours, nothing to change, warm"),
    ("ours, nothing to change", "ours, nothing to change, start of the process included"),
    ("ours, nothing to change", "plain boto3, again"),
    ("ours, nothing to change", "Terraform, nothing to change"),
    ("ours, nothing to change, warm", "ours, one setting drifted, warm"),
    ("ours, fresh, warm", "ours, a bucket by hand adopted, warm"),
)
"""What a row is compared with, and the row."""


def tables(figures: Mapping[str, Figure]) -> list[Table]:
    """Everything that was measured."""
    return [_jobs(figures), _starts(figures), _sweep(figures), _budgets(figures)]


def compared(figures: Mapping[str, Figure], before: Mapping[str, Figure]) -> Table:
    """Every figure beside the one of an earlier run."""
    both = [name for name in figures if name in before]
    return Table(
        heading="Beside the earlier run",
        rows=[
            ("", "before", "now", "ratio"),
            *(
                (
                    name,
                    told(before[name]),
                    told(figures[name]),
                    _ratio(figures[name].median, before[name].median),
                )
                for name in both
            ),
        ],
    )


def text(table: Table) -> str:
    """*table* for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table.rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table.rows
    ]
    return "\n".join((table.heading, "", *lines, *(("", *table.notes) if table.notes else ())))


def markdown(table: Table) -> str:
    """*table* for a page."""
    head, *body = table.rows
    rule = ("---",) * len(head)
    lines = [f"| {' | '.join(row)} |" for row in (head, rule, *body)]
    notes = [line for note in table.notes for line in ("", note)]
    return "\n".join((f"### {table.heading}", "", *lines, *notes))


def told(figure: Figure) -> str:
    """The median, and how far its samples lay apart where there are several."""
    return f"{_number(figure.median, figure.unit)}{_spread(figure)}"


def _spread(figure: Figure) -> str:
    if figure.samples == 1 or not figure.unit:
        return ""
    low, high = (_number(it, "") for it in (figure.low, figure.high))
    return f" ({low}–{high})"


def _number(value: float, unit: str) -> str:
    digits = 0 if value == round(value) or value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}".rstrip()


def _jobs(figures: Mapping[str, Figure]) -> Table:
    columns = ("calls", "writes", "depth", "0 ms", "50 ms", "150 ms")
    rows: list[tuple[str, ...]] = [
        ("", "calls", "writes", "chain", "+0 ms", "+50 ms", "+150 ms", "× ours, +50 ms")
    ]
    notes = []
    for other, name in JOBS:
        if f"{name} / calls" in figures:
            cells = [
                told(figures[f"{name} / {it}"]) if f"{name} / {it}" in figures else ""
                for it in columns
            ]
            ratio = _over(figures, f"{name} / 50 ms", f"{other} / 50 ms")
            rows.append((name, *cells, ratio))
        elif name in RECORDED:
            *recorded, of_what = RECORDED[name]
            rows.append((f"{name} *", *recorded, ""))
            notes.append(f"* {name}: not run here; as measured earlier with {of_what}.")
    return Table(heading="One run: calls, longest chain, time", rows=rows, notes=tuple(notes))


def _starts(figures: Mapping[str, Figure]) -> Table:
    control = "import / only boto3"
    imports = sorted(
        (name for name in figures if name.startswith("import / ")), key=lambda it: it != control
    )
    rows = [("", "time", "memory", "× four clients")]
    for name in imports:
        memory = figures[name.replace("import /", "import memory /")]
        file = name.removeprefix("import / ")
        told_as = "a file that only makes four clients" if name == control else f"{file}.py"
        rows.append((told_as, told(figures[name]), told(memory), _over(figures, name, control)))
    lone = (
        ("init / compiled", "init under Lambda's runtime, compiled"),
        ("init / plain sam build", "the same, as a plain sam build leaves it"),
        ("init / compiled, with the first run", "init and a run, under Lambda's runtime"),
        ("start and first run / as it is", "start and first run"),
        ("start and first run / everything loaded at init", "the same, everything loaded at init"),
        ("package / zip", "the package, zipped"),
    )
    rows += [(name, told(figures[it]), "", "") for it, name in lone if it in figures]
    if "memory / one run" in figures:
        rows.append(("peak memory of one run", "", told(figures["memory / one run"]), ""))
    return Table(heading="A start", rows=rows)


def _sweep(figures: Mapping[str, Figure]) -> Table:
    names = (
        ("sweep / CPU an account", "CPU of our process, an account"),
        ("sweep / time an account", "time, an account, nothing added to a call"),
        ("sweep / memory after the last", "memory at the end"),
    )
    count = figures["sweep / CPU an account"].samples
    return Table(
        heading=f"A sweep that finds nothing, over {count:,} accounts",
        rows=[("", "measured"), *((name, told(figures[it])) for it, name in names)],
    )


def _budgets(figures: Mapping[str, Figure]) -> Table:
    return Table(
        heading="Budgets",
        rows=[("", "measured", "budget", ""), *(_budget(it, figures) for it in BUDGETS)],
    )


def _budget(budget: Budget, figures: Mapping[str, Figure]) -> tuple[str, ...]:
    value = budget.value(figures)
    if value is None:
        return budget.what, "not run here", f"{budget.limit:g}", ""
    unit = budget.unit(figures)
    measured, limit = _number(value, unit.strip()), _number(budget.limit, unit.strip())
    met = value <= budget.limit
    missed = f"missed by {100 * (value / budget.limit - 1):.0f} %" if budget.limit else "missed"
    return budget.what, measured, limit, "met" if met else missed


def _over(figures: Mapping[str, Figure], name: str, other: str) -> str:
    if name not in figures or other not in figures:
        return ""
    return _ratio(figures[name].median, figures[other].median)


def _ratio(value: float, other: float) -> str:
    return f"{value / other:.2f}" if other else ""


def everything(parts: Sequence[Table]) -> Iterator[str]:
    """All *parts* for a terminal, with a line between them."""
    for part in parts:
        yield text(part)
        yield ""
