"""
A real Terraform does its work under exactly the ready policy of its kind, on a vended backend, and
is stopped without any one word of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from state_backend.outputs.backend_block import KEY_TEMPLATE, backend_hcl
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.client_access import CLIENT_POLICIES
from state_backend.policies.document import Document, text_of
from state_backend.policies.key_policy import key_policy
from state_backend.spec import BackendSpec, Defaults, resolve
from tests.aws_double import AwsDouble
from tests.matrix.backends import each_less_by_one

ACCOUNT = "222222222222"
REGION = "eu-central-1"
PROVISIONER = f"arn:aws:iam::{ACCOUNT}:role/StateholdProvisioner"
PIPELINE = f"arn:aws:iam::{ACCOUNT}:role/Pipeline"
MODULE = """
resource "terraform_data" "one" { input = "x" }
output "one" { value = terraform_data.one.output }
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("terraform"),
        reason="terraform -> put Terraform 1.11 or newer on PATH",
    ),
]

INIT = ("init", "-input=false", "-reconfigure")
APPLY = ("apply", "-auto-approve", "-input=false")
STEPS: dict[str, Sequence[Sequence[str]]] = {
    "reader": (INIT, ("workspace", "list"), ("state", "pull"), ("output",)),
    "planner": (INIT, ("plan", "-input=false")),
    "applier": (
        INIT,
        APPLY,
        ("workspace", "new", "staging"),
        APPLY,
        ("destroy", "-auto-approve", "-input=false"),
        ("workspace", "select", "default"),
        ("workspace", "delete", "staging"),
        ("destroy", "-auto-approve", "-input=false"),
    ),
}
"""What each kind of client does, in this order."""

GOES_ON = {
    # It says nothing, and reads without the digest that would show a stale state.
    "reader": ["ReadDigest: dynamodb:GetItem"],
}
"""Kind of client -> the words without which Terraform does its work all the same."""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(ACCOUNT)
        yield double


@pytest.fixture(scope="module")
def ours(aws: AwsDouble) -> BackendSpec:
    """A backend whose key we made, locked with files."""
    return _vended(aws, {})


@pytest.fixture(scope="module")
def given(aws: AwsDouble) -> BackendSpec:
    """A backend under a key that is given, locked both ways."""
    key = _key(aws, None)
    return _vended(aws, {"KmsKeyArn": key, "LockMode": "both", "BucketNamespace": "global"})


