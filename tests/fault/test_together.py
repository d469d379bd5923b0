"""
Two and eight runs on one account at the same moment, while S3 answers what overlaps with 409.

One key is used: alias, bucket and parameters agree; nobody deletes anything or schedules it; and
all are READY after at most one further run. With the register nobody makes a second key; without
it CreateAlias decides, and who loses reports the key that it made in vain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.aws_double import Fault
from tests.fault.ground import Ground, Site, destructive, quiet
from tests.fault.state import KEY_ID

TOGETHER = (2, 8)
ROUNDS, MANY_ROUNDS = 2, 50
CONFLICTS = 12


@pytest.fixture(params=["with the register", "without a register"])
def hub(ground, request) -> Iterator[Ground]:
    with ground.set(**({} if request.param.startswith("with ") else {"BACKEND_REGISTER": ""})):
        yield ground


def wrongs(ground: Ground, times: int, number: int) -> list[object]:
    site = ground.site()
    since = len(ground.aws.calls)
    for operation in ("PutBucketPolicy", "PutBucketVersioning", "PutBucketEncryption"):
        ground.faults.add(
            Fault(operation=operation, kind="conflict_409", nth=1 + number % 3, times=CONFLICTS)
        )
    ground.faults.add(Fault(kind="delay", seconds=0.03, nth=5 + number, times=CONFLICTS))

    with quiet():
        first = site.ask_together(times)
        ground.faults.clear()
        again = [site.ask() for report in first if report["status"] != "READY"]

    orphans = _orphans(first, site)
    found: list[object] = [it for it in first if it["status"] not in {"READY", "WAITING"}]
    found += [it for it in again if it["status"] != "READY"]
    if _has_register(ground) and orphans:
        found.append(f"{orphans} in spite of the register")
    calls = [it for it in site.calls(since) if it.write]
    return found + site.wrongs(orphans=orphans) + destructive(calls)


def _orphans(reports: list, site: Site) -> list[str]:
    """The keys that the runs say they made in vain."""
    notes = " ".join(note for report in reports for note in report.get("notes", ()))
    return re.findall(rf"arn:aws:kms:{site.region}:{site.account}:key/{KEY_ID}", notes)


def _has_register(ground: Ground) -> bool:
    return bool(ground.hub.environment_of("AccountVendedFunction")["BACKEND_REGISTER"])


@pytest.mark.sample
@pytest.mark.parametrize("times", TOGETHER)
def test_runs_at_the_same_moment_agree(times, hub, broken):
    assert broken(range(ROUNDS), partial(wrongs, hub, times)) == {}


@pytest.mark.soak
@pytest.mark.parametrize("times", TOGETHER)
def test_however_they_meet(times, hub, broken):
    assert broken(range(MANY_ROUNDS), partial(wrongs, hub, times)) == {}
