"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.templates import ROOT

LAMBDA_FILES = sorted((ROOT / "functions").glob("*.py"))
PACKAGE_FILES = sorted((ROOT / "functions/state_backend").rglob("*.py"))
LOCKS = [*ROOT.glob("requirements*.txt"), *ROOT.glob("tools/*.txt")]
SCREEN = 100
"""Lines: a Lambda file puts things together, and the rest is elsewhere."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", LAMBDA_FILES, ids=name_of)
class TestLambdaFiles:
    def test_it_fits_on_a_screen(self, path):
        assert len(path.read_text().splitlines()) <= SCREEN

    def test_it_leaves_aws_to_the_package(self, path):
        reached = {name.partition(".")[0] for name in imports(path)}

        assert not reached & {"boto3", "botocore", "crhelper", "urllib", "http", "socket"}

    def test_nobody_imports_it(self, path):
        others = [it for it in (*LAMBDA_FILES, *PACKAGE_FILES) if path.stem in imports(it)]

        assert others == []


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
class TestLocks:
    def test_it_was_made_from_a_list(self, path):
        assert path.with_suffix(".in").exists()
        assert "make lock" in path.read_text()

    def test_it_names_each_file_by_its_hash_and_no_place_to_fetch_it_from(self, path):
        text = path.read_text().replace("\\\n", "")
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]

        assert lines
        for line in lines:
            assert re.match(r"[a-z0-9.-]+(\[[a-z,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
        assert "://" not in text


def test_tests_run_against_the_libraries_that_lambda_runs():
    shipped, tested = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    )

    assert shipped <= tested


def test_make_lists_its_commands():
    shown = subprocess.run(["make", "-C", str(ROOT)], check=True, capture_output=True, text=True)

    listed = re.findall(r"^make (\w+) ", shown.stdout, re.MULTILINE)

    assert {"demo", "test", "check", "build", "lock", "clean"} <= set(listed)


def test_every_silenced_finding_says_which():
    for path in [*LAMBDA_FILES, *PACKAGE_FILES, *ROOT.glob("tools/*.py")]:
        for line in path.read_text().splitlines():
            assert not re.search(r"# noqa(?!: [A-Z]+\d+)|# type: ignore(?!\[)", line), path
