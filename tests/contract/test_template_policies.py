"""No role of ours can destroy anything, read a state, or do more than the code needs."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from state_backend.aws import accounts, settings_parameter
from state_backend.controls import CONTROLS
from state_backend.policies.session_policy import CONFIRMATION_PERMISSIONS, LIST_BUCKETS
from state_backend.resources import RESOURCES
from tests.contract.templates import (
    ALL,
    BREAK_GLASS,
    HUB,
    MEMBER,
    STACK_SETS,
    listed,
    of_type,
    read,
    statements,
)

KNOWN = json.loads(
    (resources.files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text("utf-8")
)
"""IAM's actions by service, in lower case."""

NEVER = (
    "dynamodb:*delete*",
    "dynamodb:batchwriteitem",
    "dynamodb:putresourcepolicy",
    "iam:*",
    "kms:*delet*",
    "kms:creategrant",
    "kms:*decrypt*",
    "kms:disable*",
    "kms:*encrypt*",
    "kms:generate*",
    "lambda:*",
    "organizations:[!dl]*",
    "organizations:d[!e]*",
    "organizations:de[!s]*",
    "organizations:l[!i]*",
    "s3:*delete*",
    "s3:*object*",
    "s3:bypassgovernanceretention",
    "s3:replicate*",
    "ssm:*delete*",
    "sts:assumeroot",
)
"""Deleting, reading or writing states, using a key on data, and gaining more permissions."""

ON_EVERYTHING = {
    "kms:CreateKey",
    "kms:TagResource",
    "organizations:ListAccounts",
    "s3:ListAllMyBuckets",
    "tag:GetResources",
}
"""Actions that can be granted only on ``*``."""

KEYS = {"AWS::KMS::Key"}
"""A key's policy is about that key alone; it says so as ``*``, and has a test of its own."""

ALLOWS = [
    pytest.param(statement, id=f"{path.stem}-{name}-{statement.get('Sid', index)}")
    for path in ALL
    if path != BREAK_GLASS  # people's: it is there to do what no role of ours may
    for name, resource in read(path)["Resources"].items()
    if resource["Type"] not in KEYS
    for index, statement in enumerate(statements(resource))
    if statement["Effect"] == "Allow"
]


def permitted(statement: dict[str, Any]) -> set[str]:
    """What ``NEVER`` does not mean: reading and writing reports, and running a sweep's tasks."""
    functions = of_type(read(HUB), "AWS::Serverless::Function")
    where = [it if isinstance(it, dict) else {} for it in listed(statement.get("Resource", "*"))]
    if all(str(it.get("Fn::Sub")).startswith("${ReportBucket.Arn}/") for it in where):
        return {"s3:getobject", "s3:putobject"}
    if all(it.get("Fn::GetAtt", [""])[0] in functions for it in where):
        return {"lambda:invokefunction"}
    return set()


def expanded(action: str) -> set[str]:
    service, _, name = action.lower().partition(":")
    known = KNOWN.get(service, {}).get("Actions", {})
    return {f"{service}:{it}" for it in fnmatch.filter(known, name)}


def provisioner_of(template: dict[str, Any]) -> dict[str, Any]:
    return dict(of_type(template, "AWS::IAM::Role")["StateholdProvisioner"])


@pytest.mark.parametrize("statement", ALLOWS)
class TestEveryAllow:
    def test_names_actions_that_exist(self, statement):
        assert "NotAction" not in statement
        for action in listed(statement["Action"]):
            assert expanded(action), f"IAM knows no action {action}"

    def test_reaches_nothing_that_we_never_do(self, statement):
        reached = {it for action in listed(statement["Action"]) for it in expanded(action)}

        reached -= permitted(statement)

        assert not [it for it in reached for never in NEVER if fnmatch.fnmatch(it, never)]

    def test_names_its_resources(self, statement):
        assert "NotResource" not in statement
        if "*" in listed(statement.get("Resource", [])):
            assert set(listed(statement["Action"])) <= ON_EVERYTHING


def test_deletes_would_be_found():
    found = {it for action in ("s3:*", "kms:*", "dynamodb:Delete*") for it in expanded(action)}

    assert found >= {
        "s3:deletebucket",
        "s3:deleteobjectversion",
        "s3:getobject",
        "kms:schedulekeydeletion",
        "kms:deletealias",
        "dynamodb:deletetable",
    }


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_role_takes_a_policy_from_elsewhere(path):
    template = read(path)
    ours = set(of_type(template, "AWS::IAM::ManagedPolicy"))

    for role in of_type(template, "AWS::IAM::Role").values():
        assert {it["Ref"] for it in role.get("ManagedPolicyArns", [])} <= ours


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_functions_may_assume_the_named_roles_and_no_other(count):
    names = [f"Role{number}" for number in range(count)]
    policy = of_type(read(HUB), "AWS::IAM::ManagedPolicy")["FunctionsPolicy"]
    (allow,) = [it for it in statements(policy) if it["Action"] == "sts:AssumeRole"]

    assumable = {resolved(it, ExecutionRoleNames=",".join(names)) for it in allow["Resource"]}

    assert assumable == {f"arn:aws:iam::*:role/{name}" for name in names}


def resolved(value: Any, **parameters: str) -> Any:
    """What CloudFormation makes of the few functions that this list is written in."""
    known = {"AWS::Partition": "aws", **parameters}
    match value:
        case {"Ref": name}:
            return known[name]
        case {"Fn::Split": [separator, text]}:
            return resolved(text, **parameters).split(separator)
        case {"Fn::Select": [index, items]}:
            return resolved(items, **parameters)[int(index)]
        case {"Fn::Sub": [text, variables]}:
            known |= {name: resolved(it, **parameters) for name, it in variables.items()}
            return substituted(text, known)
        case {"Fn::Sub": text}:
            return substituted(text, known)
    return value


