"""
Runs the built artifact under Lambda's own runtime interface: the emulator that AWS ships inside the
SAM CLI, and the client that AWS ships for Python. No Docker.

Init here is lazy: it happens within the first invocation, whose deadline it shares. So the time
that REPORT gives for it means nothing; INIT REPORT has the true one.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from state_backend.calls import JSON
from tools.package import package

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools/lambda/bin/python"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)")
_DURATION = re.compile(r"\tDuration: ([0-9.]+) ms")
_START_SECONDS = 20.0


def missing() -> str:
    """What is missing here to run anything, and what to do about it; empty if nothing is."""
    if sys.platform != "linux":
        return "Lambda's emulator runs on Linux only -> run this on Linux"
    if emulator() is None:
        return "Lambda's emulator comes with the SAM CLI, which is not here -> make .tools/sam"
    if not PYTHON.exists():
        return "Lambda's runtime interface client is not here -> make .tools/lambda"
    return ""


def emulator() -> Path | None:
    """The emulator for this machine."""
    name = f"aws-lambda-rie-{_ARCHITECTURES.get(platform.machine().lower(), 'none')}"
    found = ROOT.glob(f".tools/sam/lib/python*/site-packages/samcli/local/rapid/{name}")
    return next(found, None)


def lay_out(folder: Path) -> Path:
    """The artifact in *folder*, compiled for the Python that runs it here; all of it is Python."""
    package(folder, str(PYTHON))
    return folder


def without_bytecode(artifact: Path, folder: Path) -> Path:
    """A copy of *artifact* in *folder* as a plain ``sam build`` leaves it: nothing compiled."""
    shutil.copytree(artifact, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One function, waiting for events."""

    url: str
    log: Path

    def invoke(self, event: JSON) -> JSON:
        """
        What the function answers; of one that failed, what Lambda says of that.

        Raises:
            RuntimeError: The runtime did not come up, or the function ran out of time.
        """
        body = json.dumps(event).encode()
        request = urllib.request.Request(self.url, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=660) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()  # as for a module that cannot be imported
        try:
            return json.loads(text)
        except ValueError as error:
            raise RuntimeError(f"{text}\n{self.printed}") from error

    @property
    def printed(self) -> str:
        """What function and emulator have written so far; their lines may be interleaved."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def init_ms(self) -> float:
        """How long it took to load the function."""
        return float(_only(_INIT, self.printed))

    @property
    def durations_ms(self) -> list[float]:
        """How long each invocation took; the first one with the init that it had to wait for."""
        return [float(it) for it in _DURATION.findall(self.printed)]


@contextmanager
def runtime(
    artifact: Path, handler: str, environment: Mapping[str, str], *, seconds: int = 600
) -> Iterator[Runtime]:
    """
    *handler* of *artifact*, until the end of the block.

    Args:
        environment: The function's own; nothing else of ours reaches it.
        seconds: Its time-out.
    """
    port, api_port = _free_ports()
    command = [
        str(emulator()),
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{api_port}",
        "--log-level",
        "info",
        str(PYTHON),
        "-m",
        "awslambdaric",
        handler,
    ]
    with ExitStack() as ending:
        log = Path(ending.enter_context(tempfile.TemporaryDirectory()), "log")
        process = subprocess.Popen(
            command,
            cwd=artifact,  # where the client looks for the handler
            env={**_lambda_environment(artifact, seconds), **environment},
            stdin=subprocess.DEVNULL,
            stdout=ending.enter_context(log.open("w")),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ending.callback(_end, process)
        _await(port, process, log)
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        yield Runtime(url=url, log=log)


def _lambda_environment(artifact: Path, seconds: int) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "AWS_LAMBDA_FUNCTION_NAME": "Statehold",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "LAMBDA_TASK_ROOT": str(artifact),
        # Lambda's /var/task is read-only as well.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for it in (one, other):
            it.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _await(port: int, process: subprocess.Popen[Any], log: Path) -> None:
    """Until somebody listens on *port*."""
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"Lambda's emulator did not start:\n{log.read_text()}")


def _end(process: subprocess.Popen[Any]) -> None:
    """Ends the emulator and the function that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _only(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if not found:
        raise RuntimeError(f"no {pattern.pattern} in:\n{text}")
    return found.group(1)
