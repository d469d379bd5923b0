"""
What a run costs: the calls that leave the process, how many of them write, and the longest chain.

``PYTHONPATH=functions python -m tests.budget.scenarios`` measures and writes ``docs/calls.md``.
The counts are exact.
The chain is measured with half a second on each call: next to that the time in which function and
double keep each other waiting for this process's interpreter is nothing. With less, calls that do
not wait for each other may fail to overlap, and a longer chain is seen than there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.aws_double import AwsDouble
from tests.deployment import Deployment
from tests.fault.ground import warm

PAGE = Path(__file__).resolve().parents[2] / "docs/calls.md"
ACCOUNT = "222222222222"
STANDARD = {"AccessLogs": "off"}
"""The budget's standard: every default, without the log bucket."""

LATENCY = 0.5

Row = tuple[str, int, int, int]
"""Scenario, calls, writes in the account, longest chain."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run that is measured."""

    name: str
    parameters: Mapping[str, str]
    operation: str
    before: tuple[str, ...] = ()
    """The operations that come first and are not counted."""


SCENARIOS = (
    Scenario("plan of an empty account", STANDARD, "plan"),
    Scenario("fresh", STANDARD, "reconcile"),
    Scenario("nothing to change", STANDARD, "reconcile", ("reconcile",)),
    Scenario("fresh, with the log bucket", {}, "reconcile"),
    Scenario("nothing to change, with the log bucket", {}, "reconcile", ("reconcile",)),
    Scenario("fresh, lock mode both", {**STANDARD, "LockMode": "both"}, "reconcile"),
    Scenario("fresh, AES256", {**STANDARD, "Encryption": "AES256"}, "reconcile"),
)


def measured(latency: float, scenarios: Sequence[Scenario] = SCENARIOS) -> Iterator[Row]:
    """A row a scenario, with *latency* seconds on each call."""
    for scenario in scenarios:
        with AwsDouble() as aws, warm():
            aws.add_account(ACCOUNT)
            deployment = Deployment(aws, parameters=scenario.parameters)
            for operation in scenario.before:
                _run(deployment, operation)
            since = len(aws.calls)
            aws.latency = latency
            _run(deployment, scenario.operation)
            writes = len(aws.writes(since=since, account=ACCOUNT))
            yield scenario.name, len(aws.calls) - since, writes, aws.depth(since=since)


def _run(deployment: Deployment, operation: str) -> None:
    event = {"operation": operation, "accountId": ACCOUNT}
    answer = deployment.invoke("AccountVendedFunction", event).answer
    assert answer[0]["status"] == ("READY" if operation == "reconcile" else "WAITING"), answer


def page(rows: list[Row]) -> str:
    """The page that records *rows*."""
    return "\n".join(
        (
            "# Calls",
            "",
            "What one run of the function costs: the calls that leave the process (the register's",
            "and every AssumeRole among them), how many of them write in the account, and the",
            "longest chain of calls that had to wait for each other. Measured by",
            "`PYTHONPATH=functions .venv/bin/python -m tests.budget.scenarios`",
            "with half a second on each call. The counts are checked by the tests, and so are the",
            "chains of the runs that have a budget: see [performance](performance.md).",
            "",
            "| run | calls | writes in the account | longest chain |",
            "| --- | --- | --- | --- |",
            *(f"| {name} | {calls} | {writes} | {chain} |" for name, calls, writes, chain in rows),
            "",
        )
    )


def recorded() -> dict[str, tuple[int, int, int]]:
    """Scenario -> calls, writes and chain, as the page records them."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
    ]
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in rows[2:]}


if __name__ == "__main__":
    PAGE.write_text(page(list(measured(LATENCY))))
