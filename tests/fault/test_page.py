"""docs/reliability.md has the numbers of cases that these tests make of a run today."""

from __future__ import annotations

import re
from pathlib import Path

from tests.fault import (
    test_batches,
    test_bursts,
    test_crash,
    test_every_call,
    test_hostile,
    test_killed,
    test_stale,
    test_state_machine,
    test_sweep_failures,
    test_time,
    test_together,
)
from tests.fault.damage import DAMAGES
from tests.fault.errands import ADOPT, CREATE, ERRANDS, LOCK_MODE, REPAIR, own_calls, undisturbed

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
HOSTILE_TESTS = sum(name.startswith("test_") for name in vars(test_hostile))
VARIANTS = 2
"""Of runs together: with the register and without."""


def recorded() -> dict[str, tuple[int, int]]:
    """Battery -> cases in CI and in all, as the page has them."""
    counted = r"^\| `([a-z-]+)` \|.*?\| ([0-9,]+) \| ([0-9,]+) \|"
    rows = re.findall(counted, PAGE.read_text(), re.MULTILINE)
    return {name: (_number(some), _number(every)) for name, some, every in rows}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_page_has_the_numbers_of_today(ground):
    runs = {errand.name: undisturbed(errand, ground) for errand in ERRANDS}
    create, adopt, repair, lock = (runs[it.name] for it in (CREATE, ADOPT, REPAIR, LOCK_MODE))
    calls = sum(len(run.calls) for run in runs.values())
    own = sum(len(own_calls(errand, ground)) for errand in ERRANDS[1:])
    creations = [it for it in create.calls if it.operation in test_every_call.CREATIONS]
    crashes = len(test_crash.each_once(create)) + sum(
        len(test_crash.behind_writes(run)) for run in (adopt, repair, lock)
    )
    stale = 2 * len(list(test_stale.reads_after_creation(create.calls)))
    in_account = test_time.in_account(create.calls)
    clocks = len((test_time.LATE, test_time.EARLY)) * len((1, test_time.FOR_GOOD))
    ends = clocks + sum(it.write for it in in_account)
    shares, batches = len(test_bursts.SHARES), test_batches.SIZE + 1
    swept = len(test_sweep_failures.FAILING) + len(test_sweep_failures.TOLD)
    sizes = len(test_together.TOGETHER) * VARIANTS

    assert recorded() == {
        "crash": (crashes, 2 * calls),
        "every-call": (len(create.calls) + own, 2 * len(test_every_call.KINDS) * calls),
        "late": (len(creations), len(create.calls)),
        "killed": (test_killed.SEEDS, test_killed.MANY_SEEDS),
        "bursts": (shares * test_bursts.SEEDS, shares * test_bursts.MANY_SEEDS),
        "sequences": (test_state_machine.EXAMPLES, 1_000),
        "batches": (batches, batches),
        "time": (ends, clocks + len(in_account)),
        "failed-accounts": (swept, swept),
        "stale": (stale + len(DAMAGES), stale + 2 * len(DAMAGES)),
        "together": (sizes * test_together.ROUNDS, sizes * test_together.MANY_ROUNDS),
        "hostile": (HOSTILE_TESTS * 500, HOSTILE_TESTS * 10_000),
        "drift": (len(DAMAGES), len(DAMAGES) * (len(DAMAGES) + 1) // 2),
    }
