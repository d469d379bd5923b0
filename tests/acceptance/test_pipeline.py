"""
A pipeline's whole work on a vended backend: every stage, every lock mode, every kind of client.

All that is run is run as the ready policy of an applier lets it, in working copies that know
nothing of each other, as the jobs of a pipeline do.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from state_backend.lock_modes import LOCK_MODES
from tests.acceptance.terraform import (
    PATIENCE_SECONDS,
    PROGRAMS,
    Gate,
    Vended,
    Workspace,
    changed,
    needs_terraform,
    said,
    vend,
)
from tests.aws_double import AwsDouble, Fault
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences, rows
from tests.deployment import Deployment

pytestmark = needs_terraform

APPLY = ("apply", "-auto-approve")
DESTROY = ("destroy", "-auto-approve")
NO_LOCK = "Error acquiring the state lock"
_ACCOUNTS = count(222_222_100_000)


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        yield Deployment(aws, {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"})


@pytest.fixture(scope="module", params=PROGRAMS or [""], ids=lambda it: Path(it).name)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def in_mode(
    hub: Deployment, program: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Vended]:
    """The backend of a lock mode, vended when it is first asked for."""
    made: dict[str, Vended] = {}

    def of(mode: str) -> Vended:
        if mode not in made:
            folder = tmp_path_factory.mktemp(mode)
            made[mode] = vend(hub, str(next(_ACCOUNTS)), folder, LockMode=mode)
            made[mode].program = program
        return made[mode]

    return of


@pytest.fixture(scope="module", params=LOCK_MODES)
def vended(request: pytest.FixtureRequest, in_mode: Callable[[str], Vended]) -> Vended:
    """A backend, in each lock mode."""
    return in_mode(request.param)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A state of the test's own."""
    return f"{re.sub(r'[^a-zA-Z0-9]+', '-', request.node.name)}/terraform.tfstate"


# ---- the stages --------------------------------------------------------------------------------


STATE = "opa-terraform-aws/s3/terraform.tfstate"


@pytest.fixture(scope="module")
def planned(vended: Vended) -> Workspace:
    """The plan job's working copy; every job begins in an empty folder."""
    job = vended.copy(STATE)
    job.does("plan", "-out=tfplan", "-var=content=planned")
    return job


@pytest.fixture(scope="module")
def deployed(vended: Vended, planned: Workspace) -> Workspace:
    """The deploy job's, which got the plan as an artifact."""
    job = vended.copy(STATE)
    job.folder.joinpath("tfplan").write_bytes(planned.folder.joinpath("tfplan").read_bytes())
    job.does("apply", "tfplan")
    return job


def test_the_block_is_valid(vended: Vended) -> None:
    assert "The configuration is valid" in vended.copy(STATE).does("validate").text


def test_a_plan_is_judged_without_the_backend(planned: Workspace) -> None:
    since = len(planned.aws.calls)

    shown = planned.does("show", "-json", "tfplan")

    [change] = json.loads(shown.output)["resource_changes"]
    assert change["change"]["actions"] == ["create"]
    assert change["change"]["after"]["input"] == "planned"
    assert planned.aws.calls[since:] == []


def test_what_is_deployed_is_exactly_what_was_planned(vended: Vended, deployed: Workspace) -> None:
    assert deployed.content == "planned"
    assert vended.locks(STATE) == []
    stored = vended.backend.get(STATE)
    assert stored["SSEKMSKeyId"] == vended.spec.key_arn
    assert stored["BucketKeyEnabled"]


def test_a_plan_of_before_is_not_deployed_again(deployed: Workspace) -> None:
    again = deployed.run("apply", "tfplan")

    assert again.code == 1
    assert "Saved plan is stale" in again.error


def test_destroy_knows_from_the_state_what_there_is(vended: Vended, deployed: Workspace) -> None:
    job = vended.copy(STATE)

    destroyed = job.does(*DESTROY, "-var=content=planned")

    assert "1 destroyed" in destroyed.text
    kept = [vended.stored(STATE, VersionId=it) for it in vended.versions(STATE)]
    assert [len(it["resources"]) for it in kept] == [0, 1]


