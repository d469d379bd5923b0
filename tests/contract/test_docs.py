"""The pages: what they link to, name and show exists and is accepted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint_all

from state_backend import errors
from state_backend.model import Outcome
from state_backend.outcomes import FAILED, IGNORED, READY, WAITING
from state_backend.properties import PROPERTIES
from tests.contract.templates import ROOT

FOLDERS = {"demo", "docs", "events", "examples", "functions", "stacksets", "tests", "tools"}
"""A text in backticks that begins with one of these is a path."""

OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
"""Variables by which a make under another one, as under ``make test``, becomes a part of it."""

PACKAGE = sorted((ROOT / "functions").rglob("*.py"))


def pages() -> list[Path]:
    """Every page of ours; neither what git ignores nor what npm brings."""
    folders = ("docs", "examples")
    below = [page for folder in folders for page in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *below, *ROOT.glob("tests/*.md")])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


PAGES = pytest.mark.parametrize("page", pages(), ids=name_of)


def fences(text: str) -> Iterator[tuple[str, str]]:
    """Each fenced block: its language and what is in it, without the fence's own indent."""
    for indent, language, body in re.findall(
        r"^( *)```(\w*)\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL
    ):
        yield language, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


def prose(text: str) -> str:
    """The page without its fenced blocks and comments."""
    without = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"<!--.*?-->", "", without, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(path.read_text()), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading))
        anchor = plain.strip().lower().replace(" ", "-")
        copies = sum(it == anchor or re.fullmatch(rf"{anchor}-\d+", it) is not None for it in found)
        found.add(f"{anchor}-{copies}" if copies else anchor)
    return found


def links(text: str) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(text)))
    return [it for it in found if not re.match(r"[a-z]+:", it)]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def rows(path: str, *, below: str) -> dict[str, list[str]]:
    """The table under a heading: the text in backticks that begins a row -> its other cells."""
    section = (ROOT / path).read_text().partition(f"\n## {below}\n")[2].partition("\n## ")[0]
    table = [cells(line) for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in table}


