"""
The same job elsewhere: a plain boto3 script, the five AWS CLI commands that such guides give, and
Terraform with the same resources. Their time is that of the whole command, as who types it waits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.cloud import REGION, Cloud
from bench.end_state import EndState, end_state
from bench.figures import Figures
from bench.jobs import DELAYS, Samples, chain_of

HERE = Path(__file__).resolve().parent
AWS_CLI = HERE.parent / ".tools/aws/bin/aws"

Command = Sequence[str | Path]

PLUGINS = "TERRAFORM_PLUGINS"
"""Environment variable: a folder with provider-aws, laid out by ``terraform providers mirror``."""

TERRAFORM_DELAY = 0.05
"""Its own waiting takes a minute whatever the calls take, so it is run once, with this on each."""


def plain_boto3(cloud: Cloud, artifact: Path, python: str, samples: int) -> Figures:
    """The script, on an empty account and then again; with the artifact's own boto3."""
    fresh, again = Samples(), Samples()
    for delay in DELAYS * samples:
        account = cloud.new_account()
        environment = cloud.environment_of_administrator(account) | {"PYTHONPATH": str(artifact)}
        with _folder(end_state(account, REGION)) as folder:
            script: Command = [
                python,
                "-S",
                "-B",
                HERE / "plain_boto3.py",
                folder / "end_state.json",
            ]
            for taken in (fresh, again) if delay < max(DELAYS) else (fresh,):
                _timed(cloud, account, delay, taken, [script], environment, folder)
    return fresh.figures("plain boto3, fresh", chain_of(fresh)) | again.figures(
        "plain boto3, again", chain_of(again)
    )


def five_commands(cloud: Cloud, samples: int) -> Figures:
    """
    A bucket, its versioning, encryption and public access block, and a lock table: no key of its
    own, no policy, no lifecycle, nothing published. Nothing where the AWS CLI is not here.
    """
    taken = Samples()
    for delay in DELAYS * samples if AWS_CLI.exists() else ():
        account = cloud.new_account()
        environment = cloud.environment_of_administrator(account) | {"AWS_PAGER": ""}
        with _folder(end_state(account, REGION)) as folder:
            commands = list(_five(f"acme-tf-state-{account}"))
            _timed(cloud, account, delay, taken, commands, environment, folder)
    return taken.figures("five AWS CLI commands", chain_of(taken)) if taken.counted else {}


def terraform(cloud: Cloud) -> Figures:
    """Apply and a plan after it; nothing where Terraform or its provider is not here."""
    program = shutil.which("terraform") or shutil.which("tofu")
    if not program:
        return {}
    account = cloud.new_account()
    # It does not know the account's own namespace of buckets.
    wanted = end_state(account, REGION, bucket=f"acme-tf-state-{account}")
    environment = cloud.environment_of_administrator(account) | {"CHECKPOINT_DISABLE": "1"}
    fresh, again = Samples(), Samples()
    with _folder(wanted) as folder:
        shutil.copy(HERE / "terraform/main.tf", folder)
        variables = {
            name: value
            for name, value in asdict(wanted).items()
            if name not in {"account", "region"}
        }
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        if not _initialised(program, folder):
            return {}
        apply = [program, "apply", "-auto-approve", "-input=false"]
        plan = [program, "plan", "-detailed-exitcode", "-input=false"]
        _timed(cloud, account, TERRAFORM_DELAY, fresh, [apply], environment, folder)
        _timed(cloud, account, TERRAFORM_DELAY, again, [plan], environment, folder)
    return fresh.figures("Terraform, fresh", chain_of(fresh)) | again.figures(
        "Terraform, nothing to change", chain_of(again)
    )


def _five(bucket: str) -> Iterator[Command]:
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3 = (AWS_CLI, "s3api")
    named = ("--bucket", bucket)
    yield *s3, "create-bucket", *named, "--region", REGION
    yield *s3, "put-bucket-versioning", *named, "--versioning-configuration", "Status=Enabled"
    yield (
        *(*s3, "put-bucket-encryption", *named),
        *("--server-side-encryption-configuration", json.dumps(encryption)),
    )
    yield (
        *(*s3, "put-public-access-block", *named, "--public-access-block-configuration"),
        ",".join(f"{it}=true" for it in switches),
    )
    yield (
        *(AWS_CLI, "dynamodb", "create-table", "--table-name", f"{bucket}-lock"),
        *("--attribute-definitions", "AttributeName=LockID,AttributeType=S"),
        *("--key-schema", "AttributeName=LockID,KeyType=HASH"),
        *("--billing-mode", "PAY_PER_REQUEST", "--region", REGION),
    )


def _initialised(program: str, folder: Path) -> bool:
    """Whether the provider was found on this machine; nothing is downloaded."""
    plugins = os.environ.get(PLUGINS)
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    command = [program, "init", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else [])]
    environment = {**os.environ, **nowhere, "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, check=False, timeout=120
    )
    return done.returncode == 0


def _timed(
    cloud: Cloud,
    account: str,
    delay: float,
    taken: Samples,
    commands: Sequence[Command],
    environment: Mapping[str, str],
    folder: Path,
) -> None:
    """Runs *commands* one after the other, with *delay* on each call."""
    since = cloud.mark()
    cloud.delay(delay)
    started = time.monotonic()
    try:
        for command in commands:
            done = subprocess.run(
                command,
                cwd=folder,
                env={"PATH": os.defpath, "HOME": str(folder), **environment},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")
    finally:
        cloud.delay(0.0)
    taken.add(delay, time.monotonic() - started, cloud.counted(since, account))


@contextmanager
def _folder(wanted: EndState) -> Iterator[Path]:
    """A folder with the end state that is wanted."""
    with tempfile.TemporaryDirectory(prefix="statehold-bench-") as name:
        folder = Path(name)
        (folder / "end_state.json").write_text(json.dumps(asdict(wanted)))
        yield folder
