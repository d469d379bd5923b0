"""
A real Terraform, or OpenTofu, at work in a folder of its own, on the AWS double.

The backend block is written down as it is given: where the double is, and whose credentials are
used, stands in the environment, as in any pipeline.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from state_backend.outputs.backend_block import KEY_TEMPLATE
from state_backend.policies.client_access import CLIENT_POLICIES
from state_backend.policies.document import Document, Statement, statements_of
from state_backend.spec import BackendSpec, Defaults, resolve
from tests.acceptance.account_backend import Backend
from tests.aws_double import AwsDouble
from tests.contract.templates import ROOT
from tests.deployment import Deployment

PROGRAMS = [found for name in ("terraform", "tofu") if (found := shutil.which(name))]
PROGRAM = next(iter(PROGRAMS), "")
PATIENCE_SECONDS = 120

needs_terraform = pytest.mark.skipif(
    not PROGRAM, reason="neither terraform nor tofu is on PATH -> install one of them"
)

PATH_WITH_AWS_CLI = f"{ROOT / '.tools/aws/bin'}{os.pathsep}{os.environ['PATH']}"
AWS_CLI = shutil.which("aws", path=PATH_WITH_AWS_CLI) or ""

needs_aws_cli = pytest.mark.skipif(not AWS_CLI, reason="no AWS CLI -> make .tools/aws")

CONFIGURATION = """\
# terraform_data is built in: no provider has to be downloaded.
variable "content" { default = "one" }
resource "terraform_data" "one" {
  input            = var.content
  triggers_replace = var.content

  # Where there is a gate, whoever applies a change waits at it, with the lock in hand.
  provisioner "local-exec" {
    command = "[ -z \\"$GATE\\" ] || { echo > \\"$GATE/reached\\"; read -r _ < \\"$GATE/open\\"; }"
  }
}
output "content" { value = terraform_data.one.output }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    text: str
    """All that it printed, without frames, in one line."""
    output: str = ""
    """What it printed to its standard output, as it is."""

    @property
    def error(self) -> str:
        """From its first error on."""
        return self.text[self.text.find("Error: ") :] if "Error: " in self.text else ""

    @property
    def lock_id(self) -> str:
        """The id of the lock that stood in the way."""
        found = re.search(r"Lock Info: ID: ([0-9a-f-]{36}) ", self.text)
        assert found, self.text
        return found[1]


def said(process: subprocess.Popen[str], answer: str | None = None) -> Said:
    """What *process* has said by its end."""
    try:
        output, errors = process.communicate(answer, timeout=PATIENCE_SECONDS)
    except BaseException:
        process.kill()
        raise
    words = re.sub(r"[│╷╵]", " ", output + errors)
    return Said(code=process.returncode, text=" ".join(words.split()), output=output)


def aws_cli(copy: Workspace, region: str, *arguments: str) -> Said:
    """The AWS CLI, with the credentials of *copy*."""
    process = subprocess.Popen(
        [AWS_CLI, *arguments],
        cwd=copy.folder,
        env={**copy.environment, "AWS_REGION": region, "AWS_DEFAULT_REGION": region},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return said(process)


def changed(block: str, arguments: Mapping[str, str | None]) -> str:
    """The backend block *block* with other *arguments*; those that are None are gone."""
    for name, value in arguments.items():
        block = re.sub(rf" *{name} .*\n", "", block)
        line = "" if value is None else f"    {name} = {json.dumps(value)}\n"
        block = block.replace("  }\n}", f"{line}  }}\n}}")
    return block


class Gate:
    """Where an apply waits until it is let through, or until this process is no more."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._reached, self._open = (self._pipe(folder / name) for name in ("reached", "open"))

    @staticmethod
    def _pipe(path: Path) -> int:
        os.mkfifo(path)
        # Open for both, so that neither side waits for the other to open it.
        return os.open(path, os.O_RDWR)

    def wait(self) -> None:
        """Until somebody has come to the gate."""
        ready, _, _ = select.select([self._reached], [], [], PATIENCE_SECONDS)
        assert ready, "nobody came to the gate"
        os.read(self._reached, 1)

    def let_through(self) -> None:
        """The one who waits, or the next who comes."""
        os.write(self._open, b"\n")

    def close(self) -> None:
        os.close(self._reached)
        os.close(self._open)


@dataclass(slots=True)
class Holder:
    """An apply that waits at its gate, with the lock in hand."""

    process: subprocess.Popen[str]
    ended: Said = field(init=False)
    """How, once it has."""

    def kill(self) -> None:
        """As the machine's end would: it cannot give its lock back."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One working copy, with the credentials of *principal*."""

    folder: Path
    aws: AwsDouble
    principal: str
    environment: dict[str, str] = field(default_factory=dict)
    policy: Document | None = None
    """What the principal may do; everything if not given."""
    program: str = PROGRAM

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.joinpath("main.tf").write_text(CONFIGURATION)
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        keys = self.aws.credentials(self.principal, policy=self.policy) if self.policy else {}
        self.environment.update(
            {
                **kept,
                **self.aws.environment(tls=True, principal=self.principal),
                **{name.upper(): value for name, value in keys.items()},
                "HOME": str(self.folder),
                "CHECKPOINT_DISABLE": "1",
                "TF_IN_AUTOMATION": "1",
            }
        )

    def backend(self, block: str) -> Said:
        """Takes over *block*; the state that is there stays where it is."""
        self.folder.joinpath("backend.tf").write_text(block)
        return self.run("init", "-reconfigure")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.program, *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, answer: str | None = None) -> Said:
        return said(self.start(*arguments), answer)

    def does(self, *arguments: str, answer: str | None = None) -> Said:
        """As ``run``, where nothing may go wrong."""
        ended = self.run(*arguments, answer=answer)
        assert ended.code == 0, ended.text
        assert not ended.error, ended.text
        return ended

    @contextlib.contextmanager
    def holding(self, *arguments: str) -> Iterator[Holder]:
        """An apply that holds its lock in this block, and comes to its own end after it."""
        gate = Gate(self.folder / "gate")
        process = self.start(*arguments, GATE=str(gate.folder))
        try:
            gate.wait()
            holder = Holder(process)
            yield holder
        finally:
            gate.let_through()
            ended = said(process)
            gate.close()
            shutil.rmtree(gate.folder)
        holder.ended = ended

    @property
    def state(self) -> Any:
        """What is stored, as Terraform reads it."""
        return json.loads(self.does("state", "pull").output or "{}")

    @property
    def content(self) -> Any:
        """What was applied last; None if nothing is."""
        return self.state["outputs"].get("content", {}).get("value")

    @property
    def errored(self) -> bool:
        """Whether a state was left on this machine because it could not be saved."""
        return self.folder.joinpath("errored.tfstate").exists()