def test_a_local_state_moves_in(vended: Vended, key: str) -> None:
    """The person says yes, as Terraform asks."""
    copy = vended.fresh(key, role="Pipeline")
    copy.does("init")
    copy.does(*APPLY, "-var=content=made before")
    copy.folder.joinpath("backend.tf").write_text(vended.block(key))

    moved = copy.does("init", "-migrate-state", answer="yes\n")

    assert "Do you want to copy existing state to the new backend?" in moved.text
    assert vended.copy(key).content == "made before"
    assert vended.locks(key) == []
    assert copy.folder.joinpath("terraform.tfstate").read_text() == ""
    copy.does("plan", "-detailed-exitcode", "-var=content=made before")


def test_each_workspace_has_a_state_of_its_own_until_it_is_deleted(
    vended: Vended, key: str
) -> None:
    one, other = vended.copy(key), vended.copy(key)
    one.does(*APPLY, "-var=content=default")
    one.does("workspace", "new", "staging")
    one.does(*APPLY, "-var=content=staging")

    assert other.content == "default"
    other.does("workspace", "select", "staging")
    assert other.content == "staging"
    assert "* staging" in other.does("workspace", "list").text
    other.does(*DESTROY)
    other.does("workspace", "select", "default")
    other.does("workspace", "delete", "staging")

    assert "staging" not in other.does("workspace", "list").text
    assert other.content == "default"
    assert len(vended.versions(f"env:/staging/{key}")) == 3, "deleted, and still there"


# ---- a state in parts ----------------------------------------------------------------------------

WITHOUT_ENCRYPTION = {"encrypt": None, "kms_key_id": None}


def fill(copy: Workspace) -> None:
    """Its state will be larger than what is sent in one piece, which is 5 MiB."""
    copy.folder.joinpath("terraform.tfvars.json").write_text(
        json.dumps({"content": "x" * 1536_000})
    )


@pytest.mark.parametrize("arguments", [{}, WITHOUT_ENCRYPTION], ids=["published", "default"])
def test_a_state_in_parts_is_under_the_key(
    in_mode: Callable[[str], Vended], key: str, arguments: Mapping[str, None]
) -> None:
    vended = in_mode("s3-lockfile")
    copy = vended.copy(key, block=changed(vended.block(key), arguments))
    fill(copy)
    since = len(copy.aws.calls)

    copy.does(*APPLY)

    calls = [it for it in copy.aws.calls[since:] if it.key == key]
    assert {"CreateMultipartUpload", "UploadPart"} <= {it.operation for it in calls}
    assert vended.backend.get(key)["SSEKMSKeyId"] == vended.spec.key_arn
    assert vended.copy(key).content == "x" * 1536_000


@pytest.mark.parametrize("encryption", ["AES256", "another key"])
def test_a_state_in_parts_under_anything_else_is_refused_before_a_part_is_sent(
    in_mode: Callable[[str], Vended], key: str, encryption: str
) -> None:
    """Without a lock file, which is refused earlier."""
    vended = in_mode("dynamodb")
    other = vended.backend.site.make_key("alias/another") if "key" in encryption else None
    copy = vended.copy(key, block=changed(vended.block(key), {"kms_key_id": other}))
    fill(copy)
    since = len(copy.aws.calls)

    refused = copy.run(*APPLY)

    assert refused.code == 1
    assert "operation error S3: CreateMultipartUpload" in refused.error
    assert "with an explicit deny in a resource-based policy" in refused.error
    assert "UploadPart" not in {it.operation for it in copy.aws.calls[since:]}
    assert copy.errored


# ---- writers at once -----------------------------------------------------------------------------


