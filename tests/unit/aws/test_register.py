"""The records and the lease, in moto's DynamoDB."""

from __future__ import annotations

import pytest

from state_backend.aws.register import KEY, Register
from state_backend.calls import AwsError
from state_backend.drift import Repairs
from state_backend.errors import NotReady
from state_backend.ownership import LIVE, Record
from state_backend.spec import Defaults
from tests.unit.given import ACCOUNT, BUCKET, REGION, ROLE, STACK, Ticking
from tests.unit.given import KEY as KEY_ARN

TABLE = "statehold-register"
FULL = Record(
    account=ACCOUNT,
    region=REGION,
    owner=STACK,
    previous_owner="hub",
    bucket_name=BUCKET,
    state=LIVE,
    given={"Tags": [{"Key": "a", "Value": "ä"}], "LockMode": "both"},
    defaults=Defaults("acme", {"LockMode": "both"}),
    role_arn=ROLE,
    previous_role_arn=f"{ROLE}2",
    key_arn=KEY_ARN,
    origin="created",
    key_intent_at=1_000_000.125,
    wanted={"bucket-tags": "0a1b"},
    repairs={"bucket-tags": Repairs((1_000_000.125, 1_000_001.0), "arn:ana")},
)
EMPTY = Record(account=ACCOUNT, region=REGION)


def test_all_that_was_ever_complete_is_listed(register):
    for region, state in (("eu-west-1", LIVE), ("eu-west-2", "RELEASED"), ("eu-west-3", "")):
        record = Record(account=ACCOUNT, region=region, owner=STACK, state=state)
        taken_record = register.acquire(ACCOUNT, region, "me", 2_000_000.0)
        assert taken_record.region == region
        register.save(record, "me", give_back=True)

    found = [it for it in register.backends() if it.account == ACCOUNT]

    assert sorted((it.region, it.owner, it.state) for it in found) == [
        ("eu-west-1", STACK, LIVE),
        ("eu-west-2", STACK, "RELEASED"),
    ]


def test_a_page_of_the_list_is_not_taken_for_all_of_it(ticking):
    pages = [
        {"Items": [_item("eu-west-1")], "LastEvaluatedKey": {KEY: {"S": "x"}}},
        {"Items": [], "LastEvaluatedKey": {KEY: {"S": "y"}}},
        {"Items": [_item("eu-west-2")]},
    ]
    starts = []

    def answer(call):
        starts.append(call.parameters.get("ExclusiveStartKey"))
        return pages[len(starts) - 1]

    register = Register(table=TABLE, invoke=answer, clock=ticking.clock)

    assert [it.region for it in register.backends()] == ["eu-west-1", "eu-west-2"]
    assert starts == [None, {KEY: {"S": "x"}}, {KEY: {"S": "y"}}]


def _item(region):
    return {KEY: {"S": f"{ACCOUNT}#{region}"}, "backend_state": {"S": LIVE}}


def test_without_a_table_nothing_is_listed(ticking):
    assert list(Register(table="", invoke=None, clock=ticking.clock).backends()) == []


def taken(register, holder, seconds=330.0):
    return register.acquire(ACCOUNT, REGION, holder, register.clock.now() + seconds)


def test_where_nothing_is_recorded_the_record_is_empty(register):
    assert register.read(ACCOUNT, REGION) == EMPTY
    assert taken(register, "a") == EMPTY


def test_what_is_saved_comes_back_whole(register):
    taken(register, "a")

    register.save(FULL, "a", give_back=True)

    assert register.read(ACCOUNT, REGION) == FULL
    assert taken(register, "b") == FULL


def test_what_was_recorded_can_be_taken_back(register):
    taken(register, "a")
    register.save(FULL, "a", give_back=False)

    register.save(EMPTY, "a", give_back=True)

    assert register.read(ACCOUNT, REGION) == EMPTY


def test_while_one_holds_the_lease_another_does_not_get_it(register, ticking):
    taken(register, "a")
    ticking.time += 329

    with pytest.raises(NotReady, match="Another run works on"):
        taken(register, "b")


