"""
Every shell command of our pages is run as it stands there, or known not to run here, and why.

Those about a checkout are run here, in a copy of it; those about AWS in the two tests beside this.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import test_pages_at_the_hub, test_pages_in_the_account, test_recovery
from tests.acceptance.pages import (
    BLOCKS,
    RUN_BY,
    STUBBED,
    TAKEN,
    Block,
    Terminal,
    kept,
    taken,
)
from tests.contract import test_waiting
from tests.contract.templates import ROOT
from tests.contract.test_docs import pages, prose
from tools.package import find_python, package
from tools.sam_local import SAM

TAKING = (test_pages_at_the_hub, test_pages_in_the_account)
"""They have taken their blocks by being loaded."""

KEPT = [it for module in (test_recovery, test_waiting) for it in vars(module).values()]
"""These keep the blocks that they run in constants."""


# ---- in a checkout -------------------------------------------------------------------------------

COMPARED, BUILT = taken("docs/releasing.md", "")
FOR_X86 = taken("docs/sam-local.md", "On an x86-64 machine")

WITH_MAKE = 'make() { command make -o .venv -o .tools/sam "$@"; }'
"""make, which takes what is installed for current: a test installs nothing."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A repository of the tree as it is, with a tag, beside what is installed here."""
    folder = tmp_path_factory.mktemp("clone") / "statehold"
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists():  # else it is deleted and still in git's index
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    terminal = in_folder(folder)
    terminal.does(
        "git init -q && git add . && git commit -qm 1 && git tag v1",
        stubbed='git() { command git -c user.name=a -c user.email=a@b "$@"; }',
    )
    (folder / ".tools").mkdir()
    for name in (".venv", ".tools/sam"):
        (folder / name).symlink_to(ROOT / name)
    return terminal


def in_folder(folder: Path) -> Terminal:
    return Terminal(folder, {**kept(), "HOME": str(folder.parent)})


def test_make_alone_lists_every_command():
    listed = in_folder(ROOT).does("make", stubbed=WITH_MAKE)

    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split()[1] for line in listed.splitlines()] == targets


def test_what_is_generated_is_what_is_in_git_and_a_release_is_compared(checkout):
    policies = checkout.folder / "docs/policies.md"
    policies.write_text(f"{policies.read_text()}more\n")

    compared = checkout.does(COMPARED)
    checkout.does("make generate", stubbed=WITH_MAKE)

    assert "+more" in compared
    assert checkout.does("git diff") == ""


@pytest.mark.skipif(not SAM.exists(), reason="the SAM CLI is not here -> make .tools/sam")
def test_it_builds_and_nothing_is_left_after_cleaning(checkout, tmp_path):
    package(tmp_path / "artifact", find_python())  # so that its libraries are here
    (checkout.folder / ".build").symlink_to(ROOT / ".build")

    *_, total = checkout.does(BUILT, stubbed=WITH_MAKE).splitlines()
    checkout.does(*FOR_X86)
    for_x86 = (checkout.folder / ".aws-sam/build/x86_64.yaml").read_text()
    checkout.does("make clean", stubbed=WITH_MAKE)

    assert re.fullmatch(r"[0-9a-f]{64}  -", total)
    assert "x86_64" in for_x86
    assert checkout.does("git status --porcelain --ignored") == ""


# ---- all of them ---------------------------------------------------------------------------------

RUN = [*KEPT, *(it.text for it in TAKEN)]
NOT_RUN = [it for it in BLOCKS if it.text not in RUN]


@pytest.mark.parametrize("block", NOT_RUN, ids=str)
def test_a_block_that_no_test_runs_has_only_commands_that_are_listed(block, tmp_path):
    """In a shell without programs only what stands for a listed command can be found."""
    Terminal(tmp_path, {"PATH": "/nowhere"}).does(block)


def inline() -> set[str]:
    """The commands of ours that stand in the text of the pages, without what leads to Python."""
    command = r"`(?:PYTHONPATH=\S+ )?(?:\.venv/bin/)?((?:make|sam|python) [^`]+)`"
    return {it for page in pages() for it in re.findall(command, prose(page.read_text()))}


@pytest.mark.parametrize("command", sorted(inline()))
def test_a_command_in_the_text_is_run_by_a_test_or_listed(command):
    assert any(fnmatch.fnmatchcase(command, it) for it in STUBBED)


@pytest.mark.parametrize("pattern", STUBBED)
def test_what_is_listed_is_on_a_page(pattern):
    on_pages = "\n".join([*(it.text.replace("\\\n", " ") for it in BLOCKS), *inline()])
    words = ".*".join(map(re.escape, pattern.split("*")))

    assert re.search(rf"(^|[\s(]){words}", on_pages, re.MULTILINE)


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_a_test_that_is_named_exists(test):
    file, _, function = test.partition("::")

    assert f"def {function}" in (ROOT / file).read_text()


def test_a_new_command_would_be_noticed(tmp_path):
    new = Block("README.md", "", "aws cloudformation delete-stack --stack-name x\nmake coffee\n")

    with pytest.raises(AssertionError, match="make: command not found"):
        test_a_block_that_no_test_runs_has_only_commands_that_are_listed(new, tmp_path)
