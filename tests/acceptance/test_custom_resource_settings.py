"""A stack's new backend gets what the settings document says of its account, or of its unit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cloudformation import Backend, Stack
from tests.acceptance.cloudformation_backend import ACCOUNT, BUCKET, REGION, Setting
from tests.aws_double import AwsDouble

SETTINGS = "/statehold/settings"
OF_THE_ACCOUNT = {"version": 1, "accounts": {ACCOUNT: {"NoncurrentVersionDays": 730}}}


@pytest.fixture
def it(aws: AwsDouble) -> Iterator[Setting]:
    with Setting(aws, parameters={"SettingsParameterName": SETTINGS}) as it:
        yield it


def _say(it: Setting, document: Any) -> None:
    text = json.dumps(document)
    it.aws.client("ssm").put_parameter(Name=SETTINGS, Value=text, Type="String", Overwrite=True)


def _created(it: Setting, **properties: Any) -> Stack:
    template = {"StateBackend": Backend(properties=properties)}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


def _days(it: Setting) -> int:
    rules = it.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    [rule] = [it for it in rules if "NoncurrentVersionExpiration" in it]
    return int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])


def test_they_are_the_defaults_of_a_new_backend(it: Setting) -> None:
    _say(it, OF_THE_ACCOUNT)

    stack = _created(it)

    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert _days(it) == 730


def test_those_of_a_unit_are_too(it: Setting) -> None:
    root = it.aws.world.organization.org.root_id
    _say(it, {"version": 1, "organizationalUnits": {root: {"NoncurrentVersionDays": 500}}})

    _created(it)

    assert _days(it) == 500


def test_what_the_template_states_counts_for_more(it: Setting) -> None:
    _say(it, OF_THE_ACCOUNT)

    _created(it, NoncurrentVersionDays=400)

    assert _days(it) == 400


def test_a_document_that_changes_later_changes_no_backend(it: Setting) -> None:
    _say(it, OF_THE_ACCOUNT)
    stack = _created(it)
    _say(it, {"version": 1, "accounts": {ACCOUNT: {"NoncurrentVersionDays": 900}}})

    template = {"StateBackend": Backend(properties={"LockMode": "both"})}
    it.cloudformation.update_stack(stack, template)

    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert _days(it) == 730


def test_without_a_document_that_is_right_nothing_is_made(it: Setting) -> None:
    _say(it, {"version": 1, "root": {"LockMode": "file"}})

    stack = _created(it)

    assert stack.status == "ROLLBACK_COMPLETE"
    assert "$.root.LockMode" in stack.reasons[0]
    assert it.backend() is None
    assert "SettingsRefused" in it.invocations[0].printed


def test_an_account_that_the_document_leaves_out_may_still_ask(it: Setting) -> None:
    """Its scope is about accounts that never asked; whoever writes a stack has."""
    _say(it, {"version": 1, "scope": {"exclude": {"accounts": [ACCOUNT]}}})

    assert _created(it).status == "CREATE_COMPLETE"


def test_a_stacks_backend_is_looked_after_though_its_account_is_left_out(it: Setting) -> None:
    _say(it, {"version": 1, "scope": {"exclude": {"accounts": [ACCOUNT]}}})
    _created(it)
    it.aws.world.buckets[BUCKET].policy = None
    swept = {
        "operation": "reconcile",
        "accountId": ACCOUNT,
        "region": REGION,
        "organization": {"state": "ACTIVE", "units": [], "listedAt": it.time.seconds},
    }

    invocation = it.deployment.invoke("AccountVendedFunction", swept, clock=it.time.clock)

    [report] = invocation.answer
    assert report["status"] == "READY", report
    assert "StateholdDenyDestroy" in it.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"]


def test_the_hubs_own_is_left_as_it_is_there(it: Setting) -> None:
    _say(it, {"version": 1})
    it.vend()
    _say(it, {"version": 1, "scope": {"exclude": {"accounts": [ACCOUNT]}}})
    listed = {"state": "ACTIVE", "units": [], "listedAt": it.time.seconds}

    assert it.vend(region=REGION, organization=listed)["status"] == "IGNORED"
