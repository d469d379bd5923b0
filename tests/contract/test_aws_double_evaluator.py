"""The double's evaluator judges as IAM documents it, and refuses to guess."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws_double.conditions import Access, Caller, CannotJudge
from tests.aws_double.evaluator import Grant, judge
from tests.aws_double.testing import allow, deny

ROLE = "arn:aws:iam::222222222222:role/team/Deployer"
SESSION = "arn:aws:sts::222222222222:assumed-role/Deployer/ci"
SSE = "s3:x-amz-server-side-encryption"
KEY = f"{SSE}-aws-kms-key-id"


def access(
    action: str = "s3:PutObject", resource: str = "arn:aws:s3:::b/k", **context: str
) -> Access:
    return Access(
        action=action,
        resource=resource,
        caller=Caller(arn=ROLE, session_arn=SESSION, account="222222222222"),
        context={"aws:principalarn": [ROLE], "aws:principalaccount": ["222222222222"]}
        | {name.lower(): [value] for name, value in context.items()},
    )


def says(statement: dict[str, Any], request: Access) -> str:
    finding = judge([{"Statement": statement}], request)
    return "deny" if finding.denied else "allow" if finding.grants else "nothing"


@pytest.mark.parametrize(
    ("statement", "request_", "expected"),
    [
        (allow("s3:PutObject"), access(), "allow"),
        (allow("S3:putobject"), access(), "allow"),
        (allow(["s3:Get*", "s3:Put??????"]), access(), "allow"),
        (allow("s3:Get*"), access(), "nothing"),
        ({"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}, access(), "deny"),
        ({"Effect": "Deny", "NotAction": "s3:Put*", "Resource": "*"}, access(), "nothing"),
        (deny("s3:*", "arn:aws:s3:::b/*"), access(), "deny"),
        (deny("s3:*", "arn:aws:s3:::B/*"), access(), "nothing"),
        (deny("s3:*", "arn:aws:s3:::b"), access(), "nothing"),
        (
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*.tflock"},
            access(),
            "deny",
        ),
        (
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*.tflock"},
            access(resource="arn:aws:s3:::b/x.tflock"),
            "nothing",
        ),
        (allow("s3:*", "arn:aws:s3:::${aws:PrincipalAccount}/*"), access(), "nothing"),
        (
            allow("s3:*", "arn:aws:s3:::${aws:PrincipalAccount}/*"),
            access(resource="arn:aws:s3:::222222222222/k"),
            "allow",
        ),
    ],
)
def test_actions_and_resources_match_as_patterns(
    statement: dict[str, Any], request_: Access, expected: str
) -> None:
    assert says(statement, request_) == expected


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, True),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:SecureTransport": "false"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"BoolIfExists": {"aws:SecureTransport": "false"}}, {}, True),
        ({"Null": {SSE: "true"}}, {}, True),
        ({"Null": {SSE: "true"}}, {SSE: "AES256"}, False),
        ({"Null": {SSE: "false"}}, {SSE: "AES256"}, True),
        ({"Null": {SSE: "false"}}, {}, False),
        ({"StringEquals": {SSE: ["aws:kms", "AES256"]}}, {SSE: "AES256"}, True),
        ({"StringEquals": {SSE: "aws:kms"}}, {SSE: "AWS:KMS"}, False),
        ({"StringEqualsIgnoreCase": {SSE: "aws:kms"}}, {SSE: "AWS:KMS"}, True),
        ({"StringEquals": {SSE: "aws:kms"}}, {}, False),
        ({"StringNotEquals": {SSE: "aws:kms"}}, {SSE: "AES256"}, True),
        ({"StringNotEquals": {SSE: ["aws:kms", "AES256"]}}, {SSE: "AES256"}, False),
        ({"StringNotEquals": {SSE: "aws:kms"}}, {}, True),
        ({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, {}, True),
        ({"StringNotEquals": {SSE: "aws:kms"}, "Null": {SSE: "false"}}, {}, False),
        ({"StringLike": {"s3:prefix": "env:/*"}}, {"s3:prefix": "env:/dev"}, True),
        ({"StringNotLike": {"s3:prefix": "env:/*"}}, {"s3:prefix": "env:/dev"}, False),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, {"s3:TlsVersion": "1.1"}, True),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, {"s3:TlsVersion": "1.3"}, False),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, {}, False),
        ({"NumericLessThanIfExists": {"s3:TlsVersion": "1.2"}}, {}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/*"}}, {}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": ROLE}}, {}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::2*:role/Other"}}, {}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, {}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*"}}, {}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": "b"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:TagKeys": "b"}, False),
    ],
)
def test_conditions_hold_as_documented_for_present_and_missing_keys(
    condition: dict[str, Any], context: dict[str, str], holds: bool
) -> None:
    expected = "deny" if holds else "nothing"

    assert says(deny("s3:*", Condition=condition), access(**context)) == expected


@pytest.mark.parametrize(
    ("principal", "grant"),
    [
        ("*", Grant.DIRECT),
        ({"AWS": "*"}, Grant.DIRECT),
        ({"AWS": ROLE}, Grant.DIRECT),
        ({"AWS": [SESSION, "arn:aws:iam::333333333333:root"]}, Grant.DIRECT),
        ({"AWS": "222222222222"}, Grant.ACCOUNT),
        ({"AWS": "arn:aws:iam::222222222222:root"}, Grant.ACCOUNT),
        ({"AWS": "arn:aws:iam::333333333333:root"}, None),
        ({"AWS": "arn:aws:iam::222222222222:role/Other"}, None),
        ({"Service": "logging.s3.amazonaws.com"}, None),
    ],
)
def test_a_principal_is_named_itself_or_through_its_account(
    principal: Any, grant: Grant | None
) -> None:
    finding = judge([{"Statement": [allow("s3:*", Principal=principal)]}], access())

    assert finding.grants == ({grant} if grant else set())


def test_a_service_is_named_by_its_principal_or_by_everybody_but_not_as_an_aws_principal() -> None:
    caller = Caller(service="logging.s3.amazonaws.com")
    request = Access(action="s3:PutObject", resource="arn:aws:s3:::b/k", caller=caller)

    def granted(principal: Any) -> bool:
        return bool(judge([{"Statement": allow("s3:*", Principal=principal)}], request).grants)

    assert granted({"Service": "logging.s3.amazonaws.com"})
    assert granted("*")
    assert not granted({"AWS": "*"})
    assert not granted({"Service": "cloudtrail.amazonaws.com"})


def test_deny_wins_over_any_number_of_allows() -> None:
    finding = judge([{"Statement": [allow("*"), deny("s3:Put*"), allow("s3:PutObject")]}], access())

    assert finding.denied
    assert not finding.allowed


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEqual": {SSE: "aws:kms"}},
        {"DateLessThan": {"aws:PrincipalArn": "2030-01-01"}},
        {"IpAddress": {"aws:PrincipalArn": "10.0.0.0/8"}},
        {"StringEquals": {"aws:Unheard": "of"}},
        {"ForSomeValues:StringEquals": {"aws:TagKeys": "a"}},
        {"ArnEquals": {KEY: "arn:aws:kms:eu-central-1:222222222222:key/1"}},
        {"StringEquals": {SSE: "${aws:SourceAccount}"}},
    ],
)
def test_what_is_not_known_raises_instead_of_passing(condition: dict[str, Any]) -> None:
    bare_key_id = access(**{KEY: "0000-1111"})

    with pytest.raises(CannotJudge):
        says(deny("s3:*", Condition=condition), bare_key_id)


def test_an_unknown_operator_raises_even_behind_a_condition_that_fails() -> None:
    condition = {"Bool": {"aws:SecureTransport": "false"}, "StringNotEqual": {SSE: "aws:kms"}}

    with pytest.raises(CannotJudge):
        says(deny("s3:*", Condition=condition), access(**{"aws:SecureTransport": "true"}))


def test_not_principal_is_not_guessed_at() -> None:
    statement = deny("s3:*", NotPrincipal={"AWS": ROLE})

    with pytest.raises(CannotJudge):
        says(statement, access())
