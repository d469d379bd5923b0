"""
Would the tests notice? Each line of the modules that decide is changed a little, by mutmut.

``make soak`` runs it. A change that no test notices fails it, unless it stands, with the reason why
it changes nothing that counts, in tests/mutation/equivalent.yaml; and so does a line there that
fits no such change any more. mutmut wants the package beside the tests, so it works on a copy.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.marked import with_part

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".build/mutation"
EQUIVALENT = ROOT / "tests/mutation/equivalent.yaml"
PAGE = ROOT / "docs/reliability.md"
PACKAGE = "state_backend"

MODULES = (
    "policies/*.py",
    "reconcile.py",
    "progress.py",
    "deletion.py",
    "ownership.py",
    "drift.py",
)
"""What decides who may do what, what is written, what a Delete gets, and whose a backend is."""

TESTS = (
    "tests/unit/policies",
    "tests/unit/controls",
    "tests/unit/reconcile",
    "tests/unit/resources",
    "tests/unit/test_deletion.py",
    "tests/unit/test_drift.py",
    "tests/unit/test_outcomes.py",
    "tests/unit/test_ownership.py",
    "tests/unit/test_progress.py",
    "tests/property/test_policies.py",
)
"""In memory all of them: a mutant takes some milliseconds."""

COPIED = ("docs", "events", "requirements.txt", "schemas", "stacksets", "template.yaml", "tests")
_SETTINGS = f"""\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["-q", "--import-mode=importlib", "-m not soak"]
markers = ["slow: takes long", "soak: takes longer", "sample: a part of it"]
[tool.mutmut]
source_paths = ["{PACKAGE}"]
only_mutate = {json.dumps([f"{PACKAGE}/{it}" for it in MODULES])}
also_copy = {json.dumps(COPIED)}
pytest_add_cli_args_test_selection = {json.dumps(TESTS)}
"""
_SURVIVED, _NO_TESTS = 0, (5, 33)
_KILLED = (1, 3, 36, 24, -24, 152, 255)
"""By a test, or since it never came to an end."""

_SENTENCE = re.compile(r"""f?("[^"]* [^"]*"),?""")
"""A line that is nothing but a sentence."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A line that was changed, and what it was changed to; in one of our modules."""

    module: str
    line: str
    became: str

    def __str__(self) -> str:
        return f"{self.module}\n    - {self.line}\n    + {self.became}"


def main() -> None:
    killed, survivors = run()
    listed = _listed()
    excused = [it for it in survivors if it in listed or is_wording(it)]
    _print_table(killed, survivors, excused)
    unlisted = [f"no test notices {it}" for it in survivors if it not in excused]
    stale = [
        f"equivalent.yaml has what no mutant is any more: {it}" for it in listed - {*survivors}
    ]
    print("\n".join(unlisted + stale))
    if unlisted or stale:
        sys.exit(1)


def run() -> tuple[dict[str, int], list[Mutant]]:
    """Of each module how many mutants were killed; and all that were not."""
    _copy()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    log = WORK / "log"
    with log.open("w") as out:
        children = os.environ.get("MUTATION_CHILDREN", str(os.cpu_count()))
        done = subprocess.run(
            [Path(sys.executable).with_name("mutmut"), "run", "--max-children", children],
            cwd=WORK,
            env=environment,
            stdout=out,
            stderr=out,
            check=False,
        )
    results = dict(_results())
    unclear = [name for name, code in results.items() if code not in (*_KILLED, 0, *_NO_TESTS)]
    if done.returncode or not results or unclear:
        sys.exit(f"mutmut did not come to an end ({unclear[:3]}); {log} says why")
    killed: dict[str, int] = {}
    for name, code in results.items():
        module = _module_of(name)
        killed[module] = killed.get(module, 0) + (code in _KILLED)
    alive = [name for name, code in results.items() if code not in _KILLED]
    return killed, [mutant_of(name, shown) for name, shown in _differences(alive).items()]


def _differences(names: list[str]) -> dict[str, str]:
    """By the names of mutants: what ``mutmut show`` prints; all in one process."""
    script = "import sys; from mutmut.__main__ import show; list(map(show.callback, sys.argv[1:]))"
    shown = subprocess.run(
        [sys.executable, "-c", script, *names], cwd=WORK, capture_output=True, text=True, check=True
    ).stdout
    parts = re.split(r"^# (\S+__mutmut_[0-9]+): .*$", shown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def mutant_of(name: str, shown: str) -> Mutant:
    """The mutant *name*, which mutmut has *shown* as a difference."""
    lines = [line for line in shown.splitlines() if not line.startswith(("---", "+++", "@@"))]
    return Mutant(_module_of(name), *(_joined(lines, sign) for sign in "-+"))


def _joined(lines: Iterable[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in lines if line.startswith(sign))


def is_wording(mutant: Mutant) -> bool:
    """Whether a sentence is only written in other letters, or between two XX."""
    found = _SENTENCE.fullmatch(mutant.line)
    return found is not None and (mutant.became.replace("XX", "").lower() == mutant.line.lower())


def _copy() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    unneeded = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "functions", WORK, ignore=unneeded)
    for name in COPIED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, WORK / name, ignore=unneeded)
        elif place.exists():
            shutil.copy(place, WORK / name)
    (WORK / "pyproject.toml").write_text(_SETTINGS)


def _results() -> Iterator[tuple[str, int]]:
    for meta in sorted((WORK / "mutants" / PACKAGE).rglob("*.py.meta")):
        yield from json.loads(meta.read_text())["exit_code_by_key"].items()


def _module_of(name: str) -> str:
    """``state_backend.policies.document.x_merge__mutmut_1`` is of ``policies/document.py``."""
    return name.rpartition(".")[0].removeprefix(f"{PACKAGE}.").replace(".", "/") + ".py"


def _listed() -> set[Mutant]:
    """What is known to change nothing; each entry of the file names its reason."""
    found: Mapping[str, list[Mapping[str, str]]] = yaml.safe_load(EQUIVALENT.read_text()) or {}
    entries = [(module, it) for module, entries in found.items() for it in entries]
    assert all(it["why"] for _, it in entries)
    return {Mutant(module, it["line"], it["became"]) for module, it in entries}


def table(killed: Mapping[str, int], survivors: list[Mutant], excused: list[Mutant]) -> str:
    """By module: how many mutants, how many killed, how many excused, how many left."""
    rows = ["| module | mutants | killed | change nothing | unnoticed |", "| --- |" + " ---: |" * 4]
    modules = (*sorted(killed), "in all")
    for module in modules:
        dead, alive, known = (
            sum(number for name, number in killed.items() if module in (name, "in all")),
            sum(module in (it.module, "in all") for it in survivors),
            sum(module in (it.module, "in all") for it in excused),
        )
        name = module if module == "in all" else f"`{module}`"
        rows.append(f"| {name} | {dead + alive:,} | {dead:,} | {known} | {alive - known} |")
    return "\n".join(rows)


def _print_table(killed: Mapping[str, int], survivors: list[Mutant], excused: list[Mutant]) -> None:
    told = table(killed, survivors, excused)
    print(told)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_part(page, "mutation", told), encoding="utf-8")


if __name__ == "__main__":
    main()
