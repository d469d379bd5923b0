"""
Recovery by hand: the commands of the page, as they stand there, with a real Terraform before and
after, by those who may, and refused to those who may not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from state_backend.policies.document import statements_of
from tests.acceptance.terraform import (
    PATH_WITH_AWS_CLI,
    PROGRAM,
    Said,
    Vended,
    Workspace,
    needs_aws_cli,
    needs_terraform,
    vend,
)
from tests.aws_double import AwsDouble
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences
from tests.deployment import Deployment

pytestmark = [needs_terraform, needs_aws_cli]

APPLY = ("apply", "-auto-approve")
PAGE = (ROOT / "docs/recovery.md").read_text()
EXAMPLE = "tfstate-222222222222-eu-central-1-an"
EXAMPLE_STATE = "payments/network/terraform.tfstate"
"""The bucket in the page's examples."""

FIND = "Find the version"
PUT_BACK = "Put an earlier version back"
UNDELETE = "Bring back a state that was deleted"
BREAK = "Break a stale lock"
DIGEST = "Correct the digest"


def commands(heading: str) -> list[str]:
    """The blocks of commands below a heading of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [body for language, body in fences(section) if language == "sh"]


LIST, GET = commands(FIND)
PUSH, PUT = commands(PUT_BACK)
PUT_OVER_MARKER, REMOVE_MARKER = commands(UNDELETE)
FORCE_UNLOCK, DELETE_LOCK_FILE, DELETE_LOCK_ITEM = commands(BREAK)
[PUT_DIGEST] = commands(DIGEST)


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        yield Deployment(aws, {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"})


@pytest.fixture(scope="module")
def with_files(hub: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Vended:
    return vend(hub, "222222222222", tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def with_table(hub: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Vended:
    return vend(hub, "222222222223", tmp_path_factory.mktemp("table"), LockMode="dynamodb")


@pytest.fixture(scope="module", params=["with_files", "with_table"])
def vended(request: pytest.FixtureRequest) -> Vended:
    return request.getfixturevalue(request.param)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A state of the test's own."""
    return f"{request.node.originalname}/terraform.tfstate"


