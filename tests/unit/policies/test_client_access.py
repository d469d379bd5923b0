"""What a reader, a planner and an applier get, word by word, and what no client ever gets."""

from __future__ import annotations

import json

import pytest

from state_backend.policies.client_access import (
    CLIENT_POLICIES,
    applier,
    planner,
    published,
    reader,
)
from state_backend.policies.document import statements_of
from tests.unit.given import ACCOUNT, BUCKET, KEY, REGION, TABLE, backend

ARN = f"arn:aws:s3:::{BUCKET}"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
GIVEN = f"arn:aws:kms:{REGION}:999999999999:key/11111111-1111-4222-8333-444444444444"
STATE = "payments/network/terraform.tfstate"
SPECS = {
    "a key of ours": backend(key_arn=KEY),
    "no key": backend({"Encryption": "AES256"}),
    "a given key": backend({"KmsKeyArn": GIVEN}),
    "a lock table": backend({"LockMode": "dynamodb"}, key_arn=KEY),
    "both locks": backend({"LockMode": "both", "KmsKeyArn": GIVEN}),
    "another prefix": backend({"WorkspaceKeyPrefix": "stages"}, key_arn=KEY),
}


def listed(value):
    return [value] if isinstance(value, str) else value


def said(document):
    """Action -> the resources that it is granted on."""
    granted = {}
    for statement in statements_of(document):
        if statement["Effect"] == "Deny":
            continue
        for action in listed(statement["Action"]):
            granted.setdefault(action, []).extend(listed(statement["Resource"]))
    return {action: sorted(resources) for action, resources in granted.items()}


def test_a_reader_lists_and_reads_and_nothing_else():
    assert said(reader(SPECS["a key of ours"])) == {
        "s3:ListBucket": [ARN],
        "s3:GetObject": [f"{ARN}/*"],
    }


def test_a_planner_takes_the_lock_besides():
    assert said(planner(SPECS["a key of ours"])) == {
        "s3:ListBucket": [ARN],
        "s3:GetObject": [f"{ARN}/*", f"{ARN}/*.tflock"],
        "s3:PutObject": [f"{ARN}/*.tflock"],
        "s3:DeleteObject": [f"{ARN}/*.tflock"],
    }


def test_an_applier_writes_state_and_deletes_workspaces_besides():
    assert said(applier(SPECS["a key of ours"])) == {
        "s3:ListBucket": [ARN],
        "s3:GetObject": [f"{ARN}/*", f"{ARN}/*.tflock"],
        "s3:PutObject": [f"{ARN}/*", f"{ARN}/*.tflock"],
        "s3:DeleteObject": [f"{ARN}/*.tflock", f"{ARN}/env:/*"],
    }


def test_one_module_is_reached_in_every_workspace_and_no_other_module_is():
    assert said(applier(SPECS["a key of ours"], STATE)) == {
        "s3:ListBucket": [ARN],
        "s3:GetObject": [
            f"{ARN}/env:/*/{STATE}",
            f"{ARN}/env:/*/{STATE}.tflock",
            f"{ARN}/{STATE}",
            f"{ARN}/{STATE}.tflock",
        ],
        "s3:PutObject": [
            f"{ARN}/env:/*/{STATE}",
            f"{ARN}/env:/*/{STATE}.tflock",
            f"{ARN}/{STATE}",
            f"{ARN}/{STATE}.tflock",
        ],
        "s3:DeleteObject": [
            f"{ARN}/env:/*/{STATE}",
            f"{ARN}/env:/*/{STATE}.tflock",
            f"{ARN}/{STATE}.tflock",
        ],
    }


@pytest.mark.parametrize("client", CLIENT_POLICIES)
def test_a_workspaces_name_does_not_go_on_across_a_slash(client):
    document = CLIENT_POLICIES[client](SPECS["a key of ours"], STATE)

    assert [it for it in statements_of(document) if it["Effect"] == "Deny"] == [
        {
            "Sid": "NoOtherModule",
            "Effect": "Deny",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"{ARN}/env:/*/*/{STATE}", f"{ARN}/env:/*/*/{STATE}.tflock"],
        }
    ]


def test_workspaces_are_where_the_backend_keeps_them():
    assert f"{ARN}/stages/*" in said(applier(SPECS["another prefix"]))["s3:DeleteObject"]


