"""
What was measured, as values: a figure has a name, its samples and a unit; a budget limits it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that was measured, and how far its samples lay apart."""

    median: float
    low: float
    high: float
    samples: int
    unit: str
    """``s``, ``ms``, ``MB``, or empty for a count."""


Figures = dict[str, Figure]
"""By name: what was run, then " / ", then what was looked at."""


def figure(samples: Iterable[float], unit: str = "") -> Figure:
    taken = sorted(samples)
    return Figure(median=median(taken), low=taken[0], high=taken[-1], samples=len(taken), unit=unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on a figure, or on its ratio to another one."""

    what: str
    name: str
    limit: float
    over: str = ""
    """The figure that the limit is a multiple of; empty if it is absolute."""

    def value(self, figures: Mapping[str, Figure]) -> float | None:
        """What the limit is on; None where it was not measured."""
        if self.name not in figures or (self.over and self.over not in figures):
            return None
        value = figures[self.name].median
        return value / figures[self.over].median if self.over else value

    def unit(self, figures: Mapping[str, Figure]) -> str:
        return " x" if self.over else f" {figures[self.name].unit}".rstrip()


BUDGETS = (
    Budget(what="fresh: calls, read-back included", name="ours, fresh / calls", limit=32),
    Budget(what="fresh: longest chain", name="ours, fresh / depth", limit=13),
    Budget(what="fresh, with 50 ms on each call", name="ours, fresh / 50 ms", limit=1.0),
    Budget(what="nothing to change: calls", name="ours, nothing to change / calls", limit=20),
    Budget(
        what="nothing to change: writes in the account",
        name="ours, nothing to change / writes",
        limit=0,
    ),
    Budget(
        what="nothing to change: longest chain", name="ours, nothing to change / depth", limit=6
    ),
    *(
        Budget(
            what=f"import of {file}.py, over a file that only makes four clients",
            name=f"import / {file}",
            limit=1.25,
            over="import / only boto3",
        )
        for file in ("account_vended", "custom_resource", "fleet_sweep", "fleet_summary")
    ),
    Budget(
        what="init under Lambda's runtime, over that of a plain sam build",
        name="init / compiled",
        limit=0.5,
        over="init / plain sam build",
    ),
    Budget(
        what="init and first run, over the same with everything loaded at init",
        name="start and first run / as it is",
        limit=1.0,
        over="start and first run / everything loaded at init",
    ),
    Budget(what="peak memory of one run", name="memory / one run", limit=90),
    Budget(what="package, zipped", name="package / zip", limit=6),
    Budget(
        what="CPU for an account in which there is nothing to do",
        name="sweep / CPU an account",
        limit=25,
    ),
)


def saved(figures: Mapping[str, Figure], path: Path, **about: object) -> None:
    """*figures* as JSON in *path*, with what there is to say *about* them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {name: asdict(it) for name, it in figures.items()}
    path.write_text(json.dumps({**about, "figures": told}, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[Figures, dict[str, str]]:
    """The figures in *path*, and what was said about them."""
    document = json.loads(path.read_text(encoding="utf-8"))
    figures = {name: Figure(**it) for name, it in document.pop("figures").items()}
    return figures, document
