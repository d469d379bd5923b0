"""Every call that the loop makes is one that AWS's own models accept."""

from __future__ import annotations

from functools import cache

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from state_backend.aws import SERVICES
from tests.contract.scenarios import every_call, operations

OF_OTHERS_TOO = {"create_bucket"}
"""S3 operations on a bucket that take no owner: there is none yet."""


@cache
def model_of(service):
    return botocore.session.get_session().get_service_model(service)


def shape_of(call):
    model = model_of(call.service)
    [name] = [it for it in model.operation_names if xform_name(it) == call.operation]
    return model.operation_model(name).input_shape


def calls_of(operation):
    found = [call for call in every_call() if str(call) == operation]
    assert found
    return found


def wrong_values(shape, value, path=""):
    """Where *value* is not one of the values, or not of the form, that the model lists."""
    match shape.type_name:
        case "structure":
            return [
                it
                for key, inner in value.items()
                for it in wrong_values(shape.members[key], inner, f"{path}.{key}")
            ]
        case "list":
            return [it for inner in value for it in wrong_values(shape.member, inner, f"{path}[]")]
        case "map":
            return [
                it
                for inner in value.values()
                for it in wrong_values(shape.value, inner, f"{path}{{}}")
            ]
        case "string":
            return [f"{path} is {value}"] if shape.enum and value not in shape.enum else []
        case _:
            return []


@pytest.mark.parametrize("operation", operations())
def test_every_call_fits_its_model(operation):
    for call in calls_of(operation):
        report = ParamValidator().validate(dict(call.parameters), shape_of(call))

        assert not report.has_errors(), report.generate_report()
        assert wrong_values(shape_of(call), call.parameters) == []


@pytest.mark.parametrize("operation", [it for it in operations() if it.startswith("s3")])
def test_every_s3_call_that_can_names_the_expected_owner(operation):
    for call in calls_of(operation):
        members = shape_of(call).members
        if "ExpectedBucketOwner" in members:
            assert call.parameters["ExpectedBucketOwner"] == "222222222222"
        elif "AccountId" in members:
            assert call.parameters["AccountId"] == "222222222222"
        else:
            assert call.operation in OF_OTHERS_TOO


def test_no_call_deletes_or_reads_a_state():
    for operation in operations():
        name = operation.partition(":")[2]
        assert not name.startswith(("delete_", "schedule_", "disable_", "remove_"))
        assert name not in {"get_object", "put_object", "copy_object", "select_object_content"}


def test_only_creating_a_key_must_not_be_repeated():
    """It is the only creating call of ours without a name or token that makes it unique."""
    assert {str(call) for call in every_call() if not call.repeatable} == {"kms:create_key"}


def test_enough_is_tried():
    """A new operation shows up here, and with it in every test that walks them."""
    assert set(operations()) == {
        "dynamodb:create_table",
        "dynamodb:describe_continuous_backups",
        "dynamodb:describe_table",
        "dynamodb:update_continuous_backups",
        "dynamodb:update_table",
        "kms:create_alias",
        "kms:create_key",
        "kms:describe_key",
        "kms:enable_key_rotation",
        "kms:get_key_policy",
        "kms:get_key_rotation_status",
        "kms:put_key_policy",
        "kms:update_alias",
        "resourcegroupstaggingapi:get_resources",
        "s3:create_bucket",
        "s3:get_bucket_encryption",
        "s3:get_bucket_lifecycle_configuration",
        "s3:get_bucket_logging",
        "s3:get_bucket_ownership_controls",
        "s3:get_bucket_policy",
        "s3:get_bucket_tagging",
        "s3:get_bucket_versioning",
        "s3:get_public_access_block",
        "s3:head_bucket",
        "s3:put_bucket_encryption",
        "s3:put_bucket_lifecycle_configuration",
        "s3:put_bucket_logging",
        "s3:put_bucket_ownership_controls",
        "s3:put_bucket_policy",
        "s3:put_bucket_versioning",
        "s3:put_public_access_block",
        "s3control:tag_resource",
        "ssm:get_parameters",
        "ssm:put_parameter",
    }


def test_the_build_ships_every_service_that_is_called():
    assert {call.service for call in every_call()} <= set(SERVICES)
