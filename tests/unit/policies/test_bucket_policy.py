"""The state bucket's policy, statement by statement, as the contract words it."""

from __future__ import annotations

import pytest

from state_backend.errors import RefusedChange
from state_backend.policies.bucket_policy import CONFIGURATION_ACTIONS, STATEMENTS, bucket_policy
from state_backend.policies.document import is_ours, text_of
from tests.unit.given import ACCOUNT, BREAK_GLASS, BUCKET, KEY, ROLE, backend

ARN = f"arn:aws:s3:::{BUCKET}"
ALL = [ARN, f"{ARN}/*"]
SSE = "s3:x-amz-server-side-encryption"
READER = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/AWSControlTowerExecution"


def deny(name, action, resource, condition=None):
    statement = {
        "Sid": f"StateholdDeny{name}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
    }
    return statement | ({"Condition": condition} if condition else {})


def but(*principals):
    return {"ArnNotLike": {"aws:PrincipalArn": list(principals)}}


def destroy(*allowed, arn=ARN, prefix="env:"):
    condition = {"Condition": but(*allowed)} if allowed else {}
    return {
        "StateholdDenyDestroy": deny(
            "Destroy",
            ["s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
            [arn, f"{arn}/*"],
            but(*allowed) if allowed else None,
        ),
        "StateholdDenyDestroyState": {
            "Sid": "StateholdDenyDestroyState",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "NotResource": [f"{arn}/*.tflock", f"{arn}/{prefix}/*"],
            **condition,
        },
    }


COMMON = {
    "StateholdDenyInsecureTransport": deny(
        "InsecureTransport", "s3:*", ALL, {"Bool": {"aws:SecureTransport": "false"}}
    ),
    "StateholdDenyOldTls": deny(
        "OldTls",
        "s3:*",
        ALL,
        {
            "NumericLessThan": {"s3:TlsVersion": "1.2"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    ),
    "StateholdDenySseC": deny(
        "SseC", "s3:PutObject", f"{ARN}/*", {"Null": {f"{SSE}-customer-algorithm": "false"}}
    ),
}
KMS = {
    "StateholdDenyWrongAlgorithm": deny(
        "WrongAlgorithm",
        "s3:PutObject",
        f"{ARN}/*",
        {"Null": {SSE: "false"}, "StringNotEquals": {SSE: "aws:kms"}},
    ),
    "StateholdDenyWrongKey": deny(
        "WrongKey",
        "s3:PutObject",
        f"{ARN}/*",
        {
            "Null": {f"{SSE}-aws-kms-key-id": "false"},
            "StringNotEquals": {f"{SSE}-aws-kms-key-id": KEY},
        },
    ),
    "StateholdDenyKmsWithoutKey": deny(
        "KmsWithoutKey",
        "s3:PutObject",
        f"{ARN}/*",
        {"StringEquals": {SSE: "aws:kms"}, "Null": {f"{SSE}-aws-kms-key-id": "true"}},
    ),
}
AES256 = {
    "StateholdDenyWrongAlgorithm": deny(
        "WrongAlgorithm",
        "s3:PutObject",
        f"{ARN}/*",
        {"Null": {SSE: "false"}, "StringNotEquals": {SSE: "AES256"}},
    )
}


def reconfigure(*allowed):
    return {
        "StateholdDenyReconfigure": deny(
            "Reconfigure", list(CONFIGURATION_ACTIONS), ALL, but(*allowed)
        )
    }


def made(properties=None, **learned):
    spec = backend(properties, **{"key_arn": KEY, "origin": "created", **learned})
    document = bucket_policy(spec, None)
    assert document["Version"] == "2012-10-17"
    by_sid = {statement["Sid"]: statement for statement in document["Statement"]}
    assert len(by_sid) == len(document["Statement"])
    return by_sid


def test_with_kms_the_policy_is_this():
    assert made() == COMMON | KMS | destroy() | reconfigure(ROLE)


def test_with_aes256_anything_else_is_refused():
    assert made({"Encryption": "AES256"}, key_arn="") == (
        COMMON | AES256 | destroy() | reconfigure(ROLE)
    )


def test_without_prevent_destroy_only_the_destroy_statements_go():
    assert made({"PreventDestroy": "false"}) == COMMON | KMS | reconfigure(ROLE)


def test_break_glass_may_destroy_and_reconfigure_and_the_role_before_ours_only_the_latter():
    found = made({"BreakGlassPrincipalArns": BREAK_GLASS}, acting_role_arns=(ROLE, OTHER_ROLE))

    assert found == (
        COMMON | KMS | destroy(BREAK_GLASS) | reconfigure(ROLE, OTHER_ROLE, BREAK_GLASS)
    )


def test_an_administrator_role_of_ours_is_not_exempt_from_destroy():
    for statement in destroy().values():
        assert ROLE not in text_of(made()[statement["Sid"]])


def test_with_access_principals_only_they_write_and_break_glass_reads():
    found = made({"StateAccessPrincipalArns": READER, "BreakGlassPrincipalArns": BREAK_GLASS})

    reads, writes = found["StateholdDenyStateAccess"], found["StateholdDenyStateWrite"]
    assert reads["Condition"] == but(READER, BREAK_GLASS)
    assert {"s3:GetObject", "s3:GetObjectVersion"} <= set(reads["Action"])
    assert writes["Condition"] == but(READER)
    assert {"s3:PutObject", "s3:DeleteObject"} <= set(writes["Action"])
    assert reads["Resource"] == writes["Resource"] == f"{ARN}/*"


def test_workspace_states_can_be_deleted_below_their_prefix():
    found = made({"WorkspaceKeyPrefix": "spaces"})

    assert f"{ARN}/spaces/*" in found["StateholdDenyDestroyState"]["NotResource"]


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_in_another_partition_every_arn_is_of_it(region, partition):
    text = text_of(bucket_policy(backend(region=region, key_arn=f"arn:{partition}:kms:x"), None))

    assert f"arn:{partition}:s3:::" in text
    assert "arn:aws:" not in text


class TestObserved:
    def test_only_what_no_client_notices_is_refused(self):
        found = made(origin="adopted")

        assert not {"StateholdDenySseC", "StateholdDenyDestroyState", *KMS} & set(found)
        assert {"StateholdDenyInsecureTransport", "StateholdDenyDestroy"} <= set(found)

    def test_copies_of_another_bucket_still_come_in(self):
        observed, enforced = (
            set(made(given, origin="adopted")["StateholdDenyReconfigure"]["Action"])
            for given in ({}, {"Adopt": "enforce"})
        )

        assert enforced - observed == {"s3:ReplicateObject", "s3:ReplicateDelete"}

    def test_enforced_it_has_all_of_it(self):
        assert made({"Adopt": "enforce"}, origin="adopted") == made()

    def test_a_bucket_that_another_tool_manages_can_be_reconfigured(self):
        found = made({"Adopt": "enforce"}, origin="adopted", manager="arn:aws:cloudformation:x")

        assert "StateholdDenyReconfigure" not in found
        assert {**found, **reconfigure(ROLE)} == made()

    def test_unless_break_glass_names_its_manager(self):
        found = made(
            {"BreakGlassPrincipalArns": f"arn:aws:iam::{ACCOUNT}:role/Terraform"},
            origin="adopted",
            manager="Terraform",
        )

        assert "StateholdDenyReconfigure" in found

    def test_its_name_is_what_follows_the_path(self):
        glass = BREAK_GLASS.replace("role/", "role/team/")

        found = made({"BreakGlassPrincipalArns": glass}, origin="adopted", manager="BreakGlass")

        assert found == made({"BreakGlassPrincipalArns": glass}, origin="adopted", manager=glass)
        assert found != made({"BreakGlassPrincipalArns": glass}, origin="adopted", manager="team")

    @pytest.mark.parametrize("manager", ["StateholdProvisioner", "Glass", "e"])
    def test_only_break_glass_names_it_and_by_its_whole_name(self, manager):
        found = made({"BreakGlassPrincipalArns": BREAK_GLASS}, origin="adopted", manager=manager)

        assert "StateholdDenyReconfigure" not in found


def test_a_statement_too_many_names_the_limit():
    many = ",".join(f"arn:aws:iam::{ACCOUNT}:role/{'r' * 500}{n}" for n in range(20))

    with pytest.raises(RefusedChange, match="AWS takes 20480"):
        made({"StateAccessPrincipalArns": many})


def test_foreign_statements_stay():
    foreign = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ALL,
    }
    current = {"Version": "2012-10-17", "Statement": [foreign]}

    document = bucket_policy(backend(key_arn=KEY), current)

    assert [it for it in document["Statement"] if not is_ours(it)] == [foreign]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda it: it.__name__)
def test_every_statement_refuses_and_says_why(statement):
    spec = backend({"StateAccessPrincipalArns": READER}, key_arn=KEY, origin="created")

    found = statement(spec)

    assert found
    assert statement.__doc__
    for it in found:
        assert it["Sid"].startswith("StateholdDeny")
        assert (it["Effect"], it["Principal"]) == ("Deny", "*")
        assert all(arn.startswith(ARN) for arn in listed(it.get("Resource") or it["NotResource"]))


def listed(value):
    return value if isinstance(value, list) else [value]
