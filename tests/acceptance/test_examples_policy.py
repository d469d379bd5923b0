"""
The gate between plan and deploy: what a real Terraform says of good backends passes, of bad ones it
does not, and each rule is needed for one of them.

Terraform's provider for AWS cannot be had here, so what a plan would say of its resources is added
to a real plan, in that provider's words.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.opa import evaluate
from tests.acceptance.pipelines import EXAMPLES, KEY
from tests.acceptance.terraform import Vended, Workspace, needs_terraform, vend
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

pytestmark = needs_terraform

RULES = EXAMPLES / "policy/backend.rego"
GOOD: dict[str, Mapping[str, str]] = {
    "as-it-is": {},
    "both-locks": {"LockMode": "both"},
    "a-lock-table": {"LockMode": "dynamodb"},
    "aes256": {"Encryption": "AES256"},
    "another-prefix": {"WorkspaceKeyPrefix": "stages"},
}
"""Name -> the properties of a vended backend, whose published block is taken as it is."""

OTHER_KEY = "arn:aws:kms:eu-central-1:222222222222:key/00000000-0000-4000-8000-000000000000"
BAD_BACKENDS: dict[str, tuple[Mapping[str, Any], str]] = {
    "another-bucket": ({"bucket": "by-hand"}, "bucket is not as it is published"),
    "encrypt-alone": ({"kms_key_id": None}, "kms_key_id is not as it is published: the full ARN"),
    "another-key": ({"kms_key_id": OTHER_KEY}, "kms_key_id is not as it is published"),
    "an-alias": ({"kms_key_id": "alias/statehold"}, "kms_key_id is not as it is published"),
    "not-encrypted": ({"encrypt": None}, "encrypt is not as it is published"),
    "no-lock-file": ({"use_lockfile": None}, "use_lockfile is not as it is published: two runs"),
    "no-lock-item": ({"dynamodb_table": None}, "dynamodb_table is not as it is published: two"),
    "any-account": ({"allowed_account_ids": None}, "allowed_account_ids is not as it is"),
    "another-prefix": ({"workspace_key_prefix": "x"}, "workspace_key_prefix is given in the"),
    "an-acl": ({"acl": "private"}, "acl is given in the backend"),
    "no-key-of-its-own": (
        {"key": "<repository>/<module>/terraform.tfstate"},
        "key is not filled in",
    ),
}
"""Name -> what is changed in the arguments as published, and what is said of it."""

BUCKET, TABLE, KMS_KEY = "{bucket}", "{dynamodb_table}", "{kms_key_id}"
DELETED, REPLACED, UPDATED, CREATED = ["delete"], ["delete", "create"], ["update"], ["create"]
BAD_PLANS: dict[str, tuple[str, list[str], Mapping[str, Any]]] = {
    "the-bucket-deleted": ("aws_s3_bucket", DELETED, {"bucket": BUCKET, "tags": None}),
    "the-bucket-replaced": ("aws_s3_bucket", REPLACED, {"id": BUCKET}),
    "the-bucket-taken-in": ("aws_s3_bucket", CREATED, {"bucket": BUCKET}),
    "its-policy-changed": ("aws_s3_bucket_policy", UPDATED, {"bucket": BUCKET}),
    "its-versioning-changed": ("aws_s3_bucket_versioning", UPDATED, {"bucket": BUCKET}),
    "its-access-point": ("aws_s3_access_point", CREATED, {"bucket": f"arn:aws:s3:::{BUCKET}"}),
    "an-object-in-it": ("aws_s3_object", CREATED, {"bucket": BUCKET, "key": "a"}),
    "the-table-deleted": ("aws_dynamodb_table", DELETED, {"name": TABLE}),
    "a-lock-taken-away": ("aws_dynamodb_table_item", DELETED, {"table_name": TABLE}),
    "the-key-deleted": ("aws_kms_key", DELETED, {"arn": KMS_KEY, "enable_key_rotation": True}),
    "its-policy-replaced": ("aws_kms_key_policy", CREATED, {"key_id": KMS_KEY}),
    "its-alias-deleted": ("aws_kms_alias", DELETED, {"name": "alias/statehold"}),
    "the-parameter-deleted": ("aws_ssm_parameter", DELETED, {"name": "/statehold/backend"}),
    "by-its-arn": (
        "aws_ssm_parameter",
        DELETED,
        {"arn": "arn:aws:ssm:eu-central-1:222222222222:parameter/statehold/backend.hcl"},
    ),
}
"""Name -> the type of a resource, what is planned for it, and its arguments."""

GOOD_PLANS: dict[str, tuple[str, list[str], Mapping[str, Any]]] = {
    "a-bucket-of-theirs": ("aws_s3_bucket", DELETED, {"bucket": f"x{BUCKET}"}),
    "a-role-that-may-read-it": ("aws_iam_policy", CREATED, {"name": BUCKET}),
    "the-bucket-looked-at": ("aws_s3_bucket", ["read"], {"bucket": BUCKET}),
    "the-bucket-forgotten": ("aws_s3_bucket", ["forget"], {"bucket": BUCKET}),
    "nothing-to-do": ("aws_s3_bucket", ["no-op"], {"bucket": BUCKET}),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        yield Deployment(aws)


@pytest.fixture(scope="module")
def vended(hub: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Vended:
    """A backend with all that a plan could reach for: key, bucket and table."""
    vended = vend(hub, "222222222222", tmp_path_factory.mktemp("vended"), LockMode="both")
    vended.backend.client("s3").create_bucket(
        Bucket="by-hand",
        CreateBucketConfiguration={"LocationConstraint": vended.backend.region},
    )
    return vended


@pytest.fixture(scope="module")
def good(vended: Vended) -> Any:
    return seen(vended)


def published(vended: Vended) -> Any:
    found = vended.backend.client("ssm").get_parameter(Name="/statehold/backend")
    return json.loads(found["Parameter"]["Value"])


def seen(vended: Vended, **changes: Any) -> Any:
    """What the gate gets to see of the example module, with other arguments of its backend."""
    arguments = {**published(vended), "key": KEY, **changes}
    workspace = module(vended, "s3")
    workspace.folder.joinpath("backend.json").write_text(
        json.dumps({name: value for name, value in arguments.items() if value is not None})
    )
    workspace.does("init", "-backend-config=backend.json")
    return gate(vended, workspace)


def module(vended: Vended, backend: str) -> Workspace:
    """The example module in a folder of its own, whose user may do everything."""
    vended.copies += 1
    workspace = Workspace(
        folder=vended.folder / f"copy-{vended.copies}",
        aws=vended.backend.aws,
        principal=vended.backend.role("Deployer"),
    )
    text = (EXAMPLES / "terraform/main.tf").read_text()
    workspace.folder.joinpath("main.tf").write_text(text.replace('"s3"', f'"{backend}"'))
    return workspace


def gate(vended: Vended, workspace: Workspace) -> Any:
    # No lock is taken: some of these backends cannot have one.
    workspace.does("plan", "-lock=false", "-out=plan.tfplan")
    initialised = workspace.folder / ".terraform/terraform.tfstate"
    return {
        "plan": json.loads(workspace.does("show", "-json", "plan.tfplan").output),
        "backend": json.loads(initialised.read_text()),
        "published": published(vended),
    }


def planned(good: Any, kind: str, actions: list[str], arguments: Mapping[str, Any]) -> Any:
    """*good* with one more resource in its plan."""

    def filled_in(value: Any) -> Any:
        return re.sub(r"\{(\w+)\}", lambda name: good["published"][name[1]], value)

    values = {
        name: filled_in(value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    change = {
        "actions": actions,
        "before": None if actions == CREATED else values,
        "after": None if actions == DELETED else values,
    }
    resource = {"address": f"{kind}.it", "mode": "managed", "type": kind, "change": change}
    changed = copy.deepcopy(good)
    changed["plan"]["resource_changes"].append(resource)
    return changed


def denied(document: Any, rules: Path = RULES) -> list[str]:
    """What the gate says against it; nothing if it lets it pass."""
    said = evaluate([rules], document, "data.statehold.deny")
    passed = evaluate([rules], document, "data.statehold.passed")
    assert (passed is True) == (said == [])
    return list(said)


@pytest.mark.parametrize("properties", GOOD.values(), ids=GOOD)
def test_a_vended_backend_passes_as_it_is_published(hub, tmp_path, properties):
    account = str(222_222_400_000 + len(hub.aws.world.accounts))

    assert denied(seen(vend(hub, account, tmp_path, **properties))) == []


def test_the_backends_block_alone_is_enough(good):
    assert denied({**good, "backend": good["backend"]["backend"]}) == []


@pytest.mark.parametrize(("changes", "said"), BAD_BACKENDS.values(), ids=BAD_BACKENDS)
def test_a_bad_backend_is_denied(vended, changes, said):
    found = denied(seen(vended, **changes))

    assert len(found) == 1
    assert said in found[0]


def test_state_on_the_runner_is_denied(vended):
    workspace = module(vended, "local")
    workspace.does("init")

    said = denied(gate(vended, workspace))

    assert "The backend is of type local: the vended one is of type s3" in said


@pytest.mark.parametrize("plan", BAD_PLANS.values(), ids=BAD_PLANS)
def test_a_plan_that_reaches_for_the_backend_is_denied(good, plan):
    found = denied(planned(good, *plan))

    assert found
    assert all(f"{plan[0]}.it" in said for said in found)


@pytest.mark.parametrize("plan", GOOD_PLANS.values(), ids=GOOD_PLANS)
def test_a_plan_that_leaves_the_backend_alone_passes(good, plan):
    assert denied(planned(good, *plan)) == []


def test_a_bucket_that_is_imported_unchanged_is_denied(good):
    document = planned(good, "aws_s3_bucket", ["no-op"], {"bucket": BUCKET})
    document["plan"]["resource_changes"][-1]["change"]["importing"] = {"id": "any"}

    assert denied(document)


@pytest.mark.parametrize("missing", ["plan", "backend", "published"])
@pytest.mark.parametrize("left", [None, {}, []], ids=["none", "empty", "list"])
def test_half_of_the_input_is_denied(good, missing, left):
    assert denied({**good, missing: left})
    assert denied({name: part for name, part in good.items() if name != missing})


ELSEWHERE = {
    "endpoints": [{"s3": "https://example.com"}],
    "endpoint": "https://example.com",
    "insecure": True,
    "access_key": "AKIAIOSFODNN7EXAMPLE",
    "assume_role": [{"role_arn": "arn:aws:iam::999999999999:role/Theirs"}],
    "profile": "theirs",
    "skip_s3_checksum": True,
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_could_lead_to_another_server_or_account_is_denied(good, name):
    config = {**good["backend"]["backend"]["config"], name: ELSEWHERE[name]}

    [said] = denied({**good, "backend": {"type": "s3", "config": config}})

    assert said.startswith(f"{name} is given in the backend")


def test_how_often_a_client_tries_again_is_its_own_business(good):
    config = {**good["backend"]["backend"]["config"], "max_retries": 10, "retry_mode": "adaptive"}

    assert not denied({**good, "backend": {"type": "s3", "config": config}})


def without_any_lock(good):
    """Neither in the block, nor in what is published."""
    locks = {"use_lockfile", "dynamodb_table"}
    config, told = (
        {name: it for name, it in where.items() if name not in locks}
        for where in (good["backend"]["backend"]["config"], good["published"])
    )
    return {**good, "backend": {"type": "s3", "config": config}, "published": told}


def test_a_backend_without_any_lock_is_denied_whatever_is_published(good):
    assert denied(without_any_lock(good)) == ["No lock mode is on: two runs could write at once"]


def test_every_rule_is_needed_for_some_sample(good, tmp_path):
    config = good["backend"]["backend"]["config"]
    samples = [
        {**good, "plan": {}},
        {**good, "backend": {"type": "gcs", "config": config}},
        {**good, "backend": {"type": "s3", "config": {**config, "bucket": "by-hand"}}},
        {**good, "backend": {"type": "s3", "config": {**config, "acl": "private"}}},
        {**good, "backend": {"type": "s3", "config": {**config, "key": ""}}},
        planned(good, *BAD_PLANS["the-bucket-deleted"]),
        without_any_lock(good),
    ]
    blocks = RULES.read_text().split("\n\n")
    rules = [block for block in blocks if block.startswith("deny contains ")]

    for rule in rules:
        damaged = tmp_path / "backend.rego"
        damaged.write_text("\n\n".join(block for block in blocks if block != rule))
        let_through = [it for it in samples if not evaluate([damaged], it, "data.statehold.deny")]
        assert len(let_through) == 1, rule

    assert len(rules) == len(samples)
