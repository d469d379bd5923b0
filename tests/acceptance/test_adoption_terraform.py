"""
A team that made its bucket and its table by hand goes on working while its bucket is adopted.

Its block stays as it is until it takes over the published one. What happens to blocks that were
left behind once the bucket is enforced is ``BLOCKS_LEFT_BEHIND``, with Terraform's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from state_backend.outputs.backend_block import KEY_TEMPLATE
from tests.acceptance.account_backend import Backend
from tests.acceptance.peers import cloudposse, seed_b
from tests.acceptance.terraform import Said, Workspace, needs_terraform
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

pytestmark = needs_terraform

ACCOUNT = "222222222222"
REGION = "us-east-1"
BUCKET = "naxslabs-tf-state"
KEY = "opa-terraform-aws/s3/terraform.tfstate"
SEED_B = f"""\
terraform {{
  backend "s3" {{
    bucket         = "{BUCKET}"
    key            = "{KEY}"
    region         = "us-east-1"
    encrypt        = true
    dynamodb_table = "{BUCKET}-lock"
  }}
}}
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble(region=REGION) as aws:
        yield Deployment(aws)


@dataclass(kw_only=True)
class Team:
    """The account, with whoever works in it."""

    backend: Backend
    folder: Path
    workspaces: int = 0

    def workspace(self) -> Workspace:
        self.workspaces += 1
        return Workspace(
            folder=self.folder / f"copy-{self.workspaces}",
            aws=self.backend.aws,
            principal=self.backend.role("Pipeline"),
        )

    def adopt(self, how: str, bucket: str = BUCKET) -> Any:
        return self.backend.ask({"BucketName": bucket, "AccessLogs": "off", "Adopt": how})

    @property
    def published(self) -> str:
        parameter = self.backend.client("ssm").get_parameter(Name="/statehold/backend.hcl")
        return str(parameter["Parameter"]["Value"]).replace(KEY_TEMPLATE, KEY)


def pipeline(workspace: Workspace, content: str) -> list[Said]:
    """The stages of a pipeline: validate, plan, and deploy what was planned."""
    stages = (
        ["validate"],
        ["plan", "-out=tfplan", f"-var=content={content}"],
        ["apply", "tfplan"],
    )
    return [workspace.run(*stage) for stage in stages]


def works(said: list[Said]) -> bool:
    assert [it.code for it in said] == [0] * len(said), [it.text for it in said]
    return True


