"""What our pages let people of an account enter, as it stands there, on a vended backend."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.page_site import (
    ACCOUNT,
    BUCKET,
    REGION,
    Site,
    answers,
    deployed,
    key_of,
    report_of,
)
from tests.acceptance.pages import Terminal, runs
from tests.acceptance.terraform import (
    PATH_WITH_AWS_CLI,
    PROGRAM,
    Workspace,
    changed,
    needs_aws_cli,
    needs_terraform,
)
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences

pytestmark = needs_aws_cli

RUNBOOK, USE = "docs/runbook.md", "docs/use-your-backend.md"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with deployed(tmp_path) as site:
        yield site


# ---- in the account ------------------------------------------------------------------------------


@runs((RUNBOOK, "Locked out of a bucket"))
def test_the_root_removes_a_policy_that_locks_everybody_out(site, blocks):
    vended = site.vend()
    locked = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            }
        ],
    }
    site.client("s3", "root").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(locked))

    site.accounts("root").does(*blocks)
    vended.ask()

    assert json.loads((site.folder / "policy.json").read_text()) == locked
    assert "Reconfigure" in vended.backend.statements


@runs((RUNBOOK, "The key is disabled, or is going to be deleted"))
def test_a_key_that_is_going_to_be_deleted_is_taken_back(site, blocks):
    vended = site.vend()
    site.client("kms", "root").schedule_key_deletion(KeyId=key_of(site))

    printed = site.accounts().does(*blocks)

    assert '"PendingDeletion"' in printed
    vended.ask()


@runs((RUNBOOK, "An orphan key"))
def test_an_orphan_is_told_from_the_backends_key_and_scheduled(site, blocks):
    look, schedule = blocks
    site.vend()
    ours = key_of(site)
    orphan = site.client("kms").create_key()["KeyMetadata"]["Arn"]

    said = answers(site.accounts().does(look))
    filled_in = schedule.text.replace("ARN-OF-THE-ORPHAN", orphan)
    site.accounts("root").does(schedule.entered_as(filled_in))

    assert said[0] == ours
    assert ours in json.dumps(said[1])
    state = site.client("kms").describe_key(KeyId=orphan)["KeyMetadata"]["KeyState"]
    assert state == "PendingDeletion"


@runs(("docs/stacksets.md", "A retained stack"))
def test_a_retained_stack_is_found_by_its_name(site, blocks):
    site.hub.aws.add_account(ACCOUNT)
    name = "StackSet-statehold-state-backend-1a2b"
    for it in (name, "another"):
        arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{it}/5f0c7d20"
        site.hub.aws.stacks.set_status(arn, "CREATE_COMPLETE")

    [found] = answers(site.accounts().does(*blocks))

    assert [it[0].split("/")[1] for it in found] == [name]


@runs(("docs/client-errors.md", "Forbidden without a reason"))
def test_a_request_with_a_body_tells_the_reason(site, blocks):
    site.vend(StateAccessPrincipalArns=f"arn:aws:iam::{ACCOUNT}:role/Other")

    with pytest.raises(AssertionError, match="explicit deny in a resource-based policy"):
        site.accounts().does(*blocks, BUCKET=BUCKET, KEY="a/terraform.tfstate")


@runs((USE, "AWS CLI and SDKs"))
def test_a_write_that_names_algorithm_and_key_is_taken(site, blocks):
    vended = site.vend()
    (site.folder / "extra.json").write_text("{}")

    site.accounts().does(*blocks, BUCKET=BUCKET, KEY_ARN=key_of(site))

    assert vended.backend.get("payments/network/extra.json")["SSEKMSKeyId"] == key_of(site)


@runs(("docs/recovery.md", "Copy all states out"))
def test_all_states_are_copied_and_neither_locks_nor_what_is_hidden(site, blocks):
    listed = f"arn:aws:iam::{ACCOUNT}:role/Backup"
    site.vend(StateAccessPrincipalArns=listed)
    writer = site.client("s3", "role/Backup")
    keys = [f"{it}a/terraform.tfstate" for it in ("", "env:/staging/", "env:/gone/")]
    for body in (b"old", b"new"):
        for key in (*keys, "a/terraform.tfstate.tflock"):
            writer.put_object(Bucket=BUCKET, Key=key, Body=body)
    writer.delete_object(Bucket=BUCKET, Key=keys[2])
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    lists = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    for role in ("Backup", "BreakGlass", "Administrator"):
        policy = {"Version": "2012-10-17", "Statement": [reads, lists]}
        site.hub.aws.add_role(ACCOUNT, role, policy)

    for who in ("Backup", "BreakGlass"):
        site.accounts(f"role/{who}").does(*blocks, BUCKET=BUCKET)

        states = site.folder / "states"
        copied = {str(it.relative_to(states)) for it in states.rglob("*") if it.is_file()}
        assert copied == set(keys[:2])
        assert all((states / it).read_text() == "new" for it in copied)
        shutil.rmtree(states)
    with pytest.raises(AssertionError, match=r"403|AccessDenied"):
        site.accounts().does(*blocks, BUCKET=BUCKET)


@runs(("docs/stacksets.md", "A service control policy"))
def test_the_service_control_policy_is_taken_and_attached(site, blocks):
    [block] = blocks
    create, named, attach = block.text.partition("aws organizations attach-policy")
    organizations = site.hub.aws.client("organizations")
    [root] = organizations.list_roots()["Roots"]
    terminal = Terminal(ROOT, site.hubs().environment)

    [made] = answers(terminal.does(block.entered_as(create)))
    ids = {"p-a1b2c3d4": made["Policy"]["PolicySummary"]["Id"], "ou-a1b2-c3d4e5f6": root["Id"]}
    attach = re.sub("|".join(ids), lambda it: ids[it[0]], attach)
    terminal.does(block.entered_as(named + attach))

    shipped = json.loads((ROOT / "stacksets/scp-protect-statehold.json").read_text())
    assert json.loads(made["Policy"]["Content"]) == shipped
    [target] = organizations.list_targets_for_policy(PolicyId=ids["p-a1b2c3d4"])["Targets"]
    assert target["TargetId"] == root["Id"]


# ---- with a working copy -------------------------------------------------------------------------


def in_copy(copy: Workspace) -> Terminal:
    """The person of *copy*, in its folder."""
    tools = copy.folder / "bin"
    tools.mkdir()
    (tools / "terraform").symlink_to(PROGRAM)
    path = f"{tools}{os.pathsep}{PATH_WITH_AWS_CLI}"
    return Terminal(
        copy.folder,
        {**copy.environment, "PATH": path, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )


STATE = "payments/network/terraform.tfstate"


@needs_terraform
@runs((USE, "Get the block"))
def test_the_block_is_fetched_and_used_in_both_forms(site, blocks):
    shown, written, partial = blocks
    page = (ROOT / USE).read_text().partition("commit an empty block")[2]
    empty = next(body for language, body in fences(page) if language == "hcl")
    vended = site.vend()
    copy = Workspace(
        folder=site.folder / "copy", aws=site.hub.aws, principal=vended.backend.role("Developer")
    )
    terminal = in_copy(copy)

    block = terminal.does(shown)
    terminal.does(written)
    copy.does("init")
    copy.does("apply", "-auto-approve")
    filled_in = (copy.folder / "backend.tf").read_text()
    (copy.folder / "backend.tf").write_text(empty)
    shutil.rmtree(copy.folder / ".terraform")
    terminal.does(partial)

    assert filled_in == block.replace("<repository>/<module>", "payments/network")
    copy.does("plan", "-detailed-exitcode")


@needs_terraform
@runs((USE, "Moving a state in"))
def test_a_state_is_moved_in(site, blocks):
    vended = site.vend()
    copy = vended.fresh(STATE, role="Pipeline")
    copy.does("init")
    copy.does("apply", "-auto-approve")
    (copy.folder / "backend.tf").write_text(vended.block(STATE))
    terminal = in_copy(copy)
    look, move = blocks

    with pytest.raises(AssertionError, match="404"):
        terminal.does(look, BUCKET=BUCKET)
    terminal.does(move.entered_as(f"echo yes | {move.text.strip()}"))

    assert copy.content == "one"


@needs_terraform
@runs(("docs/client-errors.md", "The state could not be saved"))
def test_a_state_that_could_not_be_saved_is_pushed(site, blocks):
    vended = site.vend(LockMode="dynamodb")
    copy = vended.copy(STATE, block=changed(vended.block(STATE), {"kms_key_id": None}))
    assert "Failed to save state" in copy.run("apply", "-auto-approve").error
    copy.backend(vended.block(STATE))

    in_copy(copy).does(*blocks)

    assert copy.content == "one"


@needs_terraform
@runs(("docs/lock-migration.md", "Step by step"))
def test_who_is_left_with_the_table_is_found_and_the_table_is_removed(site, blocks):
    given, both, left_behind, remove = blocks
    site.vend(LockMode="dynamodb")

    assert answers(site.hubs().does(given))[0]["LockMode"] == "dynamodb"
    report = report_of(site.hubs().does(both))
    assert report["status"] == "READY"
    (site.folder / "a").mkdir()
    (site.folder / "a/backend.tf").write_text('dynamodb_table = "x"')
    (site.folder / "a/both.hcl").write_text('dynamodb_table = "x"\nuse_lockfile = true')
    assert site.accounts().does(left_behind) == "./a/backend.tf\n"
    site.accounts().does(remove, BUCKET=BUCKET)

    assert site.client("dynamodb").list_tables()["TableNames"] == []


@needs_terraform
@runs(("examples/README.md", "When a lock stays"))
def test_a_lock_that_stays_is_broken(site, blocks):
    [block] = blocks
    vended = site.vend()
    copy = vended.copy(STATE)
    with copy.holding("apply", "-auto-approve") as holder:
        holder.kill()
    lock_id = vended.copy(STATE).run("plan").lock_id
    fresh = vended.copy(STATE)
    terminal = in_copy(fresh)
    (fresh.folder / "terraform").symlink_to(fresh.folder)

    confirmed = block.text.replace("force-unlock", "force-unlock -force")
    terminal.does(block.entered_as(confirmed), LOCK_ID=lock_id)

    assert vended.locks(STATE) == []