def substituted(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"${{{name}}}", value)
    return text


class TestAccountVendedRole:
    template = read(HUB)
    role = of_type(template, "AWS::IAM::Role")["AccountVendedRole"]
    granted = tuple(it for it in statements(role["Policies"]) if it["Effect"] == "Allow")

    @pytest.mark.parametrize(
        ("service", "needed"),
        [
            ("organizations", accounts.PERMISSIONS),
            ("ssm", settings_parameter.PERMISSIONS),
        ],
    )
    def test_it_may_ask_what_the_code_asks_and_nothing_else(self, service, needed):
        actions = {action for it in self.granted for action in listed(it["Action"])}

        assert {it for it in actions if it.startswith(f"{service}:")} == set(needed)

    def test_the_settings_are_those_of_the_parameter_that_is_named(self):
        (allow,) = [it for it in self.granted if "ssm:GetParameter" in listed(it["Action"])]

        assert allow["Resource"]["Fn::Sub"].endswith(":parameter${SettingsParameterName}")


class TestSweepRoles:
    roles = of_type(read(HUB), "AWS::IAM::Role")
    machine = read(HUB)["Resources"]["FleetSweep"]["Properties"]

    @pytest.mark.parametrize("name", ["FleetSweepRole", "FleetSummaryRole", "SweepEngineRole"])
    def test_they_act_in_no_account_and_hold_no_lease(self, name):
        actions = granted_to(self.roles[name])

        assert managed(self.roles[name]) == []
        assert not [it for it in actions if it.startswith("sts:")]
        assert not actions & {"dynamodb:UpdateItem", "dynamodb:PutItem"}

    def test_the_list_may_ask_what_the_code_asks(self):
        asked = {it for it in granted_to(self.roles["FleetSweepRole"]) if "organizations" in it}

        assert asked == set(accounts.LIST_PERMISSIONS)

    def test_the_engine_may_run_the_functions_that_it_names_and_no_other(self):
        def named(node: Any) -> Iterator[str]:
            if isinstance(node, dict):
                if "FunctionName" in node:
                    yield node["FunctionName"]["Fn::GetAtt"][0]
                node = list(node.values())
            if isinstance(node, list):
                for it in node:
                    yield from named(it)

        (allow,) = [
            it
            for it in statements(self.roles["SweepEngineRole"]["Policies"])
            if it["Action"] == "lambda:InvokeFunction"
        ]

        run = {it["Fn::GetAtt"][0] for it in allow["Resource"]}
        assert run == set(named(self.machine["Definition"]))

    def test_what_it_says_of_its_runs_is_about_its_own(self):
        for role in ("SweepEngineRole", "SweepScheduleRole"):
            for allow in statements(self.roles[role]["Policies"]):
                if any(it.startswith("states:") for it in listed(allow["Action"])):
                    for resource in listed(allow["Resource"]):
                        assert f":{self.machine['Name']}" in resource["Fn::Sub"]

    def test_its_runs_have_the_label_that_the_role_names(self):
        label = self.machine["Definition"]["States"]["Accounts"]["Label"]
        (redrive,) = [
            it
            for it in statements(self.roles["SweepEngineRole"]["Policies"])
            if it["Action"] == "states:RedriveExecution"
        ]

        assert redrive["Resource"]["Fn::Sub"].endswith(f"/{label}:*")


def managed(role: dict[str, Any]) -> list[Any]:
    return listed(role.get("ManagedPolicyArns", []))


def granted_to(role: dict[str, Any]) -> set[str]:
    allowed = [it for it in statements(role["Policies"]) if it["Effect"] == "Allow"]
    return {action for it in allowed for action in listed(it["Action"])}


class TestProvisioner:
    def test_it_may_do_the_same_in_every_account(self):
        assert provisioner_of(read(HUB))["Policies"] == provisioner_of(read(MEMBER))["Policies"]

    def test_it_may_do_what_resources_and_controls_declare_and_nothing_else(self):
        declared = {action for it in (*RESOURCES, *CONTROLS) for action in it.permissions}

        granted = {
            action
            for statement in statements(provisioner_of(read(HUB))["Policies"])
            for action in listed(statement["Action"])
        }

        assert granted == declared | {*CONFIRMATION_PERMISSIONS, LIST_BUCKETS}

    @pytest.mark.parametrize("path", [HUB, MEMBER], ids=lambda path: path.name)
    def test_it_trusts_the_roles_of_the_functions_and_nobody_else(self, path):
        (trust,) = statements(provisioner_of(read(path))["AssumeRolePolicyDocument"])
        roles = of_type(read(HUB), "AWS::IAM::Role").values()
        names = [it["RoleName"] for it in roles if {"Ref": "FunctionsPolicy"} in managed(it)]

        trusted = trust["Condition"]["ArnEquals"]["aws:PrincipalArn"]

        assert [it["Fn::Sub"].rpartition("/")[2] for it in trusted] == names


@pytest.mark.parametrize("path", STACK_SETS, ids=lambda path: path.name)
def test_a_stack_sets_template_is_plain(path):
    """Service-managed stack sets refuse transforms and nested stacks."""
    template = read(path)

    assert "Transform" not in template
    assert "AWS::CloudFormation::Stack" not in {it["Type"] for it in template["Resources"].values()}


def test_the_member_template_makes_the_role_alone():
    assert set(read(MEMBER)["Resources"]) == {"StateholdProvisioner"}
