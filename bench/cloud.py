"""
The AWS double in a process of its own, with the template deployed, and what was called there.

Its time is its own: who calls it shares no interpreter lock with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import cast

import botocore

from bench.end_state import STANDARD, administrator
from tests.acceptance.peers import Site, seed_b
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

REGION = "us-east-1"
SHIPPED_AUTHORITIES = Path(botocore.__file__).with_name("cacert.pem")
_FIRST_ACCOUNT = 222_222_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What reached AWS."""

    calls: int
    writes: int
    """Those that change something in the account itself."""
    depth: int
    """The longest run of calls that did not overlap in time."""


class Cloud:
    """The double as the other processes see it: one way in for each thing that is asked of it."""

    def __init__(self) -> None:
        self._aws = AwsDouble(region=REGION).__enter__()
        self._hub = Deployment(self._aws, parameters=STANDARD)
        self._accounts = 0
        # As many authorities as a client of AWS reads, since reading them takes time.
        ours = Path(self._aws.ca_bundle)
        self._authorities = ours.with_name("authorities.pem")
        self._authorities.write_bytes(ours.read_bytes() + SHIPPED_AUTHORITIES.read_bytes())

    def close(self) -> None:
        self._aws.__exit__(None, None, None)

    def new_account(self) -> str:
        """An account of the organization in which there is nothing yet."""
        self._accounts += 1
        return self._aws.add_account(str(_FIRST_ACCOUNT + self._accounts))

    def account_with_bucket_by_hand(self) -> tuple[str, str]:
        """An account with a bucket as a team makes it by hand, and the bucket's name."""
        account = self.new_account()
        left = seed_b(Site(self._aws, account, REGION), f"acme-state-{account}")
        return account, left.bucket

    def drop_policy(self, account: str) -> None:
        """Somebody with break-glass takes the state bucket's policy away."""
        s3 = self._aws.client("s3", principal=f"arn:aws:iam::{account}:root", tls=True)
        [bucket] = [it for it in self._aws.world.buckets.values() if it.account == account]
        s3.delete_bucket_policy(Bucket=bucket.name)

    def environment(self, function: str) -> dict[str, str]:
        """Of a function of the template, by its logical id."""
        return self._hub.environment_of(function) | {"AWS_CA_BUNDLE": str(self._authorities)}

    def environment_of_administrator(self, account: str) -> dict[str, str]:
        environment = self._aws.environment(tls=True, principal=administrator(account))
        return environment | {"AWS_CA_BUNDLE": str(self._authorities)}

    def delay(self, seconds: float) -> None:
        """Adds *seconds* to each call from now on."""
        self._aws.latency = seconds

    def mark(self) -> int:
        """How many calls there have been."""
        return len(self._aws.calls)

    def counted(self, since: int, account: str) -> Counted:
        """What came after *since*, all of it on behalf of *account*."""
        return Counted(
            calls=len(self._aws.calls) - since,
            writes=len(self._aws.writes(since, account=account)),
            depth=self._aws.depth(since),
        )


class _Manager(BaseManager):
    """Runs a Cloud elsewhere."""


_Manager.register("Cloud", Cloud)


@contextmanager
def running() -> Iterator[Cloud]:
    """A Cloud in a process of its own, until the end of the block."""
    manager = _Manager(ctx=get_context("spawn"))
    manager.start()
    try:
        cloud = cast(Cloud, manager.Cloud())  # type: ignore[attr-defined]
        try:
            yield cloud
        finally:
            cloud.close()
    finally:
        manager.shutdown()
