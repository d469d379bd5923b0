"""
``stacksets/break-glass-role.yaml``: whom it trusts, and what it may do where others may not.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from state_backend.policies.bucket_policy import READ_ACTIONS, WRITE_ACTIONS
from tests.contract.templates import BREAK_GLASS, ROOT, listed, read, statements
from tests.contract.test_template_policies import expanded
from tests.deployment.template import Template, TemplateError, load

ACCOUNT, TRUSTED = "222222222222", "444444444444"
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT}
USER = f"arn:aws:iam::{TRUSTED}:user/emergency"


def role(**parameters: str) -> dict[str, Any]:
    """Its properties under *parameters*."""
    file = Template(
        document=load(BREAK_GLASS),
        parameters={"TrustedPrincipalArn": USER, **parameters},
        pseudo=PSEUDO,
    )
    return dict(file.filled_in(file.resources()["BreakGlass"]["Properties"]))


def granted() -> set[str]:
    """The actions that it may do, in lower case."""
    allowed = statements(role()["Policies"])
    return {it for one in allowed for action in listed(one["Action"]) for it in expanded(action)}


class TestTrust:
    def test_it_is_of_one_principal_with_mfa(self):
        [trust] = statements(role()["AssumeRolePolicyDocument"])

        assert trust["Principal"] == {"AWS": f"arn:aws:iam::{TRUSTED}:root"}
        assert trust["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": USER},
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
        }

    def test_a_roles_session_which_never_has_mfa_can_be_trusted_too(self):
        trusted = f"arn:aws:iam::{TRUSTED}:role/security/Emergency"

        made = role(TrustedPrincipalArn=trusted, RequireMfa="false")

        [trust] = statements(made["AssumeRolePolicyDocument"])
        assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": trusted}}

    @pytest.mark.parametrize(
        "trusted",
        [
            "*",
            f"arn:aws:iam::{TRUSTED}:root",
            f"arn:aws:iam::{TRUSTED}:role/*",
            "arn:aws:iam::*:role/Emergency",
            f"{USER},{USER}",
        ],
    )
    def test_it_is_of_no_more_than_one(self, trusted):
        with pytest.raises(TemplateError, match="TrustedPrincipalArn"):
            role(TrustedPrincipalArn=trusted)


class TestPolicy:
    def test_each_action_exists_and_names_its_resources(self):
        for statement in statements(read(BREAK_GLASS)["Resources"]):
            if "Resource" in statement:
                assert all(expanded(it) for it in listed(statement["Action"]))
                assert "*" not in listed(statement["Resource"])

    def test_it_may_read_a_state_and_remove_all_of_a_backend(self):
        assert granted() >= {
            "s3:getobject",
            "s3:getobjectversion",
            "s3:deletebucket",
            "s3:deleteobjectversion",
            "kms:deletealias",
            "kms:schedulekeydeletion",
            "dynamodb:deletetable",
            "ssm:deleteparameters",
        }

    def test_it_neither_writes_a_state_nor_uses_a_key_nor_gains_permissions(self):
        writes = {it.lower() for it in WRITE_ACTIONS} - {"s3:deleteobject"}
        never = ("iam:*", "sts:*", "lambda:*", "kms:*crypt*", "kms:generate*", "kms:creategrant")

        assert not granted() & writes
        assert not [it for it in granted() for one in never if fnmatchcase(it, one)]

    def test_of_objects_it_may_no_more_than_is_said(self):
        of_objects = {it for it in granted() if it.startswith("s3:") and "object" in it}
        reads = {it.lower() for it in READ_ACTIONS}

        assert of_objects - reads <= {
            "s3:deleteobject",
            "s3:deleteobjectversion",
            "s3:getbucketobjectlockconfiguration",
        }


def test_its_name_is_the_one_that_the_service_control_policy_spares():
    policy = json.loads((ROOT / "stacksets/scp-protect-statehold.json").read_text())
    spared = [it["Condition"]["ArnNotLike"]["aws:PrincipalArn"] for it in policy["Statement"]]

    for principals in spared:
        assert f"arn:aws:iam::*:role/{role()['RoleName']}" in principals
