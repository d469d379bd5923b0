"""Organizations' events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from state_backend.errors import InvalidRequest
from state_backend.event_sources import parse

EVENTS = Path(__file__).parents[3] / "events"
HUB = "111111111111"
MEMBER = "222222222222"


def sample(name):
    return json.loads((EVENTS / f"organizations.{name}.json").read_text())


@pytest.mark.parametrize(
    "name",
    [
        "AcceptHandshake",
        "AccountJoinedOrganization.created",
        "AccountJoinedOrganization.invited",
        "CreateAccountResult.succeeded",
        "MoveAccount",
    ],
)
def test_an_account_that_appeared_or_moved_gets_a_backend(name):
    asked = parse(sample(name))

    assert (asked.accounts, asked.reason) == ((MEMBER,), "")
    assert not asked.trusted


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CreateAccountResult.failed", "EMAIL_ALREADY_EXISTS"),
        ("MoveAccount.refused", "ConcurrentModificationException"),
    ],
)
def test_what_failed_is_ignored_with_its_reason(name, why):
    assert why in parse(sample(name)).reason


def test_another_event_of_organizations_is_ignored():
    event = sample("MoveAccount")
    event["detail"]["eventName"] = "CloseAccount"

    assert "brings no account" in parse(event).reason


ARN = f"arn:aws:organizations::{HUB}:account/o-a1b2c3d4e5/{MEMBER}"


@pytest.mark.parametrize(
    "detail",
    [
        {"serviceEventDetails": {"accountId": MEMBER}},
        {"serviceEventDetails": {"AccountId": MEMBER}},
        {"serviceEventDetails": {"account": MEMBER, "joinedMethod": "INVITED"}},
        {"serviceEventDetails": {"account": {"id": MEMBER}}},
        {"serviceEventDetails": {"accountJoinedOrganizationStatus": {"accountId": MEMBER}}},
        {"serviceEventDetails": {"accounts": [{"accountId": MEMBER}]}},
        {"serviceEventDetails": {"resource": ARN}},
        {"serviceEventDetails": {"managementAccountId": HUB, "accountId": MEMBER}},
        {"serviceEventDetails": {"accountId": HUB}, "requestParameters": {"accountId": MEMBER}},
        {"responseElements": {"handshake": {"parties": [{"id": MEMBER, "type": "ACCOUNT"}]}}},
        {"requestParameters": {"accountId": MEMBER}},
        {"resources": [{"ARN": ARN, "accountId": HUB}]},
    ],
    ids=str,
)
def test_the_account_that_joined_is_found_wherever_similar_events_have_it(detail):
    """AWS publishes no sample of AccountJoinedOrganization."""
    event = sample("AccountJoinedOrganization.created")
    event["detail"] = {"eventName": "AccountJoinedOrganization", **detail}

    assert parse(event).accounts == (MEMBER,)


def test_the_account_that_joined_is_found_in_the_envelope():
    event = sample("AccountJoinedOrganization.created")
    event["detail"]["serviceEventDetails"] = None

    assert parse({**event, "resources": [ARN]}).accounts == (MEMBER,)


@pytest.mark.parametrize("details", [None, {}, {"accountId": HUB}, {"accountId": 222222222222}, []])
def test_an_event_that_names_nobody_is_refused(details):
    event = sample("AccountJoinedOrganization.created")
    event["detail"]["serviceEventDetails"] = details

    with pytest.raises(InvalidRequest, match="names no account"):
        parse(event)


def test_an_event_however_deep_is_answered():
    event = sample("AccountJoinedOrganization.created")
    details = {"accountId": MEMBER}
    for _ in range(5000):
        details = {"x": details}
    event["detail"]["serviceEventDetails"] = details

    assert parse(event).accounts == (MEMBER,)


class TestAnAcceptedHandshake:
    def handshake(self, event):
        return event["detail"]["responseElements"]["handshake"]

    def test_without_parties_it_is_the_account_that_accepted(self):
        """CloudTrail tells of it in the account that acts."""
        event = sample("AcceptHandshake")
        del self.handshake(event)["parties"]

        assert parse(event).accounts == (MEMBER,)

    def test_without_an_answer_too(self):
        event = sample("AcceptHandshake")
        event["detail"]["responseElements"] = None

        assert parse(event).accounts == (MEMBER,)

    def test_one_that_is_no_invitation_is_ignored(self):
        event = sample("AcceptHandshake")
        self.handshake(event)["action"] = "ENABLE_ALL_FEATURES"

        assert "no invitation" in parse(event).reason


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("MoveAccount", ("requestParameters", "accountId")),
        (
            "CreateAccountResult.succeeded",
            ("serviceEventDetails", "createAccountStatus", "accountId"),
        ),
    ],
)
@pytest.mark.parametrize("account", [None, 222222222222, "", "x" * 12, []])
def test_an_account_is_twelve_digits(name, path, account):
    event = sample(name)
    *above, last = path
    at = event["detail"]
    for key in above:
        at = at[key]
    at[last] = account

    with pytest.raises(InvalidRequest, match="accountId"):
        parse(event)
