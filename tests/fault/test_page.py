"""docs/reliability.md has the numbers of cases that these tests make of a run today."""

from __future__ import annotations

import re

from tests.fault import (
    test_batches,
    test_bursts,
    test_crash,
    test_every_call,
    test_hostile,
    test_killed,
    test_late,
    test_stale,
    test_state_machine,
    test_sweep_failures,
    test_time,
    test_together,
)
from tests.fault.damage import DAMAGES
from tests.fault.errands import ADOPT, CREATE, ERRANDS, LOCK_MODE, REPAIR, own_calls, undisturbed
from tools.soak import BATTERIES, BEGIN, END, PAGE, ROOT, cases_in, row, with_rows

HOSTILE_TESTS = sum(name.startswith("test_") for name in vars(test_hostile))
VARIANTS = 2
"""Of runs together: with the register and without."""


def numbers(table: str) -> dict[str, list[str]]:
    """Battery -> the cells of its row in *table* that are numbers, or ``all``."""
    rows = re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", table, re.MULTILINE)
    return {name: re.findall(r"(?<=\| )(?:[0-9,]+|all)(?= \|)", f"|{row}|") for name, row in rows}


def tables() -> tuple[dict[str, int | None], dict[str, tuple[int, int]]]:
    """
    By battery, as the page has them: how many cases CI tries (None for all); and how many there
    are and held, where it was run in all.
    """
    told, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    observed = rest.partition(END)[0]
    sampled = {name: _number(cells[0]) for name, cells in numbers(told).items()}
    rows = {name: it for name, it in numbers(observed).items() if it}
    return sampled, {name: (_number(it[0]), _number(it[1])) for name, it in rows.items()}


def _number(text: str) -> int | None:
    return None if text == "all" else int(text.replace(",", ""))


def test_every_battery_has_its_rows_and_whichever_was_run_in_all_held_in_every_case():
    sampled, observed = tables()

    assert list(sampled) == list(BATTERIES)
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(BATTERIES)
    assert [name for name, (cases, held) in observed.items() if not cases or cases != held] == []


def test_the_files_of_every_battery_exist():
    places = [place for places in BATTERIES.values() for place in places]

    assert [it for it in places if not (ROOT / it).exists()] == []


def test_the_page_has_the_numbers_of_today(ground):
    runs = {errand.name: undisturbed(errand, ground) for errand in ERRANDS}
    create, adopt, repair, lock = (runs[it.name] for it in (CREATE, ADOPT, REPAIR, LOCK_MODE))
    calls = sum(len(run.calls) for run in runs.values())
    own = sum(len(own_calls(errand, ground)) for errand in ERRANDS[1:])
    creations = [it for it in create.calls if it.operation in test_late.CREATIONS]
    crashes = len(test_crash.each_once(create)) + sum(
        len(test_crash.behind_writes(run)) for run in (adopt, repair, lock)
    )
    stale = 2 * len(list(test_stale.reads_after_creation(create.calls)))
    in_account = test_time.in_account(create.calls)
    clocks = len((test_time.LATE, test_time.EARLY)) * len((1, test_time.FOR_GOOD))
    ends = clocks + sum(it.write for it in in_account)
    shares = len(test_bursts.SHARES)
    sizes = len(test_together.TOGETHER) * VARIANTS
    sampled, observed = tables()

    assert {name: it for name, it in sampled.items() if it is not None} == {
        "crash": crashes,
        "killed": test_killed.SEEDS,
        "every-call": len(create.calls) + own,
        "late": len(creations),
        "bursts": shares * test_bursts.SEEDS,
        "stale": stale + len(DAMAGES),
        "sequences": test_state_machine.EXAMPLES,
        "together": sizes * test_together.ROUNDS,
        "hostile": HOSTILE_TESTS * 500,
        "drift": len(DAMAGES),
        "time": ends,
    }
    in_all = {
        "crash": 2 * calls,
        "killed": test_killed.MANY_SEEDS,
        "every-call": 2 * len(test_every_call.KINDS) * calls,
        "late": len(create.calls),
        "bursts": shares * test_bursts.MANY_SEEDS,
        "stale": stale + 2 * len(DAMAGES),
        "together": sizes * test_together.MANY_ROUNDS,
        "batches": test_batches.SIZE + 1,
        "drift": len(DAMAGES) * (len(DAMAGES) + 1) // 2,
        "time": clocks + len(in_account),
        "failed-accounts": len(test_sweep_failures.FAILING) + len(test_sweep_failures.TOLD),
    }
    was_run = {name: it for name, it in in_all.items() if name in observed}
    assert {name: observed[name][0] for name in was_run} == was_run


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.fault.test_late" time="1.5"><properties>
<property name="cases" value="47"/><property name="broken" value="2"/></properties>
<failure/></testcase>
<testcase classname="tests.fault.test_late" time="0.5"/>
<testcase classname="tests.fault.test_late" time="0.5"><failure/></testcase>
<testcase classname="tests.fault.test_late" time="0.5"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_row_counts_what_was_tried_and_what_held():
    tests = cases_in(JUNIT)

    assert row("late", tests, "2026-01-01") == "| `late` | 49 | 46 | 0.0 | 2026-01-01 |"


def test_the_rows_of_other_batteries_stay_and_what_was_not_run_is_named():
    page = f"a\n{BEGIN}\n\n| `crash` | 1 | 1 | 0.1 | x |\n| `late` | 2 | 2 | 0.1 | x |\n{END}\nb\n"

    written = with_rows(page, {"late": "| `late` | 3 | 3 | 0.2 | y |"})

    rows = written.splitlines()
    assert "| `crash` | 1 | 1 | 0.1 | x |" in rows
    assert "| `late` | 3 | 3 | 0.2 | y |" in rows
    assert "| `drift` | not yet run in all | | | |" in rows
    assert written.startswith("a\n")
    assert written.endswith("\nb\n")
