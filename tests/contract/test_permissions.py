"""``permissions`` are real IAM actions, and exactly what the calls need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources

import pytest

from state_backend.calls import AwsError
from state_backend.controls import CONTROLS
from state_backend.errors import StateholdError
from state_backend.resources import RESOURCES
from tests.contract.scenarios import OLD, every_call
from tests.property.backends import PROPERTIES
from tests.unit.account import Account
from tests.unit.given import BUCKET, KEY, TABLE, backend

KNOWN = json.loads(
    (resources.files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text("utf-8")
)
"""IAM's actions by service, in lower case."""

NEEDS: dict[str, tuple[str, ...]] = {
    "dynamodb:create_table": ("dynamodb:CreateTable", "dynamodb:TagResource"),
    "dynamodb:describe_continuous_backups": ("dynamodb:DescribeContinuousBackups",),
    "dynamodb:describe_table": ("dynamodb:DescribeTable",),
    "dynamodb:update_continuous_backups": ("dynamodb:UpdateContinuousBackups",),
    "dynamodb:update_table": ("dynamodb:UpdateTable",),
    "kms:create_alias": ("kms:CreateAlias",),
    "kms:create_key": ("kms:CreateKey", "kms:TagResource"),
    "kms:describe_key": ("kms:DescribeKey",),
    "kms:enable_key_rotation": ("kms:EnableKeyRotation",),
    "kms:get_key_policy": ("kms:GetKeyPolicy",),
    "kms:get_key_rotation_status": ("kms:GetKeyRotationStatus",),
    "kms:put_key_policy": ("kms:PutKeyPolicy",),
    "kms:update_alias": ("kms:UpdateAlias",),
    "resourcegroupstaggingapi:get_resources": ("tag:GetResources",),
    "s3:create_bucket": ("s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:TagResource"),
    "s3:get_bucket_encryption": ("s3:GetEncryptionConfiguration",),
    "s3:get_bucket_lifecycle_configuration": ("s3:GetLifecycleConfiguration",),
    "s3:get_bucket_logging": ("s3:GetBucketLogging",),
    "s3:get_bucket_ownership_controls": ("s3:GetBucketOwnershipControls",),
    "s3:get_bucket_policy": ("s3:GetBucketPolicy",),
    "s3:get_bucket_tagging": ("s3:GetBucketTagging",),
    "s3:get_bucket_versioning": ("s3:GetBucketVersioning",),
    "s3:get_public_access_block": ("s3:GetBucketPublicAccessBlock",),
    "s3:head_bucket": ("s3:ListBucket",),
    "s3:put_bucket_encryption": ("s3:PutEncryptionConfiguration",),
    "s3:put_bucket_lifecycle_configuration": ("s3:PutLifecycleConfiguration",),
    "s3:put_bucket_logging": ("s3:PutBucketLogging",),
    "s3:put_bucket_ownership_controls": ("s3:PutBucketOwnershipControls",),
    "s3:put_bucket_policy": ("s3:PutBucketPolicy",),
    "s3:put_bucket_versioning": ("s3:PutBucketVersioning",),
    "s3:put_public_access_block": ("s3:PutBucketPublicAccessBlock",),
    "s3control:tag_resource": ("s3:TagResource",),
    "ssm:get_parameters": ("ssm:GetParameters",),
    "ssm:put_parameter": ("ssm:PutParameter",),
}
"""
Operation -> the IAM actions that it asks for with the parameters that we send.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""


def is_known(action: str) -> bool:
    service, _, name = action.lower().partition(":")
    return name in KNOWN.get(service, {}).get("Actions", {})


def needed(calls) -> set[str]:
    return {action for call in calls for action in NEEDS[str(call)]}


def accounts() -> Iterator[Account]:
    """Accounts in which each way through ``find`` and ``create`` is taken."""
    yield Account()
    for more in ({}, OLD, {"bucket_tagging": {"TagSet": []}}):
        account = Account()
        account.has_bucket(BUCKET, **more)
        account.has_bucket("acme-logs")
        account.has_table(TABLE)
        yield account
    for how in ({"alias": "alias/statehold"}, {"tags": {"StateholdBackend": BUCKET}}):
        account = Account()
        account.has_key(**how)
        yield account


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
def test_a_control_declares_exactly_what_its_calls_need(control):
    spec = backend({"LockMode": "both"}, key_arn=KEY, origin="created")
    calls = []
    for resource in RESOURCES:
        if resource.id in control.on:
            calls.append(control.read(spec, resource.subject(spec)))
            for found in (None, KEY if control.id == "kms-key-alias" else None):
                desired = control.desired(spec, found)
                calls += control.write(spec, resource.subject(spec), desired, found)

    assert set(control.permissions) == needed(calls)
    assert len(set(control.permissions)) == len(control.permissions)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda it: it.id)
def test_a_resource_declares_exactly_what_its_calls_need(resource):
    calls = []
    for properties in (*PROPERTIES.values(), {"AccessLogs": "acme-logs"}):
        for account in accounts():
            for act in (resource.find, resource.create):
                try:
                    act(backend(properties), account)
                except (AwsError, StateholdError):
                    continue
            calls += [*account.reads, *account.writes]

    assert set(resource.permissions) == needed(calls)
    assert len(set(resource.permissions)) == len(resource.permissions)


def test_the_table_knows_every_call():
    assert {str(call) for call in every_call()} == set(NEEDS)


@pytest.mark.parametrize("action", sorted({it for names in NEEDS.values() for it in names}))
def test_every_action_exists(action):
    assert is_known(action)


def test_an_invented_action_would_be_found():
    assert not is_known("s3:PutBucketEncryption")  # the operation's name, not the action's
    assert is_known("s3:PutEncryptionConfiguration")
