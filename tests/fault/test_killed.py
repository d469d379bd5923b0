"""
A real process is killed with SIGKILL at a moment that chance picks; then the same is asked again.

Here nothing is staged: what was on its way arrives or does not, and no code of ours runs any more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import pytest

from tests.aws_double import Fault, RecordedCall
from tests.fault.errands import CREATE, Undisturbed, undisturbed
from tests.fault.ground import FUNCTION_SECONDS, Ground, Site
from tests.fault.test_crash import made_good

ROOT = Path(__file__).parents[2]
SEEDS, MANY_SEEDS = 10, 200
LONGEST_DELAY = 0.02
"""Seconds between a call's arrival and the signal: as long as some calls take."""


class Function:
    """Starts processes that run the function once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, site: Site) -> int:
        """The id of a process that is asked for a backend at *site*."""
        asked = {
            "environment": site.ground.hub.environment_of("AccountVendedFunction"),
            "event": site.event(),
            "now": site.ground.time.now(),
            "seconds": FUNCTION_SECONDS,
        }
        assert self._process.stdin is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return self._answer()

    def wait(self) -> int:
        """How the process has ended."""
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def function() -> Iterator[Function]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fault.process"],
        cwd=ROOT,
        env={**environment, "AWS_DEFAULT_REGION": "eu-central-1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Function(process)
        assert process.stdin is not None
        process.stdin.close()


def wrongs(function: Function, ground: Ground, like: Undisturbed, seed: int) -> list[Any]:
    chance = Random(seed)
    nth, delay = chance.randint(1, len(like.calls)), chance.uniform(0, LONGEST_DELAY)
    site = ground.site()
    since = len(ground.aws.calls)
    started: list[int] = []
    arrived = 0

    def shoot(call: RecordedCall) -> bool:
        """Strikes nothing: the call goes its way, and its sender dies."""
        nonlocal arrived
        arrived += 1
        if arrived == nth:
            Timer(delay, lambda: os.kill(started[0], signal.SIGKILL)).start()
        return False

    ground.faults.add(Fault(kind="throttle", match=shoot))
    with ground.faults.lock:  # no call goes through before it is known whom to kill
        started.append(function.start(site))
    ended = function.wait()
    ground.faults.clear()
    ground.let_arrive()
    ground.let_land(since)
    ground.time.wait(1)
    # One that was killed behind its last call has done all of it, or ended before the signal came.
    found = [] if ended in {-signal.SIGKILL, 0} else [f"it ended with {ended}"]
    return found + made_good(CREATE, site, since, like)


@pytest.mark.sample
def test_a_process_may_be_killed_at_any_moment(function, ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(range(SEEDS), partial(wrongs, function, ground, like)) == {}


@pytest.mark.soak
def test_two_hundred_times(function, ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(range(MANY_SEEDS), partial(wrongs, function, ground, like)) == {}
