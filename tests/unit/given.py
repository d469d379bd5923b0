"""What most tests start from: one account and Region, a spec, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from state_backend.calls import JSON, Clock
from state_backend.spec import BackendSpec, Defaults, resolve

ACCOUNT = "222222222222"
REGION = "eu-central-1"
BUCKET = f"tfstate-{ACCOUNT}-{REGION}-an"
LOG_BUCKET = f"tfstate-logs-{ACCOUNT}-{REGION}-an"
TABLE = f"{BUCKET}-lock"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-1111-4222-8333-444444444444"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/StateholdProvisioner"
BREAK_GLASS = f"arn:aws:iam::{ACCOUNT}:role/BreakGlass"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/payments/0a1b2c3d"
OTHER_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/billing/9f8e7d6c"


def backend(
    properties: Mapping[str, JSON] | None = None,
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    hub: Defaults | None = None,
    **learned: JSON,
) -> BackendSpec:
    """The spec for *properties*, as acted on through our role."""
    spec = resolve(account, region, properties or {}, hub or Defaults())
    role = f"arn:{spec.partition}:iam::{account}:role/StateholdProvisioner"
    return replace(spec, **{"acting_role_arns": (role,), **learned})


class Ticking:
    """A clock on which only sleeping passes time."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []
        self._lock = Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds
            self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.sleep)
