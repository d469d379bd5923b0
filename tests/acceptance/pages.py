"""
The shell commands of our pages: those that run, in a shell of their own, and those that cannot.

A fence of ``sh`` is a block. What a block has in it that cannot run here, or that another test
runs, is a function of the shell in which it is entered, which does nothing; all the rest is real.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_docs import fences, name_of, pages

CANNOT_RUN: Mapping[str, str] = {
    "make test": "it would run this test, and wait for itself",
    "make check": "make test begins with it",
    "sam validate": "a part of make check",
    "make bench*": "minutes on a quiet machine, and its figures are the machine's; tests/bench",
    "python -m bench --page*": "it writes what make bench measured into the page; tests/bench",
    "make soak*": "hours",
    "make lock": "asks a package index for the newest versions, and writes the locks of the tree",
    "make .tools/mutation": "installs from a package index; only make soak needs it",
    "make PYTHON=python3.13 test": "as make test, and needs that Python",
    "python -m pytest*": "what is running now, or hours of it",
    "python -m tests.acceptance.recorded*": "records a release in the tree; test_upgrade reads it",
    "python -m tests.budget.scenarios": "writes docs/calls.md with half a second on each call; "
    "tests/budget counts the calls",
    "sam deploy*": "needs an account of AWS; tests/contract/test_commands.py checks its parameters",
    "sam local*": "needs an account of AWS, or Lambda's image from a registry",
    "docker build*": "needs Lambda's image from a registry",
    "aws cloudformation activate-organizations-access": "switches on a service of Organizations",
    **dict.fromkeys(
        (
            "aws cloudformation deploy*",
            "aws cloudformation delete-stack *",
            "aws cloudformation update-stack *",
            "aws cloudformation create-change-set*",
            "aws cloudformation execute-change-set*",
            "aws cloudformation wait*",
        ),
        "CloudFormation makes stacks; the double only shows them",
    ),
    **dict.fromkeys(
        (
            "aws cloudformation update-stack-*",
            "aws cloudformation delete-stack-instances*",
            "aws cloudformation delete-stack-set *",
            "aws cloudformation list-stack-instances*",
        ),
        "StackSets; tests/acceptance/stack_sets.py plays what they do",
    ),
    "aws stepfunctions redrive-execution*": "moto's interpreter redrives nothing",
    "aws sts assume-root*": "central root access; the double gives root's credentials at once",
}
"""Pattern of a command -> why. Those of AWS are held against its models all the same."""

RUN_BY: Mapping[str, str] = {
    "make": "tests/acceptance/test_pages.py::test_make_alone_lists_every_command",
    "make demo*": "tests/contract/test_docs.py::test_the_transcript_is_what_the_demo_prints",
    "make sam-local*": "tests/acceptance/test_sam_local.py::"
    "test_every_sample_is_answered_under_sam_as_it_must_and_nothing_is_left",
    "make build": "tests/acceptance/test_pages.py::"
    "test_it_builds_and_nothing_is_left_after_cleaning",
    "make clean": "tests/acceptance/test_pages.py::"
    "test_it_builds_and_nothing_is_left_after_cleaning",
    "make generate": "tests/acceptance/test_pages.py::"
    "test_what_is_generated_is_what_is_in_git_and_a_release_is_compared",
    "python -m bench.scale": "tests/bench/test_page.py::test_the_simulations_table_is_current",
    "sam build": "tests/acceptance/test_pages.py::"
    "test_it_builds_and_nothing_is_left_after_cleaning",
    **dict.fromkeys(
        (
            "aws cloudformation create-stack-set *",
            "aws cloudformation create-stack-instances *",
            "aws cloudformation describe-stack-set *",
        ),
        "tests/acceptance/test_stacksets_commands.py::"
        "test_the_pages_commands_put_role_and_rule_into_every_account_below_the_target",
    ),
}
"""Pattern of a command -> the test that runs it, or what it starts."""

STUBBED = (*RUN_BY, *CANNOT_RUN)
"""In the order in which a command is looked for."""


@dataclass(frozen=True, slots=True)
class Block:
    """The commands in one fence."""

    page: str
    heading: str
    text: str
    script: str = field(default="", compare=False)
    """What is entered instead of its text; nothing else if empty."""

    def __str__(self) -> str:
        return f"{self.page}: {self.heading}: {self.text.partition(chr(10))[0][:40]}"

    def entered_as(self, script: str) -> Block:
        """The same, with what the reader has to fill in, or a part of it."""
        return replace(self, script=script)


def _blocks() -> Iterator[Block]:
    for page in pages():
        parts = re.split(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
        # A comment of a script looks like a heading: only what has no open fence before it is one.
        heading, text = "", parts[0]
        for title, body in zip(parts[1::2], parts[2::2], strict=True):
            if text.count("```") % 2:
                text += f"# {title}{body}"
                continue
            yield from _in(page, heading, text)
            heading, text = title, body
        yield from _in(page, heading, text)


def _in(page: Path, heading: str, text: str) -> Iterator[Block]:
    for language, body in fences(text):
        if language == "sh":
            yield Block(name_of(page), heading, body)


BLOCKS = tuple(_blocks())
TAKEN: set[Block] = set()
"""The blocks that a test has taken by ``runs``."""


def runs(*places: tuple[str, str]) -> Callable[[Callable[..., None]], Any]:
    """
    Gives a test the *blocks* of each of *places*: a page, and a heading on it or all if empty.

    The test fails if it has not entered them all in a ``Terminal``.
    """
    found = [taken(page, heading) for page, heading in places]
    ids = [": ".join(filter(None, place)) for place in places]

    def with_blocks(test: Callable[..., None]) -> Any:
        @functools.wraps(test)
        def entering_all(*arguments: Any, **fixtures: Any) -> None:
            test(*arguments, **fixtures)
            assert set(fixtures["blocks"]) <= ENTERED

        return pytest.mark.parametrize("blocks", found, ids=ids)(entering_all)

    return with_blocks


def taken(page: str, heading: str) -> tuple[Block, ...]:
    found = tuple(it for it in BLOCKS if it.page == page and heading in {"", it.heading})
    assert found, (page, heading)
    TAKEN.update(found)
    return found


def stubs() -> str:
    """Functions for the shell that stand for ``STUBBED``; every other command is itself."""
    programs = sorted({pattern.split()[0] for pattern in STUBBED} - {"python"})
    return "\n".join(map(_stub, programs))


def _stub(program: str) -> str:
    itself = AWS if program == "aws" else f'command {program} "$@"'
    cases = [f"{_quoted(it)}) ;;" for it in STUBBED if it.split()[0] == program]
    lines = (
        f"{program}() {{",
        f'case "{program} $*" in',
        *cases,
        f"*) {itself} ;;",
        "esac",
        "}",
    )
    return "\n".join(lines)


def _quoted(pattern: str) -> str:
    words = pattern if " " in pattern else f"{pattern} "  # alone it has no arguments
    return "*".join(shlex.quote(part) if part else "" for part in words.split("*"))


BASH = shutil.which("bash") or "bash"
AWS = """
words=()
for word; do
  case "$word" in --cli-binary-format | raw-in-base64-out) ;; *) words+=("$word") ;; esac
done
[ "$1" = sqs ] && words+=(--endpoint-url "$AWS_ENDPOINT_URL")
command aws "${words[@]}"
"""
"""
Version 1, which package indexes have, sends a payload as it is and has no option to say so; and
for SQS it takes no endpoint from the environment.
"""

ENTERED: set[Block] = set()


@dataclass
class Terminal:
    """A shell in a folder of its own, with somebody's environment."""

    folder: Path
    environment: Mapping[str, str]

    def does(self, *blocks: Block | str, stubbed: str = "", **variables: str) -> str:
        """
        Enters *blocks* one after the other; what they print.

        Args:
            stubbed: Functions of the shell instead of those for ``STUBBED``.
            variables: What the person has set before, as the page says.
        """
        ENTERED.update(it for it in blocks if isinstance(it, Block))
        script = "\n".join(it if isinstance(it, str) else it.script or it.text for it in blocks)
        ended = subprocess.run(
            [BASH, "-e", "-o", "pipefail", "-c", f"{stubbed or stubs()}\n{script}"],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


def kept() -> dict[str, str]:
    """What any shell here has."""
    return {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