def _vended(aws: AwsDouble, properties: dict[str, Any]) -> BackendSpec:
    spec = replace(
        resolve(ACCOUNT, REGION, properties, Defaults()),
        acting_role_arns=(PROVISIONER,),
        origin="created",
    )
    if spec.makes_key:
        spec = replace(spec, key_arn=_key(aws, key_policy(spec, None)))
    s3 = aws.client("s3", principal=PROVISIONER, region=REGION, tls=True)
    s3.create_bucket(
        Bucket=spec.bucket_name,
        BucketNamespace=spec.bucket_namespace,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    s3.put_bucket_versioning(Bucket=spec.bucket_name, VersioningConfiguration={"Status": "Enabled"})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": spec.key_arn}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(
        Bucket=spec.bucket_name, ServerSideEncryptionConfiguration={"Rules": rules}
    )
    s3.put_bucket_policy(Bucket=spec.bucket_name, Policy=text_of(bucket_policy(spec, None)))
    if spec.lock_mode != "s3-lockfile":
        aws.client("dynamodb", principal=PROVISIONER, region=REGION).create_table(
            TableName=spec.lock_table_name,
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return spec


def _key(aws: AwsDouble, policy: Document | None) -> str:
    """A key; with no *policy*, one that leaves to IAM who may use it."""
    kms = aws.client("kms", principal=PROVISIONER, region=REGION)
    given = {"Policy": text_of(policy)} if policy else {}
    return str(kms.create_key(**given)["KeyMetadata"]["Arn"])


@dataclass(frozen=True, slots=True)
class Client:
    """Terraform in a folder, on one state of a backend, under one policy."""

    aws: AwsDouble
    folder: Path

    def does(self, steps: Sequence[Sequence[str]], policy: Document | None = None) -> str:
        """The output of the first of *steps* that fails; empty if none does."""
        for step in steps:
            done = subprocess.run(
                ["terraform", *step, "-no-color"],
                cwd=self.folder,
                env=self._environment(policy),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
            # A lock that cannot be released is an error of the step, whatever its exit code.
            if done.returncode or "Error releasing the state lock" in done.stdout:
                return f"{step[0]}: {done.stdout}"
        return ""

    def _environment(self, policy: Document | None) -> dict[str, str]:
        keys = self.aws.credentials(PIPELINE, policy=json.dumps(policy) if policy else None)
        environment = {
            **os.environ,
            **self.aws.environment(tls=True, principal=PROVISIONER),
            **{name.upper(): value for name, value in keys.items()},
            "AWS_REGION": REGION,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        environment.pop("TF_CLI_CONFIG_FILE", None)
        return environment


def client(aws: AwsDouble, folder: Path, spec: BackendSpec) -> Client:
    """Set up with the published block, but for where the double is."""
    block = backend_hcl(spec).replace(KEY_TEMPLATE, key_of(folder))
    local = f'    use_path_style = true\n    custom_ca_bundle = "{aws.ca_bundle}"\n  }}\n}}\n'
    folder.mkdir(exist_ok=True)
    folder.joinpath("main.tf").write_text(block.removesuffix("  }\n}\n") + local + MODULE)
    return Client(aws, folder)


def work(
    aws: AwsDouble, folder: Path, spec: BackendSpec, kind: str, policy: Document | None = None
) -> str:
    """What stops a client of *kind* on a state of its own; empty if nothing does."""
    policy = policy or CLIENT_POLICIES[kind](spec, key_of(folder))
    worker = client(aws, folder, spec)
    if kind != "reader":
        return worker.does(STEPS[kind], policy)
    # A reader may come before there is a state, and comes back when there is one.
    stopped = worker.does((INIT,), policy)
    assert worker.does((INIT, APPLY)) == ""
    return stopped or worker.does(STEPS[kind], policy)


def key_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}/terraform.tfstate"


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("place", ["ours", "given"])
def test_each_works_under_exactly_its_policy(
    aws: AwsDouble, tmp_path: Path, request: pytest.FixtureRequest, kind: str, place: str
) -> None:
    spec = request.getfixturevalue(place)

    assert work(aws, tmp_path / "module", spec, kind) == ""


@pytest.mark.parametrize("kind", STEPS)
def test_each_is_stopped_without_any_one_word_of_it(
    aws: AwsDouble, tmp_path: Path, given: BackendSpec, kind: str
) -> None:
    folder = tmp_path / "module"
    words = [word for word, _ in each_less_by_one(CLIENT_POLICIES[kind](given, key_of(folder)))]

    goes_on = []
    for number, word in enumerate(words):
        folder = tmp_path / f"module-{number}"
        policies = list(each_less_by_one(CLIENT_POLICIES[kind](given, key_of(folder))))
        if not work(aws, folder, given, kind, policies[number][1]):
            goes_on.append(word)

    assert goes_on == GOES_ON.get(kind, [])


@pytest.mark.parametrize("kind", ["reader", "planner"])
def test_neither_a_reader_nor_a_planner_applies(
    aws: AwsDouble, tmp_path: Path, ours: BackendSpec, kind: str
) -> None:
    worker = client(aws, tmp_path / "module", ours)

    stopped = worker.does((INIT, APPLY), CLIENT_POLICIES[kind](ours))

    assert stopped.startswith("apply: ")
    assert "AccessDenied" in stopped


def test_a_module_of_another_team_is_out_of_reach(
    aws: AwsDouble, tmp_path: Path, ours: BackendSpec
) -> None:
    worker = client(aws, tmp_path / "module", ours)

    stopped = worker.does((INIT,), CLIENT_POLICIES["applier"](ours, "payments/terraform.tfstate"))

    assert "StatusCode: 403" in stopped
