"""Who one is in the double, and what one may do, is decided as AWS decides it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, answer, deny, policy, refused

MANAGEMENT = "111111111111"
MEMBER = "222222222222"
ROLE = f"arn:aws:iam::{MEMBER}:role/StateholdProvisioner"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        yield double


def assumed(aws: AwsDouble, role: str = ROLE, **arguments: Any) -> dict[str, str]:
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="statehold", **arguments)
    return {
        "aws_access_key_id": keys["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": keys["Credentials"]["SecretAccessKey"],
        "aws_session_token": keys["Credentials"]["SessionToken"],
    }


def test_an_assumed_role_acts_in_its_own_account(aws: AwsDouble) -> None:
    client = aws.client("sts", credentials=assumed(aws))

    assert answer(client.get_caller_identity())["Account"] == MEMBER
    assert client.get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{MEMBER}:assumed-role/StateholdProvisioner/statehold"
    )


@pytest.mark.parametrize("role", ["Missing", "stateholdprovisioner"])
def test_a_role_that_is_not_there_cannot_be_assumed(aws: AwsDouble, role: str) -> None:
    arn = f"arn:aws:iam::{MEMBER}:role/{role}"

    with refused(
        "AccessDenied", f"is not authorized to perform: sts:AssumeRole on resource: {arn}"
    ):
        assumed(aws, arn)


def test_a_role_can_be_assumed_once_it_is_there_and_not_after(aws: AwsDouble) -> None:
    arn = f"arn:aws:iam::{MEMBER}:role/Late"
    with refused("AccessDenied"):
        assumed(aws, arn)

    assert aws.add_role(MEMBER, "Late") == arn
    assumed(aws, arn)
    aws.remove_role(MEMBER, "Late")

    with refused("AccessDenied"):
        assumed(aws, arn)


def test_a_role_of_a_closed_account_cannot_be_assumed(aws: AwsDouble) -> None:
    aws.set_account_state(MEMBER, "SUSPENDED")

    with refused("AccessDenied"):
        assumed(aws)


def test_a_trust_policy_decides_who_assumes(aws: AwsDouble) -> None:
    trust = policy(
        {"Effect": "Allow", "Principal": {"AWS": aws.hub_role}, "Action": "sts:AssumeRole"}
    )
    aws.add_role(MEMBER, "ForTheHub", trust=trust)
    arn = f"arn:aws:iam::{MEMBER}:role/ForTheHub"

    assumed(aws, arn)
    with refused("AccessDenied"):
        other = aws.client("sts", principal=f"arn:aws:iam::{MANAGEMENT}:role/Other")
        other.assume_role(RoleArn=arn, RoleSessionName="session")


def test_an_identity_without_the_permission_assumes_nothing(aws: AwsDouble) -> None:
    client = aws.client("sts", policy=policy(allow("s3:*")))

    with refused("AccessDenied"):
        client.assume_role(RoleArn=ROLE, RoleSessionName="session")


def test_a_session_policy_of_2048_characters_is_taken_and_one_more_is_not(aws: AwsDouble) -> None:
    text = policy(allow("sts:GetCallerIdentity"))
    padded = text + " " * (2048 - len(text))

    assumed(aws, Policy=padded)
    with refused("ValidationError", "less than or equal to 2048"):
        assumed(aws, Policy=padded + " ")


@pytest.mark.parametrize(
    "text", ["{", "[]", policy(allow("s3:*", Principal="*")), '{"Statement": {"Effect": "Allow"}}']
)
def test_a_session_policy_must_be_a_policy(aws: AwsDouble, text: str) -> None:
    with refused("MalformedPolicyDocument"):
        assumed(aws, Policy=text)


def test_a_session_may_do_only_what_both_the_role_and_its_session_policy_allow(
    aws: AwsDouble,
) -> None:
    aws.add_role(MEMBER, "Narrow", policy(allow(["ssm:GetParameter", "ssm:PutParameter"])))
    session = policy(allow(["ssm:PutParameter", "s3:ListAllMyBuckets"]))
    keys = assumed(aws, f"arn:aws:iam::{MEMBER}:role/Narrow", Policy=session)
    ssm = aws.client("ssm", credentials=keys)

    ssm.put_parameter(Name="/a", Value="b", Type="String")
    with refused("AccessDeniedException", "because no session policy allows the ssm:GetParameter"):
        ssm.get_parameter(Name="/a")
    with refused("AccessDenied", "because no identity-based policy allows the s3:ListAllMyBuckets"):
        aws.client("s3", credentials=keys).list_buckets()


def test_a_session_policy_can_deny(aws: AwsDouble) -> None:
    keys = assumed(aws, Policy=policy(allow("*"), deny("s3:ListAllMyBuckets")))

    with refused("AccessDenied", "with an explicit deny in a session policy"):
        aws.client("s3", credentials=keys).list_buckets()


def test_a_managed_policy_can_limit_a_session(aws: AwsDouble) -> None:
    arns = [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]

    aws.client("s3", credentials=assumed(aws, PolicyArns=arns)).list_buckets()


def test_a_chained_session_lasts_an_hour_at_most(aws: AwsDouble) -> None:
    assumed(aws, DurationSeconds=3600)

    with refused("ValidationError", "role chaining"):
        assumed(aws, DurationSeconds=3601)


@pytest.mark.parametrize("name", ["", "a", "with space", "x" * 65])
def test_a_session_name_must_be_well_formed(aws: AwsDouble, name: str) -> None:
    client = aws.client("sts", config=Config(parameter_validation=False))

    with refused("ValidationError", "roleSessionName"):
        client.assume_role(RoleArn=ROLE, RoleSessionName=name)


def test_accounts_do_not_see_each_others_parameters(aws: AwsDouble) -> None:
    aws.client("ssm").put_parameter(Name="/a", Value="hub", Type="String")

    with refused("ParameterNotFound"):
        aws.client("ssm", credentials=assumed(aws)).get_parameter(Name="/a")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
    ],
)
def test_unknown_keys_are_refused_in_the_services_own_words(
    aws: AwsDouble, service: str, operation: str, code: str
) -> None:
    keys = {"aws_access_key_id": "AKIA" + "A" * 16, "aws_secret_access_key": "x"}

    with refused(code):
        getattr(aws.client(service, credentials=keys), operation)()


@pytest.mark.parametrize(
    ("service", "operation", "code", "words"),
    [
        ("s3", "list_buckets", "ExpiredToken", "The provided token has expired."),
        ("sts", "get_caller_identity", "ExpiredToken", "in the request is expired"),
        ("dynamodb", "list_tables", "ExpiredTokenException", "in the request is expired"),
    ],
)
def test_expired_keys_are_refused_in_the_services_own_words(
    aws: AwsDouble, service: str, operation: str, code: str, words: str
) -> None:
    keys = aws.credentials(ROLE)
    client = aws.client(service, credentials=keys)
    assert getattr(client, operation)()

    aws.expire(keys["aws_access_key_id"])

    with refused(code, words):
        getattr(client, operation)()


def test_a_key_without_its_token_is_refused(aws: AwsDouble) -> None:
    keys = aws.credentials(ROLE) | {"aws_session_token": "another"}

    with refused("InvalidToken"):
        aws.client("s3", credentials=keys).list_buckets()


@pytest.mark.parametrize("kind", ["user/Ann", "root"])
def test_users_and_roots_are_principals_too(aws: AwsDouble, kind: str) -> None:
    arn = f"arn:aws:iam::{MEMBER}:{kind}"

    assert aws.client("sts", principal=arn).get_caller_identity()["Arn"] == arn


def test_a_service_control_policy_denies_members_in_awss_words(aws: AwsDouble) -> None:
    document = json.loads(policy(deny("s3:CreateBucket")))
    aws.service_control_policies[MEMBER] = [document]
    aws.service_control_policies[MANAGEMENT] = [document]
    s3 = aws.client("s3", credentials=assumed(aws))

    s3.list_buckets()
    with refused("AccessDenied", "with an explicit deny in a service control policy"):
        s3.create_bucket(Bucket="some-bucket")
    aws.client("s3").create_bucket(Bucket="some-bucket")


def test_a_service_control_policy_that_allows_is_an_allow_list(aws: AwsDouble) -> None:
    aws.service_control_policies[MEMBER] = [json.loads(policy(allow("s3:*")))]

    aws.client("s3", credentials=assumed(aws)).list_buckets()
    with refused("AccessDeniedException", "because no service control policy allows the ssm:"):
        aws.client("ssm", credentials=assumed(aws)).describe_parameters()


def test_a_resource_control_policy_denies_who_comes_from_outside(aws: AwsDouble) -> None:
    condition = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": aws.world.organization_id}}
    document = json.loads(policy(deny("s3:*", Principal="*", Condition=condition)))
    s3 = aws.client("s3", credentials=assumed(aws))
    s3.create_bucket(Bucket="some-bucket")
    s3.delete_public_access_block(Bucket="some-bucket")
    open_to_all = allow("s3:ListBucket", "arn:aws:s3:::some-bucket", Principal="*")
    s3.put_bucket_policy(Bucket="some-bucket", Policy=policy(open_to_all))
    stranger = aws.client("s3", principal="arn:aws:iam::999999999999:role/Stranger")
    stranger.list_objects_v2(Bucket="some-bucket")

    aws.resource_control_policies[MEMBER] = [document]

    s3.list_objects_v2(Bucket="some-bucket")
    with refused("AccessDenied", "with an explicit deny in a resource control policy"):
        stranger.list_objects_v2(Bucket="some-bucket")
