"""What each property accepts, and how a wrong value is refused: by a sentence that names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from state_backend.errors import InvalidRequest
from state_backend.properties import PROPERTIES, parse

A = "222222222222"
ROLE = f"arn:aws:iam::{A}:role/Deployer"
KEY = f"arn:aws:kms:eu-central-1:{A}:key/11111111-2222-3333-4444-555555555555"
LONG = "x" * 300

GOOD = {
    "Region": [("eu-central-1", "eu-central-1"), ("us-gov-west-1",) * 2, ("eusc-de-east-1",) * 2],
    "BucketName": [("abc",) * 2, ("a.b-c",) * 2, ("a--b",) * 2, ("0" * 63,) * 2],
    "BucketNamespace": [("global",) * 2, ("account-regional",) * 2],
    "Encryption": [("aws:kms",) * 2, ("AES256",) * 2],
    "KmsKeyArn": [(KEY,) * 2, (f"arn:aws-cn:kms:cn-north-1:{A}:key/mrk-{'0a' * 16}",) * 2],
    "LockMode": [("s3-lockfile",) * 2, ("dynamodb",) * 2, ("both",) * 2],
    "LockTableName": [("abc",) * 2, ("A_b.c-9",) * 2, ("t" * 255,) * 2],
    "PreventDestroy": [("true", True), ("false", False)],
    "Adopt": [("observe",) * 2, ("enforce",) * 2],
    "NoncurrentVersionDays": [("1", 1), ("36500", 36500)],
    "NoncurrentVersionsKept": [("1", 1), ("100", 100)],
    "AccessLogs": [("create",) * 2, ("off",) * 2, ("my-logs",) * 2],
    "AccessLogsDays": [("1", 1), ("36500", 36500)],
    "WorkspaceKeyPrefix": [("env:",) * 2, ("a/b",) * 2, ("w" * 200,) * 2],
    "StateAccessPrincipalArns": [
        (ROLE, (ROLE,)),
        (f"{ROLE}, {ROLE}x,", (ROLE, f"{ROLE}x")),
        (f'["{ROLE}"]', (ROLE,)),
        ([ROLE, ROLE], (ROLE,)),
        ([], ()),
        (f"arn:aws:iam::{A}:role/path/*", (f"arn:aws:iam::{A}:role/path/*",)),
        (f"arn:aws:iam::{A}:user/ada", (f"arn:aws:iam::{A}:user/ada",)),
        (f"arn:aws:iam::{A}:root", (f"arn:aws:iam::{A}:root",)),
        ("[]", ()),
        (["", ROLE], (ROLE,)),
    ],
    "BreakGlassPrincipalArns": [
        ("arn:aws:iam::*:role/Emergency", ("arn:aws:iam::*:role/Emergency",))
    ],
    "Tags": [
        ("Team=payments", (("Team", "payments"),)),
        ("a=b=c, d=", (("a", "b=c"), ("d", ""))),
        ([{"Key": "Team", "Value": "payments"}], (("Team", "payments"),)),
        ('[{"Key": "Team", "Value": "payments"}]', (("Team", "payments"),)),
        ([], ()),
        ("Größe=é 4/5:x@y_z+1", (("Größe", "é 4/5:x@y_z+1"),)),
        ("名前=チーム٣", (("名前", "チーム٣"),)),
    ],
}

WRONG_TYPES = [None, True, 7, 1.5, {}, {"a": "b"}, [None], [1], [["x"]], [{}], "\x00", "ä"]

BAD = {
    "Region": ["Frankfurt", "eu-central", "eu_central_1", "eu-central-1\n", LONG],
    "BucketName": [
        "ab",
        "x" * 64,
        "UPPER",
        "under_score",
        "-start",
        "end-",
        ".start",
        "a..b",
        "a.-b",
        "192.168.0.1",
        "xn--bucket",
        "sthree-bucket",
        "amzn-s3-demo-bucket",
        "bucket-s3alias",
        "bucket--ol-s3",
        "bucket.mrap",
        "bucket--x-s3",
        "bucket--table-s3",
    ],
    "BucketNamespace": ["regional", "Global"],
    "Encryption": ["aws:kms:dsse", "AES-256", "KMS"],
    "KmsKeyArn": [
        "alias/mine",
        "11111111-2222-3333-4444-555555555555",
        f"arn:aws:kms:eu-central-1:{A}:alias/mine",
        f"{KEY} ",
    ],
    "LockMode": ["s3", "DynamoDB", "none"],
    "LockTableName": ["ab", "has space", "t" * 256],
    "PreventDestroy": ["True", "yes", "1", " true"],
    "Adopt": ["Enforce", "no"],
    "NoncurrentVersionDays": ["0", "36501", "-1", "1.5", "ten", "1e3"],
    "NoncurrentVersionsKept": ["0", "101"],
    "AccessLogs": ["On", "no", "a..b"],
    "AccessLogsDays": ["0", "36501"],
    "WorkspaceKeyPrefix": ["/env", "env/", "a b", "w" * 201, "${path}", 'a"b', "*"],
    "StateAccessPrincipalArns": [
        "*",
        "Deployer",
        f"arn:aws:sts::{A}:assumed-role/Deployer/session",
        f"arn:aws:iam::{A}:group/admins",
        f"arn:aws:iam::{A}:role/a b",
        "[",
        "[1]",
    ],
    "BreakGlassPrincipalArns": [f"{ROLE},nobody"],
    "Tags": [
        "Team",
        "a=1,a=2",
        "aws:x=1",
        "statehold=x",
        "=x",
        "a\tb=x",
        "a=x\ny",
        "a=x\n",
        "a=x;y",
        "a=💶",
        f"k={'v' * 257}",
        ",".join(f"k{n}=v" for n in range(41)),
        [{"Key": "a"}],
        [{"Key": "a", "Value": 1}],
        [{"Key": None, "Value": "x"}],
        [{"Key": 5, "Value": "x"}],
        [{"Key": "a", "Value": "b", "More": "c"}],
    ],
}


JUDGING = """
import sys
from state_backend.properties import InvalidRequest, parse