def test_a_second_writer_is_refused_with_the_id_of_the_lock(vended: Vended, key: str) -> None:
    first, second = vended.copy(key), vended.copy(key, role="Colleague")
    with first.holding(*APPLY, "-var=content=first") as holder:
        held = vended.locks(key)

        refused = second.run(*APPLY, "-var=content=second")

        assert vended.locks(key) == held
    assert refused.code == 1
    assert NO_LOCK in refused.error
    assert set(held) == {refused.lock_id}
    assert holder.ended.code == 0
    assert vended.locks(key) == []
    assert [vended.stored(key)["serial"], second.content] == [1, "first"]


def test_a_writer_that_can_wait_comes_next(vended: Vended, key: str) -> None:
    first, second = vended.copy(key), vended.copy(key, role="Colleague")
    asked = threading.Semaphore(0)
    operation = "PutItem" if vended.spec.lock_mode == "dynamodb" else "PutObject"
    with first.holding(*APPLY, "-var=content=first") as holder:
        of_the_second = {"operation": operation, "account": vended.backend.account}
        vended.backend.aws.faults.add(
            Fault(
                kind="delay",
                match=lambda call: "Colleague" in call.principal and not asked.release(),
                **of_the_second,
            )
        )
        waiting = second.start(*APPLY, "-var=content=second", "-lock-timeout=60s")
        # Once for the answer that the lock is held, and once more for not having given up.
        for _ in range(2):
            assert asked.acquire(timeout=PATIENCE_SECONDS)
    ended = said(waiting)
    vended.backend.aws.faults.clear()

    assert (holder.ended.code, ended.code) == (0, 0), ended.text
    kept = [vended.stored(key, VersionId=it) for it in vended.versions(key)]
    assert [(it["serial"], it["outputs"]["content"]["value"]) for it in kept] == [
        (2, "second"),
        (1, "first"),
    ]


def test_of_eight_writers_one_wins(vended: Vended, key: str, tmp_path: Path) -> None:
    """Seven are told who; they are all told before the one is let through."""
    writers = [vended.copy(key, role=f"Writer{number}") for number in range(8)]
    with closing(Gate(tmp_path / "gate")) as gate, ThreadPoolExecutor(len(writers)) as waiting:
        running = {
            waiting.submit(
                said, writer.start(*APPLY, f"-var=content={number}", GATE=str(gate.folder))
            ): str(number)
            for number, writer in enumerate(writers)
        }
        ends = as_completed(running, timeout=PATIENCE_SECONDS)
        refused = [next(ends).result() for _ in writers[1:]]
        held = vended.locks(key)
        gate.let_through()
        winner = next(ends)

    assert [NO_LOCK in it.error for it in refused] == [True] * 7
    assert {it.lock_id for it in refused} == set(held)
    assert winner.result().code == 0
    assert [vended.stored(key)["serial"], writers[0].content] == [1, running[winner]]
    assert vended.locks(key) == []


def test_the_lock_of_a_killed_writer_is_broken_by_its_id(vended: Vended, key: str) -> None:
    first, second = vended.copy(key), vended.copy(key, role="Colleague")
    second.does(*APPLY, "-var=content=before")
    with first.holding(*APPLY, "-var=content=never saved") as holder:
        holder.kill()
    refused = second.run(*APPLY, "-var=content=after")
    other_id = "00000000-0000-0000-0000-000000000000"

    not_it = second.run("force-unlock", "-force", other_id)
    assert not_it.code == 1
    assert vended.locks(key)
    second.does("force-unlock", "-force", refused.lock_id)

    assert vended.locks(key) == []
    second.does(*APPLY, "-var=content=after")
    assert [vended.stored(key)["serial"], second.content] == [2, "after"]


# ---- kinds of clients ----------------------------------------------------------------------------

MIGRATION = "docs/lock-migration.md"
BLOCKS: dict[str, dict[str, None]] = {
    "s3-lockfile": {"dynamodb_table": None},
    "dynamodb": {"use_lockfile": None},
    "both": {},
}
"""The kind of a client, named as the lock mode whose block it has -> what its block lacks."""


