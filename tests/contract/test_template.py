"""``template.yaml`` keeps what the contract, the code and AWS's limits ask of it."""

from __future__ import annotations

import ast
import json
import re

import pytest
from cfnlint import api

from state_backend.aws import queue, register
from state_backend.properties import PROPERTIES
from state_backend.settings import EXECUTION_ROLE_NAMES, HUB_DEFAULTS, Settings, settings_from
from state_backend.telemetry import METRICS, NAMESPACE
from tests.aws_double.conditions import Access, Caller
from tests.aws_double.evaluator import judge
from tests.contract.templates import (
    ALL,
    BACKEND,
    HUB,
    ROOT,
    of_type,
    read,
    sample,
)
from tests.deployment.template import Template, load

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
    "LogRetentionDays",
    "Mode",
    "NotificationEmail",
    "OrganizationId",
    "Regions",
    "SettingsParameterName",
    "SweepConcurrency",
    "SweepSchedule",
    "StackRoleNames",
}


def made(**parameters: str) -> set[str]:
    """The resources of the hub's template in eu-central-1 with *parameters*."""
    pseudo = {"AWS::Region": "eu-central-1", "AWS::Partition": "aws"}
    template = Template(document=load(HUB), parameters=parameters, pseudo=pseudo)
    return set(template.resources())


def environment_of(function: str) -> dict[str, object]:
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return {**GLOBALS["Environment"]["Variables"], **own}


def longest_of(value: dict[str, str], otherwise: int) -> int:
    """Characters of the longest text that a reference to a parameter can have."""
    parameter = PARAMETERS.get(value.get("Ref", ""), {})
    if "AllowedValues" in parameter:
        return max(map(len, parameter["AllowedValues"]))
    return int(parameter.get("MaxLength") or len(str(parameter.get("MaxValue", "x" * otherwise))))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_the_linter_finds_nothing(path):
    found = api.lint_file(path)

    assert [str(match) for match in found] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
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

    @pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
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
                assert value == "" or PROPERTIES[name].form.parse(value) is not None


class TestEnvironment:
    def test_every_setting_that_the_code_reads_is_set(self):
        source = (ROOT / "functions/state_backend/settings.py").read_text()
        read_by_code = set(re.findall(r'environment\.get\(\s*"([A-Z_]+)"', source))
        given_by_lambda = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SAM_LOCAL"}

        wanted = (read_by_code | set(HUB_DEFAULTS)) - given_by_lambda

        assert wanted <= set().union(*map(environment_of, FUNCTIONS))

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

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_it_fits_into_lambdas_four_kilobytes_at_its_longest(self, function):
        values = environment_of(function)
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
            "FleetSweepFunction": "StateholdFleetSweep",
            "FleetSummaryFunction": "StateholdFleetSummary",
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
        everything = {
            "HomeRegion": "us-east-1",
            "OrganizationId": "o-a1b2c3d4e5",
            "SettingsParameterName": "/statehold/settings",
            "NotificationEmail": "on-call@example.com",
        }

        assert made(**everything) == {
            "CustomResourceFunction",
            "CustomResourceLogGroup",
            "CustomResourcePolicy",
        }

    def test_what_is_not_asked_for_is_not_made(self):
        conditional = {
            "BackendEventBusPolicy",
            "CustomResourcePolicy",
            "NotificationSubscription",
        }

        assert set(TEMPLATE["Resources"]) - made() == conditional

    def test_the_organization_is_let_in_only_if_it_is_named(self):
        policy = TEMPLATE["Resources"]["CustomResourcePolicy"]

        assert policy["Condition"] == "ServesOrganization"

    @pytest.mark.parametrize(
        ("caller", "organization", "let_in"),
        [
            ("role/stacksets-exec-0123456789abcdef", "o-a1b2c3d4e5", True),
            ("role/ci/Deployer", "o-a1b2c3d4e5", True),
            ("role/Deployer", "o-a1b2c3d4e5", False),
            ("role/Anybody", "o-a1b2c3d4e5", False),
            ("user/stacksets-exec-0123456789abcdef", "o-a1b2c3d4e5", False),
            ("role/stacksets-exec-0123456789abcdef", "o-z9y8x7w6v5", False),
        ],
    )
    def test_a_stack_is_let_in_by_its_organization_and_its_role(self, caller, organization, let_in):
        function = "arn:aws:lambda:eu-central-1:111111111111:function:StateholdCustomResource"
        given = {"OrganizationId": "o-a1b2c3d4e5", "StackRoleNames": "stacksets-exec-*,ci/Deployer"}
        template = Template(document=load(HUB), parameters=given)
        template.attributes["CustomResourceFunction", "Arn"] = function
        policy = template.document["Resources"]["CustomResourcePolicy"]["Properties"]
        arn = f"arn:aws:iam::222222222222:{caller}"
        access = Access(
            action="lambda:InvokeFunction",
            resource=function,
            caller=Caller(arn=arn, account="222222222222"),
            context={"aws:principalorgid": [organization], "aws:principalarn": [arn]},
        )

        assert judge([template.filled_in(policy["PolicyDocument"])], access).allowed is let_in


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

        assert sum(delays[: queue.LAST_RECEIPT - 1]) > queue.PATIENCE_SECONDS

    def test_one_message_does_not_wait_for_another(self):
        source = FUNCTIONS["AccountVendedFunction"]["Events"]["Queue"]["Properties"]

        assert source["BatchSize"] == 1
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_only_the_rules_that_lead_to_a_queue_may_send_to_it(self):
        for policy in of_type(TEMPLATE, "AWS::SQS::QueuePolicy").values():
            (statement,) = policy["PolicyDocument"]["Statement"]
            queue_arn = statement["Resource"]
            senders = [
                {"Fn::GetAtt": [name, "Arn"]}
                for name, rule in of_type(TEMPLATE, "AWS::Events::Rule").items()
                for target in rule["Targets"]
                if queue_arn in (target["Arn"], target["DeadLetterConfig"]["Arn"])
            ]

            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": senders}}

    def test_the_function_sets_aside_before_the_queue_does(self):
        receipts = self.queue["RedrivePolicy"]["maxReceiveCount"]

        assert receipts > queue.LAST_RECEIPT

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


