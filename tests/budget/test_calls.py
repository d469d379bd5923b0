"""A run makes as many calls as docs/calls.md records."""

from tests.budget.scenarios import measured, recorded


def test_every_run_makes_the_calls_that_are_recorded() -> None:
    counted = {name: (calls, writes) for name, calls, writes, _ in measured(latency=0.0)}

    assert counted == recorded(), "if that is meant, run python -m tests.budget.scenarios"


def test_a_run_that_finds_nothing_to_change_writes_nothing_in_the_account() -> None:
    assert all(
        writes == 0
        for name, (_, writes) in recorded().items()
        if name.startswith(("nothing", "plan"))
    )