def of_kind(vended: Vended, kind: str, key: str, role: str = "Pipeline") -> Workspace:
    """A client on a backend that has both."""
    return vended.copy(key, role=role, block=changed(vended.block(key), BLOCKS[kind]))


@pytest.mark.parametrize("holds", BLOCKS)
def test_who_keeps_whom_out_is_as_the_page_says(
    in_mode: Callable[[str], Vended], key: str, holds: str
) -> None:
    vended = in_mode("both")
    others = {kind: of_kind(vended, kind, key, "Colleague") for kind in BLOCKS}
    with of_kind(vended, holds, key).holding(*APPLY):
        met = {kind: other.run("plan") for kind, other in others.items()}

    told = dict(zip(BLOCKS, rows(MIGRATION, below="Who keeps whom out")[holds], strict=True))
    assert {
        kind: "kept out" if NO_LOCK in it.error else "**let in**" for kind, it in met.items()
    } == told


def test_the_page_s_command_lists_who_would_be_left_behind(
    in_mode: Callable[[str], Vended], key: str, tmp_path: Path
) -> None:
    for kind, lacks in BLOCKS.items():
        block = changed(in_mode("both").block(key), lacks)
        tmp_path.joinpath(f"{kind}.tf").write_text(block)
    page = (ROOT / MIGRATION).read_text()
    [command] = [body for _, body in fences(page) if body.startswith("grep ")]

    listed = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert listed.stdout == "./dynamodb.tf\n"


@pytest.mark.slow
def test_a_team_moves_from_the_table_to_lock_files(
    hub: Deployment, program: str, tmp_path: Path, key: str
) -> None:
    """The steps of the page; whoever is left behind is kept out, or stopped, and loses nothing."""
    vended = vend(hub, str(next(_ACCOUNTS)), tmp_path, LockMode="dynamodb")
    vended.program = program
    table = vended.copy(key)
    table.does(*APPLY, "-var=content=1")

    vended.ask(LockMode="both")
    both = vended.copy(key)
    for number, (writer, other) in enumerate([(both, table), (table, both)], 2):
        with writer.holding(*APPLY, f"-var=content={number}") as holder:
            assert NO_LOCK in other.run("plan").error
        assert holder.ended.code == 0

    vended.ask(LockMode="s3-lockfile")
    file = vended.copy(key)
    assert file.content == "3"
    with both.holding(*APPLY, "-var=content=4") as holder:
        assert NO_LOCK in file.run("plan").error
    with file.holding(*APPLY, "-var=content=5"):
        assert NO_LOCK in both.run("plan").error
    kept = [vended.stored(key, VersionId=it) for it in vended.versions(key)]
    assert [it["outputs"]["content"]["value"] for it in kept] == ["5", "4", "3", "2", "1"]
    assert [it["serial"] for it in kept] == [5, 4, 3, 2, 1]
    assert len({it["lineage"] for it in kept}) == 1

    left_behind = both.run("plan")

    assert "state data in S3 does not have the expected content" in left_behind.error
    both.backend(vended.block(key))
    assert both.content == "5"
    assert vended.backend.tables == [f"{vended.backend.name}-lock"], "a table, once made, is kept"


def test_a_table_that_nobody_needs_any_more_is_not_made_again_until_it_is_asked_for(
    hub: Deployment, tmp_path: Path, key: str
) -> None:
    vended = vend(hub, str(next(_ACCOUNTS)), tmp_path, LockMode="both")
    vended.copy(key).does(*APPLY, "-var=content=with both")
    vended.ask(LockMode="s3-lockfile")
    file = vended.copy(key)
    file.does(*APPLY, "-var=content=with files")
    [table] = vended.backend.tables
    administrator = vended.backend.client("dynamodb", "Administrator")
    administrator.update_table(TableName=table, DeletionProtectionEnabled=False)
    administrator.delete_table(TableName=table)

    vended.ask()

    assert vended.backend.tables == []
    file.does(*APPLY, "-var=content=without a table")
    vended.ask(LockMode="both")
    assert vended.copy(key).content == "without a table", "it has no digest of before"


