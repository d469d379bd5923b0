"""
What becomes of an Update: every property changes in place, or is refused before the first write.

A refused or failed update rolls back to the old properties, and what a template loses stays whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from state_backend.properties import PROPERTIES
from tests.acceptance.cloudformation import Backend, Other, Stack, Template
from tests.acceptance.cloudformation_backend import ACCOUNT, BUCKET, REGION, Setting
from tests.aws_double import Fault, Refusal
from tests.aws_double.double import MEMBER_ROLES

FAILING = Other(fails=frozenset({"Create"}))
OWN_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-4333-8444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Deployer"


def _created(it: Setting, **properties: Any) -> Stack:
    template = {"StateBackend": Backend(properties=properties)}
    stack = it.cloudformation.create_stack("payments", template, account=ACCOUNT)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    return stack


def _updated(it: Setting, stack: Stack, **properties: Any) -> Stack:
    return it.cloudformation.update_stack(stack, {"StateBackend": Backend(properties=properties)})


# ---- what changes in place -----------------------------------------------------------------------


def _lifecycle(it: Setting) -> Any:
    rules = it.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    [rule] = [it for it in rules if "NoncurrentVersionExpiration" in it]
    return rule["NoncurrentVersionExpiration"]


def _log_days(it: Setting) -> Any:
    rules = it.client("s3").get_bucket_lifecycle_configuration(
        Bucket=f"tfstate-logs-{ACCOUNT}-{REGION}-an"
    )["Rules"]
    return [it["Expiration"]["Days"] for it in rules if "Days" in it.get("Expiration", {})]


def _logging(it: Setting) -> Any:
    return "LoggingEnabled" in it.client("s3").get_bucket_logging(Bucket=BUCKET)


def _policy(it: Setting) -> str:
    return str(it.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])


def _sids(it: Setting) -> tuple[str, ...]:
    backend = it.backend()
    assert backend is not None
    return backend.statements


def _tag(it: Setting) -> Any:
    tags = it.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    return [tag["Value"] for tag in tags if tag["Key"] == "Team"]


def _algorithm(it: Setting) -> Any:
    found = it.client("s3").get_bucket_encryption(Bucket=BUCKET)
    [rule] = found["ServerSideEncryptionConfiguration"]["Rules"]
    return rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]


def _table(it: Setting) -> str:
    backend = it.backend()
    assert backend is not None
    return backend.table


def _given(name: str) -> Callable[[Setting], Any]:
    return lambda it: it.record().given.get(name)


IN_PLACE: Mapping[str, tuple[dict[str, Any], dict[str, Any], Callable[[Setting], Any], Any]] = {
    "Encryption": ({"Encryption": "AES256"}, {"Encryption": "aws:kms"}, _algorithm, "aws:kms"),
    "LockMode": ({}, {"LockMode": "dynamodb"}, _table, "ACTIVE"),
    "PreventDestroy": (
        {},
        {"PreventDestroy": False},
        lambda it: "StateholdDenyDestroy" in _sids(it),
        False,
    ),
    "Adopt": ({}, {"Adopt": "enforce"}, _given("Adopt"), "enforce"),
    "NoncurrentVersionDays": (
        {"NoncurrentVersionDays": 400},
        {"NoncurrentVersionDays": 730},
        lambda it: _lifecycle(it)["NoncurrentDays"],
        730,
    ),
    "NoncurrentVersionsKept": (
        {},
        {"NoncurrentVersionsKept": 7},
        lambda it: _lifecycle(it)["NewerNoncurrentVersions"],
        7,
    ),
    "AccessLogs": ({"AccessLogs": "off"}, {"AccessLogs": "create"}, _logging, True),
    "AccessLogsDays": ({}, {"AccessLogsDays": 30}, _log_days, [30]),
    "WorkspaceKeyPrefix": (
        {},
        {"WorkspaceKeyPrefix": "workspaces"},
        lambda it: f"{BUCKET}/workspaces/*" in _policy(it),
        True,
    ),
    "StateAccessPrincipalArns": (
        {},
        {"StateAccessPrincipalArns": [ROLE]},
        lambda it: "StateholdDenyStateAccess" in _sids(it),
        True,
    ),
    "BreakGlassPrincipalArns": (
        {},
        {"BreakGlassPrincipalArns": ROLE},
        lambda it: ROLE in _policy(it),
        True,
    ),
    "Tags": (
        {"Tags": [{"Key": "Team", "Value": "one"}]},
        {"Tags": [{"Key": "Team", "Value": "two"}]},
        _tag,
        ["two"],
    ),
}
"""Property -> before, after, what shows in the account, what it then is."""

REFUSED: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "Region": ({}, {"Region": "eu-west-1"}, "Region"),
    "BucketName": ({}, {"BucketName": "another-name"}, "BucketName"),
    "BucketNamespace": ({}, {"BucketNamespace": "global"}, "BucketN"),
    "LockTableName": ({"LockMode": "both"}, {"LockMode": "both", "LockTableName": "x-lock"}, ""),
    "KmsKeyArn": ({}, {"KmsKeyArn": OWN_KEY}, "KmsKeyArn"),
}
"""Property -> before, after, what the sentence names: what a backend keeps for good."""


def test_every_property_is_in_one_of_the_tables() -> None:
    assert IN_PLACE.keys() | REFUSED.keys() == PROPERTIES.keys()


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_property_changes_in_place(it: Setting, name: str) -> None:
    before, after, shows, wanted = IN_PLACE[name]
    stack = _created(it, **before)
    assert shows(it) != wanted
    first = it.backend()

    _updated(it, stack, **after)

    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert shows(it) == wanted
    assert stack.resources["StateBackend"].physical_id == BUCKET
    assert [exchange.request["RequestType"] for exchange in it.cloudformation.sent] == [
        "Create",
        "Update",
    ]
    last = it.backend()
    assert first is not None
    assert last is not None
    assert last.states == first.states


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_property_that_is_taken_back_out_of_the_template_leaves_the_backend_whole(
    it: Setting, name: str
) -> None:
    before, after, _, _ = IN_PLACE[name]
    kept = {"Encryption": "aws:kms"} if name == "Encryption" else {}
    stack = _created(it, **before)
    _updated(it, stack, **after)

    _updated(it, stack, **kept)

    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert it.record().state == "LIVE"
    backend = it.backend()
    assert backend is not None
    assert it.at_first is not None
    assert backend.states == it.at_first.states
    # The recorded protection is not lifted, and what a template no longer lifts is put back.
    assert "StateholdDenyDestroy" in backend.statements


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_backend_keeps_for_good_is_refused_before_the_first_write(
    it: Setting, name: str
) -> None:
    before, after, named = REFUSED[name]
    stack = _created(it, **before)
    first, record = it.backend(), it.record()
    writes: list[str] = []
    it.watch("Update", writes)

    _updated(it, stack, **after)

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE", stack.reasons
    assert (named or name) in stack.reasons[0]
    assert "cannot become" in stack.reasons[0] or "keeps its place" in stack.reasons[0]
    assert writes[:1] == [""], "the refused Update wrote something"
    assert (it.backend(), it.record()) == (first, record)
    assert not it.is_on_record(region="eu-west-1")


def test_a_region_is_refused_even_where_the_name_fits_both(it: Setting) -> None:
    it.bucket = "state-of-payments"
    stack = _created(it, BucketName="state-of-payments")
    writes: list[str] = []
    it.watch("Update", writes)

    _updated(it, stack, BucketName="state-of-payments", Region="eu-west-1")

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE", stack.reasons
    assert "Property Region is eu-west-1" in stack.reasons[0]
    assert writes[:1] == [""]
    assert not it.is_on_record(region="eu-west-1")


def test_the_way_from_a_key_to_no_key_is_refused_as_a_weakening(it: Setting) -> None:
    stack = _created(it)
    writes: list[str] = []
    it.watch("Update", writes)

    _updated(it, stack, Encryption="AES256")

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "weaken" in stack.reasons[0]
    assert writes[:1] == [""]


WRONG: Mapping[str, list[Any]] = {
    "Region": ["moon-1", ["eu-west-1"], {"Name": "x"}],
    "BucketName": ["Upper", "a", ["x"], "tfstate-111111111111-eu-central-1-an"],
    "BucketNamespace": ["local", ["global"]],
    "Encryption": ["none", ["aws:kms"], True],
    "KmsKeyArn": ["alias/aws/s3", ["x"], 7],
    "LockMode": ["file", ["both"], True],
    "LockTableName": ["x", ["abc"], "sp ace"],
    "PreventDestroy": ["no", "True", 0, ["true"], {"Fn": "x"}],
    "Adopt": ["later", True, ["observe"]],
    "NoncurrentVersionDays": ["0", "-1", "1.5", "many", ["365"], "٣"],
    "NoncurrentVersionsKept": ["0", "101", {"Max": 1}],
    "AccessLogs": ["no bucket", ["create"], {"Bucket": "logs"}],
    "AccessLogsDays": ["0", "36501", "x"],
    "WorkspaceKeyPrefix": ["/x", "x/", "sp ace", ["env:"]],
    "StateAccessPrincipalArns": [
        "*",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Role/me",
        [{"AWS": "*"}],
    ],
    "BreakGlassPrincipalArns": ["root", [["x"]], "arn:aws:s3:::bucket"],
    "Tags": ["Team", [{"Key": "Team"}], "aws:x=1", "Statehold=1", [{"Key": "a", "Value": ["b"]}]],
    "Versioning": ["Enabled"],
    "preventdestroy": ["false"],
}
"""Values of every wrong type and form; the last two properties do not exist."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_fails_with_a_sentence_that_names_it_and_touches_nothing(
    it: Setting, name: str
) -> None:
    for number, value in enumerate(WRONG[name]):
        template = {"StateBackend": Backend(properties={name: value})}
        create = partial(it.cloudformation.create_stack, f"payments{number}", template)
        calls = it.calls_by(partial(create, account=ACCOUNT))

        reason = (it.cloudformation.sent[-2].answer or {})["Reason"]
        assert f"Property {name}" in reason, reason
        # Nor does the Delete that follows ask anybody.
        assert list(calls) == []
    assert not it.is_on_record()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_in_an_update_rolls_back_and_touches_nothing(it: Setting, name: str) -> None:
    stack = _created(it)
    first, record = it.backend(), it.record()

    _updated(it, stack, **{name: WRONG[name][0]})

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert (it.backend(), it.record()) == (first, record)


