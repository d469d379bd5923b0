"""Policies fit AWS's limits, and every action, operator and key in them is one that IAM knows."""

from __future__ import annotations

import fnmatch
import json
from importlib import resources

import pytest

from state_backend.errors import RefusedChange
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.document import text_of
from state_backend.policies.key_policy import key_policy
from state_backend.policies.log_bucket_policy import log_bucket_policy
from state_backend.policies.session_policy import session_policies
from state_backend.reconcile import permissions
from tests.property.backends import PROPERTIES
from tests.property.test_names import REGIONS
from tests.unit.given import ACCOUNT, KEY, backend

KNOWN = json.loads(
    (resources.files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text("utf-8")
)
NEWER = {"kms:getkeylastusage"}
"""Actions that exist, though cfn-lint's list does not know them yet; botocore's model does."""

OPERATORS = {
    f"{operator}{suffix}"
    for operator in [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
    ]
    for suffix in ("", "IfExists")
} | {"Null"}
"""Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

CONDITION_KEYS = {
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "kms:CallerAccount",
    "kms:ViaService",
    "s3:TlsVersion",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
}
"""
The condition keys that we use, as AWS writes them.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

MANY = ",".join(f"arn:aws:iam::{ACCOUNT}:role/team-{number}" for number in range(20))
BIG = {"StateAccessPrincipalArns": MANY, "BreakGlassPrincipalArns": MANY, "LockMode": "both"}
SPECS = {
    **{name: backend(it, key_arn=KEY, origin="created") for name, it in PROPERTIES.items()},
    "observed": backend(origin="adopted"),
    "big": backend(BIG, key_arn=KEY, origin="created"),
}


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(spec):
    for policy in (bucket_policy, key_policy, log_bucket_policy):
        yield from policy(spec, None)["Statement"]
    for session in session_policies(spec, permissions(spec)):
        yield from json.loads(session.text)["Statement"]


def known(action):
    service, _, name = action.lower().partition(":")
    actions = KNOWN.get(service, {}).get("Actions", {})
    return action.lower() in NEWER or bool(fnmatch.filter(actions, name))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
class TestEveryStatement:
    def test_names_actions_that_exist(self, spec):
        used = {action for it in statements(spec) for action in listed(it["Action"])}

        assert sorted(action for action in used if not known(action)) == []

    def test_uses_operators_that_exist(self, spec):
        used = {operator for it in statements(spec) for operator in it.get("Condition", {})}

        assert used <= OPERATORS

    def test_uses_condition_keys_that_exist(self, spec):
        used = {
            key
            for it in statements(spec)
            for keys in it.get("Condition", {}).values()
            for key in keys
        }

        assert used <= CONDITION_KEYS

    def test_has_only_elements_that_exist(self, spec):
        for it in statements(spec):
            assert set(it) <= {
                "Sid",
                "Effect",
                "Principal",
                "Action",
                "Resource",
                "NotResource",
                "Condition",
            }
            assert it["Effect"] in {"Allow", "Deny"}
            assert ("Resource" in it) != ("NotResource" in it)
            assert it.get("Sid", "x").isalnum()

    def test_has_a_name_of_its_own(self, spec):
        for policy in (bucket_policy, key_policy, log_bucket_policy):
            sids = [it["Sid"] for it in policy(spec, None)["Statement"]]
            assert len(set(sids)) == len(sids)


def test_a_negated_operator_is_never_alone_with_a_key_that_a_request_may_lack():
    """It would be true for a request without that header, which must stay allowed."""
    for spec in SPECS.values():
        for it in bucket_policy(spec, None)["Statement"]:
            condition = it.get("Condition", {})
            for key in condition.get("StringNotEquals", {}):
                assert condition["Null"][key] == "false"


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_policies_fit_in_every_region(region):
    spec = backend({"LockMode": "both"}, region=region)

    assert len(text_of(bucket_policy(spec, None))) <= 20_480 // 2
    assert len(text_of(log_bucket_policy(spec, None))) <= 20_480 // 2
    assert len(text_of(key_policy(spec, None))) <= 32_768 // 2
    for session in session_policies(spec, permissions(spec)):
        assert len(session.text) <= 2_048


def test_a_list_of_twenty_principals_fits():
    assert len(text_of(bucket_policy(SPECS["big"], None))) <= 20_480


def test_what_does_not_fit_is_refused_before_it_is_sent():
    huge = ",".join(f"arn:aws:iam::{ACCOUNT}:role/{'r' * 60}{number}" for number in range(300))

    for policy in (bucket_policy, key_policy, log_bucket_policy):
        with pytest.raises(RefusedChange):
            policy(backend({"BreakGlassPrincipalArns": huge}, key_arn=KEY), None)
