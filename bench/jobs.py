"""
Each job, by us: calls, longest chain and time, with time added to each call.

"ours" is one run of ``AccountVendedFunction`` as Lambda would start it, from event to answer, over
TLS to the double: the first run of its process, after init. "warm" is a later run of a process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cloud import REGION, Cloud, Counted
from bench.figures import Figures, figure
from bench.function import Function, Run

DELAYS = (0.0, 0.05, 0.15)
"""Seconds added to each call."""

CHAIN_DELAY = 0.4
"""For the longest chain: next to that, our own time is nothing, and what overlaps is seen to."""

FUNCTION, HANDLER = "AccountVendedFunction", "account_vended.handler"

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One kind of run, and how the account comes to be as it finds it."""

    name: str
    prepare: Callable[[Cloud, Callable[[Event], Run]], tuple[str, Event]]
    """Returns the account and the event; may run the function before."""
    first: bool = True
    """Whether it is measured as the first run of a process too."""


@dataclass(slots=True)
class Samples:
    """What was seen of one job so far."""

    counted: list[Counted] = field(default_factory=list)
    seconds: dict[float, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, delay: float, seconds: float, counted: Counted) -> None:
        self.seconds[delay].append(seconds)
        self.counted.append(counted)

    def figures(self, name: str, chain: int) -> Figures:
        return {
            f"{name} / calls": figure(it.calls for it in self.counted),
            f"{name} / writes": figure(it.writes for it in self.counted),
            f"{name} / depth": figure([chain]),
            **{
                f"{name} / {round(1000 * delay)} ms": figure(seconds, "s")
                for delay, seconds in self.seconds.items()
                if delay in DELAYS
            },
        }


def chain_of(*taken: Samples) -> int:
    """
    The shortest longest chain that was seen: calls that do wait for each other never overlap, but
    those that do not may fail to, where a process was late.
    """
    return min(it.depth for samples in taken for it in samples.counted)


def operation(account: str, **properties: str) -> Event:
    event = {"operation": "reconcile", "accountId": account, "region": REGION}
    return {**event, "properties": properties} if properties else event


def _fresh(cloud: Cloud, run: Callable[[Event], Run]) -> tuple[str, Event]:
    account = cloud.new_account()
    return account, operation(account)


def _ready(cloud: Cloud, run: Callable[[Event], Run]) -> tuple[str, Event]:
    account, event = _fresh(cloud, run)
    checked(run(event))
    return account, event


def _by_hand(cloud: Cloud, run: Callable[[Event], Run]) -> tuple[str, Event]:
    account, bucket = cloud.account_with_bucket_by_hand()
    return account, operation(account, BucketName=bucket, Adopt="enforce")


def _damaged(cloud: Cloud, run: Callable[[Event], Run]) -> tuple[str, Event]:
    account, event = _ready(cloud, run)
    cloud.drop_policy(account)
    return account, event


JOBS = (
    Job(name="fresh", prepare=_fresh),
    Job(name="nothing to change", prepare=_ready),
    Job(name="one setting drifted", prepare=_damaged, first=False),
    Job(name="a bucket by hand adopted", prepare=_by_hand, first=False),
)


def checked(run: Run) -> Run:
    """
    *run*, which ended as it should.

    Raises:
        RuntimeError: It did not.
    """
    if run.answer[0]["status"] != "READY":
        raise RuntimeError(f"the function answered {run.answer}")
    return run


def measured(cloud: Cloud, artifact: Path, python: str, samples: int) -> Figures:
    """Every job."""
    environment = cloud.environment(FUNCTION)
    figures: Figures = {}
    memory: list[float] = []
    with Function(artifact, python, HANDLER, environment) as warm:
        checked(warm.invoke(operation(cloud.new_account())))
        for job in JOBS:
            first, whole, later = Samples(), Samples(), Samples()
            for delay in (CHAIN_DELAY, *DELAYS * samples):
                account, event = job.prepare(cloud, warm.invoke)
                run, counted = _delayed(cloud, warm, account, event, delay)
                later.add(delay, run.seconds, counted)
                if not job.first:
                    continue
                account, event = job.prepare(cloud, warm.invoke)
                with Function(artifact, python, HANDLER, environment) as new:
                    run, counted = _delayed(cloud, new, account, event, delay)
                first.add(delay, run.seconds, counted)
                whole.add(delay, new.start_seconds + run.seconds, counted)
                memory.append(run.memory_mb)
            chain = chain_of(first, later)
            figures |= later.figures(f"ours, {job.name}, warm", chain)
            if job.first:
                figures |= first.figures(f"ours, {job.name}", chain)
                figures |= whole.figures(f"ours, {job.name}, start of the process included", chain)
    return figures | {"memory / one run": figure([max(memory)], "MB")}


def _delayed(
    cloud: Cloud, function: Function, account: str, event: Event, delay: float
) -> tuple[Run, Counted]:
    since = cloud.mark()
    cloud.delay(delay)
    try:
        run = checked(function.invoke(event))
    finally:
        cloud.delay(0.0)
    return run, cloud.counted(since, account)