# ---- failed updates ------------------------------------------------------------------------------


def test_an_update_that_fails_half_way_rolls_back_to_the_old_properties(it: Setting) -> None:
    stack = _created(it, NoncurrentVersionDays=400)
    sids = _sids(it)
    denied = Refusal("AccessDenied", "denied with an explicit deny", 403)
    fault = Fault(operation="PutBucketPolicy", kind="refuse", error=denied, times=len(MEMBER_ROLES))
    it.aws.faults.add(fault)

    _updated(it, stack, NoncurrentVersionDays=730, WorkspaceKeyPrefix="workspaces")

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE", stack.reasons
    assert _lifecycle(it)["NoncurrentDays"] == 400
    assert it.record().given == {"NoncurrentVersionDays": "400"}
    assert _sids(it) == sids


def test_an_update_that_fails_elsewhere_rolls_back_to_the_old_properties(it: Setting) -> None:
    stack = _created(it)
    template: Template = {
        "StateBackend": Backend(properties={"PreventDestroy": False, "LockMode": "both"}),
        "Topic": FAILING,
    }

    it.cloudformation.update_stack(stack, template)

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "StateholdDenyDestroy" in _sids(it)
    assert it.record().given == {}


def test_after_a_refused_update_the_next_one_succeeds(it: Setting) -> None:
    stack = _created(it)
    _updated(it, stack, Region="eu-west-1")
    _updated(it, stack, BucketName="another-name")

    _updated(it, stack, NoncurrentVersionDays=730)

    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert _lifecycle(it)["NoncurrentDays"] == 730