@dataclass(kw_only=True)
class Vended:
    """A vended backend, and those who work on it, each under the ready policy of its kind."""

    backend: Backend
    folder: Path
    properties: dict[str, str]
    program: str = PROGRAM
    copies: int = 0

    def ask(self, **properties: str) -> None:
        """Makes it so, and the old properties stay."""
        self.properties |= properties
        report = self.backend.ask(self.properties)
        assert report["status"] == "READY", report

    @property
    def spec(self) -> BackendSpec:
        resolved = resolve(self.backend.account, self.backend.region, self.properties, Defaults())
        key = self.backend.default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        return replace(resolved, key_arn=key, origin="created")

    def block(self, key: str) -> str:
        """As published at this moment, with its key filled in."""
        found = self.backend.client("ssm").get_parameter(Name="/statehold/backend.hcl")
        return str(found["Parameter"]["Value"]).replace(KEY_TEMPLATE, key)

    def policy(self, kind: str, key: str, further: Sequence[Statement] = ()) -> Document:
        document = CLIENT_POLICIES[kind](self.spec, key)
        return {**document, "Statement": [*statements_of(document), *further]}

    def copy(
        self,
        key: str,
        kind: str = "applier",
        *,
        role: str = "Pipeline",
        block: str | None = None,
        further: Sequence[Statement] = (),
    ) -> Workspace:
        """
        A fresh working copy in which ``init`` has been run.

        Args:
            key: The state's, which is all that its policy is about.
            kind: Of client: reader, planner or applier.
            block: Its backend block; the published one if not given.
            further: Statements of its policy besides.
        """
        made = self.fresh(key, kind, role=role, further=further)
        init = made.backend(self.block(key) if block is None else block)
        assert init.code == 0, init.text
        return made

    def fresh(
        self, key: str, kind: str = "applier", *, role: str, further: Sequence[Statement] = ()
    ) -> Workspace:
        """A working copy without a backend block."""
        self.copies += 1
        return Workspace(
            folder=self.folder / f"copy-{self.copies}",
            aws=self.backend.aws,
            principal=self.backend.role(role),
            policy=self.policy(kind, key, further),
            program=self.program,
        )

    # ---- what is stored ----------------------------------------------------------------------

    def versions(self, key: str) -> list[str]:
        """The ids of what is kept under *key*, the newest first."""
        found = self.backend.client("s3").list_object_versions(Bucket=self.backend.name, Prefix=key)
        return [it["VersionId"] for it in found.get("Versions", []) if it["Key"] == key]

    def stored(self, key: str, **version: str) -> Any:
        """The state under *key*, or a version of it."""
        s3 = self.backend.client("s3")
        return json.loads(
            s3.get_object(Bucket=self.backend.name, Key=key, **version)["Body"].read()
        )

    def locks(self, key: str) -> list[str]:
        """The ids of the locks on *key*: of its file and of its item, as far as they are there."""
        s3, name = self.backend.client("s3"), f"{key}.tflock"
        listed = s3.list_objects_v2(Bucket=self.backend.name, Prefix=name).get("Contents", [])
        infos = [self.backend.get(it["Key"])["Body"].read() for it in listed]
        for table in self.backend.tables:
            item = {"LockID": {"S": f"{self.backend.name}/{key}"}}
            found = self.backend.client("dynamodb").get_item(TableName=table, Key=item)
            infos += [found["Item"]["Info"]["S"]] if "Item" in found else []
        return [json.loads(info)["ID"] for info in infos]


def vend(hub: Deployment, account: str, folder: Path, **properties: str) -> Vended:
    """A backend in a new account of its own."""
    backend = Backend(hub=hub, account=hub.aws.add_account(account))
    vended = Vended(backend=backend, folder=folder, properties={"AccessLogs": "off"})
    vended.ask(**properties)
    return vended