class TestStateBackend:
    template = read(BACKEND)
    parameters = template["Parameters"]
    resource = template["Resources"]["StateBackend"]

    def test_nothing_comes_after_it_that_could_fail(self):
        assert list(self.template["Resources"]) == ["StateBackend"]

    def test_no_delete_is_ever_sent(self):
        assert self.resource["DeletionPolicy"] == "Retain"
        assert self.resource["UpdateReplacePolicy"] == "Retain"

    def test_cloudformation_waits_a_little_longer_than_the_function_runs(self):
        assert GLOBALS["Timeout"] < self.resource["Properties"]["ServiceTimeout"] < 720

    def test_it_asks_the_hubs_function_of_its_own_region(self):
        name = FUNCTIONS["CustomResourceFunction"]["FunctionName"]

        assert self.resource["Properties"]["ServiceToken"]["Fn::Sub"] == (
            "arn:${AWS::Partition}:lambda:${AWS::Region}:${HubAccountId}:function:" + name
        )

    def test_what_it_does_not_say_is_as_the_hub_has_it(self):
        own = {name: it for name, it in self.parameters.items() if name != "HubAccountId"}
        properties = self.resource["Properties"].items()

        assert {it["Default"] for it in own.values()} == {""}
        assert set(own) < set(PROPERTIES)
        assert {name: {"Ref": name} for name in own} == {
            name: value for name, value in properties if not name.startswith("Service")
        }

    @pytest.mark.parametrize("name", ["LockMode", "Adopt", "PreventDestroy"])
    def test_it_accepts_what_the_hub_accepts(self, name):
        assert self.parameters[name]["AllowedValues"] == ["", *PARAMETERS[name]["AllowedValues"]]

    def test_it_accepts_the_principals_that_the_hub_accepts(self):
        name = "StateAccessPrincipalArns"

        assert self.parameters[name]["AllowedPattern"] == PARAMETERS[name]["AllowedPattern"]


