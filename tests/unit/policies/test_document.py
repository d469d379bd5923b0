"""When two statements mean the same, and how ours join foreign ones."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from state_backend.errors import RefusedChange
from state_backend.policies.document import (
    is_ours,
    meaning,
    merge,
    says_the_same,
    statements_of,
    text_of,
)

OURS = {
    "Sid": "StateholdDenyX",
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["s3:PutObject", "s3:DeleteObject"],
    "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "Condition": {
        "Bool": {"aws:SecureTransport": "false"},
        "NumericLessThan": {"s3:TlsVersion": "1.2"},
        "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:role/a"]},
    },
}
FOREIGN = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"AWS": "333333333333"},
    "Action": "s3:GetObject",
    "Resource": "*",
}


def document(*statements, **more):
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


RESPELLINGS = [
    {"Sid": "Anything"},
    {"Principal": {"AWS": "*"}},
    {"Principal": {"AWS": ["*"]}},
    {"Action": ["s3:deleteobject", "S3:PutObject", "s3:PutObject"]},
    {"Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"]},
    {
        "Condition": {
            "bool": {"AWS:SecureTransport": False},
            "NumericLessThan": {"s3:tlsversion": [1.2]},
            "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/a"},
        }
    },
]

DAMAGES = [
    {"Effect": "Allow"},
    {"Principal": {"AWS": "333333333333"}},
    {"Principal": {"Service": "*"}},
    {"Action": "s3:PutObject"},
    {"Action": ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"]},
    {"Resource": "arn:aws:s3:::b"},
    {"Resource": ["arn:aws:s3:::B", "arn:aws:s3:::b/*"]},
    {"Condition": {}},
    {"Condition": {**OURS["Condition"], "Bool": {"aws:SecureTransport": "true"}}},
    {"Condition": {**OURS["Condition"], "Bool": {"aws:MultiFactorAuthPresent": "false"}}},
    {"Condition": {**OURS["Condition"], "NumericLessThan": {"s3:TlsVersion": "1.1"}}},
    {"Condition": {**OURS["Condition"], "ArnNotLike": {"aws:PrincipalArn": ["*"]}}},
    {"Condition": {**OURS["Condition"], "StringEquals": {"aws:RequestedRegion": "x"}}},
    {"Condition": {**OURS["Condition"], "BoolIfExists": OURS["Condition"]["Bool"]}},
]


@pytest.mark.parametrize("change", RESPELLINGS, ids=str)
def test_a_respelling_means_the_same(change):
    assert meaning({**OURS, **change}) == meaning(OURS)
    assert says_the_same(document(OURS), document({**OURS, **change}))


@pytest.mark.parametrize("change", DAMAGES, ids=str)
def test_a_damage_means_something_else(change):
    assert meaning({**OURS, **change}) != meaning(OURS)
    assert not says_the_same(document(OURS), document({**OURS, **change}))


@pytest.mark.parametrize("element", ["Effect", "Principal", "Action", "Resource", "Condition"])
def test_a_statement_without_an_element_means_something_else(element):
    rest = {key: value for key, value in OURS.items() if key != element}

    assert meaning(rest) != meaning(OURS)


@pytest.mark.parametrize(
    ("plain", "negated"),
    [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")],
)
def test_a_negated_element_means_something_else(plain, negated):
    turned = {negated if key == plain else key: value for key, value in OURS.items()}

    assert meaning(turned) != meaning(OURS)


def with_condition(operator, values, key="aws:x"):
    return meaning({**OURS, "Condition": {operator: {key: values}}})


@pytest.mark.parametrize("operator", ["Bool", "BoolIfExists", "Null", "bool", "nullifexists"])
def test_letters_do_not_matter_in_a_yes_or_no(operator):
    assert with_condition(operator, "TRUE") == with_condition(operator.upper(), [True])
    assert with_condition(operator, "true") != with_condition(operator, "false")


@pytest.mark.parametrize("operator", ["StringEquals", "ArnLike", "StringLikeIfExists"])
def test_letters_do_matter_in_a_text(operator):
    assert with_condition(operator, "Abc") != with_condition(operator, "abc")
    assert with_condition(operator, "Abc", key="AWS:X") == with_condition(operator, ["Abc"])


@pytest.mark.parametrize("operator", ["NumericLessThan", "numericequalsifexists"])
def test_a_number_is_its_value_and_no_text(operator):
    assert with_condition(operator, "1.20") == with_condition(operator, 1.2)
    assert with_condition(operator, "1") != with_condition(operator, "2")
    assert with_condition(operator, "${x}") != with_condition(operator, "${y}")


def test_booleans_in_a_text_are_as_aws_writes_them():
    assert with_condition("StringEquals", True) == with_condition("StringEquals", "true")


def test_an_empty_condition_is_none():
    rest = {key: value for key, value in OURS.items() if key != "Condition"}

    assert meaning({**rest, "Condition": {}}) == meaning(rest)


def test_what_is_negated_is_respelled_as_what_is_not():
    def negated(action, principal):
        return meaning({"Effect": "Deny", "NotAction": action, "NotPrincipal": principal})

    assert negated("s3:GetObject", {"AWS": f"arn:aws:iam::{'2' * 12}:root"}) == negated(
        ["S3:getobject"], {"AWS": ["2" * 12]}
    )


def test_an_account_id_is_its_root_arn():
    ids = {**OURS, "Principal": {"AWS": "222222222222"}}
    arn = {**OURS, "Principal": {"AWS": ["arn:aws:iam::222222222222:root"]}}

    assert meaning(ids) == meaning(arn)


def test_a_principal_of_another_kind_is_another_one():
    service = {**OURS, "Principal": {"Service": "s3.amazonaws.com"}}
    federated = {**OURS, "Principal": {"Federated": "s3.amazonaws.com"}}

    assert meaning(service) != meaning(federated)


class TestSaysTheSame:
    def test_order_does_not_matter(self):
        assert says_the_same(document(OURS, FOREIGN), document(FOREIGN, OURS))

    def test_one_mapping_is_a_list_of_one(self):
        assert says_the_same(document(OURS), {"Version": "2012-10-17", "Statement": OURS})

    @pytest.mark.parametrize("current", [None, document(), document(FOREIGN)])
    def test_a_missing_statement_is_missed(self, current):
        assert not says_the_same(document(OURS), current)

    def test_a_statement_too_many_is_noticed(self):
        assert not says_the_same(document(OURS), document(OURS, {**OURS, "Effect": "Allow"}))

    def test_an_older_language_is_another_policy(self):
        older = {"Version": "2008-10-17", "Statement": [OURS]}

        assert not says_the_same(document(OURS), older)
        assert not says_the_same(document(OURS), {"Statement": [OURS]})


class TestMerge:
    def test_ours_come_first_and_foreign_ones_stay_untouched(self):
        current = document(FOREIGN, {**OURS, "Effect": "Allow"}, Id="theirs")

        merged = merge([OURS], current, limit=20_480)

        assert merged == document(OURS, FOREIGN, Id="theirs")

    def test_a_foreign_statement_without_a_sid_stays(self):
        nameless = {key: value for key, value in FOREIGN.items() if key != "Sid"}

        assert merge([OURS], document(nameless), limit=20_480)["Statement"] == [OURS, nameless]

    @pytest.mark.parametrize(
        ("version", "kept"),
        [
            ({"Version": "2012-10-17"}, "2012-10-17"),
            ({"Version": "2008-10-17"}, "2008-10-17"),
            ({}, "2008-10-17"),
        ],
    )
    def test_foreign_statements_keep_their_language(self, version, kept):
        """``${aws:username}`` is a variable in one, and itself in the other."""
        assert merge([OURS], {**version, "Statement": [FOREIGN]}, limit=20_480)["Version"] == kept

    def test_where_nothing_is_foreign_the_language_is_ours(self):
        older = {"Version": "2008-10-17", "Statement": [OURS]}

        assert merge([OURS], older, limit=20_480)["Version"] == "2012-10-17"

    def test_without_a_policy_there_is_only_ours(self):
        assert merge([OURS], None, limit=20_480) == document(OURS)

    def test_a_second_merge_changes_nothing(self):
        once = merge([OURS], document(FOREIGN), limit=20_480)

        assert merge([OURS], deepcopy(once), limit=20_480) == once

    def test_what_would_be_too_long_is_refused_with_its_size(self):
        exact = len(text_of(document(OURS, FOREIGN)))

        merge([OURS], document(FOREIGN), limit=exact)
        with pytest.raises(RefusedChange) as refused:
            merge([OURS], document(FOREIGN), limit=exact - 1)

        assert f"{exact} bytes, 1 foreign" in refused.value.message
        assert "Shorten the lists of principals" in refused.value.remedy

    def test_the_size_is_in_bytes(self):
        foreign = {**FOREIGN, "Sid": "ä" * 10}
        size = len(json.dumps(document(OURS, foreign), separators=(",", ":")).encode())

        merge([OURS], document(foreign), limit=size)
        with pytest.raises(RefusedChange):
            merge([OURS], document(foreign), limit=size - 1)


def test_statements_come_as_a_list_whatever_aws_sent():
    assert statements_of(None) == statements_of({}) == []
    assert statements_of({"Statement": OURS}) == [OURS]


@pytest.mark.parametrize(
    ("sid", "ours"),
    [("StateholdDenyX", True), ("Statehold", True), ("MyStatehold", False), ("", False)],
)
def test_the_sid_says_whose_it_is(sid, ours):
    assert is_ours({"Sid": sid}) is ours
