"""
What an account costs a sweep that finds nothing to do: the CPU of our own process, for one account
after the other in one process, as a kept Lambda environment does it. AWS is in another process.
"""

from __future__ import annotations

from pathlib import Path

from bench.cloud import Cloud
from bench.figures import Figures, figure
from bench.function import Function
from bench.jobs import FUNCTION, HANDLER, checked, operation


def measured(cloud: Cloud, artifact: Path, python: str, accounts: int) -> Figures:
    """CPU and time for an account, over as many accounts as are asked for."""
    events = [operation(cloud.new_account()) for _ in range(accounts)]
    with Function(artifact, python, HANDLER, cloud.environment(FUNCTION)) as function:
        for event in events:
            checked(function.invoke(event))
        runs = [checked(function.invoke(event)) for event in events]
    changed = {it for run in runs for it in run.answer[0]["controls"].values()}
    if not changed <= {"KEPT", "NOT_APPLICABLE"}:
        raise RuntimeError(f"a sweep that was to find nothing found {changed}")
    return {
        "sweep / CPU an account": figure([1000 * it.cpu_seconds for it in runs], "ms"),
        "sweep / time an account": figure([1000 * it.seconds for it in runs], "ms"),
        "sweep / memory after the last": figure([runs[-1].memory_mb], "MB"),
    }
