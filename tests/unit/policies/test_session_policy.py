"""What our own sessions may do: what calls need, on the backend alone, in 2,048 characters."""

from __future__ import annotations

import fnmatch
import json
from itertools import product

import pytest

from state_backend.policies.session_policy import (
    SIZE_LIMIT,
    existence_policy,
    places_of,
    role_statements,
    session_policies,
    stack_policy,
)
from state_backend.reconcile import permissions
from tests.unit.given import ACCOUNT, BUCKET, KEY, LOG_BUCKET, REGION, STACK, backend

GOV = "us-gov-west-1"
LONGEST = {
    "BucketName": "b" * 63,
    "AccessLogs": "l" * 63,
    "LockMode": "both",
    "LockTableName": "t" * 255,
    "KmsKeyArn": f"arn:aws-us-gov:kms:{GOV}:{ACCOUNT}:key/mrk-{'0a' * 16}",
}
DESTRUCTIVE = (
    "s3:DeleteBucket",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:DeleteBucketPolicy",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAttributes",
    "s3:PutObject",
    "s3:BypassGovernanceRetention",
    "s3:PutReplicationConfiguration",
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:GenerateDataKey",
    "kms:CreateGrant",
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
    "kms:DeleteAlias",
    "dynamodb:DeleteTable",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "ssm:DeleteParameter",
    "iam:CreateRole",
    "sts:AssumeRole",
)


def sessions(properties=None, **place):
    spec = backend(properties, **place)
    return session_policies(spec, permissions(spec))


def granted(policies):
    """(action, resource) of everything that *policies* allow."""
    for policy in policies:
        for statement in json.loads(policy.text)["Statement"]:
            assert statement["Effect"] == "Allow"
            yield from product(listed(statement["Action"]), listed(statement["Resource"]))


def listed(value):
    return value if isinstance(value, list) else [value]


GIVEN = f"arn:aws:kms:{REGION}:999999999999:key/11111111-1111-4222-8333-444444444444"
READ_BUCKET = [
    "s3:GetBucketLogging",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
]
WRITE_BUCKET = [
    "s3:PutBucketLogging",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:TagResource",
]
LOOK_AT_TABLE = ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"]
SET_TABLE = ["dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable"]
HERE = f"{REGION}:{ACCOUNT}"
TABLE = f"arn:aws:dynamodb:{HERE}:table/{BUCKET}-lock"
PARAMETERS = [
    f"arn:aws:ssm:{HERE}:parameter/statehold/backend",
    f"arn:aws:ssm:{HERE}:parameter/statehold/backend.hcl",
]
ALIAS, ALL_KEYS = f"arn:aws:kms:{HERE}:alias/statehold", f"arn:aws:kms:{HERE}:key/*"


def written_down(services, *statements):
    """A session policy as IAM gets it."""
    made = [{"Effect": "Allow", "Action": it, "Resource": where} for it, where in statements]
    document = {"Version": "2012-10-17", "Statement": made}
    return services, json.dumps(document, separators=(",", ":"))


S3 = ("s3", "s3control")
OTHERS = ("kms", "resourcegroupstaggingapi", "ssm", "dynamodb")


