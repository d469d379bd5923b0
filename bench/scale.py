"""
What binds first when a sweep has many accounts: a simulation, seeded, in which nothing sleeps.

The quotas that all accounts of a hub share are token buckets. Those of a member account (S3, KMS,
SSM) are not in it: one backend makes a few calls there, and they never bind. ``python -m
bench.scale`` prints the table that docs/performance.md has.

Sources of the quotas:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass

STARTS, ROLES, PARAMETERS = "StartExecution", "STS", "SSM"
ITSELF = "SweepConcurrency"


@dataclass(slots=True)
class TokenBucket:
    """A quota with a burst; who comes first is served first."""

    capacity: float
    refill: float
    """Tokens a second."""
    _tokens: float = -1.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.capacity

    def take(self, now: float, tokens: float = 1.0) -> float:
        """When *tokens* are had that are asked for at *now*; calls come in the order of time."""
        earned = max(0.0, now - self._at) * self.refill
        self._tokens = min(self.capacity, self._tokens + earned) - tokens
        self._at = max(now, self._at)
        return self._at if self._tokens >= 0 else self._at - self._tokens / self.refill


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What all accounts of a hub share. The defaults are those of us-east-1."""

    starts: tuple[float, float] = (1300, 300)
    """StartExecution: burst, then a second. Distributed Map starts a child for each account."""
    roles: tuple[float, float] = (600, 600)
    """STS, of the hub's account in its Region: at once, then a second."""
    parameters: tuple[float, float] = (40, 40)
    """SSM's reads of parameters, unless higher throughput is switched on."""
    concurrent: int = 1000
    """Lambda's concurrent executions in the Region."""
    accounts_a_page: int = 20
    """ListAccounts; each page needs the one before it."""
    page_seconds: float = 0.15


ELSEWHERE = Quotas(starts=(800, 150))
"""All Regions but us-east-1, us-west-2 and eu-west-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one account takes when there is nothing to change."""

    seconds: float = 0.7
    """Median: five calls in a chain at 50 ms, and CPU on the 0.58 of one that 1,024 MB get."""
    spread: float = 0.3
    """Of a log-normal distribution around it."""
    cold_seconds: float = 1.0
    """What the first run of an environment takes more."""
    roles: int = 2
    """Sessions: a session policy is too short for all services."""
    parameters: int = 0
    """Reads of the settings document."""


WITH_DOCUMENT = Run(parameters=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How one sweep went."""

    listed: float
    """When all accounts were known. Seconds from its start, as all here."""
    finished: float
    waited: dict[str, float]
    """Quota -> how long, on average, an account waited for it."""

    @property
    def binds(self) -> str:
        """What an account waited for longest; the setting itself if that was no quota."""
        quota = max(self.waited, key=lambda it: self.waited[it])
        return quota if self.waited[quota] > 0.01 else ITSELF


def sweep(
    accounts: int,
    concurrency: int,
    quotas: Quotas | None = None,
    run: Run | None = None,
    *,
    seed: int = 1,
) -> Sweep:
    """A sweep of *accounts* in one Region, *concurrency* of them at a time."""
    quotas, run = quotas or Quotas(), run or Run()
    chance = random.Random(seed)
    pages = -(-accounts // quotas.accounts_a_page)
    listed = pages * quotas.page_seconds
    shared = {
        STARTS: (TokenBucket(*quotas.starts), 1),
        PARAMETERS: (TokenBucket(*quotas.parameters), run.parameters),
        ROLES: (TokenBucket(*quotas.roles), run.roles),
    }
    waited = dict.fromkeys(shared, 0.0)
    slots = [(listed, False)] * min(concurrency, quotas.concurrent, accounts)
    for _ in range(accounts):
        moment, warm = slots[0]
        for quota, (bucket, tokens) in shared.items():
            allowed = bucket.take(moment, tokens)
            waited[quota] += allowed - moment
            moment = allowed
        seconds = run.seconds * chance.lognormvariate(0, run.spread)
        heapq.heapreplace(slots, (moment + seconds + (0.0 if warm else run.cold_seconds), True))
    return Sweep(
        listed=listed,
        finished=max(ended for ended, _ in slots),
        waited={quota: seconds / accounts for quota, seconds in waited.items()},
    )


DEFAULT = 40
SETTINGS = (10, DEFAULT, 100, 200, 500)
CASES = (
    *((1_000, 1_000, setting) for setting in SETTINGS),
    *((10_000, 10_000, setting) for setting in SETTINGS),
    (100_000, 10_000, DEFAULT),
)
"""Accounts in all; in each organization, which has at most 10,000 and a hub of its own; setting."""


def rows() -> Iterable[tuple[str, ...]]:
    """The table, its head first."""
    yield (
        "accounts",
        "SweepConcurrency",
        "listing",
        "whole sweep",
        "binds first",
        "in other Regions",
        "binds first there",
        "with a settings document",
        "binds first then",
    )
    for accounts, each, concurrency in CASES:
        hubs = accounts // each
        ways = (
            sweep(each, concurrency),
            sweep(each, concurrency, ELSEWHERE),
            sweep(each, concurrency, run=WITH_DOCUMENT),
        )
        name = f"{accounts:,}" + (f" in {hubs} organizations" if hubs > 1 else "")
        told = [text for way in ways for text in (_time(way.finished), way.binds)]
        yield name, str(concurrency), _time(ways[0].listed), *told


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def page() -> list[str]:
    """The table as the page has it."""
    head, *body = rows()
    return [f"| {' | '.join(it)} |" for it in (head, ["---"] * len(head), *body)]


if __name__ == "__main__":
    print("\n".join(page()))
