"""The lock table: made where a mode asks for it, kept and published where clients have one."""

from __future__ import annotations

import pytest

from state_backend.calls import Absent, AwsError, Present, Unknown
from state_backend.errors import NotStabilized, RefusedChange
from state_backend.resources.lock_table import RESOURCE
from tests.unit.account import Account
from tests.unit.given import TABLE, backend

SPEC = backend({"LockMode": "both"})


def test_where_there_is_none_it_is_absent():
    assert RESOURCE.find(SPEC, Account()) == Absent()


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_one_in_use_is_found(status):
    account = Account()
    account.has_table(TABLE, TableStatus=status)

    assert RESOURCE.find(SPEC, account) == Present({})
    assert RESOURCE.learn(SPEC, {}).lock_table_found


@pytest.mark.parametrize("status", ["CREATING", "DELETING"])
def test_one_on_its_way_is_waited_for(status):
    account = Account()
    account.has_table(TABLE, TableStatus=status)

    with pytest.raises(NotStabilized, match=status):
        RESOURCE.find(SPEC, account)


def test_another_kind_of_table_is_refused():
    account = Account()
    account.has_table(TABLE, key=[{"AttributeName": "id", "KeyType": "HASH"}])

    with pytest.raises(RefusedChange, match="its key is not LockID"):
        RESOURCE.find(SPEC, account)


def test_one_that_cannot_be_looked_at_is_unknown():
    account = Account(refuse={"describe_table": "AccessDeniedException"})

    assert isinstance(RESOURCE.find(SPEC, account), Unknown)


def test_it_is_made_on_demand_and_protected():
    account = Account()

    RESOURCE.create(SPEC, account)

    [call] = account.writes
    assert call.parameters["BillingMode"] == "PAY_PER_REQUEST"
    assert call.parameters["DeletionProtectionEnabled"] is True
    assert call.parameters["KeySchema"] == [{"AttributeName": "LockID", "KeyType": "HASH"}]
    assert "SSESpecification" not in call.parameters


def test_a_twins_table_will_do():
    account = Account()
    account.has_table(TABLE)

    assert RESOURCE.create(SPEC, account) == {}


def test_any_other_refusal_is_told():
    with pytest.raises(AwsError):
        RESOURCE.create(SPEC, Account(refuse={"create_table": "LimitExceededException"}))


@pytest.mark.parametrize(
    ("spec", "looked_for", "set_by_us"),
    [
        (backend(), False, False),
        (backend({"LockMode": "dynamodb"}), True, True),
        (SPEC, True, True),
        (backend(origin="adopted"), True, False),
        (backend(origin="adopted", lock_table_found=True), True, True),
    ],
)
def test_it_applies_where_clients_use_it(spec, looked_for, set_by_us):
    assert (RESOURCE.applies(spec), RESOURCE.ours(spec)) == (looked_for, set_by_us)