@pytest.fixture(scope="module")
def team(hub: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Adopted as far as enforced; on the way every pipeline has to work."""
    hub.aws.add_account(ACCOUNT)
    backend = Backend(hub=hub, account=ACCOUNT, region=REGION)
    team = Team(backend=backend, folder=tmp_path_factory.mktemp("team"))
    seed_b(backend.site)
    old, new = team.workspace(), team.workspace()
    assert old.backend(SEED_B).code == 0
    assert works(pipeline(old, "before"))

    assert team.adopt("observe")["status"] == "WAITING"
    assert works(pipeline(old, "observed"))
    assert new.backend(team.published).code == 0
    assert works(pipeline(new, "published block"))
    assert works(pipeline(old, "both blocks at a time"))

    taken_over = team.published
    assert team.adopt("enforce")["status"] == "READY"
    assert new.folder.joinpath("backend.tf").read_text() == taken_over
    assert works(pipeline(new, "enforced"))
    return team


def test_the_pipeline_works_before_during_and_after(team: Team) -> None:
    """With its block unchanged until it takes over the published one; the steps are in *team*."""
    said = team.workspace()
    assert said.backend(team.published).code == 0

    output = said.run("state", "pull")

    assert '"enforced"' in output.text
    assert works(pipeline(said, "the block of the end"))
    assert works([said.run("destroy", "-auto-approve")])


def test_the_state_is_now_under_the_key(team: Team) -> None:
    found = team.backend.client("s3").head_object(Bucket=BUCKET, Key=KEY)

    assert found["ServerSideEncryption"] == "aws:kms"
    assert f'kms_key_id = "{found["SSEKMSKeyId"]}"' in team.backend.block


def test_old_and_new_clients_keep_each_other_out_while_it_is_observed(
    hub: Deployment, tmp_path: Path
) -> None:
    """The published block locks both ways, so it meets the lock of a table-only client."""
    backend = Backend(hub=hub, account=hub.aws.add_account("222222222223"), region=REGION)
    bucket = seed_b(backend.site, "naxslabs-second").bucket
    team = Team(backend=backend, folder=tmp_path)
    team.adopt("observe", bucket)
    table = f"{bucket}-lock"
    lock = {"LockID": {"S": f"{bucket}/{KEY}"}, "Info": {"S": "{}"}}
    backend.client("dynamodb").put_item(TableName=table, Item=lock)
    new = team.workspace()
    new.backend(team.published)

    said = new.run("plan")

    assert said.code == 1
    assert "Error acquiring the state lock" in said.error
    assert "ConditionalCheckFailedException" in said.error


@dataclass(frozen=True, kw_only=True)
class LeftBehind:
    """A block that nobody changed, on the bucket once it is enforced."""

    block: str
    """Its lines besides bucket, key and region."""
    fails_at: str
    """The command that is refused; empty if none is."""
    says: str = ""
    """All of it up to Terraform's advice, with … for ids."""
    applied: bool = False
    """Whether its resources were changed by then, and the state is left in errored.tfstate."""


REFUSED = (
    "operation error S3: PutObject, https response error StatusCode: 403, RequestID: …, HostID: …, "
    "api error AccessDenied: User: arn:aws:sts::222222222222:assumed-role/Pipeline/session is not "
    "authorized to perform: s3:PutObject on resource: "
    '"arn:aws:s3:::naxslabs-tf-state/{key}" with an explicit deny in a resource-based policy'
)
NO_LOCK = f"Error: Error acquiring the state lock Error message: {REFUSED}".replace(
    "{key}", "{key}.tflock"
)
NOT_SAVED = (
    f"Error: Failed to save state Error saving state: failed to upload state: {REFUSED} "
    "Error: Failed to persist state to backend The error shown above has prevented Terraform from "
    "writing the updated state to the configured backend. To allow for recovery, the state has "
    'been written to the file "errored.tfstate" in the current working directory.'
)
TABLE = f'dynamodb_table = "{BUCKET}-lock"'
BLOCKS_LEFT_BEHIND = {
    # A lock file is the first thing written: refused before anything is planned.
    "AES256, lock file": LeftBehind(
        block="encrypt = true\nuse_lockfile = true", fails_at="plan", says=NO_LOCK
    ),
    "AES256, both locks": LeftBehind(
        block=f"encrypt = true\nuse_lockfile = true\n{TABLE}", fails_at="plan", says=NO_LOCK
    ),
    "another key, lock file": LeftBehind(
        block='encrypt = true\nkms_key_id = "{other_key}"\nuse_lockfile = true',
        fails_at="plan",
        says=NO_LOCK,
    ),
    # Nothing is written to the bucket before the state is: there is nothing to refuse earlier.
    "AES256, table (as the seed has it)": LeftBehind(
        block=f"encrypt = true\n{TABLE}", fails_at="apply", says=NOT_SAVED, applied=True
    ),
    "AES256, no lock": LeftBehind(
        block="encrypt = true", fails_at="apply", says=NOT_SAVED, applied=True
    ),
    # What asks for no encryption gets the key by default.
    "no encryption asked for, table": LeftBehind(block=TABLE, fails_at=""),
    "no encryption asked for, lock file": LeftBehind(block="use_lockfile = true", fails_at=""),
}


def without_ids(said: str) -> str:
    return re.sub(r"(RequestID|HostID): [^ ,]*,", r"\1: …,", said)


@pytest.mark.parametrize("name", BLOCKS_LEFT_BEHIND)
def test_a_block_left_behind_is_refused_as_early_as_terraform_makes_that_possible(
    name: str, team: Team
) -> None:
    left = BLOCKS_LEFT_BEHIND[name]
    copy = team.workspace()
    key = f"left/{team.workspaces}/terraform.tfstate"
    other_key = team.backend.site.make_key(f"alias/other-{team.workspaces}")
    lines = left.block.replace("{other_key}", other_key)
    place = f'bucket = "{BUCKET}"\nkey = "{key}"\nregion = "{REGION}"'
    init = copy.backend(f'terraform {{\nbackend "s3" {{\n{place}\n{lines}\n}}\n}}\n')
    assert init.code == 0, init.text

    plan, apply = copy.run("plan"), copy.run("apply", "-auto-approve")

    assert (plan.code, apply.code) == (int(left.fails_at == "plan"), int(bool(left.fails_at)))
    assert copy.errored is left.applied
    refused = {"plan": plan, "apply": apply}.get(left.fails_at)
    if refused is not None:
        assert without_ids(refused.error).startswith(left.says.replace("{key}", key)), refused.error


def test_a_state_that_could_not_be_saved_is_pushed_with_the_published_block(team: Team) -> None:
    """The way back for a client that was refused after its apply."""
    copy, key = team.workspace(), "rescued/terraform.tfstate"
    copy.backend(SEED_B.replace(KEY, key))
    assert copy.run("apply", "-auto-approve", "-var=content=precious").code == 1
    assert copy.errored
    assert copy.backend(team.published.replace(KEY, key)).code == 0

    pushed = copy.run("state", "push", "errored.tfstate")

    assert pushed.code == 0, pushed.text
    assert "precious" in copy.run("state", "pull").text
    assert copy.run("plan", "-detailed-exitcode", "-var=content=precious").code == 0


def test_a_policy_that_asks_for_a_header_gets_a_block_that_sends_it(
    hub: Deployment, tmp_path: Path
) -> None:
    """Cloud Posse's statements refuse a write without one, before and after."""
    backend = Backend(hub=hub, account=hub.aws.add_account("222222222224"), region=REGION)
    bucket = cloudposse(backend.site).bucket
    team = Team(backend=backend, folder=tmp_path)
    for how in ("observe", "enforce"):
        team.adopt(how, bucket)
        copy = team.workspace()
        assert copy.backend(team.published).code == 0

        assert works(pipeline(copy, how))
