"""docs/performance.md says what is computed, and has room for what is measured."""

from __future__ import annotations

from bench import page
from bench.figures import Figure, figure
from bench.table import tables
from tools.marked import with_part


def test_the_simulations_table_is_current():
    text = page.PAGE.read_text(encoding="utf-8")

    assert with_part(text, page.COMPUTED, page.computed()) == text, (
        "run python -m bench --page .build/bench.json"
    )


def test_there_is_room_for_what_is_measured():
    with_part(page.PAGE.read_text(encoding="utf-8"), page.MEASURED, "")


def measured(**others: Figure) -> dict[str, Figure]:
    """As little as can be told."""
    return {
        "ours, fresh / calls": figure([31]),
        "ours, fresh / 50 ms": figure([0.5, 0.9, 1.2], "s"),
        "sweep / CPU an account": figure([20, 30, 40], "ms"),
        "sweep / time an account": figure([50], "ms"),
        "sweep / memory after the last": figure([70], "MB"),
        **others,
    }


def rows_of(heading: str, figures: dict[str, Figure]) -> dict[str, tuple[str, ...]]:
    [table] = [it for it in tables(figures) if it.heading.startswith(heading)]
    return {row[0]: row[1:] for row in table.rows}


def test_a_budget_is_met_or_missed_by_how_much():
    rows = rows_of("Budgets", measured())

    assert rows["fresh: calls, read-back included"] == ("31", "32", "met")
    assert rows["fresh, with 50 ms on each call"] == ("0.90 s", "1 s", "met")
    sweep = rows["CPU for an account in which there is nothing to do"]
    assert sweep == ("30 ms", "25 ms", "missed by 20 %")


def test_a_budget_of_what_was_not_run_says_so():
    rows = rows_of("Budgets", measured())

    assert rows["package, zipped"][0] == "not run here"


def test_a_peer_that_was_not_run_is_told_as_recorded_and_marked():
    rows = rows_of("One run", measured())

    assert rows["Terraform, fresh *"][0] == "87"
    assert "Terraform, fresh" not in rows


def test_a_peer_that_was_run_is_told_with_its_ratio_to_ours():
    run = {
        "Terraform, fresh / calls": figure([80]),
        "Terraform, fresh / 50 ms": figure([45.0], "s"),
    }

    rows = rows_of("One run", measured(**run))

    assert rows["Terraform, fresh"][0] == "80"
    assert rows["Terraform, fresh"][-1] == "50.00"
