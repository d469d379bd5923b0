"""One role after the other, until one is not stopped by a policy."""

from __future__ import annotations

import json

import pytest

from state_backend import outcomes
from state_backend.vending import vend
from tests.unit.account import Account
from tests.unit.given import ACCOUNT, BUCKET
from tests.unit.hub import HERE, hub

DENIED = "AccessDenied: not authorized to perform: it with an explicit deny in a policy"


@pytest.mark.parametrize("denied", ["create_alias", "put_bucket_policy", "put_bucket_versioning"])
def test_roles_that_are_stopped_after_each_other_make_one_key(through, denied):
    account = through(Account(refuse={denied: DENIED}))
    made, _ = hub(account)

    report = vend(HERE, made)

    assert report.error.code == "AccessDenied"
    assert account.written.count("kms:create_key") == 1
    [key] = [name for kind, name in account.things if kind == "key"]
    assert made.register.kept.key_arn == key

    account.refuse = {}

    assert vend(HERE, made).status == outcomes.READY
    assert account.things["bucket_encryption", BUCKET]["Rules"][0][
        "ApplyServerSideEncryptionByDefault"
    ] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


def test_a_role_that_makes_what_the_first_one_may_not_goes_on_from_there(through):
    account = through(Account(refuse={"create_key": DENIED}))
    made, _ = hub(account)
    roles = []

    def second_role_may(call):
        if call.operation == "create_key":
            roles.append(call)
            if len(roles) == 2:  # the first role, once more, to admit the second
                del account.refuse["create_key"]
                account.refuse["create_alias"] = DENIED

    account.before = second_role_may

    vend(HERE, made)

    assert [name for kind, name in account.things if kind == "key"] == [made.register.kept.key_arn]


def test_a_role_that_is_configured_no_longer_is_let_in_for_one_run_more(through):
    account = through(Account())
    record = None
    let_in = []
    for names in ("Old", "New,Old", "New,Old", "New", "New"):
        made, _ = hub(account, record, EXECUTION_ROLE_NAMES=names)
        assert vend(HERE, made).status == outcomes.READY
        record = made.register.kept
        policy = json.loads(account.things["bucket_policy", BUCKET])
        [deny] = [it for it in policy["Statement"] if it["Sid"] == "StateholdDenyReconfigure"]
        let_in.append(
            [arn.rpartition("/")[2] for arn in deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"]]
        )

    assert let_in == [["Old"], ["New", "Old"], ["New", "Old"], ["New"], ["New"]]


def test_a_role_that_was_exchanged_at_once_still_lets_in_the_one_before(through):
    account = through(Account())
    made, _ = hub(account, EXECUTION_ROLE_NAMES="Old")
    vend(HERE, made)
    made, _ = hub(account, made.register.kept, EXECUTION_ROLE_NAMES="New")
    vend(HERE, made)

    assert f"arn:aws:iam::{ACCOUNT}:role/Old" in account.things["bucket_policy", BUCKET]
