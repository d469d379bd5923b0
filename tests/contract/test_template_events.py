"""Which events the rules of ``template.yaml`` and of the drift rule let through, and to whom."""

from __future__ import annotations

import json

import pytest
from moto.events.models import EventPattern

from state_backend.aws.session import SESSION_NAME
from state_backend.event_sources import SOURCES, cloudtrail, control_tower, organizations, parse
from state_backend.settings import EXECUTION_ROLE_NAMES
from tests.contract.templates import DRIFT, FORWARDER, HUB, ROOT, of_type, read, sample, statements

TEMPLATE = read(HUB)
FUNCTIONS = of_type(TEMPLATE, "AWS::Serverless::Function")

RULES_OF = {
    "cloudformation.Create": set(),
    "cloudformation.Create.every-property": set(),
    "cloudformation.Create.hostile-response-url": set(),
    "cloudformation.Create.unknown-property": set(),
    "cloudformation.Delete": set(),
    "cloudformation.Delete.failed-create": set(),
    "cloudformation.Delete.timed-out-create": set(),
    "cloudformation.Update": set(),
    "cloudformation.Update.not-updatable": set(),
    "cloudformation.Update.release": set(),
    "cloudformation.Update.rollback": set(),
    "cloudtrail.DeleteParameter": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.DeleteParameters": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.DisableKey": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.PutBucketPolicy": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.PutBucketPolicy.own-change": set(),
    "cloudtrail.PutBucketPolicy.own-change.another-role": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.PutBucketPolicy.refused": set(),
    "cloudtrail.PutParameter.another": set(),
    "cloudtrail.UpdateAlias": {"DriftRule", "MemberDriftRule"},
    "cloudtrail.UpdateTable": {"DriftRule", "MemberDriftRule"},
    "controltower.CreateManagedAccount.failed": set(),
    "controltower.CreateManagedAccount.succeeded": {"AccountVendedRule"},
    "controltower.DisableBaseline.account": set(),
    "controltower.EnableBaseline.account": {"AccountVendedRule"},
    "controltower.EnableBaseline.failed": {"AccountVendedRule"},
    "controltower.EnableBaseline.unit": {"AccountVendedRule"},
    "controltower.RegisterOrganizationalUnit.failed": set(),
    "controltower.RegisterOrganizationalUnit.succeeded": {"AccountVendedRule"},
    "controltower.ResetEnabledBaseline.account": {"AccountVendedRule"},
    "controltower.ResetLandingZone.succeeded": {"AccountVendedRule"},
    "controltower.SetupLandingZone.succeeded": {"AccountVendedRule"},
    "controltower.UpdateEnabledBaseline.account": {"AccountVendedRule"},
    "controltower.UpdateLandingZone.succeeded": {"AccountVendedRule"},
    "controltower.UpdateLandingZone.without-accounts": {"AccountVendedRule"},
    "controltower.UpdateManagedAccount.succeeded": {"AccountVendedRule"},
    "operation.plan": set(),
    "operation.reconcile": set(),
    "operation.reconcile.sweep": set(),
    "organizations.AcceptHandshake": {"OrganizationRule"},
    "organizations.AccountJoinedOrganization.created": {"OrganizationRule"},
    "organizations.AccountJoinedOrganization.invited": {"OrganizationRule"},
    "organizations.CreateAccountResult.failed": {"OrganizationRule"},
    "organizations.CreateAccountResult.succeeded": {"OrganizationRule"},
    "organizations.MoveAccount": {"OrganizationRule"},
    "organizations.MoveAccount.refused": {"OrganizationRule"},
    "sqs.controltower.CreateManagedAccount": set(),
    "statehold.StateBackendDeleteRefused": {"NotificationRule"},
    "statehold.StateBackendDriftRepaired": {"NotificationRule"},
    "statehold.StateBackendFailed": {"NotificationRule"},
    "statehold.StateBackendReady": set(),
    "sweep.list": set(),
    "sweep.summary": set(),
}
"""Sample in ``events/`` -> the rules that it matches."""

EVENTS = {
    "AccountVendedRule": ("aws.controltower", control_tower.EVENTS),
    "OrganizationRule": ("aws.organizations", organizations.EVENTS),
}
"""Rule that leads to the function -> source and parsers of what it lets through."""


def fits(rule: dict[str, object], event: dict[str, object]) -> bool:
    pattern = json.loads(json.dumps(rule["EventPattern"]))
    return bool(EventPattern(None, pattern).matches_event(event))


