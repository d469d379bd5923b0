"""
``python -m bench``: measures, prints one table, writes ``.build/bench.json``.

``--quick`` takes one sample of each and fewer accounts; ``--baseline FILE`` compares with an
earlier JSON; ``--page FILE`` measures nothing, and writes the figures of that JSON into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import cloud, jobs, page, peers, starts, sweep, table
from bench.figures import Figures, read, saved
from tools.package import find_python, package

RESULT = Path(__file__).resolve().parent.parent / ".build/bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one sample of each, 20 accounts")
    parser.add_argument("--accounts", type=int, help="of the sweep; 300, for which there is time")
    parser.add_argument("--baseline", type=Path, help="an earlier JSON to compare with")
    parser.add_argument("--page", type=Path, help="write this JSON's figures into the page")
    options = parser.parse_args()
    if options.page:
        page.write(*read(options.page))
        return 0
    before = read(options.baseline)[0] if options.baseline else None
    samples = 1 if options.quick else 3
    accounts = options.accounts or (20 if options.quick else 300)
    about = _about()
    started = time.monotonic()
    figures = measured(samples, accounts)
    about["took"] = f"{time.monotonic() - started:.0f} s"
    about["load after"] = _load()
    saved(figures, RESULT, **about)
    parts = table.tables(figures)
    if before is not None:
        parts.append(table.compared(figures, before))
    print("\n".join(("", *page.method(about), "", *table.everything(parts))))
    print(f"All figures: {os.path.relpath(RESULT)}")
    return 0


def measured(samples: int, accounts: int) -> Figures:
    """All figures; what is being measured is told on standard error."""
    python = find_python() or sys.executable
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="statehold-bench-") as name, cloud.running() as aws:
        folder = Path(name)
        artifact = folder / "artifact"
        package(artifact, python)
        steps: dict[str, Callable[[], Figures]] = {
            "package": lambda: starts.package_size(artifact),
            "our runs": lambda: jobs.measured(aws, artifact, python, samples),
            "plain boto3": lambda: peers.plain_boto3(aws, artifact, python, samples),
            "AWS CLI": lambda: peers.five_commands(aws, min(samples, 2)),
            "Terraform": lambda: peers.terraform(aws),
            "imports": lambda: starts.imports(aws, artifact, python, 3 * samples),
            "first runs": lambda: starts.first_runs(aws, artifact, python, samples),
            "Lambda's runtime": lambda: starts.real_init(aws, folder, samples),
            "sweep": lambda: sweep.measured(aws, artifact, python, accounts),
        }
        for step, measure in steps.items():
            started = time.monotonic()
            figures |= measure()
            print(f"{step}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


def _about() -> dict[str, str]:
    """Where and when it was measured."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "functions run on": f"Python {_version(find_python() or sys.executable)}",
        "Terraform": _first_line("terraform", "version"),
        "AWS CLI": _first_line(str(peers.AWS_CLI), "--version").partition(" ")[0],
        "load before": _load(),
    }


def _version(python: str) -> str:
    return _first_line(python, "-c", "import sys; print(sys.version.split()[0])")


def _first_line(*command: str) -> str:
    """The first line of what *command* prints; that it is not here, where it is not."""
    if not shutil.which(command[0]):
        return "not here"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
