"""The smaller services that the product uses answer in the double as in AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, policy, refused

MEMBER = "222222222222"
OTHER = "333333333333"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER, name="LifeCycle1")
        yield double


class TestParameters:
    @pytest.fixture
    def ssm(self, aws: AwsDouble) -> Any:
        return aws.client("ssm", principal=OWNER)

    def test_an_existing_parameter_is_overwritten_only_if_asked(self, ssm: Any) -> None:
        ssm.put_parameter(Name="/statehold/backend", Value="1", Type="String")

        with refused("ParameterAlreadyExists"):
            ssm.put_parameter(Name="/statehold/backend", Value="2", Type="String")
        ssm.put_parameter(Name="/statehold/backend", Value="2", Type="String", Overwrite=True)

        got = ssm.get_parameters(Names=["/statehold/backend", "/none"])
        assert [entry["Value"] for entry in got["Parameters"]] == ["2"]
        assert got["InvalidParameters"] == ["/none"]

    def test_tags_and_overwriting_exclude_each_other(self, ssm: Any) -> None:
        tags = [{"Key": "a", "Value": "b"}]

        with refused("ValidationException", "tags and overwrite can't be used together"):
            ssm.put_parameter(Name="/a", Value="1", Type="String", Tags=tags, Overwrite=True)
        ssm.put_parameter(Name="/a", Value="1", Type="String", Tags=tags)
        listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/a")
        assert listed["TagList"] == tags

    def test_a_standard_parameter_holds_4096_bytes(self, ssm: Any) -> None:
        ssm.put_parameter(Name="/a", Value="x" * 4096, Type="String")

        with refused("ValidationException", "4096"):
            ssm.put_parameter(Name="/b", Value="x" * 4097, Type="String")

    def test_permissions_are_on_the_parameters_arn(self, aws: AwsDouble) -> None:
        arn = f"arn:aws:ssm:us-east-1:{MEMBER}:parameter/statehold/*"
        ssm = aws.client("ssm", principal=OWNER, policy=policy(allow("ssm:*", arn)))

        ssm.put_parameter(Name="/statehold/backend", Value="1", Type="String")
        with refused("AccessDeniedException", f"arn:aws:ssm:us-east-1:{MEMBER}:parameter/other"):
            ssm.put_parameter(Name="/other", Value="1", Type="String")


class TestOrganizations:
    @pytest.fixture
    def organizations(self, aws: AwsDouble) -> Any:
        return aws.client("organizations")

    def test_an_account_has_a_state_and_no_status(self, aws: AwsDouble, organizations: Any) -> None:
        account = organizations.describe_account(AccountId=MEMBER)["Account"]
        assert (account["Id"], account["Name"], account["State"]) == (
            MEMBER,
            "LifeCycle1",
            "ACTIVE",
        )
        assert "Status" not in account
        assert account["Paths"][0].endswith(f"/{MEMBER}/")

        aws.set_account_state(MEMBER, "PENDING_CLOSURE")

        account = organizations.describe_account(AccountId=MEMBER)["Account"]
        assert account["State"] == "PENDING_CLOSURE"

    def test_an_unknown_account_is_not_found(self, organizations: Any) -> None:
        with refused("AccountNotFoundException"):
            organizations.describe_account(AccountId="999999999999")

    def test_accounts_come_in_pages_of_twenty(self, aws: AwsDouble, organizations: Any) -> None:
        for number in range(45):
            aws.add_account(f"{300000000000 + number}", roles=())

        pages = list(organizations.get_paginator("list_accounts").paginate())

        assert [len(page["Accounts"]) for page in pages] == [20, 20, 7]
        assert len({a["Id"] for page in pages for a in page["Accounts"]}) == 47

    def test_units_have_accounts_and_parents(self, aws: AwsDouble, organizations: Any) -> None:
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="Team")
        ou = unit["OrganizationalUnit"]["Id"]
        aws.add_account(OTHER, parent=ou)

        assert organizations.list_parents(ChildId=OTHER)["Parents"][0]["Id"] == ou
        listed = organizations.list_accounts_for_parent(ParentId=ou)["Accounts"]
        assert [account["Id"] for account in listed] == [OTHER]
        with refused("ParentNotFoundException"):
            organizations.list_accounts_for_parent(ParentId="ou-none-none")

    def test_members_may_not_look(self, aws: AwsDouble) -> None:
        with refused("AccessDeniedException", "permissions to access this resource"):
            aws.client("organizations", principal=OWNER).list_accounts()

    def test_the_same_account_is_not_added_twice(self, aws: AwsDouble) -> None:
        with pytest.raises(ValueError, match="exists"):
            aws.add_account(MEMBER)


class TestTagging:
    def test_buckets_and_keys_are_found_by_tag_in_their_account_and_region(
        self, aws: AwsDouble
    ) -> None:
        aws.add_account(OTHER)
        made = {}
        for account in (MEMBER, OTHER):
            for region in ("eu-central-1", "eu-west-1"):
                principal = f"arn:aws:iam::{account}:role/Owner"
                tag = {"Key": "statehold", "Value": account}
                name = f"x-{account}-{region}"
                aws.client("s3", principal=principal, region=region).create_bucket(
                    Bucket=name,
                    CreateBucketConfiguration={"LocationConstraint": region, "Tags": [tag]},
                )
                key = aws.client("kms", principal=principal, region=region).create_key(
                    Tags=[{"TagKey": "statehold", "TagValue": account}]
                )
                made[account, region] = {f"arn:aws:s3:::{name}", key["KeyMetadata"]["Arn"]}

        client = aws.client("resourcegroupstaggingapi", principal=OWNER, region="eu-west-1")

        def found(**filters: Any) -> set[str]:
            listed = client.get_resources(**filters)["ResourceTagMappingList"]
            return {entry["ResourceARN"] for entry in listed}

        both = made[MEMBER, "eu-west-1"]
        assert found(TagFilters=[{"Key": "statehold", "Values": [MEMBER]}]) == both
        assert found(TagFilters=[{"Key": "statehold", "Values": ["other"]}]) == set()
        assert found(ResourceTypeFilters=["kms:key"]) == {a for a in both if ":kms:" in a}
        assert found(ResourceTypeFilters=["s3"]) == {a for a in both if ":s3:" in a}


class TestDynamoDb:
    @pytest.fixture
    def table(self, aws: AwsDouble) -> Any:
        client = aws.client("dynamodb", principal=OWNER)
        client.create_table(
            TableName="locks",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            DeletionProtectionEnabled=True,
            Tags=[{"Key": "a", "Value": "b"}],
        )
        return client

    def test_a_protected_table_is_not_deleted(self, table: Any) -> None:
        with refused("ValidationException"):
            table.delete_table(TableName="locks")
        table.update_table(TableName="locks", DeletionProtectionEnabled=False)
        table.delete_table(TableName="locks")

    def test_recovery_to_a_point_in_time_is_kept(self, table: Any) -> None:
        def status() -> str:
            described = table.describe_continuous_backups(TableName="locks")
            backups = described["ContinuousBackupsDescription"]
            return str(backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])

        assert status() == "DISABLED"
        table.update_continuous_backups(
            TableName="locks", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        assert status() == "ENABLED"

    def test_a_condition_decides_who_writes(self, table: Any) -> None:
        item = {"LockID": {"S": "a"}, "Owner": {"S": "one"}}
        free = "attribute_not_exists(LockID)"
        table.put_item(TableName="locks", Item=item, ConditionExpression=free)

        with refused("ConditionalCheckFailedException"):
            table.put_item(TableName="locks", Item=item, ConditionExpression=free)
        table.update_item(
            TableName="locks",
            Key={"LockID": {"S": "a"}},
            UpdateExpression="SET #o = :new",
            ConditionExpression="#o = :old",
            ExpressionAttributeNames={"#o": "Owner"},
            ExpressionAttributeValues={":new": {"S": "two"}, ":old": {"S": "one"}},
        )
        got = table.get_item(TableName="locks", Key={"LockID": {"S": "a"}}, ConsistentRead=True)
        assert got["Item"]["Owner"] == {"S": "two"}

    def test_a_transaction_takes_each_of_its_actions(self, aws: AwsDouble, table: Any) -> None:
        arn = f"arn:aws:dynamodb:us-east-1:{MEMBER}:table/locks"
        client = aws.client(
            "dynamodb", principal=OWNER, policy=policy(allow("dynamodb:PutItem", arn))
        )
        put = {"Put": {"TableName": "locks", "Item": {"LockID": {"S": "b"}}}}
        delete = {"Delete": {"TableName": "locks", "Key": {"LockID": {"S": "a"}}}}

        client.transact_write_items(TransactItems=[put])
        with refused("AccessDeniedException", "dynamodb:DeleteItem"):
            client.transact_write_items(TransactItems=[delete])


def test_a_queue_is_reached_by_the_url_it_gives(aws: AwsDouble) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="vended")["QueueUrl"]
    assert url == f"{aws.url}/111111111111/vended"

    sqs.send_message(QueueUrl=url, MessageBody="{}")
    message = sqs.receive_message(QueueUrl=url)["Messages"][0]
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60
    )

    assert message["Body"] == "{}"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_events_reach_the_bus_and_its_queue(aws: AwsDouble) -> None:
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="ready")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ready", EventPattern=json.dumps({"source": ["statehold"]}))
    events.put_targets(Rule="ready", Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])

    entry = {"Source": "statehold", "DetailType": "State Backend Ready", "Detail": '{"a": 1}'}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    body = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert (body["detail-type"], body["detail"]) == ("State Backend Ready", {"a": 1})


class TestStacks:
    STACK = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/backend/0a1b"

    @pytest.fixture
    def cloudformation(self, aws: AwsDouble) -> Any:
        for number in range(5):
            aws.stacks.put_event(
                stack_id=self.STACK,
                logical_id="Backend",
                status="UPDATE_IN_PROGRESS" if number else "CREATE_IN_PROGRESS",
                physical_id="" if not number else "bucket",
                properties={"Number": str(number), "Nested": {"A": ["<&>"]}},
                reason="",
            )
        return aws.client("cloudformation", principal=OWNER)

    def test_events_come_newest_first_in_pages(self, aws: AwsDouble, cloudformation: Any) -> None:
        aws.stacks.page_size = 2

        pages = list(
            cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.STACK)
        )

        events = [event for page in pages for event in page["StackEvents"]]
        assert [len(page["StackEvents"]) for page in pages] == [2, 2, 1]
        numbers = [json.loads(event["ResourceProperties"])["Number"] for event in events]
        assert numbers == ["4", "3", "2", "1", "0"]
        assert json.loads(events[0]["ResourceProperties"])["Nested"] == {"A": ["<&>"]}
        assert events[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"

    def test_a_new_event_does_not_shift_the_next_page(
        self, aws: AwsDouble, cloudformation: Any
    ) -> None:
        aws.stacks.page_size = 2
        first = cloudformation.describe_stack_events(StackName=self.STACK)
        aws.stacks.put_event(stack_id=self.STACK, logical_id="Other", status="CREATE_IN_PROGRESS")

        second = cloudformation.describe_stack_events(
            StackName=self.STACK, NextToken=first["NextToken"]
        )

        numbers = [json.loads(e["ResourceProperties"])["Number"] for e in second["StackEvents"]]
        assert numbers == ["2", "1"]

    def test_a_stack_has_the_status_of_its_own_newest_event(
        self, aws: AwsDouble, cloudformation: Any
    ) -> None:
        aws.stacks.put_event(
            stack_id=self.STACK,
            logical_id="backend",
            status="ROLLBACK_IN_PROGRESS",
            resource_type="AWS::CloudFormation::Stack",
        )

        def status() -> str:
            return str(
                cloudformation.describe_stacks(StackName="backend")["Stacks"][0]["StackStatus"]
            )

        assert status() == "ROLLBACK_IN_PROGRESS"
        aws.stacks.set_status(self.STACK, "ROLLBACK_COMPLETE")
        assert status() == "ROLLBACK_COMPLETE"

    def test_resources_have_their_newest_state(self, cloudformation: Any) -> None:
        detail = cloudformation.describe_stack_resource(
            StackName=self.STACK, LogicalResourceId="Backend"
        )["StackResourceDetail"]
        assert (detail["PhysicalResourceId"], detail["ResourceStatus"]) == (
            "bucket",
            "UPDATE_IN_PROGRESS",
        )
        listed = cloudformation.describe_stack_resources(StackName=self.STACK)["StackResources"]
        assert [entry["LogicalResourceId"] for entry in listed] == ["Backend"]
        with refused("ValidationError", "Resource Gone does not exist"):
            cloudformation.describe_stack_resource(StackName=self.STACK, LogicalResourceId="Gone")

    @pytest.mark.parametrize(
        ("principal", "region"),
        [(OWNER, "eu-west-1"), (f"arn:aws:iam::{OTHER}:role/Owner", "us-east-1")],
    )
    def test_a_stack_is_seen_in_its_own_account_and_region_only(
        self, aws: AwsDouble, cloudformation: Any, principal: str, region: str
    ) -> None:
        stranger = aws.client("cloudformation", principal=principal, region=region)

        with refused("ValidationError", f"Stack with id {self.STACK} does not exist"):
            stranger.describe_stack_events(StackName=self.STACK)

    def test_a_deleted_stack_is_found_by_its_id_only(
        self, aws: AwsDouble, cloudformation: Any
    ) -> None:
        aws.stacks.set_status(self.STACK, "DELETE_COMPLETE")

        cloudformation.describe_stacks(StackName=self.STACK)
        with refused("ValidationError", "Stack with id backend does not exist"):
            cloudformation.describe_stacks(StackName="backend")


def test_what_the_double_does_not_know_it_says(aws: AwsDouble) -> None:
    with refused("NotModelled", "the AWS double does not know"):
        aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{MEMBER}:role/StateholdProvisioner",
            RoleSessionName="session",
            Tags=[{"Key": "a", "Value": "b"}],
        )
