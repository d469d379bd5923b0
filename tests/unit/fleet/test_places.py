"""Where a sweep looks: everybody, everywhere, and once."""

from __future__ import annotations

from state_backend.aws.accounts import Account
from state_backend.fleet.places import NOBODY, Place, place_of, places
from state_backend.ownership import Record

A, B, LEFT = "111111111111", "222222222222", "999999999999"
REGIONS = ("eu-central-1", "us-east-1")
ACTIVE = Account(id=A, name="payments", state="ACTIVE", units=("ou-a1b2-c3d4e5f6", "r-a1b2"))


def record(account, region, owner="hub"):
    return Record(account=account, region=region, owner=owner, state="LIVE")


def where(found):
    return [(it.account, it.region) for it in found]


def test_every_account_whatever_its_state_in_every_region():
    closed = Account(id=B, state="CLOSED")

    found = list(places([ACTIVE, closed], [], REGIONS))

    assert where(found) == [(account, region) for account in (A, B) for region in REGIONS]
    assert found[0] == Place(
        account=A,
        region="eu-central-1",
        name="payments",
        state="ACTIVE",
        units=("ou-a1b2-c3d4e5f6", "r-a1b2"),
    )


def test_what_is_on_record_elsewhere_comes_besides_and_has_its_owner():
    found = {
        (it.account, it.region): it
        for it in places(
            [ACTIVE], [record(A, "sa-east-1", "stack"), record(LEFT, "us-east-1")], REGIONS
        )
    }

    assert found[A, "sa-east-1"].owner == "stack"
    assert found[A, "sa-east-1"].state == "ACTIVE"
    assert found[LEFT, "us-east-1"] == Place(account=LEFT, region="us-east-1", owner="hub")
    assert len(found) == 4


def test_a_backend_that_waits_for_the_next_stack_is_nobodys_and_not_the_hubs():
    [place] = places([ACTIVE], [record(A, "us-east-1", owner="")], ("us-east-1",))

    assert place.owner == NOBODY


def test_each_place_is_there_once():
    twice = [ACTIVE, ACTIVE]

    assert where(places(twice, [record(A, "us-east-1")], ("us-east-1", "us-east-1"))) == [
        (A, "us-east-1")
    ]


def test_a_place_survives_its_list():
    [place] = places([ACTIVE], [record(A, "us-east-1")], ("us-east-1",))

    assert place_of(place.to_json()) == place
