"""
Where plain moto still differs from AWS: one test for each rule of the double.

Each fails when moto has caught up. Then the rule can go, and this test with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import mock_aws
from moto.kms import models, utils
from moto.stepfunctions.parser.backend.execution import SyncExecution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.aws_double.testing import allow, deny, policy

BUCKET = "some-bucket"
ARN = f"arn:aws:s3:::{BUCKET}"
ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def s3() -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def kms() -> Any:
    return boto3.client("kms")


def code_of(call: Callable[[], Any]) -> str:
    """The error code that *call* meets; empty if it passes."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def lifecycle(s3: Any, *rules: dict[str, Any]) -> Any:
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    return s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]


def test_upstream_still_reads_any_condition_in_a_deny_as_met(s3: Any) -> None:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    document = policy(deny("s3:*", f"{ARN}/*", Principal="*", Condition=insecure))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document)

    assert code_of(lambda: s3.put_object(Bucket=BUCKET, Key="k", Body=b"")) == "403"


def test_upstream_still_does_not_judge_configurations_by_the_policy(s3: Any) -> None:
    document = policy(deny("s3:PutEncryptionConfiguration", ARN, Principal="*"))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document)

    assert code_of(lambda: s3.delete_bucket_encryption(Bucket=BUCKET)) == ""


def test_upstream_still_takes_any_text_for_a_policy(s3: Any) -> None:
    assert code_of(lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy="{")) == ""


