"""
Every case of the fault battery, and what became of it: a table of docs/reliability.md.

``make soak`` runs all; ``make soak ONLY="crash late"`` runs these, and leaves the other rows as
they are. A test has as many cases as it records (tests/fault/conftest.py), or is one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from tools.marked import replaced_between

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reliability.md"
RESULTS = ROOT / ".build/soak.xml"
BATTERIES = {
    "crash": ["tests/fault/test_crash.py"],
    "killed": ["tests/fault/test_killed.py"],
    "every-call": ["tests/fault/test_every_call.py"],
    "late": ["tests/fault/test_late.py"],
    "bursts": ["tests/fault/test_bursts.py"],
    "stale": ["tests/fault/test_stale.py"],
    "sequences": ["tests/fault/test_state_machine.py"],
    "together": ["tests/fault/test_together.py"],
    "batches": ["tests/fault/test_batches.py"],
    "custom-resource": [
        "tests/acceptance/test_custom_resource_deletes.py",
        "tests/acceptance/test_custom_resource_repeats.py",
        "tests/acceptance/test_custom_resource_settings.py",
        "tests/acceptance/test_custom_resource_updates.py",
    ],
    "hostile": ["tests/fault/test_hostile.py"],
    "forged": ["tests/acceptance/test_custom_resource_trust.py"],
    "policies": ["tests/matrix"],
    "drift": ["tests/fault/test_drift.py"],
    "refusals": ["tests/fault/test_refusals.py", "tests/fault/test_cut_answers.py"],
    "time": ["tests/fault/test_time.py"],
    "failed-accounts": ["tests/fault/test_sweep_failures.py"],
}
HOSTILE_EXAMPLES = 10_000
"""For each test of hostile input."""
BEGIN, END = "<!-- BEGIN soak -->", "<!-- END soak -->"
_ROW = re.compile(r"^\| `([a-z-]+)` \| .*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Test:
    """What pytest's JUnit file tells of one test."""

    file: str
    cases: int
    broken: int
    seconds: float


def main(names: list[str]) -> int:
    if unknown := set(names) - BATTERIES.keys():
        sys.exit(f"No battery is called {', '.join(sorted(unknown))}. There are: {[*BATTERIES]}")
    chosen = [it for it in BATTERIES if not names or it in names]
    paths = [path for name in chosen for path in BATTERIES[name]]
    command = [sys.executable, "-m", "pytest", "-m", "not sample", f"--junitxml={RESULTS}"]
    workers = ["--numprocesses", "auto", "--dist", "worksteal"]
    environment = {**os.environ, "HOSTILE_EXAMPLES": str(HOSTILE_EXAMPLES)}
    RESULTS.unlink(missing_ok=True)  # those of an earlier run are none of this one
    done = subprocess.run([*command, *workers, *paths], cwd=ROOT, env=environment, check=False)
    if not RESULTS.exists():
        sys.exit("pytest came to no end: no row is written")
    results = cases_in(RESULTS.read_text(encoding="utf-8"))
    today = datetime.now(UTC).date().isoformat()
    rows = {name: row(name, _of_battery(results, name), today) for name in chosen}
    print("\n".join(rows.values()))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_rows(page, rows), encoding="utf-8")
    return done.returncode


def cases_in(junit: str) -> list[Test]:
    """The tests of *junit* that were not skipped; the file is named as a path from the root."""
    found = []
    # Written by pytest a moment ago.
    for case in ElementTree.fromstring(junit).iter("testcase"):  # noqa: S314
        if case.find("skipped") is not None:
            continue
        said = {it.attrib["name"]: int(it.attrib["value"]) for it in case.iter("property")}
        failed = case.find("failure") is not None or case.find("error") is not None
        found.append(
            Test(
                file=case.attrib["classname"].replace(".", "/"),
                cases=said.get("cases", 1),
                broken=max(said.get("broken", 0), failed),
                seconds=float(case.attrib["time"]),
            )
        )
    return found


def _of_battery(tests: Iterable[Test], name: str) -> list[Test]:
    places = tuple(path.removesuffix(".py") for path in BATTERIES[name])
    return [it for it in tests if it.file.startswith(places)]


def row(name: str, tests: Iterable[Test], today: str) -> str:
    tests = list(tests)
    cases, broken = (sum(getattr(it, what) for it in tests) for what in ("cases", "broken"))
    minutes = sum(it.seconds for it in tests) / 60
    return f"| `{name}` | {cases:,} | {cases - broken:,} | {minutes:.1f} | {today} |"


def with_rows(page: str, rows: Mapping[str, str]) -> str:
    """*page* with *rows* in place of those of the same batteries, and a row for each other one."""
    old = page.partition(BEGIN)[2].partition(END)[0]
    known = {it[1]: it[0] for it in _ROW.finditer(old)} | {**rows}
    lines = [
        "| battery | cases | held | minutes of one core | on |",
        "| --- | ---: | ---: | ---: | --- |",
        *(known.get(name, f"| `{name}` | not yet run in all | | | |") for name in BATTERIES),
    ]
    return replaced_between(page, BEGIN, END, "\n\n" + "\n".join(lines) + "\n\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
