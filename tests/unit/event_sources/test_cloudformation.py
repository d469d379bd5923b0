"""A stack's request: what it claims, and whether its stack's events agree."""

from __future__ import annotations

import json

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources.cloudformation import contradiction, parse
from tests.unit.given import ACCOUNT, BUCKET, REGION, STACK

PROPERTIES = {"ServiceToken": "arn:x", "LockMode": "both", "Tags": [{"Key": "a", "Value": "b"}]}


def event(kind="Create", **changes):
    usual = {
        "RequestType": kind,
        "RequestId": "r-1",
        "StackId": STACK,
        "LogicalResourceId": "StateBackend",
        "PhysicalResourceId": BUCKET,
        "ResourceProperties": PROPERTIES,
    }
    return {**usual, **changes}


class TestParse:
    def test_the_account_is_the_stacks(self):
        request = parse(event(ResourceProperties={**PROPERTIES, "AccountId": "999999999999"}))

        assert (request.account, request.region) == (ACCOUNT, REGION)
        assert request.physical_id == ""

    def test_the_region_is_the_propertys_if_there_is_one(self):
        assert parse(event(ResourceProperties={"Region": "eu-west-1"})).region == "eu-west-1"
        assert parse(event(ResourceProperties={"Region": ""})).region == REGION

    @pytest.mark.parametrize("kind", ["Update", "Delete"])
    def test_a_later_request_has_its_physical_id(self, kind):
        assert parse(event(kind)).physical_id == BUCKET

    @pytest.mark.parametrize(
        "stack_id",
        [
            "",
            None,
            7,
            "payments",
            STACK.replace("cloudformation", "s3"),
            STACK.replace(ACCOUNT, "1"),
            STACK + "\n",
            STACK.replace(":stack/", ":changeSet/"),
            STACK + "/../x",
        ],
    )
    def test_a_stack_id_is_the_arn_of_a_stack(self, stack_id):
        with pytest.raises(InvalidRequest):
            parse(event(StackId=stack_id))

    @pytest.mark.parametrize("name", sorted(set(event()) - {"PhysicalResourceId", "RequestId"}))
    @pytest.mark.parametrize("value", [None, 7, [], ""])
    def test_every_part_is_needed(self, name, value):
        with pytest.raises(InvalidRequest):
            parse(event(**{name: value}))

    def test_other_kinds_do_not_exist(self):
        with pytest.raises(InvalidRequest):
            parse(event("Read"))


class TestContradiction:
    def newest(self, status="CREATE_IN_PROGRESS", properties=PROPERTIES, **changes):
        usual = {"ResourceStatus": status, "PhysicalResourceId": BUCKET}
        return {**usual, "ResourceProperties": json.dumps(properties), **changes}

    def test_the_same_is_confirmed(self):
        assert contradiction(parse(event()), self.newest()) == ""
        assert contradiction(parse(event("Update")), self.newest("UPDATE_IN_PROGRESS")) == ""
        assert contradiction(parse(event("Delete")), self.newest("DELETE_IN_PROGRESS", {})) == ""

    def test_cloudformation_makes_text_of_numbers_and_booleans(self):
        request = parse(
            event(ResourceProperties={"PreventDestroy": "true", "Days": "7", "L": ["1"]})
        )

        newest = self.newest(properties={"PreventDestroy": True, "Days": 7, "L": [1]})

        assert contradiction(request, newest) == ""

    @pytest.mark.parametrize(
        "status",
        ["CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "", None],
    )
    def test_another_status_contradicts(self, status):
        assert "CREATE_IN_PROGRESS" in contradiction(parse(event()), self.newest(status))

    @pytest.mark.parametrize(
        "properties",
        [
            {},
            {**PROPERTIES, "LockMode": "dynamodb"},
            {**PROPERTIES, "More": "x"},
            {**PROPERTIES, "Tags": []},
            {key: it for key, it in PROPERTIES.items() if key != "LockMode"},
        ],
    )
    @pytest.mark.parametrize("kind", ["Create", "Update"])
    def test_other_properties_contradict(self, kind, properties):
        newest = self.newest(f"{kind.upper()}_IN_PROGRESS", properties)

        assert "other properties" in contradiction(parse(event(kind)), newest)

    @pytest.mark.parametrize("text", [None, "", "no json", "[]", '"x"', 7])
    def test_properties_that_cannot_be_read_contradict(self, text):
        assert contradiction(parse(event()), self.newest(ResourceProperties=text))

    @pytest.mark.parametrize("kind", ["Update", "Delete"])
    def test_another_physical_id_contradicts(self, kind):
        newest = self.newest(f"{kind.upper()}_IN_PROGRESS", PhysicalResourceId="other")

        assert "physical id" in contradiction(parse(event(kind)), newest)

    @pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
    @pytest.mark.parametrize("other", ["AWS::S3::Bucket", "Custom::Tagger", ""])
    def test_a_resource_of_another_type_contradicts(self, kind, other):
        newest = self.newest(f"{kind.upper()}_IN_PROGRESS", ResourceType=other)

        assert "of the type" in contradiction(parse(event(kind)), newest)

    @pytest.mark.parametrize("own", ["Custom::StateBackend", "AWS::CloudFormation::CustomResource"])
    def test_a_template_may_call_it_either_way(self, own):
        assert contradiction(parse(event()), self.newest(ResourceType=own)) == ""

    def test_no_event_contradicts(self):
        assert "no event" in contradiction(parse(event()), None)