class TestSweep:
    resources = TEMPLATE["Resources"]
    machine = resources["FleetSweep"]["Properties"]
    states = machine["Definition"]["States"]
    accounts = states["Accounts"]
    tasks = (
        states["List"],
        states["Report"],
        accounts["ItemProcessor"]["States"]["Account"],
    )
    bucket = resources["ReportBucket"]

    def test_one_account_that_fails_never_stops_the_others(self):
        assert self.accounts["ToleratedFailurePercentage"] == 100

    def test_an_account_has_the_time_that_its_function_has(self):
        """An EXPRESS child would end after five minutes."""
        assert self.machine["Type"] == "STANDARD"
        assert self.accounts["ItemProcessor"]["ProcessorConfig"] == {
            "Mode": "DISTRIBUTED",
            "ExecutionType": "STANDARD",
        }
        for task in self.tasks:
            assert task["TimeoutSeconds"] > GLOBALS["Timeout"]

    def test_what_lambda_could_not_do_is_tried_again_with_growing_delays(self):
        for task in self.tasks:
            (retry,) = task["Retry"]
            assert "Lambda.TooManyRequestsException" in retry["ErrorEquals"]
            assert (retry["BackoffRate"], retry["JitterStrategy"]) == (2, "FULL")

    def test_an_item_is_an_operation_as_the_sample_has_it(self):
        asked = sample("operation.reconcile.sweep")
        item = self.accounts["ItemSelector"]

        def named(part: dict[str, object]) -> set[str]:
            return {name.removesuffix(".$") for name in part}

        assert named(item) == set(asked)
        assert named(item["organization"]) == set(asked["organization"])

    def test_the_tasks_get_what_their_samples_have(self):
        payload = self.states["List"]["Parameters"]["Payload"]
        told = sample("sweep.summary")

        assert {it.removesuffix(".$") for it in payload} == set(sample("sweep.list"))
        for path in (self.accounts["MaxConcurrencyPath"], self.accounts["ResultPath"]):
            assert path.removeprefix("$.") in told

    def test_it_leaves_most_of_lambdas_executions_to_others(self):
        assert PARAMETERS["SweepConcurrency"]["MaxValue"] <= 500

    def test_it_ends_before_the_next_one(self):
        assert self.machine["Definition"]["TimeoutSeconds"] < 86_400

    @pytest.mark.parametrize(
        "schedule",
        ["rate(1 day)", "cron(0 3 ? * MON *)", "cron(0 3,15 * * ? *)", "cron(60 3 * * ? *)"],
    )
    def test_it_is_due_once_a_day_or_never_so_that_a_missing_one_is_noticed(self, schedule):
        pattern = PARAMETERS["SweepSchedule"]["AllowedPattern"]

        assert not re.search(pattern, schedule)
        assert re.search(pattern, PARAMETERS["SweepSchedule"]["Default"])
        assert "SweepScheduleEveryDay" not in made(SweepSchedule="")

    def test_its_reports_outlive_the_stack_and_an_audited_year(self):
        assert self.bucket["DeletionPolicy"] == self.bucket["UpdateReplacePolicy"] == "Retain"
        rules = self.bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        (days,) = [it["ExpirationInDays"] for it in rules if "ExpirationInDays" in it]
        assert days > 366

    def test_its_bucket_is_as_hard_as_a_backends(self):
        properties = self.bucket["Properties"]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]

        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["OwnershipControls"]["Rules"] == [
            {"ObjectOwnership": "BucketOwnerEnforced"}
        ]

    def test_its_bucket_is_reached_by_tls_alone_and_nobody_takes_a_version_away(self):
        policy = self.resources["ReportBucketPolicy"]["Properties"]["PolicyDocument"]
        denied = {it["Sid"]: it for it in policy["Statement"]}

        assert {it["Effect"] for it in denied.values()} == {"Deny"}
        assert {it["Principal"] for it in denied.values()} == {"*"}
        assert set(denied) == {"DenyInsecureTransport", "DenyOldTls", "DenyDestroy"}
        assert "s3:DeleteObjectVersion" in denied["DenyDestroy"]["Action"]
        assert "Condition" not in denied["DenyDestroy"]

    def test_a_missing_one_is_noticed_after_more_than_a_day(self):
        alarm = self.resources["MissingSweepAlarm"]["Properties"]

        assert 86_400 < alarm["Period"] * alarm["EvaluationPeriods"] <= 604_800
        assert alarm["Period"] >= 3600  # else a day is the most that CloudWatch looks back