@dataclass(frozen=True)
class Shell:
    """A person with the page open, in a working copy, with the rights of somebody."""

    vended: Vended
    copy: Workspace
    key: str

    def does(self, block: str, **variables: str) -> str:
        """Enters *block*; what it answered."""
        ended = self.tries(block, **variables)
        assert ended.code == 0, ended.text
        return ended.output

    def tries(self, block: str, **variables: str) -> Said:
        tools = self.copy.folder / "bin"
        tools.mkdir(exist_ok=True)
        if not (tools / "terraform").exists():
            (tools / "terraform").symlink_to(PROGRAM)
        bucket = self.vended.backend.name
        ended = subprocess.run(
            ["bash", "-c", block],
            cwd=self.copy.folder,
            env={
                **self.copy.environment,
                "PATH": f"{tools}{os.pathsep}{PATH_WITH_AWS_CLI}",
                "AWS_REGION": self.vended.backend.region,
                "AWS_DEFAULT_REGION": self.vended.backend.region,
                "BUCKET": bucket,
                "KEY": self.key,
                "TABLE": f"{bucket}-lock",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        text = " ".join((ended.stdout + ended.stderr).split())
        return Said(code=ended.returncode, text=text, output=ended.stdout)

    def is_refused(self, action: str, block: str, **variables: str) -> bool:
        ended = self.tries(block, **variables)
        assert ended.code != 0, ended.text
        return "AccessDenied" in ended.text and f"not authorized to perform: {action}" in ended.text


def somebody(vended: Vended, kind: str, key: str, *, sees_versions: bool = False) -> Shell:
    """One with the ready policy of a kind of client, and the page's own besides if asked for."""
    [document] = [body for language, body in fences(PAGE) if language == "json"]
    module = re.sub("^env:/[^/]*/", "", key)
    for example, own in (
        (EXAMPLE, vended.backend.name),
        (f"env:/production/{EXAMPLE_STATE}", key),
        (EXAMPLE_STATE, module),
    ):
        document = document.replace(example, own)
    further = statements_of(json.loads(document)) if sees_versions else ()
    return Shell(vended, vended.copy(module, kind, further=further), key)


def break_glass(vended: Vended, key: str) -> Shell:
    copy = Workspace(
        folder=vended.folder / "break-glass",
        aws=vended.backend.aws,
        principal=vended.backend.role("BreakGlass"),
    )
    return Shell(vended, copy, key)


def ids_in(listed: str) -> list[str]:
    return [line.split("\t")[0] for line in listed.splitlines()]


# ---- an earlier version --------------------------------------------------------------------------


@pytest.fixture
def overwritten(vended: Vended, key: str) -> Any:
    """The state of before, over which somebody's ``-force-copy`` wrote another module's."""
    vended.copy(key).does(*APPLY, "-var=content=ours")
    before = vended.stored(key)
    stranger = vended.fresh(key, role="Stranger")
    stranger.does("init")
    stranger.does(*APPLY, "-var=content=theirs")
    stranger.folder.joinpath("backend.tf").write_text(vended.block(key))
    stranger.does("init", "-migrate-state", "-force-copy")
    assert vended.stored(key)["outputs"]["content"]["value"] == "theirs"
    return before


def test_an_earlier_version_is_put_back_with_terraform(
    vended: Vended, key: str, overwritten: Any
) -> None:
    person = somebody(vended, "applier", key, sees_versions=True)

    _, version = ids_in(person.does(LIST))
    person.does(GET, VERSION=version)
    person.does(PUSH)

    assert vended.stored(key)["lineage"] == overwritten["lineage"]
    assert vended.backend.get(key)["SSEKMSKeyId"] == vended.spec.key_arn
    assert len(vended.versions(key)) == 3
    vended.copy(key).does("plan", "-detailed-exitcode", "-var=content=ours")


@pytest.mark.slow
def test_an_earlier_version_is_put_back_without_terraform(
    vended: Vended, key: str, overwritten: Any
) -> None:
    person = somebody(vended, "applier", key, sees_versions=True)
    copy = vended.copy(key)

    _, version = ids_in(person.does(LIST))
    person.does(GET, VERSION=version)
    person.does(PUT)

    assert vended.stored(key) == overwritten
    assert vended.backend.get(key)["SSEKMSKeyId"] == vended.spec.key_arn
    if vended.backend.tables:
        assert "state data in S3 does not have the expected content" in copy.run("plan").error
        person.does(PUT_DIGEST)
    copy.does("plan", "-detailed-exitcode", "-var=content=ours")
    copy.does(*APPLY, "-var=content=and on")


# ---- a state that was deleted --------------------------------------------------------------------


@pytest.fixture
def deleted(vended: Vended, key: str) -> str:
    """The key of a workspace's state that its team deleted, with all that it knew."""
    copy = vended.copy(key)
    copy.does("workspace", "new", "staging")
    copy.does(*APPLY, "-var=content=precious")
    copy.does("workspace", "select", "default")
    copy.does("workspace", "delete", "-force", "staging")
    return f"env:/staging/{key}"


def is_back(vended: Vended, key: str) -> bool:
    copy = vended.copy(key)
    copy.does("workspace", "select", "staging")
    copy.does("plan", "-detailed-exitcode", "-var=content=precious")
    copy.does(*APPLY, "-var=content=and on")
    return bool(copy.content == "and on")


def test_an_applier_puts_the_last_version_over_the_marker(
    vended: Vended, key: str, deleted: str
) -> None:
    person = somebody(vended, "applier", deleted, sees_versions=True)

    version, *_ = ids_in(person.does(LIST))
    person.does(GET, VERSION=version)
    person.does(PUT_OVER_MARKER)

    assert is_back(vended, key)


def test_break_glass_takes_the_marker_away_and_nobody_else(
    vended: Vended, key: str, deleted: str
) -> None:
    person = somebody(vended, "applier", deleted, sees_versions=True)
    assert person.is_refused("s3:DeleteObjectVersion", REMOVE_MARKER)

    break_glass(vended, deleted).does(REMOVE_MARKER)

    assert is_back(vended, key)


# ---- a stale lock --------------------------------------------------------------------------------


@pytest.fixture
def stale(vended: Vended, key: str) -> str:
    """The id of a lock whose owner is dead, as the next one is told it."""
    copy = vended.copy(key)
    with copy.holding(*APPLY) as holder:
        holder.kill()
    return vended.copy(key).run("plan").lock_id


def test_a_planner_breaks_a_lock_with_terraform(vended: Vended, key: str, stale: str) -> None:
    somebody(vended, "planner", key).does(FORCE_UNLOCK, LOCK_ID=stale)

    vended.copy(key).does(*APPLY)


def test_a_planner_breaks_a_lock_by_hand_and_a_reader_does_not(
    vended: Vended, key: str, stale: str
) -> None:
    by_hand = DELETE_LOCK_ITEM if vended.backend.tables else DELETE_LOCK_FILE
    action = "dynamodb:DeleteItem" if vended.backend.tables else "s3:GetObject"
    planner = somebody(vended, "planner", key)

    assert planner.tries(by_hand, LOCK_ID="00000000-0000-0000-0000-000000000000").code != 0
    assert somebody(vended, "reader", key).is_refused(action, by_hand, LOCK_ID=stale)
    assert vended.locks(key) == [stale]
    planner.does(by_hand, LOCK_ID=stale)

    vended.copy(key).does(*APPLY)


# ---- who may not ---------------------------------------------------------------------------------


def test_whoever_may_less_is_refused(with_table: Vended, key: str) -> None:
    """As far as the tests above have not seen it."""
    applier, planner, reader = (
        somebody(with_table, kind, key) for kind in ("applier", "planner", "reader")
    )
    with_table.copy(key).does(*APPLY)
    [version] = with_table.versions(key)
    for person in (applier, planner):
        person.copy.folder.joinpath("earlier.tfstate").write_text("{}")

    assert applier.is_refused("s3:ListBucketVersions", LIST)
    assert applier.is_refused("s3:GetObjectVersion", GET, VERSION=version)
    assert planner.is_refused("s3:PutObject", PUT)
    assert planner.is_refused("s3:PutObject", PUT_OVER_MARKER)
    assert reader.is_refused("dynamodb:PutItem", PUT_DIGEST)
    planner.does(PUT_DIGEST)


def test_break_glass_writes_no_state_where_there_is_a_list_of_those_who_may(
    hub: Deployment, tmp_path: Path, key: str
) -> None:
    listed = "arn:aws:iam::222222222224:role/Pipeline"
    vended = vend(hub, "222222222224", tmp_path, StateAccessPrincipalArns=listed)
    vended.copy(key).does(*APPLY)
    person = break_glass(vended, key)

    [version] = ids_in(person.does(LIST))
    person.does(GET, VERSION=version)

    assert person.is_refused("s3:PutObject", PUT)
