"""``template.yaml`` keeps what the contract, the code and AWS's limits ask of it."""

from __future__ import annotations

import ast
import json
import re

import pytest
from cfnlint import api
from moto.events.models import EventPattern

from state_backend.aws import queue, register
from state_backend.properties import PROPERTIES
from state_backend.settings import EXECUTION_ROLE_NAMES, HUB_DEFAULTS, Settings, settings_from
from tests.contract.templates import HUB, MEMBER, ROOT, of_type, read

TEMPLATE = read(HUB)
PARAMETERS = TEMPLATE["Parameters"]
FUNCTIONS = of_type(TEMPLATE, "AWS::Serverless::Function")
GLOBALS = TEMPLATE["Globals"]["Function"]
CONSTRAINTS = {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue"}

OF_ONE_BACKEND_ONLY = {"BucketName", "Region", "LockTableName", "KmsKeyArn"}
OF_THE_HUB_ONLY = {
    "BucketNamePrefix",
    "ExecutionRoleNames",
    "HomeRegion",
    "Mode",
    "OrganizationId",
    "Regions",
}

RULES_OF = {
    "cloudformation.Create": set(),
    "cloudformation.Delete": set(),
    "cloudformation.Update": set(),
    "controltower.CreateManagedAccount.failed": set(),
    "controltower.CreateManagedAccount.succeeded": {"AccountVendedRule"},
    "controltower.UpdateManagedAccount.succeeded": {"AccountVendedRule"},
    "operation.plan": set(),
    "operation.reconcile": set(),
    "sqs.controltower.CreateManagedAccount": set(),
}
"""Sample in ``events/`` -> the rules that it matches."""


def environment_of(function: str) -> dict[str, object]:
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return {**GLOBALS["Environment"]["Variables"], **own}


def longest_of(value: dict[str, str], otherwise: int) -> int:
    """Characters of the longest text that a reference to a parameter can have."""
    parameter = PARAMETERS.get(value.get("Ref", ""), {})
    if "AllowedValues" in parameter:
        return max(map(len, parameter["AllowedValues"]))
    return int(parameter.get("MaxLength") or len(str(parameter.get("MaxValue", "x" * otherwise))))


@pytest.mark.parametrize("path", [HUB, MEMBER], ids=lambda path: path.name)
def test_the_linter_finds_nothing(path):
    found = api.lint_file(path)

    assert [str(match) for match in found] == []


@pytest.mark.parametrize("path", [HUB, MEMBER], ids=lambda path: path.name)
def test_nothing_is_hidden_from_the_linter(path):
    assert "cfn-lint" not in path.read_text()
    assert not [file.name for file in ROOT.iterdir() if file.name.startswith(".cfnlintrc")]


class TestParameters:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_each_says_what_it_means_and_what_it_accepts(self, name):
        parameter = PARAMETERS[name]

        assert parameter["Description"].endswith(".")
        assert "Default" in parameter
        assert CONSTRAINTS & parameter.keys()
        assert "AllowedPattern" not in parameter or "ConstraintDescription" in parameter

    @pytest.mark.parametrize("path", [HUB, MEMBER], ids=lambda path: path.name)
    def test_each_has_its_place_in_the_console(self, path):
        template = read(path)
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

        shown = [name for group in groups for name in group["Parameters"]]

        assert sorted(shown) == sorted(template["Parameters"])

    def test_they_are_the_properties_of_a_backend_and_the_hubs_own(self):
        assert set(PARAMETERS) == (set(PROPERTIES) - OF_ONE_BACKEND_ONLY) | OF_THE_HUB_ONLY

    @pytest.mark.parametrize("name", sorted(set(PARAMETERS) & set(PROPERTIES)))
    def test_a_default_is_the_propertys_own(self, name):
        assert str(PARAMETERS[name]["Default"]) == (PROPERTIES[name].default or "")

    def test_the_hubs_own_defaults_are_those_of_the_settings(self):
        fields = Settings.__dataclass_fields__

        assert PARAMETERS["BucketNamePrefix"]["Default"] == fields["bucket_name_prefix"].default
        assert PARAMETERS["ExecutionRoleNames"]["Default"] == ",".join(EXECUTION_ROLE_NAMES)

    def test_values_that_a_property_lists_are_all_that_its_parameter_allows(self):
        for name in set(PARAMETERS) & set(PROPERTIES):
            for value in PARAMETERS[name].get("AllowedValues", []):
                assert value == "" or PROPERTIES[name].parse(value) is not None


class TestEnvironment:
    def test_every_setting_that_the_code_reads_is_set(self):
        source = (ROOT / "functions/state_backend/settings.py").read_text()
        read_by_code = set(re.findall(r'environment\.get\(\s*"([A-Z_]+)"', source))
        given_by_lambda = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SAM_LOCAL"}

        wanted = (read_by_code | set(HUB_DEFAULTS)) - given_by_lambda

        assert wanted <= set(environment_of("AccountVendedFunction"))

    def test_every_default_of_the_hub_comes_from_the_parameter_of_its_name(self):
        variables = environment_of("CustomResourceFunction")

        assert {name: variables[name] for name in HUB_DEFAULTS} == {
            name: {"Ref": parameter} for name, parameter in HUB_DEFAULTS.items()
        }

    def test_the_settings_can_be_read_with_every_default(self):
        variables = {
            name: str(PARAMETERS[value["Ref"]]["Default"])
            for name, value in environment_of("AccountVendedFunction").items()
            if isinstance(value, dict) and value.get("Ref") in PARAMETERS
        }

        settings = settings_from({**variables, "AWS_REGION": "eu-central-1"})

        assert settings.home_region == "eu-central-1"
        assert not settings.plan_only

    def test_it_fits_into_lambdas_four_kilobytes_at_its_longest(self):
        values = environment_of("AccountVendedFunction")
        long_queue_url = 160

        longest = sum(
            len(name)
            + (len(value) if isinstance(value, str) else longest_of(value, long_queue_url))
            for name, value in values.items()
        )

        assert longest <= 4096

    def test_only_cloudformation_is_answered(self):
        assert environment_of("CustomResourceFunction")["RESPONSE_URL_ALLOWED_HOSTS"] == ""


class TestFunctions:
    def test_their_names_are_fixed(self):
        assert {name: it["FunctionName"] for name, it in FUNCTIONS.items()} == {
            "CustomResourceFunction": "StateholdCustomResource",
            "AccountVendedFunction": "StateholdAccountVended",
        }

    def test_they_share_one_artifact(self):
        assert GLOBALS["CodeUri"] == "functions/"
        assert not [it for it in FUNCTIONS.values() if {"CodeUri", "Runtime"} & it.keys()]

    def test_each_is_a_file_with_a_handler_and_each_file_is_one(self):
        handlers = {it["Handler"] for it in FUNCTIONS.values()}

        files = sorted((ROOT / "functions").glob("*.py"))

        assert handlers == {f"{file.stem}.handler" for file in files}
        for file in files:
            defined = {it.name for it in ast.parse(file.read_text()).body if hasattr(it, "name")}
            assert "handler" in defined

    def test_a_custom_resource_request_is_never_repeated(self):
        config = FUNCTIONS["CustomResourceFunction"]["EventInvokeConfig"]

        assert config["MaximumRetryAttempts"] == 0

    def test_their_logs_do_not_grow_for_ever(self):
        groups = of_type(TEMPLATE, "AWS::Logs::LogGroup")

        assert {it["LogGroupName"] for it in groups.values()} == {
            f"/aws/lambda/{it['FunctionName']}" for it in FUNCTIONS.values()
        }
        assert all(it["RetentionInDays"] for it in groups.values())

    def test_another_region_gets_the_custom_resource_alone(self):
        elsewhere = {
            name for name, it in TEMPLATE["Resources"].items() if it.get("Condition") != "IsHome"
        }

        assert elsewhere == {
            "CustomResourceFunction",
            "CustomResourceLogGroup",
            "CustomResourcePermission",
        }

    def test_the_organization_is_let_in_only_if_it_is_named(self):
        permission = TEMPLATE["Resources"]["CustomResourcePermission"]

        assert permission["Condition"] == "ServesOrganization"
        assert permission["Properties"]["PrincipalOrgID"] == {"Ref": "OrganizationId"}


class TestQueue:
    queue = TEMPLATE["Resources"]["AccountVendedQueue"]["Properties"]

    def test_a_message_stays_hidden_six_times_as_long_as_the_function_may_run(self):
        assert self.queue["VisibilityTimeout"] >= 6 * GLOBALS["Timeout"]

    def test_its_patience_is_longer_than_that_of_the_function(self):
        receipts = self.queue["RedrivePolicy"]["maxReceiveCount"]

        delays = [
            min(queue.LONGEST_DELAY, queue.FIRST_DELAY * 2**earlier)
            for earlier in range(receipts - 1)
        ]

        assert sum(delays) > queue.PATIENCE_SECONDS

    def test_one_message_does_not_wait_for_another(self):
        source = FUNCTIONS["AccountVendedFunction"]["Events"]["Queue"]["Properties"]

        assert source["BatchSize"] == 1
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_only_the_rule_may_send(self):
        for policy in of_type(TEMPLATE, "AWS::SQS::QueuePolicy").values():
            (statement,) = policy["PolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            assert statement["Condition"] == {
                "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["AccountVendedRule", "Arn"]}}
            }

    def test_what_cannot_be_delivered_is_kept(self):
        for rule in of_type(TEMPLATE, "AWS::Events::Rule").values():
            for target in rule["Targets"]:
                assert target["DeadLetterConfig"]["Arn"]


class TestRegister:
    resource = TEMPLATE["Resources"]["BackendRegister"]

    def test_it_outlives_its_stack(self):
        assert self.resource["DeletionPolicy"] == "Retain"
        assert self.resource["UpdateReplacePolicy"] == "Retain"
        assert self.resource["Properties"]["DeletionProtectionEnabled"] is True

    def test_its_key_is_the_one_that_the_code_writes(self):
        (key,) = self.resource["Properties"]["KeySchema"]

        assert key == {"AttributeName": register.KEY, "KeyType": "HASH"}

    def test_functions_of_other_regions_know_its_name(self):
        name = self.resource["Properties"]["TableName"]

        assert environment_of("CustomResourceFunction")["BACKEND_REGISTER"] == name


class TestSampleEvents:
    def test_each_is_listed_above(self):
        assert sorted(RULES_OF) == sorted(it.stem for it in (ROOT / "events").glob("*.json"))

    @pytest.mark.parametrize("name", RULES_OF)
    def test_it_matches_exactly_the_rules_it_should(self, name):
        event = json.loads((ROOT / f"events/{name}.json").read_text())
        rules = of_type(TEMPLATE, "AWS::Events::Rule")

        matched = {
            rule
            for rule, it in rules.items()
            if EventPattern(None, json.loads(json.dumps(it["EventPattern"]))).matches_event(event)
        }

        assert matched == RULES_OF[name]

    def test_each_rule_has_a_sample(self):
        assert set(of_type(TEMPLATE, "AWS::Events::Rule")) == set().union(*RULES_OF.values())

    def test_the_queues_message_is_the_event_of_the_rule(self):
        batch = json.loads((ROOT / "events/sqs.controltower.CreateManagedAccount.json").read_text())
        event = (ROOT / "events/controltower.CreateManagedAccount.succeeded.json").read_text()

        assert [json.loads(it["body"]) for it in batch["Records"]] == [json.loads(event)]

    @pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
    def test_a_stacks_request_names_our_function(self, kind):
        request = json.loads((ROOT / f"events/cloudformation.{kind}.json").read_text())

        assert request["RequestType"] == kind
        assert request["ServiceToken"].endswith(
            ":function:" + FUNCTIONS["CustomResourceFunction"]["FunctionName"]
        )
