"""The log bucket's policy: only S3's log delivery writes, and nobody deletes."""

from __future__ import annotations

import pytest

from state_backend.policies.bucket_policy import CONFIGURATION_ACTIONS
from state_backend.policies.log_bucket_policy import log_bucket_policy, log_prefix
from tests.unit.given import ACCOUNT, BREAK_GLASS, BUCKET, LOG_BUCKET, ROLE, backend

ARN = f"arn:aws:s3:::{LOG_BUCKET}"


def made(properties=None, **place):
    document = log_bucket_policy(backend(properties, **place), None)
    return {it["Sid"].removeprefix("Statehold"): it for it in document["Statement"]}


def deny(name, action, condition=None):
    statement = {
        "Sid": f"StateholdDeny{name}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [ARN, f"{ARN}/*"],
    }
    return statement | ({"Condition": condition} if condition else {})


def test_what_is_foreign_stays():
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    current = {"Version": "2012-10-17", "Statement": [theirs]}

    assert log_bucket_policy(backend(), current)["Statement"][-1] == theirs


def test_it_is_this():
    assert made() == {
        "AllowLogDelivery": {
            "Sid": "StateholdAllowLogDelivery",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"{ARN}/{BUCKET}/*",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        },
        "DenyInsecureTransport": deny(
            "InsecureTransport", "s3:*", {"Bool": {"aws:SecureTransport": "false"}}
        ),
        "DenyWrites": deny(
            "Writes", "s3:PutObject", {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
        ),
        "DenyReconfigure": deny(
            "Reconfigure",
            list(CONFIGURATION_ACTIONS),
            {"ArnNotLike": {"aws:PrincipalArn": [ROLE]}},
        ),
        "DenyDestroy": deny(
            "Destroy",
            [
                "s3:DeleteBucket",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:BypassGovernanceRetention",
            ],
        ),
    }


def test_what_is_allowed_is_where_the_logs_go():
    assert made()["AllowLogDelivery"]["Resource"] == f"{ARN}/{log_prefix(backend())}*"


def test_break_glass_may_delete():
    statement = made({"BreakGlassPrincipalArns": BREAK_GLASS})["DenyDestroy"]

    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [BREAK_GLASS]}}


def test_without_prevent_destroy_only_that_statement_goes():
    assert made().keys() - made({"PreventDestroy": "false"}).keys() == {"DenyDestroy"}


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_in_another_partition_every_arn_is_of_it(region):
    assert "arn:aws:" not in str(made(region=region))