try:
    parse({"BucketName": sys.argv[1]})
except InvalidRequest:
    pass
"""


def cases(table):
    return [(name, *pair) for name, pairs in table.items() for pair in pairs]


def test_the_tables_know_every_property():
    assert set(GOOD) == set(BAD) == set(PROPERTIES)


@pytest.mark.parametrize(("name", "given", "expected"), cases(GOOD))
def test_a_good_value_is_taken(name, given, expected):
    assert parse({name: given}) == {name: expected}


@pytest.mark.parametrize(
    ("name", "given"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_refused_by_name_with_what_is_accepted(name, given):
    with pytest.raises(InvalidRequest) as refused:
        parse({name: given})

    assert f"Property {name} is " in refused.value.message
    assert refused.value.remedy.startswith(f"It must be {PROPERTIES[name].accepts}")


@pytest.mark.parametrize("name", sorted(PROPERTIES))
@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
def test_a_value_of_another_json_type_is_refused(name, value):
    with pytest.raises(InvalidRequest):
        parse({name: value})


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_an_empty_text_is_not_given(name):
    assert parse({name: ""}) == {}


@pytest.mark.parametrize("name", ["StateAccessPrincipalArns", "BreakGlassPrincipalArns", "Tags"])
@pytest.mark.parametrize("empty", [[""], ["", " "], " ", " , "], ids=repr)
def test_nor_is_a_list_of_nothing_else(name, empty):
    """As a parameter that is a list arrives whose default is an empty text."""
    assert parse({name: empty}) == {}


@pytest.mark.parametrize("name", ["Encryption", "PreventDestroy", "AccessLogs"])
@pytest.mark.parametrize("wrong", [[""], " ", ","], ids=repr)
def test_what_is_no_list_is_empty_only_as_a_text(name, wrong):
    with pytest.raises(InvalidRequest, match=f"Property {name} is "):
        parse({name: wrong})


@pytest.mark.parametrize("row", PROPERTIES.values(), ids=lambda row: row.name)
def test_a_default_is_a_value_that_the_property_takes(row):
    if row.default:
        assert row.name in parse({row.name: row.default})


def test_an_unknown_property_is_refused_with_the_names_of_the_known():
    with pytest.raises(InvalidRequest) as refused:
        parse({"BucketNmae": "x"})

    assert "BucketNmae" in refused.value.message
    assert all(name in refused.value.remedy for name in PROPERTIES)


def test_cloudformations_own_properties_are_not_ours():
    assert parse({"ServiceToken": "arn:…", "ServiceTimeout": "600"}) == {}


def test_a_session_is_answered_with_its_role():
    with pytest.raises(InvalidRequest) as refused:
        parse({"StateAccessPrincipalArns": f"arn:aws:sts::{A}:assumed-role/Deployer/ada"})

    assert ROLE in refused.value.remedy


def test_a_value_is_shown_in_a_few_words():
    with pytest.raises(InvalidRequest) as refused:
        parse({"LockMode": "x" * 5000})

    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", ["a" + "-" * 62, "a" + ".b" * 31])
def test_no_bucket_name_takes_long_to_judge(name):
    """Anyone with a stack can send one; it runs apart, since a pattern cannot be interrupted."""
    subprocess.run(
        [sys.executable, "-c", JUDGING, name],
        check=True,
        timeout=3,
        env={"PYTHONPATH": str(Path(parse.__code__.co_filename).parents[1])},
    )
