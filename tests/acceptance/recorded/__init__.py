"""
What a version of Statehold has left in accounts and register, recorded and brought back.

A file ``<version>.json`` here is written once, by that version's own code, and never edited:

    PYTHONPATH=functions .venv/bin/python -m tests.acceptance.recorded <version>

Before the first release there are two. ``unreleased`` is of today; nobody has it in an account, so
it is recorded anew when backends change on purpose. ``before-drift`` is of an earlier day, by the
code of that day, whose register did not yet keep what was wanted and what was repaired.

It has backends of several kinds, each as AWS's own read calls show it, with its register's item.
``bring_back`` makes the same on the double by AWS's write calls, whatever the code has become; so
``test_upgrade.py`` sees what today's code would change in accounts that an older one has made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.aws_double import AwsDouble
from tests.deployment import Deployment

FOLDER = Path(__file__).parent
HUB, REGION = "111111111111", "eu-central-1"
REGISTER = "StateholdBackendRegister"
KEY = "<key>"
"""Stands for the id of an account's own key, which is another one each time."""

KINDS: Mapping[str, Mapping[str, Any]] = {
    "222222222222": {},
    "333333333333": {"LockMode": "both", "NoncurrentVersionDays": "730", "AccessLogs": "off"},
    "444444444444": {"Encryption": "AES256", "PreventDestroy": "false"},
    "555555555555": {
        "StateAccessPrincipalArns": "arn:aws:iam::*:role/Deployer",
        "BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass",
        "Tags": "CostCenter=4711",
    },
}
"""Account -> the properties of its backend."""


Answer = dict[str, Any]

SETTINGS: Mapping[str, Callable[[Answer], Answer]] = {
    "public_access_block": lambda answer: answer,
    "bucket_ownership_controls": lambda answer: answer,
    "bucket_versioning": lambda answer: {"VersioningConfiguration": answer},
    "bucket_encryption": lambda answer: answer,
    "bucket_lifecycle_configuration": lambda answer: {
        "LifecycleConfiguration": {"Rules": answer.pop("Rules")},
        **answer,
    },
    "bucket_tagging": lambda answer: {"Tagging": answer},
    "bucket_logging": lambda answer: {"BucketLoggingStatus": answer},
    "bucket_policy": lambda answer: answer,
}
"""
Setting of a bucket -> what is put, of what was got.

The policy last: it binds whoever brings the others back.
"""

NOT_SET = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchTagSet",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


def make(aws: AwsDouble) -> None:
    """Backends of all ``KINDS``, by the code as it is."""
    deployment = Deployment(aws=aws)
    for account, properties in KINDS.items():
        aws.add_account(account)
        operation = {"operation": "reconcile", "accountId": account, "properties": properties}
        [report] = deployment.invoke("AccountVendedFunction", operation).answer
        assert report["status"] == "READY", report


def record(aws: AwsDouble) -> dict[str, Any]:
    """What there is, by account."""
    return {account: _recorded(aws, account) for account in KINDS}


def bring_back(aws: AwsDouble, recorded: Mapping[str, Any]) -> None:
    """The same, in accounts that have nothing yet; the register's table is there."""
    for account, it in recorded.items():
        aws.add_account(account)
        kms = _client(aws, account, "kms")
        text = json.dumps(it)
        if it["key"]:
            made = kms.create_key(Policy=it["key"]["policy"], Tags=it["key"]["tags"])
            key = made["KeyMetadata"]["KeyId"]
            text = text.replace(KEY, key)
            kms.enable_key_rotation(KeyId=key)
            kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)
        _bring_account_back(aws, account, json.loads(text))


# ---- reading -------------------------------------------------------------------------------------


def _recorded(aws: AwsDouble, account: str) -> dict[str, Any]:
    s3, ssm = _client(aws, account, "s3"), _client(aws, account, "ssm")
    names = sorted(it["Name"] for it in s3.list_buckets()["Buckets"])
    key_id, key = _key(aws, account)
    parameters = ssm.get_parameters_by_path(Path="/statehold")["Parameters"]
    found = {
        "register": _register(aws).get_item(TableName=REGISTER, Key=_place(account))["Item"],
        "key": key,
        # Logs first: S3 looks at where they are to go.
        "buckets": {it: _bucket(s3, it) for it in sorted(names, key=lambda it: "logs" not in it)},
        "table": _table(aws, account),
        "parameters": {it["Name"]: it["Value"] for it in parameters},
    }
    text = json.dumps(found, sort_keys=False)
    return dict(json.loads(text.replace(key_id, KEY) if key_id else text))


def _key(aws: AwsDouble, account: str) -> tuple[str, dict[str, Any]]:
    kms = _client(aws, account, "kms")
    if not any(it["AliasName"] == "alias/statehold" for it in kms.list_aliases()["Aliases"]):
        return "", {}
    key = kms.describe_key(KeyId="alias/statehold")["KeyMetadata"]["KeyId"]
    policy = kms.get_key_policy(KeyId=key)["Policy"]
    return key, {"policy": policy, "tags": kms.list_resource_tags(KeyId=key)["Tags"]}


def _bucket(s3: Any, name: str) -> dict[str, Any]:
    found = {}
    for setting in SETTINGS:
        try:
            answer = getattr(s3, f"get_{setting}")(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_SET:
                raise
            continue
        del answer["ResponseMetadata"]
        found[setting] = answer
    return found


def _table(aws: AwsDouble, account: str) -> dict[str, Any]:
    dynamodb = _client(aws, account, "dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        return {"name": name, "tags": tags}
    return {}


# ---- writing -------------------------------------------------------------------------------------


def _bring_account_back(aws: AwsDouble, account: str, it: Mapping[str, Any]) -> None:
    s3, ssm = _client(aws, account, "s3"), _client(aws, account, "ssm")
    for name, settings in it["buckets"].items():
        s3.create_bucket(
            Bucket=name,
            BucketNamespace="account-regional",
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        for setting, answer in settings.items():
            getattr(s3, f"put_{setting}")(Bucket=name, **SETTINGS[setting](answer))
    if it["table"]:
        _bring_table_back(_client(aws, account, "dynamodb"), it["table"])
    for name, text in it["parameters"].items():
        ssm.put_parameter(Name=name, Value=text, Type="String")
    _register(aws).put_item(TableName=REGISTER, Item=it["register"])


def _bring_table_back(dynamodb: Any, table: Mapping[str, Any]) -> None:
    dynamodb.create_table(
        TableName=table["name"],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        Tags=table["tags"],
    )
    dynamodb.update_continuous_backups(
        TableName=table["name"],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )


def _place(account: str) -> dict[str, Any]:
    return {"backend": {"S": f"{account}#{REGION}"}}


def _register(aws: AwsDouble) -> Any:
    return aws.client("dynamodb", principal=f"arn:aws:iam::{HUB}:role/Recorder")


def _client(aws: AwsDouble, account: str, service: str) -> Any:
    """As a role that the policies of a backend let through."""
    principal = f"arn:aws:iam::{account}:role/StateholdProvisioner"
    return aws.client(service, principal=principal, region=REGION, tls=True)