def test_a_backend_with_its_own_key_gets_these_sessions_word_by_word():
    made = [(it.services, it.text) for it in sessions(key_arn=KEY)]

    assert made == [
        written_down(
            S3,
            (
                ["s3:CreateBucket", *READ_BUCKET, *WRITE_BUCKET],
                [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{LOG_BUCKET}"],
            ),
        ),
        written_down(
            OTHERS,
            ([*LOOK_AT_TABLE, *SET_TABLE], TABLE),
            (["kms:CreateAlias", "kms:UpdateAlias"], [ALIAS, ALL_KEYS]),
            (["kms:CreateKey", "kms:TagResource", "tag:GetResources"], "*"),
            (["kms:DescribeKey"], ALL_KEYS),
            (
                [
                    "kms:EnableKeyRotation",
                    "kms:GetKeyPolicy",
                    "kms:GetKeyRotationStatus",
                    "kms:PutKeyPolicy",
                ],
                KEY,
            ),
            (["ssm:GetParameters", "ssm:PutParameter"], PARAMETERS),
        ),
    ]


def test_a_backend_with_a_given_key_and_log_bucket_gets_these():
    given = {"LockMode": "both", "KmsKeyArn": GIVEN, "AccessLogs": "acme-logs"}

    made = [(it.services, it.text) for it in sessions(given)]

    assert made == [
        written_down(
            S3,
            (["s3:CreateBucket", *READ_BUCKET, *WRITE_BUCKET], f"arn:aws:s3:::{BUCKET}"),
            (["s3:GetEncryptionConfiguration", "s3:ListBucket"], "arn:aws:s3:::acme-logs"),
        ),
        written_down(
            OTHERS,
            (
                ["dynamodb:CreateTable", *LOOK_AT_TABLE, "dynamodb:TagResource", *SET_TABLE],
                TABLE,
            ),
            (["kms:DescribeKey"], GIVEN),
            (["ssm:GetParameters", "ssm:PutParameter"], PARAMETERS),
        ),
    ]


def test_what_looks_at_a_stack_or_a_bucket_goes_to_its_service():
    assert stack_policy(STACK).services == ("cloudformation",)
    assert existence_policy(f"arn:aws:s3:::{BUCKET}").services == ("s3",)


@pytest.mark.parametrize(
    ("properties", "named"),
    [({}, ""), ({"AccessLogs": "off"}, ""), ({"AccessLogs": "acme"}, "arn:aws:s3:::acme")],
)
def test_only_a_log_bucket_that_was_named_is_looked_at_besides(properties, named):
    assert places_of(backend(properties)).named_log_bucket == named


def test_the_roles_last_two_statements_are_for_a_delete_and_for_a_lost_bucket():
    spec = backend()

    assert role_statements(permissions(spec), places_of(spec))[-2:] == [
        {
            "Effect": "Allow",
            "Action": ["cloudformation:DescribeStackEvents", "cloudformation:ListStackResources"],
            "Resource": f"arn:aws:cloudformation:{HERE}:stack/*",
        },
        {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": "*"},
    ]


@pytest.mark.parametrize("without", [(), *((name,) for name in LONGEST)])
@pytest.mark.parametrize("origin", ["", "created", "adopted"])
def test_even_the_longest_case_fits_a_session(without, origin):
    properties = {name: value for name, value in LONGEST.items() if name not in without}

    for policy in sessions(properties, region=GOV, origin=origin):
        assert len(policy.text) <= SIZE_LIMIT, len(policy.text)


@pytest.mark.parametrize("action", DESTRUCTIVE)
@pytest.mark.parametrize("properties", [{}, {"LockMode": "both"}, {"Encryption": "AES256"}])
def test_nothing_is_deleted_read_or_decrypted(properties, action):
    assert not [it for it, _ in granted(sessions(properties)) if fnmatch.fnmatchcase(action, it)]


def test_no_action_is_a_wildcard():
    assert not [action for action, _ in granted(sessions({"LockMode": "both"})) if "*" in action]


def test_each_declared_permission_is_granted_and_no_other():
    spec = backend({"LockMode": "both"})

    assert {action for action, _ in granted(sessions({"LockMode": "both"}))} == permissions(spec)


def test_only_what_iam_knows_no_resource_for_is_granted_everywhere():
    everywhere = {action for action, resource in granted(sessions()) if resource == "*"}

    assert everywhere == {"kms:CreateKey", "kms:TagResource", "tag:GetResources"}


def test_s3_is_reached_in_the_two_buckets_alone():
    reached = {where for action, where in granted(sessions()) if action.startswith("s3:")}

    assert reached == {f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{LOG_BUCKET}"}


def test_a_named_log_bucket_is_only_looked_at():
    found = {
        action
        for action, where in granted(sessions({"AccessLogs": "acme-logs"}))
        if where == "arn:aws:s3:::acme-logs"
    }

    assert found == {"s3:ListBucket", "s3:GetEncryptionConfiguration"}


def test_a_key_that_is_known_is_the_only_one_that_is_written():
    found = dict(granted(sessions(key_arn=KEY)))

    assert found["kms:PutKeyPolicy"] == found["kms:EnableKeyRotation"] == KEY


def test_an_own_key_is_never_written():
    written = {"kms:PutKeyPolicy", "kms:EnableKeyRotation", "kms:UpdateAlias"}
    policies = sessions({"KmsKeyArn": KEY})

    assert [action for action, _ in granted(policies) if action in written] == []


def test_aes256_needs_nothing_of_kms():
    policies = sessions({"Encryption": "AES256"})

    assert [action for action, _ in granted(policies) if action.startswith(("kms:", "tag:"))] == []


def test_each_service_has_one_session():
    services = [service for policy in sessions({"LockMode": "both"}) for service in policy.services]

    assert sorted(services) == sorted(set(services))
    assert {"s3", "s3control", "kms", "ssm", "dynamodb", "resourcegroupstaggingapi"} <= set(
        services
    )


def test_a_stack_is_looked_at_alone():
    assert set(granted([stack_policy(STACK)])) == {
        ("cloudformation:DescribeStackEvents", STACK),
        ("cloudformation:ListStackResources", STACK),
    }


def test_existence_takes_a_look_at_the_bucket_and_at_the_accounts_list():
    arn = f"arn:aws:s3:::{BUCKET}"

    wanted = {("s3:ListBucket", arn), ("s3:ListAllMyBuckets", "*")}
    assert set(granted([existence_policy(arn)])) == wanted


def test_the_provisioner_role_may_do_the_same_and_look_at_what_a_delete_rests_on():
    spec = backend({"LockMode": "both"})

    statements = role_statements(permissions(spec), places_of(spec))

    actions = {action for it in statements for action in listed(it["Action"])}
    assert actions == permissions(spec) | {
        "cloudformation:DescribeStackEvents",
        "cloudformation:ListStackResources",
        "s3:ListAllMyBuckets",
    }


def test_other_partitions_have_their_own_arns():
    assert "arn:aws:" not in "".join(it.text for it in sessions(region="cn-north-1"))
    assert REGION not in "".join(it.text for it in sessions(region=GOV))
