"""
One of the functions in a process of its own, from the built artifact, with nothing else of ours.

This file is both ends: ``Function`` starts it as a script under the artifact's Python, sends it an
event a line, and reads a line of figures. What the function prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

EVERYTHING_LOADED = "everything-loaded"
"""Has every module and every client's model loaded at import, whether or not it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the function, or its loading."""

    answer: Any
    seconds: float
    cpu_seconds: float
    """Of the function's own process, all its threads."""
    memory_mb: float
    """The most that the process has had in memory so far."""


class Function:
    """
    *handler* of *artifact*, from ``with`` to its end.

    Args:
        environment: The function's own.
        options: ``EVERYTHING_LOADED``.
    """

    def __init__(
        self,
        artifact: Path,
        python: str,
        handler: str,
        environment: Mapping[str, str],
        *options: str,
    ) -> None:
        started = time.monotonic()
        self._process = subprocess.Popen(
            [python, "-I", "-S", "-B", __file__, str(artifact), handler, *options],
            env={"PATH": os.defpath, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.loaded = self._read()
        self.start_seconds = time.monotonic() - started
        """From the start of the process until the function could take an event."""

    def __enter__(self) -> Function:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def invoke(self, event: Any) -> Run:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Run:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the function's process has ended")
        return Run(**json.loads(line))


class _Context:
    """Lambda's context object, as far as anybody reads it."""

    function_name = "Statehold"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:111111111111:function:Statehold"

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012}"

    def get_remaining_time_in_millis(self) -> int:
        return 600_000


def _main(artifact: str, handler: str, *options: str) -> None:
    figures = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, artifact)
    module, _, function = handler.rpartition(".")
    number = 0

    def load() -> Any:
        loaded = getattr(__import__(module), function)
        if EVERYTHING_LOADED in options:
            _load_everything()
        return loaded

    handle, run = _measured(load)
    print(json.dumps({"answer": None, **run}), file=figures, flush=True)
    for line in sys.stdin:
        event, number = json.loads(line), number + 1
        context = _Context(number)
        answer, run = _measured(lambda event=event, context=context: handle(event, context))
        print(json.dumps({"answer": answer, **run}), file=figures, flush=True)
    os._exit(0)  # what follows is the interpreter's own tidying


def _measured(act: Any) -> tuple[Any, dict[str, float]]:
    cpu, started = time.process_time(), time.perf_counter()
    answer = act()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    run = {"seconds": seconds, "cpu_seconds": cpu_seconds, "memory_mb": _memory_mb()}
    return answer, run


def _memory_mb() -> float:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux: counts what its parent had as well
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _load_everything() -> None:
    import pkgutil  # noqa: PLC0415

    import state_backend  # noqa: PLC0415
    from state_backend.aws import SERVICES  # noqa: PLC0415
    from state_backend.aws.invoke import boto_session  # noqa: PLC0415

    for found in pkgutil.walk_packages(state_backend.__path__, "state_backend."):
        __import__(found.name)
    for service in SERVICES:
        boto_session().client(service)


if __name__ == "__main__":
    _main(*sys.argv[1:])