def test_its_holder_gets_it_again(register):
    taken(register, "a")

    assert taken(register, "a") == EMPTY


def test_an_expired_one_is_taken_over(register, ticking):
    taken(register, "a")
    ticking.time += 331

    taken(register, "b")

    with pytest.raises(NotReady):
        taken(register, "c")


def test_a_record_with_which_the_lease_was_given_back_may_be_sent_again(register):
    """The answer to the first attempt can be lost, and then it is made again."""
    taken(register, "a")

    register.save(FULL, "a", give_back=True)
    register.save(FULL, "a", give_back=True)

    assert register.read(ACCOUNT, REGION) == FULL


def test_but_not_once_another_run_had_the_lease(register):
    taken(register, "a")
    register.save(FULL, "a", give_back=True)
    taken(register, "b")
    with pytest.raises(NotReady, match="was lost"):
        register.save(EMPTY, "a", give_back=True)
    register.save(FULL, "b", give_back=True)

    with pytest.raises(NotReady, match="was lost"):
        register.save(EMPTY, "a", give_back=True)


def test_who_lost_it_can_record_nothing(register, ticking):
    taken(register, "a")
    ticking.time += 331
    taken(register, "b")
    register.save(FULL, "b", give_back=False)

    for give_back in (True, False):
        with pytest.raises(NotReady, match="was lost"):
            register.save(EMPTY, "a", give_back=give_back)

    assert register.read(ACCOUNT, REGION) == FULL


def test_given_back_it_is_free_and_its_last_holder_can_record_nothing(register):
    taken(register, "a")
    register.save(FULL, "a", give_back=True)

    with pytest.raises(NotReady):
        register.save(EMPTY, "a", give_back=False)
    taken(register, "b")


def test_giving_it_back_twice_is_giving_it_back(register):
    """The answer to the first attempt can be lost, and then it is made again."""
    taken(register, "a")

    register.give_back(EMPTY, "a")
    register.give_back(EMPTY, "a")

    assert taken(register, "b") == EMPTY


def test_who_has_lost_it_does_not_give_it_back_for_another(register, ticking):
    taken(register, "a")
    ticking.time += 10_000
    taken(register, "b")

    register.give_back(EMPTY, "a")

    with pytest.raises(NotReady):
        taken(register, "c")


def test_saving_without_giving_it_back_keeps_it(register):
    taken(register, "a")

    register.save(FULL, "a", give_back=False)

    with pytest.raises(NotReady):
        taken(register, "b")


def test_each_account_and_region_has_its_own(register):
    taken(register, "a")

    for account, region in ((ACCOUNT, "eu-west-1"), ("333333333333", REGION)):
        got = register.acquire(account, region, "b", register.clock.now() + 1)
        assert (got.account, got.region) == (account, region)


@pytest.mark.parametrize(
    "code", ["ConnectionError", "ResourceNotFoundException", "AccessDeniedException"]
)
@pytest.mark.parametrize("act", ["read", "acquire", "save"])
def test_out_of_reach_means_not_ready(code, act):
    def refusing(call):
        raise AwsError(call, code, "no", status=400)

    register = Register(table=TABLE, invoke=refusing, clock=Ticking().clock)
    acts = {
        "read": lambda: register.read(ACCOUNT, REGION),
        "acquire": lambda: taken(register, "a"),
        "save": lambda: register.save(EMPTY, "a", give_back=True),
    }

    with pytest.raises(NotReady):
        acts[act]()


def test_without_a_table_nothing_is_on_record():
    def never(call):
        raise AssertionError(call)

    register = Register(table="", invoke=never, clock=Ticking().clock)

    assert register.read(ACCOUNT, REGION) == taken(register, "a") == EMPTY
    register.save(FULL, "a", give_back=True)


def test_a_read_is_consistent():
    calls = []
    register = Register(
        table=TABLE, invoke=lambda call: calls.append(call) or {}, clock=Ticking().clock
    )

    register.read(ACCOUNT, REGION)

    assert calls[0].parameters["ConsistentRead"] is True
