"""Which statements of a policy that is not ours refuse what a Terraform client sends."""

from __future__ import annotations

import pytest

from state_backend.policies.client_writes import refusing

KEY = "arn:aws:kms:eu-central-1:222222222222:key/0"
ALGORITHM = "s3:x-amz-server-side-encryption"
KEY_HEADER = f"{ALGORITHM}-aws-kms-key-id"
WAYS = {
    "asks for nothing": ("", ""),
    "asks for AES256": ("AES256", ""),
    "asks for KMS": ("aws:kms", ""),
    "names the key": ("aws:kms", KEY),
}
NONE: set[str] = set()


def deny(condition, **changed):
    """A statement that binds everybody's writes, but for what is *changed*; None takes out."""
    made = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::b/*",
        "Condition": condition,
        **changed,
    }
    return {name: value for name, value in made.items() if value is not None}


def refused(*statements):
    """The ways of writing that are refused."""
    return {way for way, sent in WAYS.items() if refusing({"Statement": statements}, *sent)}


@pytest.mark.parametrize(
    ("condition", "ways"),
    [
        ({"Null": {ALGORITHM: "true"}}, {"asks for nothing"}),
        ({"null": {ALGORITHM.upper(): [True]}}, {"asks for nothing"}),
        ({"Null": {ALGORITHM: "TRUE"}}, {"asks for nothing"}),
        ({"Null": {ALGORITHM: "false"}}, set(WAYS) - {"asks for nothing"}),
        ({"Null": {ALGORITHM: ["true", "false"]}}, set(WAYS)),
        ({"StringEquals": {ALGORITHM: "AES256"}}, {"asks for AES256"}),
        ({"StringLike": {ALGORITHM: "A*6"}}, {"asks for AES256"}),
        ({"StringLike": {ALGORITHM: "*"}}, set(WAYS) - {"asks for nothing"}),
        ({"StringLike": {ALGORITHM: "aws"}}, NONE),
        (
            {"StringEqualsIgnoreCaseIfExists": {ALGORITHM: ["AES256", "x"]}},
            {"asks for nothing", "asks for AES256"},
        ),
        ({"StringNotEquals": {ALGORITHM: "aws:kms"}}, {"asks for nothing", "asks for AES256"}),
        ({"ArnNotLike": {KEY_HEADER: KEY}}, set(WAYS) - {"names the key"}),
        ({"arnlike": {KEY_HEADER: "arn:aws:kms:*:key/0"}}, {"names the key"}),
        (
            {"StringNotEquals": {ALGORITHM: "AES256"}, "Null": {KEY_HEADER: "true"}},
            {"asks for nothing", "asks for KMS"},
        ),
        # What is compared otherwise, or with more than these headers, could be met or not.
        ({"NumericEquals": {ALGORITHM: "AES256"}}, NONE),
        ({"StringEquals": {ALGORITHM: "AES256", "aws:PrincipalTag/x": "y"}}, NONE),
        ({"StringEquals": {"aws:PrincipalTag/x": "y"}}, NONE),
        ({}, NONE),
        (None, NONE),
    ],
    # In order, so that every process that collects the tests gives them the same names.
    ids=lambda it: str(sorted(it)) if isinstance(it, set | frozenset) else str(it),
)
def test_a_condition_is_met_by_these_ways_of_writing(condition, ways):
    assert refused(deny(condition)) == ways


@pytest.mark.parametrize(
    "changed",
    [
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["*"]}},
        {"Action": ["s3:GetObject", "s3:putobject"]},
        {"Action": "s3:*"},
        {"Action": "*"},
        {"Resource": "*"},
        {"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},
        {"Resource": "arn:aws:s3:::*"},
    ],
    ids=str,
)
def test_a_statement_that_binds_all_writes_counts(changed):
    assert refused(deny({"Null": {ALGORITHM: "true"}}, **changed)) == {"asks for nothing"}


@pytest.mark.parametrize(
    "changed",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "222222222222"}},
        {"Principal": {"Service": "*"}},
        {"Principal": None, "NotPrincipal": "*"},
        {"Action": "s3:GetObject"},
        {"Action": "s3:PutObjectTagging"},
        {"Action": None, "NotAction": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::b"},
        {"Resource": "arn:aws:s3:::b/prod/*"},
        {"Resource": None, "NotResource": "arn:aws:s3:::c/*"},
        {"Sid": "StateholdDenyX"},
    ],
    ids=str,
)
def test_one_that_binds_a_part_of_them_or_is_ours_does_not(changed):
    assert refused(deny({"Null": {ALGORITHM: "true"}}, **changed)) == NONE


def test_statements_are_named_by_sid_or_by_number():
    plain = {"Null": {ALGORITHM: "true"}}
    statements = [deny(plain), deny(plain, Sid="Theirs"), deny(plain, Effect="Allow"), deny(plain)]

    assert refusing({"Statement": statements}) == ("statement 1", "Theirs", "statement 4")


def test_a_write_asks_for_nothing_unless_it_is_said():
    def plainly(condition):
        return refusing({"Statement": deny(condition)})

    assert plainly({"Null": {ALGORITHM: "true", KEY_HEADER: "true"}}) == ("statement 1",)
    assert plainly({"Null": {ALGORITHM: "false"}}) == plainly({"Null": {KEY_HEADER: "false"}}) == ()


def test_without_a_policy_nothing_is_refused():
    assert refusing(None) == refusing({"Statement": deny({})}) == ()
