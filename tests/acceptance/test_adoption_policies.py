"""
Our statements are known by what they mean: respelled they are left alone, damaged they are mended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from state_backend.calls import JSON
from state_backend.controls.bucket_policy import CONTROL
from state_backend.controls.kms_key_policy import CONTROL as KEY_CONTROL
from state_backend.model import Control
from tests.acceptance.account_backend import Backend
from tests.acceptance.peers import seed_b
from tests.aws_double import AwsDouble
from tests.deployment import Deployment
from tests.unit.given import KEY, REGION
from tests.unit.given import backend as spec_of

Change = Callable[[dict[str, JSON]], None]
"""Changes a statement in place."""

FOREIGN = {
    "Sid": "Theirs",
    "Effect": "Deny",
    "Principal": {"AWS": ["*"]},
    "Action": ["s3:GetObjectTorrent"],
    "Resource": "arn:aws:s3:::tfstate-old-222222222222/*",
}
SPEC = spec_of(
    {
        "BucketName": "tfstate-old-222222222222",
        "StateAccessPrincipalArns": "arn:aws:iam::222222222222:role/Deployer",
        "BreakGlassPrincipalArns": "arn:aws:iam::222222222222:role/BreakGlass",
    },
    key_arn=KEY,
    origin="created",
)
POLICIES = {"bucket-policy": CONTROL, "kms-key-policy": KEY_CONTROL}


def ours(control: Control) -> list[dict[str, JSON]]:
    found = control.desired(SPEC, {"Version": "2012-10-17", "Statement": [FOREIGN]})["Statement"]
    return [dict(it) for it in found if it["Sid"].startswith("Statehold")]


def listed(value: JSON) -> list[JSON]:
    return list(value) if isinstance(value, list | tuple) else [value]


# ---- respelling --------------------------------------------------------------------------------


def reversed_lists(statement: dict[str, JSON]) -> None:
    for name in ("Action", "Resource", "NotResource"):
        if name in statement:
            statement[name] = listed(statement[name])[::-1]


def scalars_for_lists(statement: dict[str, JSON]) -> None:
    for name in ("Action", "Resource", "NotResource"):
        if len(listed(statement.get(name, []))) == 1:
            statement[name] = listed(statement[name])[0]
    for keys in statement.get("Condition", {}).values():
        for key, values in keys.items():
            keys[key] = listed(values)[0] if len(listed(values)) == 1 else values


def other_case(statement: dict[str, JSON]) -> None:
    statement["Action"] = [
        text.upper().replace("S3:", "s3:") for text in listed(statement["Action"])
    ]
    statement["Condition"] = {
        operator: {key.upper(): values for key, values in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }


def real_booleans_and_numbers(statement: dict[str, JSON]) -> None:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if operator in {"Bool", "Null"}:
                keys[key] = [value == "true" for value in listed(values)]
            if operator.startswith("Numeric"):
                keys[key] = [float(value) for value in listed(values)]


def loud_booleans_and_long_numbers(statement: dict[str, JSON]) -> None:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if operator in {"Bool", "Null"}:
                keys[key] = [value.title() for value in listed(values)]
            if operator.startswith("Numeric"):
                keys[key] = [f"{value}0" for value in listed(values)]


def aws_for_everybody(statement: dict[str, JSON]) -> None:
    if statement["Principal"] == "*":
        statement["Principal"] = {"AWS": ["*"]}


def account_id_for_root(statement: dict[str, JSON]) -> None:
    if "root" in str(statement["Principal"]):
        statement["Principal"] = {"AWS": "222222222222"}


def no_sid(statement: dict[str, JSON]) -> None:
    del statement["Sid"]


RESPELLINGS: tuple[Change, ...] = (
    reversed_lists,
    scalars_for_lists,
    other_case,
    real_booleans_and_numbers,
    loud_booleans_and_long_numbers,
    aws_for_everybody,
    account_id_for_root,
    no_sid,
)


@pytest.mark.parametrize("change", RESPELLINGS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("policy", POLICIES)
def test_any_respelling_says_the_same(policy: str, change: Change) -> None:
    control = POLICIES[policy]
    statements = deepcopy([*ours(control), FOREIGN])[::-1]
    for statement in statements:
        change(statement)
    current = {"Version": "2012-10-17", "Statement": statements}

    assert control.satisfied(control.desired(SPEC, current), current)


# ---- damage ------------------------------------------------------------------------------------


def allowing(statement: dict[str, JSON]) -> None:
    statement["Effect"] = {"Deny": "Allow", "Allow": "Deny"}[statement["Effect"]]


def for_one_only(statement: dict[str, JSON]) -> None:
    statement["Principal"] = {"AWS": "arn:aws:iam::222222222222:role/Nobody"}


def one_action_less(statement: dict[str, JSON]) -> None:
    statement["Action"] = listed(statement["Action"])[1:] or ["s3:GetBucketWebsite"]


def one_action_more(statement: dict[str, JSON]) -> None:
    statement["Action"] = [*listed(statement["Action"]), "s3:GetBucketWebsite"]


def other_place(statement: dict[str, JSON]) -> None:
    name = "Resource" if "Resource" in statement else "NotResource"
    statement[name] = [*listed(statement[name])[1:], "arn:aws:s3:::tfstate-old-222222222222/x"]


def everything_but(statement: dict[str, JSON]) -> None:
    if "Resource" in statement:
        statement["NotResource"] = statement.pop("Resource")
    else:
        statement["Resource"] = statement.pop("NotResource")


def all_actions_but(statement: dict[str, JSON]) -> None:
    statement["NotAction"] = statement.pop("Action")


def one_condition_more(statement: dict[str, JSON]) -> None:
    never = {"aws:PrincipalAccount": "999999999999"}
    statement["Condition"] = {**statement.get("Condition", {}), "ForAnyValue:StringEquals": never}


def no_condition(statement: dict[str, JSON]) -> None:
    if "Condition" in statement:
        del statement["Condition"]
    else:
        one_condition_more(statement)


def other_operator(statement: dict[str, JSON]) -> None:
    statement["Condition"] = {
        f"{operator}IfExists" if operator != "Null" else "Bool": keys
        for operator, keys in statement.get("Condition", {"Null": {"aws:SourceIp": "true"}}).items()
    }


def other_key(statement: dict[str, JSON]) -> None:
    statement["Condition"] = {
        operator: {f"{key}s": values for key, values in keys.items()}
        for operator, keys in statement.get("Condition", {"Null": {"aws:SourceIp": "true"}}).items()
    }


def other_value(statement: dict[str, JSON]) -> None:
    statement["Condition"] = {
        operator: {key: [*listed(values), "*"] for key, values in keys.items()}
        for operator, keys in statement.get("Condition", {"Null": {"aws:SourceIp": "true"}}).items()
    }


DAMAGES: tuple[Change, ...] = (
    allowing,
    for_one_only,
    one_action_less,
    one_action_more,
    other_place,
    everything_but,
    all_actions_but,
    one_condition_more,
    no_condition,
    other_operator,
    other_key,
    other_value,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda it: it.__name__)
@pytest.mark.parametrize("policy", POLICIES)
def test_any_damage_to_any_statement_is_found_and_undone(policy: str, damage: Change) -> None:
    control = POLICIES[policy]
    for number in range(len(ours(control))):
        statements = deepcopy(ours(control))
        damage(statements[number])
        current = {"Version": "2012-10-17", "Statement": [FOREIGN, *statements]}

        desired = control.desired(SPEC, current)

        assert not control.satisfied(desired, current), statements[number]
        assert desired["Statement"] == [*ours(control), FOREIGN]


# ---- through the functions ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with AwsDouble() as aws:
        aws.add_account("222222222222")
        hub = Deployment(aws, {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"})
        it = Backend(hub=hub, account="222222222222", region=REGION)
        seed_b(it.site, "tfstate-old-222222222222")
        it.site.allow("tfstate-old-222222222222", FOREIGN)
        assert it.ask(ASKED)["status"] == "READY"
        yield it


ASKED = {
    "BucketName": "tfstate-old-222222222222",
    "Adopt": "enforce",
    "AccessLogs": "off",
    "StateAccessPrincipalArns": "arn:aws:iam::222222222222:role/Deployer",
}


def put(backend: Backend, change: Change, only: str = "") -> Any:
    """Somebody who may changes our statements, or one of them; returns what they were."""
    bucket = backend.aws.world.buckets[backend.name]
    document = json.loads(bucket.policy or "")
    before = deepcopy(document)
    for statement in document["Statement"]:
        if statement["Sid"].startswith("Statehold") and only in {"", statement["Sid"]}:
            change(statement)
    bucket.policy = json.dumps(document)
    return before


def test_a_respelled_policy_is_left_alone(backend: Backend) -> None:
    before = put(backend, reversed_lists)
    for change in (
        other_case,
        loud_booleans_and_long_numbers,
        aws_for_everybody,
        scalars_for_lists,
    ):
        put(backend, change)
    assert json.loads(backend.aws.world.buckets[backend.name].policy or "") != before
    since = len(backend.aws.calls)

    report = backend.ask(ASKED)

    assert report["status"] == "READY"
    assert backend.writes(since) == []
    backend.aws.world.buckets[backend.name].policy = json.dumps(before)


UNDONE = [it for it in DAMAGES if it not in {all_actions_but, no_condition, other_key}]
"""Those that neither lock us out nor ask for a condition that only AWS would know."""


@pytest.mark.parametrize(
    ("sid", "damage"),
    [
        (statement["Sid"], UNDONE[number % len(UNDONE)])
        for number, statement in enumerate(ours(CONTROL))
    ],
)
def test_a_damaged_statement_is_mended_and_nothing_else_changes(
    sid: str, damage: Change, backend: Backend
) -> None:
    before = put(backend, damage, only=sid)
    since = len(backend.aws.calls)

    report = backend.ask(ASKED)

    assert (report["status"], report["controls"]["bucket-policy"]) == ("READY", "CHANGED")
    assert len(backend.writes(since)) == 1
    assert json.loads(backend.aws.world.buckets[backend.name].policy or "") == before


def test_a_damage_that_locks_us_out_is_told_with_the_policy_that_denies(backend: Backend) -> None:
    before = put(backend, no_condition, only="StateholdDenyReconfigure")

    report = backend.ask(ASKED)

    backend.aws.world.buckets[backend.name].policy = json.dumps(before)
    assert (report["status"], report["controls"]["bucket-policy"]) == ("FAILED", "REFUSED")
    assert report["error"]["code"] == "AccessDenied"
    assert "explicit deny in a resource-based policy" in report["error"]["message"]
    assert "resource-based policy that denies" in report["error"]["remedy"]