def test_an_update_while_the_hubs_mode_is_plan_writes_nothing_and_rolls_back(
    it: Setting,
) -> None:
    stack = _created(it)
    it.set_hub(MODE="plan")

    writes = it.writes_by(lambda: _updated(it, stack, NoncurrentVersionDays=730))

    # Rolling back is an Update too, but one for which nothing has to be written.
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Mode is plan" in stack.reasons[0]
    assert writes == []


# ---- who only reads ------------------------------------------------------------------------------


def test_a_reader_may_tighten_the_hubs_backend_and_gets_its_attributes(it: Setting) -> None:
    it.vend()

    _created(it, NoncurrentVersionDays=730)

    assert it.record().owner == "hub"
    assert _lifecycle(it)["NoncurrentDays"] == 730
    answer = it.cloudformation.sent[-1].answer or {}
    assert answer["Data"]["BucketName"] == BUCKET


def test_a_reader_may_not_loosen_it(it: Setting) -> None:
    it.vend()
    stack = _created(it)

    _updated(it, stack, PreventDestroy=False)

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "PreventDestroy would loosen" in stack.reasons[0]
    assert "StateholdDenyDestroy" in _sids(it)


# ---- what the answer says ------------------------------------------------------------------------


def test_the_attributes_are_those_of_the_contract(it: Setting) -> None:
    _created(it, LockMode="both")

    answer = it.cloudformation.sent[0].answer or {}
    assert answer["PhysicalResourceId"] == BUCKET
    assert set(answer["Data"]) == {
        "BucketName",
        "BucketArn",
        "AccountId",
        "Region",
        "KmsKeyArn",
        "LockMode",
        "LockTableName",
        "BackendHcl",
        "ControlsSatisfied",
    }
    done, _, all_of_them = answer["Data"]["ControlsSatisfied"].partition("/")
    assert done == all_of_them


def test_a_second_backend_in_the_same_stack_is_refused_and_the_first_is_named(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", {"StateBackend": Backend()}, account=ACCOUNT)
    second = Backend(properties={"BucketName": f"acme-second-{ACCOUNT}"})

    it.cloudformation.update_stack(stack, {"StateBackend": Backend(), "Second": second})

    assert stack.status == "UPDATE_ROLLBACK_COMPLETE", stack.reasons
    [reason] = stack.reasons
    assert reason.startswith("AlreadyExists: ")
    assert BUCKET in reason
    assert f"acme-second-{ACCOUNT}" not in it.aws.world.buckets


def test_with_no_register_an_update_to_another_name_is_refused_before_it_is_made(
    it: Setting,
) -> None:
    it.set_hub(AWS_SAM_LOCAL="true", BACKEND_REGISTER="")
    stack = it.cloudformation.create_stack("payments", {"StateBackend": Backend()}, account=ACCOUNT)
    renamed = Backend(properties={"BucketName": f"acme-other-{ACCOUNT}"})

    it.cloudformation.update_stack(stack, {"StateBackend": renamed})

    [reason] = stack.reasons
    assert reason.startswith("NotUpdatable: ")
    assert "Keep Region and BucketName" in reason
    assert f"acme-other-{ACCOUNT}" not in it.aws.world.buckets