def test_upstream_still_does_not_block_public_policies(s3: Any) -> None:
    block = {"BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    public = policy(allow("s3:GetObject", f"{ARN}/*", Principal="*"))

    assert code_of(lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy=public)) == ""


def test_upstream_still_lets_its_author_be_locked_out(s3: Any) -> None:
    locking = policy(deny("s3:PutBucketPolicy", ARN, Principal="*"))

    assert code_of(lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy=locking)) == ""


def test_upstream_still_ignores_the_expected_owner(s3: Any) -> None:
    wrong = {"Bucket": BUCKET, "ExpectedBucketOwner": "999999999999"}

    assert code_of(lambda: s3.get_bucket_versioning(**wrong)) == ""
    assert code_of(lambda: s3.head_bucket(**wrong)) == ""


def test_upstream_still_lets_other_accounts_into_buckets(s3: Any) -> None:
    other = boto3.client("s3", **_assumed("999999999999"))

    assert code_of(lambda: other.list_objects_v2(Bucket=BUCKET)) == ""


def test_upstream_still_serves_a_bucket_from_any_region(s3: Any) -> None:
    far = boto3.client("s3", region_name="eu-west-1")

    assert code_of(lambda: far.get_bucket_versioning(Bucket=BUCKET)) == ""


@pytest.mark.parametrize(
    "name", ["Bad_Name", "sthree-name", "name-s3alias", f"x-{ACCOUNT}-us-east-1-an"]
)
def test_upstream_still_takes_names_that_s3_does_not(s3: Any, name: str) -> None:
    assert code_of(lambda: s3.create_bucket(Bucket=name)) == ""


def test_upstream_still_echoes_a_second_creation_in_the_accounts_namespace(s3: Any) -> None:
    own = {"Bucket": f"x-{ACCOUNT}-us-east-1-an", "BucketNamespace": "account-regional"}
    s3.create_bucket(**own)

    assert code_of(lambda: s3.create_bucket(**own)) == ""


def test_upstream_still_tells_everybody_what_is_not_there(s3: Any) -> None:
    document = policy(deny("s3:ListBucket", ARN, Principal="*"))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document)

    assert code_of(lambda: s3.get_object(Bucket=BUCKET, Key="missing")) == "NoSuchKey"


def test_upstream_still_sets_no_defaults_on_a_new_bucket(s3: Any) -> None:
    assert code_of(lambda: s3.get_bucket_encryption(Bucket=BUCKET)) != ""
    assert code_of(lambda: s3.get_public_access_block(Bucket=BUCKET)) != ""
    assert code_of(lambda: s3.get_bucket_ownership_controls(Bucket=BUCKET)) != ""


def test_upstream_still_drops_the_tags_of_a_creation(s3: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    s3.create_bucket(Bucket="tagged-bucket", CreateBucketConfiguration={"Tags": tags})

    assert code_of(lambda: s3.get_bucket_tagging(Bucket="tagged-bucket")) == "NoSuchTagSet"


def test_upstream_still_drops_blocked_encryption_types(s3: Any) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})

    got = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert "BlockedEncryptionTypes" not in got[0]


def test_upstream_still_takes_any_algorithm(s3: Any) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}]
    configuration = {"Rules": rules}

    assert (
        code_of(
            lambda: s3.put_bucket_encryption(
                Bucket=BUCKET, ServerSideEncryptionConfiguration=configuration
            )
        )
        == ""
    )


def test_upstream_still_drops_newer_noncurrent_versions(s3: Any) -> None:
    expiration = {"NoncurrentDays": 90, "NewerNoncurrentVersions": 100}
    one = {"ID": "a", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": expiration}

    assert lifecycle(s3, one)[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}


def test_upstream_still_takes_lifecycles_that_s3_does_not(s3: Any) -> None:
    one = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}

    assert code_of(lambda: lifecycle(s3, one, one)) == ""


def test_upstream_still_drops_the_key_format_of_logs(s3: Any) -> None:
    delivery = {"Service": "logging.s3.amazonaws.com"}
    s3.create_bucket(Bucket="log-bucket")
    writing = policy(allow("s3:PutObject", "arn:aws:s3:::log-bucket/*", Principal=delivery))
    s3.put_bucket_policy(Bucket="log-bucket", Policy=writing)
    enabled = {
        "TargetBucket": "log-bucket",
        "TargetPrefix": "",
        "TargetObjectKeyFormat": {"SimplePrefix": {}},
    }
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={"LoggingEnabled": enabled})

    got = s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]
    assert "TargetObjectKeyFormat" not in got


def test_upstream_still_drops_parts_of_a_replication(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "a",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": ARN},
    }
    replication = {"Role": f"arn:aws:iam::{ACCOUNT}:role/R", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=replication)

    got = s3.get_bucket_replication(Bucket=BUCKET)["ReplicationConfiguration"]["Rules"]
    assert got[0]["DeleteMarkerReplication"] == {"Status": "Disabled"}


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("put_bucket_abac", {"AbacStatus": {"Status": "Enabled"}}),
        ("put_bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "Requester"}}),
        (
            "put_bucket_metrics_configuration",
            {"Id": "a", "MetricsConfiguration": {"Id": "a"}},
        ),
        (
            "update_bucket_metadata_inventory_table_configuration",
            {"InventoryTableConfiguration": {"ConfigurationState": "ENABLED"}},
        ),
    ],
)
def test_upstream_still_takes_settings_that_it_does_not_know_for_a_creation(
    s3: Any, operation: str, arguments: dict[str, Any]
) -> None:
    code_of(lambda: getattr(s3, operation)(Bucket="another-bucket", **arguments))

    assert code_of(lambda: s3.head_bucket(Bucket="another-bucket")) == ""


def test_upstream_still_takes_acls_where_they_are_off(s3: Any) -> None:
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls)

    assert code_of(lambda: s3.put_bucket_acl(Bucket=BUCKET, ACL="private")) == ""


def test_upstream_still_turns_acls_off_that_name_others(s3: Any) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}

    assert (
        code_of(lambda: s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls))
        == ""
    )


def test_upstream_still_locks_none_but_empty_buckets(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"")
    lock = {"Bucket": BUCKET, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}

    assert code_of(lambda: s3.put_object_lock_configuration(**lock)) == "InvalidBucket"


def test_upstream_still_suspends_the_versioning_of_locked_buckets(s3: Any) -> None:
    s3.create_bucket(Bucket="locked-bucket", ObjectLockEnabledForBucket=True)
    suspended = {"Bucket": "locked-bucket", "VersioningConfiguration": {"Status": "Suspended"}}

    assert code_of(lambda: s3.put_bucket_versioning(**suspended)) == ""


def test_upstream_still_takes_a_metadata_configuration_for_an_upload(s3: Any) -> None:
    configuration = {"JournalTableConfiguration": {"RecordExpiration": {"Expiration": "DISABLED"}}}

    with pytest.raises(KeyError):
        s3.create_bucket_metadata_configuration(Bucket=BUCKET, MetadataConfiguration=configuration)


def test_upstream_still_encrypts_with_keys_that_are_not_there(s3: Any) -> None:
    missing = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/none"}

    assert code_of(lambda: s3.put_object(Bucket=BUCKET, Key="k", Body=b"", **missing)) == ""


def test_upstream_still_encrypts_with_disabled_keys(s3: Any, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    disabled = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

    assert code_of(lambda: s3.put_object(Bucket=BUCKET, Key="k", Body=b"", **disabled)) == ""


def test_upstream_still_does_not_ask_for_a_customers_key(s3: Any) -> None:
    given = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", **given)

    assert code_of(lambda: s3.get_object(Bucket=BUCKET, Key="k")) == ""


def test_upstream_still_forgets_versions_once_versioning_is_suspended(s3: Any) -> None:
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"")

    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_upstream_still_drops_the_rotation_period(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=400)

    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)


def test_upstream_still_takes_any_key_policy(kms: Any) -> None:
    assert code_of(lambda: kms.create_key(Policy="{")) == ""


def test_upstream_still_fails_to_disable_a_key_by_its_arn(kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]

    with pytest.raises(KeyError):
        kms.disable_key(KeyId=arn)


def test_upstream_still_creates_reserved_aliases(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    assert code_of(lambda: kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=key)) == ""


def test_upstream_still_takes_any_window_of_deletion(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    deletion = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=31)

    assert "KeyState" not in deletion


def test_upstream_still_rotates_keys_that_are_pending_deletion(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key)

    assert code_of(lambda: kms.enable_key_rotation(KeyId=key)) == ""


def test_upstream_still_encrypts_directly_with_disabled_keys(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)

    assert code_of(lambda: kms.encrypt(KeyId=key, Plaintext=b"x")) == ""


def test_upstream_still_revives_keys_that_were_not_to_die(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    assert code_of(lambda: kms.cancel_key_deletion(KeyId=key)) == ""


def test_upstream_still_fails_to_refuse_a_replica_of_a_key_of_one_region(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    with pytest.raises(AttributeError):
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")


def test_upstream_still_knows_no_imported_key_material(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    with pytest.raises(NotImplementedError):
        kms.delete_imported_key_material(KeyId=key)
    with pytest.raises(NotImplementedError):
        kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")


def test_upstream_still_does_not_ask_the_key_policy(kms: Any) -> None:
    text = policy(allow("kms:PutKeyPolicy", Principal="*"))
    key = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]

    assert code_of(lambda: kms.encrypt(KeyId=key, Plaintext=b"x")) == ""


def test_upstream_still_makes_an_rsa_key_for_each_symmetric_key(
    kms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "generate_private_key", utils.generate_private_key)
    made: list[int] = []
    generate = rsa.generate_private_key

    def counted(*arguments: Any, **named: Any) -> Any:
        made.append(1)
        return generate(*arguments, **named)

    monkeypatch.setattr(rsa, "generate_private_key", counted)

    kms.create_key()

    assert made


def test_upstream_still_lets_roles_be_assumed_that_are_not_there() -> None:
    assert _assumed("999999999999")["aws_session_token"]


def test_upstream_still_takes_session_policies_of_any_length() -> None:
    assert _assumed("999999999999", Policy=policy(allow("*")) + " " * 2048)


def test_upstream_still_ignores_session_policies() -> None:
    nothing = policy(deny("*"))
    ssm = boto3.client("ssm", **_assumed("999999999999", Policy=nothing))

    assert code_of(ssm.describe_parameters) == ""


def test_upstream_still_gives_accounts_a_status_and_pages_of_any_size() -> None:
    organizations = boto3.client("organizations")
    organizations.create_organization()
    for number in range(25):
        organizations.create_account(AccountName="a", Email=f"{number}@example.com")

    accounts = organizations.list_accounts()["Accounts"]
    assert len(accounts) == 26
    assert "Status" in accounts[0]
    assert "Paths" not in accounts[0]


def test_upstream_still_shows_the_organization_to_members() -> None:
    organizations = boto3.client("organizations")
    organizations.create_organization()
    made = organizations.create_account(AccountName="a", Email="a@example.com")
    member = _assumed(made["CreateAccountStatus"]["AccountId"])

    refusal = code_of(boto3.client("organizations", **member).list_accounts)
    assert refusal != "AccessDeniedException"


def test_upstream_still_holds_a_standard_parameter_of_any_size() -> None:
    ssm = boto3.client("ssm")

    assert code_of(lambda: ssm.put_parameter(Name="/a", Value="x" * 4097, Type="String")) == ""


def _assumed(account: str, **arguments: Any) -> dict[str, str]:
    credentials = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/Missing", RoleSessionName="session", **arguments
    )["Credentials"]
    assert time.time() < credentials["Expiration"].timestamp()
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_upstream_still_writes_no_results_of_a_map_run(s3: Any) -> None:
    done = _mapped(s3, {"Type": "Pass", "End": True}, {"Prefix": "there"})

    key = done.output["ResultWriterDetails"]["Key"]
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert manifest["ResultFiles"] == {"FAILED": [], "PENDING": [], "SUCCEEDED": []}


def test_upstream_still_tolerates_every_failure_in_a_map_run(s3: Any) -> None:
    done = _mapped(s3, {"Type": "Fail", "Error": "No"}, {"Prefix": "there"})

    assert done.exec_status == "SUCCEEDED"


def test_upstream_still_looks_for_a_result_writers_paths_in_the_results(s3: Any) -> None:
    done = _mapped(s3, {"Type": "Pass", "End": True}, {"Prefix.$": "$.prefix"})

    assert (done.exec_status, "$.prefix" in done.cause) == ("FAILED", True)


def _mapped(s3: Any, item: dict[str, Any], prefix: dict[str, str]) -> Any:
    """A Distributed Map over two items, run to its end."""
    s3.put_object(Bucket=BUCKET, Key="list.json", Body=b"[1, 2]")
    mapping = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": BUCKET, "Key": "list.json"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Item",
            "States": {"Item": item},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": BUCKET, **prefix},
        },
        "End": True,
    }
    definition = json.dumps({"StartAt": "Map", "States": {"Map": mapping}})
    backend = stepfunctions_parser_backends[ACCOUNT]["us-east-1"]
    role = f"arn:aws:iam::{ACCOUNT}:role/Engine"
    machine = backend.create_state_machine("machine", definition, role)
    with mock.patch("moto.stepfunctions.parser.models.Execution", SyncExecution):
        return backend.start_execution(machine.arn, "one", '{"prefix": "there"}')
