"""The key's policy: nobody is locked out, decrypts but through S3, or deletes by accident."""

from __future__ import annotations

import fnmatch

import pytest

from state_backend.errors import RefusedChange
from state_backend.policies.key_policy import SIZE_LIMIT, key_policy
from tests.unit.given import ACCOUNT, BREAK_GLASS, REGION, ROLE, backend

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CRYPTOGRAPHIC = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:ReEncryptFrom",
    "kms:Sign",
    "kms:GenerateMac",
    "kms:DeriveSharedSecret",
)


def made(properties=None, **learned):
    document = key_policy(backend(properties, **learned), None)
    return {
        statement["Sid"].removeprefix("Statehold"): statement for statement in document["Statement"]
    }


def test_it_has_these_statements():
    assert list(made()) == [
        "AllowAdministration",
        "AllowUseThroughS3",
        "DenyGrants",
        "DenyDeletion",
        "DenyReconfigure",
    ]


def test_root_administers():
    """Without PutKeyPolicy for root there is no way back from a lock-out."""
    statement = made()["AllowAdministration"]

    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"AWS": ROOT})
    assert {"kms:PutKeyPolicy", "kms:CancelKeyDeletion", "kms:EnableKey"} <= set(
        statement["Action"]
    )
    assert "Condition" not in statement


@pytest.mark.parametrize("action", CRYPTOGRAPHIC)
def test_root_has_no_cryptographic_right(action):
    granted = made()["AllowAdministration"]["Action"]

    assert not [it for it in granted if fnmatch.fnmatchcase(action, it)]


@pytest.mark.parametrize("action", ["kms:CreateGrant", "kms:ReplicateKey"])
def test_nobody_is_given_a_copy_or_a_grant(action):
    allowed = [it for it in made().values() if it["Effect"] == "Allow"]

    assert not [it for it in allowed for name in it["Action"] if fnmatch.fnmatchcase(action, name)]


def test_principals_of_the_account_use_it_through_s3_of_this_region_alone():
    statement = made()["AllowUseThroughS3"]

    assert statement == {
        "Sid": "StateholdAllowUseThroughS3",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
            "kms:DescribeKey",
        ],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:CallerAccount": ACCOUNT,
                "kms:ViaService": f"s3.{REGION}.amazonaws.com",
            }
        },
    }


def test_grants_are_refused_to_all():
    assert made()["DenyGrants"] == {
        "Sid": "StateholdDenyGrants",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["kms:CreateGrant"],
        "Resource": "*",
    }


def test_deletion_is_refused_to_all_but_root_and_break_glass():
    statement = made({"BreakGlassPrincipalArns": BREAK_GLASS})["DenyDeletion"]

    assert {"kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DeleteAlias"} <= set(
        statement["Action"]
    )
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [ROOT, BREAK_GLASS]}}


def test_reconfiguring_is_refused_to_all_but_root_our_role_and_break_glass():
    statement = made({"BreakGlassPrincipalArns": BREAK_GLASS})["DenyReconfigure"]

    assert {
        "kms:PutKeyPolicy",
        "kms:DisableKeyRotation",
        "kms:EnableKeyRotation",
        "kms:UpdateAlias",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:ReplicateKey",
    } <= set(statement["Action"])
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [ROOT, ROLE, BREAK_GLASS]}}


def test_without_prevent_destroy_only_the_deletion_guard_goes():
    assert made().keys() - made({"PreventDestroy": "false"}).keys() == {"DenyDeletion"}


@pytest.mark.parametrize("properties", [{}, {"PreventDestroy": "false"}])
def test_no_deny_but_that_of_grants_reaches_root(properties):
    for sid, statement in made(properties).items():
        if statement["Effect"] == "Deny" and sid != "DenyGrants":
            assert ROOT in statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]


def test_in_govcloud_root_is_of_that_partition():
    statement = made(region="us-gov-west-1")["AllowAdministration"]

    assert statement["Principal"] == {"AWS": f"arn:aws-us-gov:iam::{ACCOUNT}:root"}


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_s3_goes_by_its_name_in_that_partition(region, host):
    condition = made(region=region)["AllowUseThroughS3"]["Condition"]
    hosts = condition["StringEquals"]["kms:ViaService"]

    assert host in ([hosts] if isinstance(hosts, str) else hosts)


def test_foreign_statements_stay_and_a_policy_too_long_is_refused():
    foreign = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "kms:Decrypt",
    }
    current = {"Version": "2012-10-17", "Statement": [foreign]}
    huge = {"Version": "2012-10-17", "Statement": [{**foreign, "Resource": "x" * SIZE_LIMIT}]}

    assert key_policy(backend(), current)["Statement"][-1] == foreign
    with pytest.raises(RefusedChange, match="AWS takes 32768"):
        key_policy(backend(), huge)
