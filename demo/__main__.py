"""``python -m demo [event]``: plays the story of an event; see the package."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import TimeoutExpired

from botocore.exceptions import BotoCoreError, ClientError

from demo.stage import BadEvent, read_event, stage
from demo.story import play
from demo.words import NotAsTold, Teller
from tests.deployment.template import TemplateError

EVENT = Path("events/controltower.CreateManagedAccount.succeeded.json")


def main(arguments: list[str]) -> int:
    """0 if all went as told, 1 if not, 2 if there is nothing to tell."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="The story of one state backend, on an embedded AWS."
    )
    parser.add_argument("event", nargs="?", type=Path, default=EVENT, help=f"default: {EVENT}")
    path = parser.parse_args(arguments).event
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: _stop(number, stopped))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    tell, began = Teller(sys.stdout), time.monotonic()
    try:
        event = read_event(path)
        with stage(tell) as on:
            tell.opening(
                f"Statehold on an embedded AWS: an organization whose hub is {on.hub_account}"
            )
            play(on, event)
    except BadEvent as error:
        Teller(sys.stderr).failed(str(error))
        return 2
    except (NotAsTold, ClientError, BotoCoreError, TemplateError, TimeoutExpired) as error:
        if stopped:  # a function of ours may have made an answer of it
            return 128 + stopped[0]
        tell.failed(f"Not as told: {error}")
        return 1
    except BrokenPipeError:
        # Nobody reads on; Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        tell.failed("Interrupted; nothing is left running.")
        return 130
    seconds = time.monotonic() - began
    tell.end(f"All as told{_looked_at(tell)}, nothing left running. It took {seconds:.0f} s.")
    return 0


def _looked_at(tell: Teller) -> str:
    if not tell.refusals:
        return ""
    attempts = "1 attempt" if tell.refusals == 1 else f"{tell.refusals} attempts"
    return f", and looked at: {attempts} refused, nothing lost"


def _stop(number: int, stopped: list[int]) -> None:
    stopped.append(number)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
