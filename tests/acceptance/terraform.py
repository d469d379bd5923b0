"""
A real Terraform, or OpenTofu, at work in a folder of its own, on the AWS double.

The backend block is written down as it is given: where the double is, and whose credentials are
used, stands in the environment, as in any pipeline.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.aws_double import AwsDouble

PROGRAM = shutil.which("terraform") or shutil.which("tofu") or ""

needs_terraform = pytest.mark.skipif(
    not PROGRAM, reason="neither terraform nor tofu is on PATH -> install one of them"
)

CONFIGURATION = """\
# terraform_data is built in: no provider has to be downloaded.
variable "content" { default = "one" }
resource "terraform_data" "one" { input = var.content }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    text: str
    """All that it printed, without frames, in one line."""

    @property
    def error(self) -> str:
        """From its first error on."""
        return self.text[self.text.find("Error: ") :] if "Error: " in self.text else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One working copy, with the credentials of *principal*."""

    folder: Path
    aws: AwsDouble
    principal: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.joinpath("main.tf").write_text(CONFIGURATION)
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        self.environment.update(
            {
                **kept,
                **self.aws.environment(tls=True, principal=self.principal),
                "HOME": str(self.folder),
                "CHECKPOINT_DISABLE": "1",
                "TF_IN_AUTOMATION": "1",
            }
        )

    def backend(self, block: str) -> Said:
        """Takes over *block*; the state that is there stays where it is."""
        self.folder.joinpath("backend.tf").write_text(block)
        return self.run("init", "-reconfigure")

    def run(self, *arguments: str) -> Said:
        ended = subprocess.run(
            [PROGRAM, *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        words = re.sub(r"[│╷╵]", " ", ended.stdout + ended.stderr)
        return Said(code=ended.returncode, text=" ".join(words.split()))

    @property
    def errored(self) -> bool:
        """Whether a state was left on this machine because it could not be saved."""
        return self.folder.joinpath("errored.tfstate").exists()
