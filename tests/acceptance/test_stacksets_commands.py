"""The commands of ``docs/stacksets.md``, run as they stand there."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import pytest

from tests.acceptance.cloudformation_backend import ACCOUNT, HUB, REGION
from tests.acceptance.stack_set_fleet import LATE, SECOND_REGION
from tests.acceptance.stack_sets import Organization
from tests.aws_double import AwsDouble
from tests.contract.commands import Command, commands_in, parameters_of
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..SQS..QueuePolicy")
def test_the_pages_commands_put_role_and_rule_into_every_account_below_the_target(
    aws: AwsDouble,
) -> None:
    aws.reset()
    organization = Organization(aws)
    unit = organization.add_unit("workloads")
    for account in (ACCOUNT, LATE):
        aws.add_account(account, parent=unit)
    text = (ROOT / "docs/stacksets.md").read_text().replace("r-a1b2 ", f"{unit} ")
    section = text.partition("\n## Create them\n")[2].partition("\n## ")[0]

    _run(aws, [it for _, script in fences(section) for it in commands_in(script)])

    for account in (ACCOUNT, LATE):
        [role] = [it for it in _roles(aws, account) if it["RoleName"] == "StateholdProvisioner"]
        trusted = json.dumps(role["AssumeRolePolicyDocument"])
        assert f"arn:aws:iam::{HUB}:role/StateholdAccountVended" in trusted
        for region in (REGION, SECOND_REGION):
            rules = _observer(aws, account, "events", region).list_rules()["Rules"]
            assert [it["State"] for it in rules] == ["ENABLED"]


def _run(aws: AwsDouble, commands: list[Command]) -> None:
    """The commands, as the management account's administrator; but for what moto cannot do."""
    client = aws.client("cloudformation")
    variables: dict[str, str] = {}
    for command in commands:
        parameters = json.dumps(parameters_of(command, ROOT))
        for name, value in variables.items():
            parameters = parameters.replace(f"${name}", value)
        given = json.loads(parameters)
        if (command.operation, given["StackSetName"]) == MADE_BY_A_LAMBDA:
            continue
        answer = getattr(client, command.operation.replace("-", "_"))(**given)
        if command.assigned_to:
            [query] = command.options["query"]
            variables[command.assigned_to] = jmespath.search(query, answer)


MADE_BY_A_LAMBDA = ("create-stack-instances", "statehold-state-backend")
"""moto would look for Docker. The driver above plays it."""


def _roles(aws: AwsDouble, account: str) -> list[Any]:
    return list(_observer(aws, account, "iam", REGION).list_roles()["Roles"])


def _observer(aws: AwsDouble, account: str, service: str, region: str) -> Any:
    principal = f"arn:aws:iam::{account}:role/Observer"
    return aws.client(service, principal=principal, region=region)