# ---- the policy, and what is not in it -----------------------------------------------------------

SSE = "s3:x-amz-server-side-encryption"


def one_more(action: str, resource: str = "*", **condition: Mapping[str, str]) -> Any:
    """A statement for the bucket's policy, by which *action* is denied to everybody."""
    return lambda bucket: {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"s3:{action}",
        "Resource": bucket if resource == "the bucket" else f"{bucket}/{resource}",
        **({"Condition": condition} if condition else {}),
    }


TRIPPED_OVER = {
    "writes without a header": (
        one_more("PutObject", Null={SSE: "true"}),
        "leave encryption to the bucket",
    ),
    "writes that do not say aws:kms": (
        one_more("PutObject", StringNotEquals={SSE: "aws:kms"}),
        "leave encryption to the bucket",
    ),
    "writes over what is there": (
        one_more("PutObject", "*.tfstate", Null={"s3:if-none-match": "true"}),
        "apply",
    ),
    "the end of a lock file": (one_more("DeleteObject", "*.tflock"), "apply"),
    "ends that are not conditional": (
        one_more("DeleteObject", Null={"s3:if-match": "true"}),
        "apply",
    ),
    "the end of anything": (one_more("DeleteObject"), "apply"),
    "the end of a workspace": (one_more("DeleteObject", "*.tfstate"), "delete a workspace"),
    "lists without a prefix": (
        one_more("ListBucket", "the bucket", Null={"s3:prefix": "true"}),
        "begin",
    ),
}
"""What somebody may think of adding -> the statement, and what real clients then cannot do."""


def work(vended: Vended, key: str) -> str:
    """All that a team does on its backend; the first thing that it cannot do, if there is one."""
    things: dict[str, Callable[[], Any]] = {
        "begin": lambda: vended.copy(key),
        "apply": lambda: vended.copy(key).does(*APPLY),
        "leave encryption to the bucket": lambda: vended.copy(
            key, block=changed(vended.block(key), WITHOUT_ENCRYPTION)
        ).does(*APPLY, "-var=content=two"),
        "delete a workspace": lambda: deleted_workspace(vended.copy(key)),
        "apply a state in parts": lambda: in_parts(vended.copy(key)),
        "destroy": lambda: vended.copy(key).does(*DESTROY),
    }
    for name, thing in things.items():
        try:
            thing()
        except AssertionError as error:
            if "StatusCode: 403" not in str(error):
                raise
            return name
    return ""


def deleted_workspace(copy: Workspace) -> None:
    copy.does("workspace", "new", "staging")
    copy.does("workspace", "select", "default")
    copy.does("workspace", "delete", "staging")


def in_parts(copy: Workspace) -> None:
    fill(copy)
    copy.does(*APPLY)


def test_nobody_trips_over_the_policy_as_it_is(in_mode: Callable[[str], Vended], key: str) -> None:
    assert work(in_mode("both"), key) == ""


@pytest.mark.parametrize("name", TRIPPED_OVER)
def test_real_clients_trip_over_a_statement_too_many(
    in_mode: Callable[[str], Vended], key: str, name: str
) -> None:
    vended = in_mode("s3-lockfile")
    statement, stopped_at = TRIPPED_OVER[name]
    s3 = vended.backend.client("s3", "BreakGlass")
    policy = json.loads(s3.get_bucket_policy(Bucket=vended.backend.name)["Policy"])
    more = {**policy, "Statement": [*policy["Statement"], statement(vended.spec.bucket_arn)]}
    s3.put_bucket_policy(Bucket=vended.backend.name, Policy=json.dumps(more))

    met = work(vended, key)

    s3.put_bucket_policy(Bucket=vended.backend.name, Policy=json.dumps(policy))
    assert met == stopped_at
