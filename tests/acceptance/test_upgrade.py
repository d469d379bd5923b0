"""
An upgrade changes nothing in accounts but what its changelog says.

For each recorded version: its backends are brought back on the double, and today's code reconciles
them. What may be written then is listed here, and only until the next version is recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.acceptance.recorded import FOLDER, KINDS, REGION, bring_back, record
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

VERSIONS = sorted(path.stem for path in FOLDER.glob("*.json"))

MAY_CHANGE: Mapping[str, frozenset[str]] = {
    # The words in the block; who is listed for states is so for their annotations.
    "before-drift": frozenset({"parameters", "bucket-policy"}),
    "unreleased": frozenset(),
}
"""Version -> the controls that today's code may change in its backends; the changelog has why."""

OF_A_RUN = frozenset({"lease_holder", "lease_expires_at", "last_holder", "wanted"})
"""What of an item says nothing of its backend: the lease, and what the code of that day wanted."""


def recorded(version: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{version}.json").read_text()))


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def hub(version: str) -> Iterator[Deployment]:
    """Today's code in front of what *version* has left."""
    with AwsDouble(region=REGION) as aws:
        deployment = Deployment(aws=aws)
        bring_back(aws, recorded(version))
        yield deployment


def asked(hub: Deployment, operation: str, account: str) -> Mapping[str, Any]:
    event = {"operation": operation, "accountId": account}
    invocation = hub.invoke("AccountVendedFunction", event)
    assert invocation.error == ""
    [report] = invocation.answer
    return dict(report)


def test_there_is_a_recorded_version_and_each_says_what_may_change() -> None:
    assert VERSIONS
    assert sorted(MAY_CHANGE) == VERSIONS


@pytest.mark.parametrize("account", KINDS)
def test_a_plan_finds_nothing_else_to_change(hub: Deployment, version: str, account: str) -> None:
    report = asked(hub, "plan", account)

    assert {change["control"] for change in report["changes"]} <= MAY_CHANGE[version], report


@pytest.mark.parametrize("account", KINDS)
def test_a_reconcile_writes_nothing_else(hub: Deployment, version: str, account: str) -> None:
    before, since = without_the_run(record(hub.aws)[account]), len(hub.aws.calls)

    report = asked(hub, "reconcile", account)

    assert report["status"] == "READY"
    changed = {name for name, outcome in report["controls"].items() if outcome == "CHANGED"}
    assert changed <= MAY_CHANGE[version]
    after = without_the_run(record(hub.aws)[account])
    assert before["register"].items() <= after["register"].items()
    if not MAY_CHANGE[version]:
        assert [str(call) for call in hub.aws.writes(since, account)] == []
        assert {**after, "register": {}} == {**before, "register": {}}


def without_the_run(state: Mapping[str, Any]) -> dict[str, Any]:
    register = {name: it for name, it in state["register"].items() if name not in OF_A_RUN}
    return {**state, "register": register}