class TestSampleEvents:
    def test_each_is_listed_above(self):
        assert sorted(RULES_OF) == sorted(it.stem for it in (ROOT / "events").glob("*.json"))

    @pytest.mark.parametrize("name", RULES_OF)
    def test_it_matches_exactly_the_rules_it_should(self, name):
        rules = of_type(TEMPLATE, "AWS::Events::Rule")

        matched = {rule for rule, it in rules.items() if fits(it, sample(name))}

        assert matched == RULES_OF[name]

    @pytest.mark.parametrize("rule", EVENTS)
    def test_each_event_that_has_a_parser_has_a_sample_that_asks_for_something(self, rule):
        source, parsers = EVENTS[rule]
        names = [name for name, rules in RULES_OF.items() if rule in rules]
        asked = {name: parse(sample(name)) for name in names}

        assert {sample(name)["source"] for name in names} == {source}
        assert set(parsers) == {
            sample(name)["detail"]["eventName"]
            for name, it in asked.items()
            if (it.accounts or it.units) and not it.reason
        }

    @pytest.mark.parametrize("name", [it for it in RULES_OF if it.startswith("controltower")])
    def test_what_no_rule_lets_through_asks_for_nothing(self, name):
        assert RULES_OF[name] or parse(sample(name)).reason

    def test_a_pattern_is_no_longer_than_eventbridge_takes(self):
        for rule in of_type(TEMPLATE, "AWS::Events::Rule").values():
            assert len(json.dumps(rule["EventPattern"], separators=(",", ":"))) <= 2048

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


class TestForwarder:
    rule = of_type(read(FORWARDER), "AWS::Events::Rule")["OrganizationRule"]

    def test_it_forwards_what_the_hub_waits_for(self):
        waits_for = of_type(TEMPLATE, "AWS::Events::Rule")["OrganizationRule"]

        assert self.rule["EventPattern"] == waits_for["EventPattern"]

    def test_it_may_put_on_the_home_regions_bus_and_does(self):
        (target,) = self.rule["Targets"]
        (allow,) = statements(
            of_type(read(FORWARDER), "AWS::IAM::Role")["ForwarderRole"]["Policies"]
        )

        assert allow["Action"] == "events:PutEvents"
        assert allow["Resource"] == target["Arn"]
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwarderRole", "Arn"]}

    def test_what_cannot_be_forwarded_is_kept(self):
        assert self.rule["Targets"][0]["DeadLetterConfig"]["Arn"]


class TestDriftRules:
    rules = of_type(TEMPLATE, "AWS::Events::Rule")
    member = of_type(read(DRIFT), "AWS::Events::Rule")["DriftRule"]
    pattern = member["EventPattern"]

    def test_they_let_the_same_calls_through_everywhere(self):
        for rule in (self.rules["DriftRule"], self.rules["MemberDriftRule"]):
            assert rule["EventPattern"] == self.pattern

    def test_their_calls_are_those_that_the_parser_looks_at(self):
        named: dict[str, set[str]] = {}
        for branch in self.pattern["detail"]["$or"]:
            [source] = branch["eventSource"]
            names = (
                it if isinstance(it, str) else f"{it['prefix']}*" for it in branch["eventName"]
            )
            named.setdefault(source, set()).update(names)

        assert named == {source: set(names) for source, names in cloudtrail.EVENTS.items()}

    def test_their_sources_have_that_parser(self):
        for source in self.pattern["source"]:
            assert SOURCES[source] is cloudtrail.parse
            assert f"{source.removeprefix('aws.')}.amazonaws.com" in cloudtrail.EVENTS
        assert len(self.pattern["source"]) == len(cloudtrail.EVENTS)

    def test_our_own_role_is_left_out_by_the_name_of_its_sessions(self):
        [it] = [arn["anything-but"] for arn in self.pattern["detail"]["userIdentity"]["arn"][:1]]

        assert it["suffix"] == f":assumed-role/{EXECUTION_ROLE_NAMES[0]}/{SESSION_NAME}"

    def test_the_hubs_bus_is_the_one_that_members_send_to(self):
        bus = TEMPLATE["Resources"]["BackendEventBus"]["Properties"]
        (target,) = self.member["Targets"]
        (allow,) = statements(of_type(read(DRIFT), "AWS::IAM::Role")["ForwarderRole"]["Policies"])

        assert target["Arn"]["Fn::Sub"].endswith(f":event-bus/{bus['Name']}")
        assert (allow["Action"], allow["Resource"]) == ("events:PutEvents", target["Arn"])
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwarderRole", "Arn"]}
        assert target["DeadLetterConfig"]["Arn"]

    def test_accounts_of_the_organization_may_put_events_on_it_and_no_more(self):
        policy = TEMPLATE["Resources"]["BackendEventBusPolicy"]
        (allow,) = statements(policy["Properties"]["Statement"])

        assert (allow["Action"], allow["Principal"]) == ("events:PutEvents", "*")
        assert allow["Condition"] == {
            "StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
        }
        assert self.rules["MemberDriftRule"]["EventBusName"] == {"Ref": "BackendEventBus"}

    def test_the_role_that_sends_has_no_name_that_two_regions_would_fight_for(self):
        assert "RoleName" not in of_type(read(DRIFT), "AWS::IAM::Role")["ForwarderRole"]