class TestPeople:
    alarms = of_type(TEMPLATE, "AWS::CloudWatch::Alarm")
    resources = TEMPLATE["Resources"]

    def test_every_alarm_and_its_end_is_told_and_says_what_it_means(self):
        for alarm in self.alarms.values():
            assert alarm["AlarmActions"] == [{"Ref": "NotificationTopic"}]
            assert alarm["OKActions"] == [{"Ref": "NotificationTopic"}]
            assert alarm["AlarmDescription"].endswith(".")

    def test_only_where_nothing_is_bad_news_an_alarm_does_without_data(self):
        otherwise = {
            name: it["TreatMissingData"]
            for name, it in self.alarms.items()
            if it["TreatMissingData"] != "notBreaching"
        }

        assert otherwise == {
            # Between two sweeps the last one's word stands.
            "FailedInSweepAlarm": "ignore",
            "MissingSweepAlarm": {"Fn::If": ["SweepsByItself", "breaching", "notBreaching"]},
        }

    def test_an_alarm_takes_what_is_counted_in_the_way_it_is_counted(self):
        ours = [it for it in self.alarms.values() if it.get("Namespace") == NAMESPACE]

        assert {it["MetricName"] for it in ours} == {
            "BackendsFailed",
            "DeletesRefused",
            "DriftRepaired",
            "FleetCoverage",
            "FleetFailed",
            "RequestsUnconfirmed",
            "ResponseUrlsRefused",
            "SettingsRefused",
        }
        assert {it["MetricName"] for it in ours} <= set(METRICS)
        # A service name would become a dimension.
        assert "POWERTOOLS_SERVICE_NAME" not in environment_of("CustomResourceFunction")
        assert not [it for it in ours if "Dimensions" in it]

    def test_whatever_the_code_counts_is_named_in_one_place(self):
        files = (ROOT / "functions").rglob("*.py")
        counted = {
            name
            for file in files
            for name in re.findall(r'\b(?:count|measure)\(\s*f?"([A-Z]\w+)', file.read_text())
        }

        assert counted - {"Backends"} <= set(METRICS)

    def test_the_age_alarm_watches_both_queues_and_what_sqs_leaves_out(self):
        watched = [
            it["MetricStat"]["Metric"]
            for it in self.alarms["OldestMessageAlarm"]["Metrics"]
            if "MetricStat" in it
        ]

        assert [it.get("Dimensions", [{}])[0].get("Value") for it in watched] == [
            {"Fn::GetAtt": ["AccountVendedQueue", "QueueName"]},
            {"Fn::GetAtt": ["DriftQueue", "QueueName"]},
            None,
        ]

    def test_the_age_alarm_leaves_a_new_account_its_hour(self):
        assert self.alarms["OldestMessageAlarm"]["Threshold"] > queue.PATIENCE_SECONDS

    def test_alarms_and_events_may_publish_and_use_the_topics_key(self):
        for owner, document in (
            ("NotificationTopicPolicy", "PolicyDocument"),
            ("NotificationKey", "KeyPolicy"),
        ):
            policy = self.resources[owner]["Properties"][document]
            services = [
                it["Principal"]["Service"]
                for it in policy["Statement"]
                if "Service" in it["Principal"]
            ]
            assert services == ["cloudwatch.amazonaws.com", "events.amazonaws.com"]

    def test_events_are_let_in_without_a_condition_that_eventbridge_cannot_meet(self):
        topic = self.resources["NotificationTopicPolicy"]["Properties"]["PolicyDocument"]
        key = self.resources["NotificationKey"]["Properties"]["KeyPolicy"]
        to_topic, to_key = (
            next(it for it in policy["Statement"] if it.get("Sid") == "EventsPublish")
            for policy in (topic, key)
        )

        assert "Condition" not in to_topic
        assert to_key["Condition"].keys() == {"StringEquals"}
        assert to_key["Condition"]["StringEquals"].keys() == {
            "kms:EncryptionContext:aws:sns:topicArn"
        }

    def test_the_key_asks_events_for_nothing_that_they_do_not_send(self):
        statements_ = self.resources["NotificationKey"]["Properties"]["KeyPolicy"]["Statement"]
        (events,) = [
            it for it in statements_ if it["Principal"].get("Service") == "events.amazonaws.com"
        ]

        assert list(events["Condition"]["StringEquals"]) == [
            "kms:EncryptionContext:aws:sns:topicArn"
        ]
        arn = events["Condition"]["StringEquals"]["kms:EncryptionContext:aws:sns:topicArn"]
        topic = self.resources["NotificationTopic"]["Properties"]["TopicName"]
        assert arn["Fn::Sub"].endswith(f":{topic}")

    def test_the_dashboard_is_whole_and_shows_every_alarm(self):
        text = self.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

        body = json.loads(text)

        (shown,) = [it["properties"]["alarms"] for it in body["widgets"] if it["type"] == "alarm"]
        assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in self.alarms)
        assert set(re.findall(r'"Statehold",\s*"(\w+)"', text)) <= set(METRICS)
