"""
Working copies of one small configuration, and Terraform or OpenTofu run in them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.stage import Stage
from state_backend.outputs.backend_block import KEY_TEMPLATE

KEY = "payments/network/terraform.tfstate"
PATIENCE_SECONDS = 60.0

CONFIGURATION = """\
# terraform_data is built in: no provider has to be downloaded.
resource "terraform_data" "network" {
  input = "10.0.0.0/16"
}

# Keeps an apply busy, and its lock held, until somebody has run into it.
resource "terraform_data" "slow" {
  count = fileexists("${path.root}/slow") ? 1 : 0
  provisioner "local-exec" {
    command = "for i in $(seq 600); do [ -e finish ] && exit 0; sleep 0.1; done"
  }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One working copy of the configuration, with somebody's environment."""

    program: str
    folder: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        with _not_stopped_meanwhile():
            process = subprocess.Popen(
                [self.program, *arguments, "-no-color", "-input=false"],
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            _STARTED.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        with self.start(*arguments) as process:
            try:
                said, _ = process.communicate(timeout=PATIENCE_SECONDS)
            except BaseException:
                process.kill()
                raise
            return process.returncode, said


_STARTED: list[subprocess.Popen[str]] = []


@contextlib.contextmanager
def _not_stopped_meanwhile() -> Iterator[None]:
    """A signal that comes now waits, so that no process is started that nobody knows of."""
    came: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(it, lambda number, _: came.append(number)) for it in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)


def end_all() -> None:
    """Ends what was started and has not come to its own end."""
    for process in _STARTED:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    _STARTED.clear()


def program() -> str:
    """The path of terraform, else of tofu; empty if there is neither."""
    return shutil.which("terraform") or shutil.which("tofu") or ""


def environment_of(stage: Stage, principal: str, home: str) -> dict[str, str]:
    """
    What the shell of a pipeline of *principal* has, and nothing that this machine has set up.

    It says where the embedded AWS is, so the published block need not.
    """
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return {
        **kept,
        **stage.aws.environment(tls=True, principal=principal),
        "HOME": home,
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
    }


def working_copy(folder: Path, block: str, environment: Mapping[str, str]) -> Copy:
    folder.mkdir()
    folder.joinpath("backend.tf").write_text(block.replace(KEY_TEMPLATE, KEY))
    folder.joinpath("main.tf").write_text(CONFIGURATION)
    return Copy(program=program(), folder=folder, environment=environment)


def shortened(said: str) -> str:
    """The program's own words for what went wrong, without frame, ids and repetition."""
    words = " ".join(re.sub(r"[│╷╵]", " ", said).split())
    words = words[max(words.find("Error:"), 0) :].removeprefix("Error: ")
    words = re.split(r" (?=Lock Info:|unable to retrieve file|Terraform acquires)", words)[0]
    for pattern, replacement in (
        (r" (RequestID|HostID): [^,]*,", ""),
        (r" Error message: operation error", ":"),
        (r"https response error ", ""),
        (r"arn:aws:sts::[0-9]+:", "…:"),
        (r'"arn:aws:s3:::([^"/]+/)?(.*/)?([^"/]+)"', r"…/\3"),
    ):
        words = re.sub(pattern, replacement, words)
    return words