@PAGES
class TestPages:
    def test_every_relative_link_leads_somewhere(self, page):
        for link in links(page.read_text()):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page

            assert target.exists(), link
            assert target.is_relative_to(ROOT), link
            if anchor:
                assert anchor in anchors(target), link

    def test_every_json_block_parses(self, page):
        for language, body in fences(page.read_text()):
            if language == "json":
                json.loads(body)

    def test_every_yaml_block_parses_and_every_template_is_accepted(self, page):
        for language, body in fences(page.read_text()):
            if language == "yaml":
                yaml.load(body, Loader=CloudFormation)
            if language == "yaml" and "AWSTemplateFormatVersion" in body:
                assert [it for it in lint_all(body) if it.rule.id[0] in "EW"] == []

    def test_every_python_block_compiles(self, page):
        for language, body in fences(page.read_text()):
            if language == "python":
                compile(body, name_of(page), "exec")

    def test_every_shell_block_is_shell(self, page):
        for language, body in fences(page.read_text()):
            if language == "sh":
                said = subprocess.run(
                    ["bash", "-n"], check=False, input=body, text=True, capture_output=True
                )
                assert said.stderr == ""

    def test_every_path_in_backticks_exists(self, page):
        for text in re.findall(r"`([\w./-]+)`", prose(page.read_text())):
            first = text.partition("/")[0]
            if "/" in text and first in FOLDERS:
                assert (ROOT / text).exists(), text

    def test_every_file_at_the_root_that_is_named_exists(self, page):
        for text in re.findall(r"`([\w-]+\.(?:yaml|toml|md))`", prose(page.read_text())):
            assert (ROOT / text).exists(), text

    def test_every_sample_event_that_a_command_names_exists(self, page):
        for path in re.findall(r"\bevents/[\w.-]+\.json", page.read_text()):
            assert (ROOT / path).exists(), path

    def test_every_make_target_exists(self, page):
        makefile = (ROOT / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
        text = page.read_text()
        code = [*re.findall(r"`(make[^`]*)`", text), *(body for _, body in fences(text))]

        for command in code:
            for named in re.findall(r"^make (?:[A-Z]+=\S+ )*([a-z-]+)", command, re.MULTILINE):
                assert named in targets, command

    def test_every_template_parameter_that_a_command_sets_exists(self, page):
        for file, named in re.findall(
            r"file://(\S+\.yaml)[^`]*?ParameterKey=(\w+)", page.read_text()
        ):
            assert f"\n  {named}:\n" in (ROOT / file).read_text()


class CloudFormation(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each read as a mapping."""


def _short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    construct = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: loader.construct_sequence,
        yaml.MappingNode: loader.construct_mapping,
    }[type(node)]
    return {tag: construct(node)}


CloudFormation.add_multi_constructor("!", _short_form)


class TestCustomResourcePage:
    PAGE = "docs/custom-resource.md"

    def test_it_lists_every_property_in_order_and_no_other(self):
        assert list(rows(self.PAGE, below="Properties")) == list(PROPERTIES)

    def test_the_syntax_shows_every_property(self):
        text = (ROOT / self.PAGE).read_text()
        syntax = next(body for _, body in fences(text) if "ServiceTimeout" in body)
        shown = yaml.safe_load(syntax)["Properties"]

        assert set(shown) == {*PROPERTIES, "ServiceToken", "ServiceTimeout"}

    def test_it_lists_every_attribute(self):
        source = (ROOT / "functions/state_backend/outcomes.py").read_text()
        made = source.partition("def attributes")[2].partition("def ")[0]

        assert list(rows(self.PAGE, below="Return values")) == re.findall(r'"(\w+)": ', made)

    def test_the_function_ends_before_the_service_timeout_that_it_advises(self):
        timeout = int(re.findall(r"Timeout: (\d+)", (ROOT / "template.yaml").read_text())[0])
        advised = int(re.findall(r"ServiceTimeout: (\d+)", (ROOT / self.PAGE).read_text())[0])

        assert timeout < advised < 2 * timeout


class TestRunbook:
    def test_every_error_code_has_its_row_and_no_other(self):
        raised = {
            code for path in PACKAGE for code in re.findall(r'\bcode="(\w+)"', path.read_text())
        }
        classes = {
            it.code
            for it in vars(errors).values()
            if isinstance(it, type) and issubclass(it, errors.StateholdError)
        }

        assert set(rows("docs/runbook.md", below="Error codes")) == raised | classes

    def test_every_status_and_bad_outcome_is_explained_somewhere(self):
        text = "".join(page.read_text() for page in pages())

        for word in (READY, WAITING, FAILED, IGNORED, *list(Outcome)[-4:]):
            assert f"`{word}`" in text, word


class TestArchitecture:
    PAGE = ROOT / "docs/architecture.md"

    def test_it_lists_every_attribute_of_the_register(self):
        source = (ROOT / "functions/state_backend/aws/register.py").read_text()
        written = source.partition("def _fields")[2].partition("def ")[0]
        named = set(re.findall(r'^        "(\w+)": ', written, re.MULTILINE))
        section = self.PAGE.read_text().partition("\n## The register\n")[2].partition("\n## ")[0]
        listed = {
            name
            for line in section.splitlines()
            if line.startswith("| `")
            for name in re.findall(r"`(\w+)`", cells(line)[0])
        }

        assert listed == named | {"backend", "lease_holder", "lease_expires_at"}

    def test_the_example_control_has_the_shape_of_a_control(self):
        body = next(
            body for language, body in fences(self.PAGE.read_text()) if language == "python"
        )
        made: dict[str, Any] = {}

        exec(body, made)

        assert made["CONTROL"].id == "bucket-acceleration"


class TestReadme:
    @pytest.mark.skipif(
        not shutil.which("terraform"),
        reason="no terraform on PATH -> install Terraform 1.10 or newer",
    )
    def test_the_transcript_is_what_the_demo_prints(self):
        text = (ROOT / "README.md").read_text()
        shown = next(body for language, body in fences(text) if language == "text")

        told = subprocess.run(
            ["make", "--old-file=.venv", f"VENV={Path(sys.executable).parent}", "demo"],
            cwd=ROOT,
            env={name: it for name, it in os.environ.items() if name not in OF_MAKE},
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

        assert told.returncode == 0, told.stdout
        rest = comparable(told.stdout)
        for part in comparable(shown).split("…"):
            assert part.strip() in rest
            rest = rest.partition(part.strip() or " ")[2]


def comparable(transcript: str) -> str:
    """*transcript* without what differs from run to run, and wherever its lines break."""
    without_ids = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", transcript)
    return " ".join(re.sub(r"It took \d+ s", "It took", without_ids).split())


def test_every_decision_is_a_dated_page_in_the_same_form():
    paths = sorted((ROOT / "docs/adr").glob("*.md"))

    for number, path in enumerate(paths, start=1):
        text = path.read_text()
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.search(r"^20\d\d-\d\d-\d\d\. (Accepted|Superseded by .*)\.$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Rejected"]