def test_with_a_table_alone_a_planner_writes_nothing_to_the_bucket():
    granted = said(planner(SPECS["a lock table"]))

    assert granted == {
        "s3:ListBucket": [ARN],
        "s3:GetObject": [f"{ARN}/*"],
        "dynamodb:GetItem": [TABLE_ARN],
        "dynamodb:PutItem": [TABLE_ARN],
        "dynamodb:DeleteItem": [TABLE_ARN],
    }


def test_with_a_table_a_reader_reads_the_digest():
    assert said(reader(SPECS["a lock table"]))["dynamodb:GetItem"] == [TABLE_ARN]


@pytest.mark.parametrize(
    ("client", "actions"),
    [
        ("reader", ["kms:Decrypt"]),
        ("planner", ["kms:Decrypt", "kms:GenerateDataKey"]),
        ("applier", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ],
)
def test_a_key_that_is_not_ours_is_used_through_s3_alone(client, actions):
    document = CLIENT_POLICIES[client](SPECS["a given key"])

    assert statements_of(document)[-1] == {
        "Sid": "UseKeyThroughS3",
        "Effect": "Allow",
        "Action": actions,
        "Resource": GIVEN,
        "Condition": {"StringEquals": {"kms:ViaService": [f"s3.{REGION}.amazonaws.com"]}},
    }


def test_a_planner_that_locks_with_a_table_only_decrypts():
    spec = backend({"LockMode": "dynamodb", "KmsKeyArn": GIVEN})

    assert statements_of(planner(spec))[-1]["Action"] == ["kms:Decrypt"]


def test_while_a_bucket_is_observed_the_key_is_its_defaults():
    spec = backend(origin="adopted", default_encryption=("aws:kms", GIVEN))

    assert statements_of(applier(spec))[-1]["Resource"] == GIVEN


def test_in_china_the_key_is_reached_under_both_of_s3s_names():
    key = KEY.replace("arn:aws:", "arn:aws-cn:").replace(REGION, "cn-north-1")
    spec = backend({"KmsKeyArn": key}, region="cn-north-1")

    condition = statements_of(reader(spec))[-1]["Condition"]

    assert condition == {
        "StringEquals": {
            "kms:ViaService": ["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"]
        }
    }


@pytest.mark.parametrize(
    ("client", "sids"),
    [
        ("reader", ["ListWorkspaces", "ReadState", "ReadDigest", "UseKeyThroughS3"]),
        (
            "planner",
            ["ListWorkspaces", "ReadState", "LockWithFiles", "LockWithTable", "UseKeyThroughS3"],
        ),
        (
            "applier",
            [
                "ListWorkspaces",
                "WriteState",
                "DeleteWorkspaces",
                "LockWithFiles",
                "LockWithTable",
                "UseKeyThroughS3",
            ],
        ),
    ],
)
def test_each_statement_says_what_it_is_for_in_todays_language(client, sids):
    document = CLIENT_POLICIES[client](SPECS["both locks"])

    assert document["Version"] == "2012-10-17"
    assert [it["Sid"] for it in document["Statement"]] == sids
    assert {it["Effect"] for it in document["Statement"]} == {"Allow"}


def test_what_is_published_is_read_where_it_is_and_nothing_beside():
    place = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/statehold/backend"

    assert published(SPECS["no key"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadPublished",
                "Effect": "Allow",
                "Action": ["ssm:GetParameter"],
                "Resource": [place, f"{place}.hcl"],
            }
        ],
    }


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("client", CLIENT_POLICIES)
class TestEveryClient:
    def test_it_deletes_lock_files_and_workspaces_alone(self, client, spec):
        places = said(CLIENT_POLICIES[client](spec)).get("s3:DeleteObject", [])

        workspaces = f"{ARN}/{spec.workspace_key_prefix}/"
        assert all(it.endswith(".tflock") or it.startswith(workspaces) for it in places)

    def test_it_is_granted_single_actions_on_this_backend_alone(self, client, spec):
        ours = (ARN, TABLE_ARN, GIVEN)

        for action, places in said(CLIENT_POLICIES[client](spec)).items():
            assert "*" not in action
            assert all(place.startswith(ours) for place in places)

    def test_it_fits_the_smallest_of_iams_limits(self, client, spec):
        text = json.dumps(CLIENT_POLICIES[client](spec), separators=(",", ":"))

        assert len(text) <= 2_048, "an inline policy of a user"
