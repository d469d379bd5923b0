"""
docs/performance.md: what the measurements and the simulation say there, between markers.

``python -m bench --page .build/bench.json`` writes it. The part that is only computed is checked by
the tests; what was measured depends on the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench import scale, table
from bench.figures import Figure
from tools.marked import with_part

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
MEASURED, COMPUTED = "measured", "computed"


def write(figures: Mapping[str, Figure], about: Mapping[str, str]) -> None:
    """Both parts of the page."""
    parts = [table.markdown(it) for it in table.tables(figures)]
    told = "\n\n".join(("\n".join(method(about)), *parts))
    text = with_part(PAGE.read_text(encoding="utf-8"), MEASURED, told)
    PAGE.write_text(with_part(text, COMPUTED, computed()), encoding="utf-8")


def computed() -> str:
    """The simulation's table."""
    return "\n".join(scale.page())


def method(about: Mapping[str, str]) -> Iterable[str]:
    """How and where it was measured, a line each."""
    yield f"Measured {about['when']} on {about['machine']}, functions on"
    yield f"{about['functions run on']}, with {about['Terraform']} and {about['AWS CLI']};"
    yield f"all of it in one run of {about['took']};"
    yield f"load of the machine {about['load before']} before and {about['load after']} after."
    yield "Medians; in brackets the lowest and highest sample."
