"""
The hub on the double, an account a case, and a clock that moves only when somebody waits.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from threading import Barrier, Lock
from typing import Any
from unittest import mock

import boto3

from state_backend.calls import Clock
from tests.aws_double import AwsDouble, RecordedCall
from tests.aws_double.faults import Faults
from tests.deployment import Deployment
from tests.deployment.lambda_runtime import Context
from tests.fault import state
from tests.fault.killed import Killed, mortal

REGION = "eu-central-1"
BREAK_GLASS = "arn:aws:iam::*:role/BreakGlass"
FUNCTION_SECONDS = 600.0
LEASE_SECONDS = 631.0
"""After that long, the lease of a run that was killed may be taken over."""
YOUNG_SECONDS = 601.0
"""After that long, AWS's tag index knows a key that was made."""

Report = Mapping[str, Any]


@dataclass
class Time:
    """A clock that moves when somebody waits, and hardly otherwise."""

    seconds: float = 1_800_000_000.0
    lock: Any = field(default_factory=Lock)

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.wait)

    def now(self) -> float:
        with self.lock:
            self.seconds += 0.001
            return self.seconds

    def wait(self, seconds: float) -> None:
        with self.lock:
            self.seconds += seconds


class Ground:
    """One deployed hub, for as many cases as like: each has an account of its own."""

    def __init__(self, aws: AwsDouble) -> None:
        self.aws = aws
        self.time = Time()
        self.hub = Deployment(aws, parameters={"BreakGlassPrincipalArns": BREAK_GLASS})
        self._accounts = count(222_222_000_001)

    @contextmanager
    def set(self, **environment: str) -> Iterator[None]:
        """The functions' settings are others in here than the template's."""
        self.hub.environment = environment
        try:
            yield
        finally:
            self.hub.environment = {}

    def site(self) -> Site:
        """An account of the organization that nobody has used yet."""
        return Site(ground=self, account=self.aws.add_account(str(next(self._accounts))))

    def let_land(self, since: int) -> None:
        """Waits for calls that are still under way, however much the clock has moved by now."""
        while any(call.ended == float("inf") for call in self.aws.calls[since:]):
            time.sleep(0.02)

    def let_arrive(self) -> None:
        """Waits until nothing comes any more from a process that is no more."""
        before = -1
        while before < len(self.aws.calls):
            before = len(self.aws.calls)
            time.sleep(0.1)

    @property
    def faults(self) -> Faults:
        return self.aws.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One account of the organization, and what can be done there."""

    ground: Ground
    account: str
    region: str = REGION

    @property
    def aws(self) -> AwsDouble:
        return self.ground.aws

    # ---- what is asked of the hub ------------------------------------------------------------

    def ask(self, properties: Mapping[str, Any] | None = None, kind: str = "reconcile") -> Report:
        """What the function answers to an operation."""
        invocation = self.ground.hub.invoke(
            "AccountVendedFunction", self.event(properties, kind), clock=self.ground.time.clock
        )
        assert not invocation.error, invocation.error
        [report] = invocation.answer
        return dict(report)

    def event(
        self, properties: Mapping[str, Any] | None = None, kind: str = "reconcile"
    ) -> dict[str, Any]:
        event = {"operation": kind, "accountId": self.account, "region": self.region}
        return event if properties is None else {**event, "properties": dict(properties)}

    def ask_until_killed(self, properties: Mapping[str, Any] | None = None) -> None:
        """An operation that is not answered, since the process is killed."""
        try:
            with mortal(self.ground.faults):
                self.ask(properties)
        except Killed:
            return
        raise AssertionError("nothing killed the process")

    def ask_together(self, times: int) -> list[Report]:
        """What as many runs answer, each of its own process as it were, at the same moment."""
        start = Barrier(times)

        def one(number: int) -> Report:
            context = Context(
                function_name="StateholdAccountVended",
                memory_limit_in_mb=512,
                invoked_function_arn="arn:aws:lambda:eu-central-1:111111111111:function:x",
                aws_request_id=f"twin-{number}-of-{times}",
                deadline=self.ground.time.now() + FUNCTION_SECONDS,
                clock=self.ground.time.clock,
            )
            start.wait()
            [report] = module.handler(self.event(), context)
            return dict(report)

        module = importlib.import_module("account_vended")
        environment = self.ground.hub.environment_of("AccountVendedFunction")
        clock = self.ground.time.clock
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(module, "Clock", return_value=clock),
            ThreadPoolExecutor(times) as pool,
        ):
            return list(pool.map(one, range(times)))

    # ---- what is done there by others --------------------------------------------------------

    def client(self, service: str, role: str) -> Any:
        """As a role of the account, or as its ``root``."""
        resource = "root" if role == "root" else f"role/{role}"
        principal = f"arn:aws:iam::{self.account}:{resource}"
        return self.aws.client(service, principal=principal, region=self.region, tls=True)

    # ---- what there is -----------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Any]:
        return state.state_of(self.aws, self.account, self.region)

    @property
    def bucket(self) -> str:
        """The state bucket; empty where there is none yet."""
        names = [it.name for it in self.aws.world.buckets.values() if it.account == self.account]
        return next((it for it in names if "-logs-" not in it), "")

    @property
    def log_bucket(self) -> str:
        return f"tfstate-logs-{self.account}-{self.region}-an"

    @property
    def key(self) -> str:
        """The ARN of the key behind the alias."""
        return state.key_of_alias(self.account, self.region)

    @property
    def keys(self) -> list[str]:
        """The ARNs of the keys that are enabled."""
        return state.enabled_keys(self.account, self.region)

    def calls(self, since: int) -> list[RecordedCall]:
        """The hub's calls about this account, from the *since*-th on."""
        return [
            call
            for call in self.aws.calls[since:]
            if self.account in {call.account, *call.principal.split(":")}
            or self.account in repr(call.parameters)
        ]

    def writes(self, since: int) -> list[str]:
        """What was changed in the account."""
        return [str(call) for call in self.aws.writes(since, account=self.account)]

    # ---- what must hold, whatever happened -----------------------------------------------------

    def wrongs(self, *, orphans: Sequence[str] = ()) -> list[str]:
        """What is wrong with a backend that is said to be ready."""
        keys = [it for it in self.keys if it not in orphans]
        said = state.parameters_of(self.account, self.region).get("/statehold/backend", "")
        found = []
        if keys != [self.key]:
            found.append(f"{len(keys)} enabled keys, alias of {self.key or 'none'}")
        if state.key_of_bucket(self.aws, self.bucket) != self.key:
            found.append("bucket and alias have different keys")
        if not said or self.key not in said:
            found.append("the parameters name another key, or none")
        if self.ground.hub.environment_of("AccountVendedFunction").get("BACKEND_REGISTER"):
            record = state.record_of(self.aws, self.account, self.region)
            if record.get("key_arn") != self.key or record.get("backend_state") != "LIVE":
                found.append("the register says something else")
            if "lease_holder" in record:
                found.append("the lease was not given back")
        return found + self.losses()

    def losses(self) -> list[str]:
        """What must never be, ready or not."""
        found = []
        if doomed := state.doomed_keys(self.account, self.region):
            found.append(f"{doomed} will be deleted")
        return found


DESTRUCTIVE = ("Delete", "Schedule", "Disable", "Untag", "CancelKeyDeletion", "PutObject")
"""How the names of calls begin that no run of ours makes."""


def destructive(calls: Sequence[RecordedCall]) -> list[str]:
    return [str(call) for call in calls if call.operation.startswith(DESTRUCTIVE)]


@contextmanager
def warm() -> Iterator[None]:
    """One boto session a function, as in processes that Lambda keeps: a third of the time."""

    @cache
    def session_of(access_key: str) -> boto3.Session:
        return boto3.Session()  # which takes its credentials from the environment, once

    def of_this_function() -> boto3.Session:
        return session_of(os.environ.get("AWS_ACCESS_KEY_ID", ""))

    with (
        mock.patch("tests.deployment.lambda_runtime._new_boto_session", nullcontext),
        mock.patch("state_backend.aws.invoke.boto_session", of_this_function),
    ):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """What is logged goes nowhere."""
    importlib.import_module("account_vended")  # its logger keeps the stream that it finds first
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        yield
    sys.stdout.flush()
