"""
The hub in an organization of sixty accounts: events alone bring every reachable account to READY
and every other to a state with a name, whatever their number and order; and the queue keeps what
it promises.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from state_backend.aws.invoke import boto_session
from tests.acceptance.clock import Time
from tests.acceptance.organization import (
    ABOUT_A_UNIT,
    ABOUT_AN_ACCOUNT,
    MANAGEMENT,
    OUTSIDER,
    Organization,
    about_account,
    about_unit,
)
from tests.aws_double import AwsDouble, Fault, Refusal
from tests.aws_double.testing import deny
from tests.contract.templates import sample
from tests.deployment import Delivery, Deployment, Invocation
from tests.deployment.queues import Queues, queue_time

SETTINGS = "/statehold/settings"
NOT_READY = Refusal(
    "OptInRequired", "The AWS Access Key Id needs a subscription for the service", 403
)


@dataclass
class Hub:
    """The deployed stack, and what its function has said of each account so far."""

    stack: Deployment
    time: Time = field(default_factory=Time)
    told: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """Account -> lines of the log about it."""

    def send(self, *events: Any) -> Delivery:
        delivery: Delivery | None = None
        for event in events:
            delivery = self._heard(self.stack.deliver(event, clock=self.time.clock))
        assert delivery is not None
        return delivery

    def wait(self, seconds: float = 900.0) -> Delivery:
        self.time.wait(seconds)
        return self._heard(self.stack.deliver_again(clock=self.time.clock))

    def settle(self) -> Delivery:
        """Waits until the queue is empty."""
        for seconds in (60.0, 120.0, 240.0, 480.0, *[900.0] * 20):
            delivery = self.wait(seconds + 1)
            if not delivery.left:
                return delivery
        raise AssertionError("messages are left")

    def status(self, account: str) -> str:
        """The last thing that was said of *account*."""
        lines = self.told.get(account)
        return str(lines[-1]["message"]).rpartition(" ")[2] if lines else "never heard of"

    def error(self, account: str) -> str:
        return str(self.told[account][-1]["error"])

    def _heard(self, delivery: Delivery) -> Delivery:
        for invocation in delivery.invocations:
            assert not invocation.error, invocation.error
            for line in invocation.logs:
                if "account_id" in line:
                    self.told.setdefault(line["account_id"], []).append(line)
        return delivery


def letters(delivery: Delivery) -> dict[str, dict[str, str]]:
    """Account in a dead letter -> its attributes."""
    found = {}
    for message in delivery.dead:
        [account] = set(re.findall(r"\b2[0-9]{11}\b", message["Body"]))
        attributes = message.get("MessageAttributes", {})
        found[account] = {name: it["StringValue"] for name, it in attributes.items()}
    return found


@pytest.fixture(scope="module")
def double() -> Iterator[AwsDouble]:
    with AwsDouble(management_account=MANAGEMENT) as running:
        yield running


@pytest.fixture
def aws(double) -> AwsDouble:
    double.reset()
    return double


@pytest.fixture
def warm(monkeypatch) -> Iterator[None]:
    """One boto session for all runs, as in a process that Lambda keeps: a third of the time."""
    boto_session.cache_clear()
    monkeypatch.setattr("tests.deployment.lambda_runtime._new_boto_session", nullcontext)
    yield
    boto_session.cache_clear()


def deployed(aws: AwsDouble, **parameters: str) -> Hub:
    return Hub(Deployment(aws=aws, parameters=parameters))


def put_settings(aws: AwsDouble, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    aws.client("ssm").put_parameter(Name=SETTINGS, Value=text, Type="String", Overwrite=True)


def storm(organization: Organization, chance: random.Random) -> list[Any]:
    """Events about everybody: under many names, some twice, in no order, units among them."""
    events = [
        about_account(chance.choice(ABOUT_AN_ACCOUNT), account)
        for account in organization.all
        if account not in organization.accounts["payments"]
    ]
    events += [about_account("organizations.MoveAccount", OUTSIDER)]
    events += chance.sample(events, 6)
    events += [about_unit(name, organization.units["payments"]) for name in ABOUT_A_UNIT[:1]]
    events += [sample("controltower.CreateManagedAccount.failed")]
    landing_zone = sample("controltower.UpdateLandingZone.succeeded")
    status = landing_zone["detail"]["serviceEventDetails"]["updateLandingZoneStatus"]
    status["organizationalUnits"] = [{"organizationalUnitId": organization.units["security"]}]
    status["accounts"] = [{"accountId": it} for it in organization.accounts["security"]]
    events.append(landing_zone)
    chance.shuffle(events)
    return events


@pytest.mark.slow
def test_events_alone_bring_sixty_accounts_to_ready_or_to_a_state_with_a_name(aws, warm):
    organization = Organization(aws)
    late, squatted, denied, roleless = (
        organization.accounts[kind][0]
        for kind in ("not ready", "squatted", "denied", "invited without a role")
    )
    hub = deployed(aws, SettingsParameterName=SETTINGS, BucketNamespace="global")
    put_settings(aws, organization.settings())
    ready_at = hub.time.seconds + 300
    aws.faults.add(not_ready(late, until=lambda: hub.time.seconds > ready_at))

    hub.send(*storm(organization, random.Random(6)))
    delivery = hub.settle()

    assert len(organization.all) + 1 == 60
    reached = {it: hub.status(it) for it in organization.reachable}
    assert {it: said for it, said in reached.items() if said != "READY"} == {}
    ignored = ("sandbox", "opted out", "suspended", "closed", "being closed")
    for account in (it for kind in ignored for it in organization.accounts[kind]):
        assert hub.status(account) == "IGNORED"
        assert hub.error(account)
    assert hub.status(OUTSIDER) == "IGNORED"
    dead = letters(delivery)
    assert dead.keys() == {squatted, denied, roleless}
    assert dead[squatted]["code"] == "AlreadyExists"
    assert dead[denied]["code"] == dead[roleless]["code"] == "AccessDenied"
    assert "service control policy" in dead[denied]["remedy"]
    assert "kms:CreateKey" in dead[denied]["remedy"]
    assert "StateholdProvisioner" in dead[denied]["remedy"]
    assert "StateholdProvisioner" in dead[roleless]["remedy"]
    assert [hub.status(it) for it in (squatted, denied)] == ["FAILED", "FAILED"]
    waited = [line for line in hub.told[late] if line["message"].endswith("WAITING")]
    assert len(waited) >= 3
    days = {it: _days_kept(aws, it) for it in organization.accounts["payments"][:2]}
    assert list(days.values()) == [900, 730]


def _days_kept(aws: AwsDouble, account: str) -> int:
    s3 = aws.client("s3", principal=f"arn:aws:iam::{account}:role/Reader", tls=True)
    bucket = f"tfstate-{account}-{aws.region}"
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return next(
        int(it["NoncurrentVersionExpiration"]["NoncurrentDays"])
        for it in rules
        if "NoncurrentVersionExpiration" in it
    )


ACCOUNT, OTHER, THIRD = "222222222222", "333333333333", "444444444444"
VENDED = "controltower.CreateManagedAccount.succeeded"


def vended(account: str) -> Any:
    return about_account(VENDED, account)


def not_ready(account: str, until: Callable[[], bool] = lambda: False) -> Fault:
    """No role of *account* can be assumed yet."""
    return Fault(
        kind="refuse",
        operation="AssumeRole",
        times=10_000,
        error=NOT_READY,
        match=lambda call: account in str(call.parameters) and not until(),
    )


class TestTheQueue:
    def test_of_a_batch_only_what_may_work_later_comes_back(self, aws):
        for account in (ACCOUNT, OTHER):
            aws.add_account(account)
        aws.faults.add(not_ready(OTHER))
        hub = deployed(aws)
        bodies = [json.dumps(vended(ACCOUNT)), json.dumps(vended(OTHER)), "no json"]

        records = _received(hub, bodies)
        with queue_time(hub.time.clock):
            invocation = hub.stack.invoke(
                "AccountVendedFunction", {"Records": records}, clock=hub.time.clock
            )

        assert invocation.answer == {
            "batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}]
        }
        assert _code_of(hub.wait(0.0).dead) == ["InvalidRequest"]

    def test_an_account_that_is_not_ready_is_seen_again_later_each_time(self, aws):
        aws.add_account(ACCOUNT)
        fault = aws.faults.add(not_ready(ACCOUNT))
        hub = deployed(aws)

        assert hub.send(vended(ACCOUNT)).left == 1
        for delay in (60, 120, 240, 480, 900):
            assert not hub.wait(delay - 5).invocations
            assert hub.wait(10).invocations
            assert hub.status(ACCOUNT) == "WAITING"
        fault.times = 0
        hub.wait(900)

        assert hub.status(ACCOUNT) == "READY"

    @pytest.mark.parametrize(
        "poison",
        [
            {"source": "aws.controltower", "detail": {"eventName": "CreateManagedAccount"}},
            {"source": "com.example"},
            {"operation": "delete", "accountId": ACCOUNT},
            [],
            7,
        ],
        ids=str,
    )
    def test_what_nobody_understands_goes_to_a_person_at_once(self, aws, poison):
        hub = deployed(aws)

        _put(hub, json.dumps(poison))
        delivery = hub.wait(0.0)

        [letter] = delivery.dead
        assert delivery.left == 0
        assert json.loads(letter["Body"]) == poison
        assert letter["MessageAttributes"]["code"]["StringValue"] == "InvalidRequest"
        assert letter["MessageAttributes"]["remedy"]["StringValue"]

    def test_a_dead_letter_that_is_sent_again_makes_the_backend_once_its_cause_is_gone(self, aws):
        aws.add_account(ACCOUNT)
        denied = {"Version": "2012-10-17", "Statement": [deny("kms:CreateKey")]}
        aws.service_control_policies[ACCOUNT] = [denied]
        hub = deployed(aws)
        [letter] = hub.send(vended(ACCOUNT)).dead
        assert letter["MessageAttributes"]["code"]["StringValue"] == "AccessDenied"
        assert hub.status(ACCOUNT) == "FAILED"

        aws.service_control_policies.clear()
        _put(hub, letter["Body"])
        hub.wait(0.0)

        assert hub.status(ACCOUNT) == "READY"

    def test_patience_ends_with_a_remedy_before_the_queue_gives_up(self, aws):
        aws.add_account(ACCOUNT)
        throttled = Refusal("ThrottlingException", "Rate exceeded", 400)
        aws.faults.add(
            Fault(kind="refuse", operation="DescribeAccount", times=10_000, error=throttled)
        )
        hub = deployed(aws)

        hub.send(vended(ACCOUNT))
        delivery = hub.settle()

        [letter] = delivery.dead
        assert letter["MessageAttributes"]["code"]["StringValue"] == "Throttling"
        assert 3600 < hub.time.now() - 1_800_000_000 < 4 * 3600

    def test_with_a_wrong_setting_nothing_is_lost(self, aws):
        """The function cannot start, so SQS itself sets the message aside in the end."""
        aws.add_account(ACCOUNT)
        broken = Hub(Deployment(aws=aws, environment={"MODE": "dry-run"}))
        broken.stack.deliver(vended(ACCOUNT), clock=broken.time.clock)

        for _ in range(25):
            broken.time.wait(3601)
            delivery = broken.stack.deliver_again(clock=broken.time.clock)

        [letter] = delivery.dead
        assert json.loads(letter["Body"]) == vended(ACCOUNT)
        assert not delivery.left


class TestSeveralAtOnce:
    def test_each_account_and_region_has_a_message_of_its_own(self, aws):
        for account in (ACCOUNT, OTHER):
            aws.add_account(account, parent=_unit(aws))
        hub = deployed(aws, Regions="us-east-1,eu-west-1")

        delivery = hub.send(about_unit(ABOUT_A_UNIT[0], _unit(aws)))

        passed_on, *each = delivery.invocations
        assert not [it for it in passed_on.logs if "account_id" in it]
        places = [(it["account_id"], it["backend_region"]) for run in each for it in _told(run)]
        assert len(each) == 4
        assert sorted(places) == [
            (account, region)
            for account in (ACCOUNT, OTHER)
            for region in ("eu-west-1", "us-east-1")
        ]

    def test_one_that_is_not_ready_does_not_hold_up_the_others(self, aws):
        for account in (ACCOUNT, OTHER, THIRD):
            aws.add_account(account, parent=_unit(aws))
        aws.faults.add(not_ready(OTHER))
        hub = deployed(aws)

        delivery = hub.send(about_unit(ABOUT_A_UNIT[1], _unit(aws)))

        statuses = [hub.status(it) for it in (ACCOUNT, OTHER, THIRD)]
        assert statuses == ["READY", "WAITING", "READY"]
        assert delivery.left == 1

    def test_an_account_that_was_closed_since_is_ignored(self, aws):
        aws.add_account(ACCOUNT)
        hub = deployed(aws)
        aws.set_account_state(ACCOUNT, "SUSPENDED")

        _put(hub, json.dumps({"operation": "reconcile", "accountId": ACCOUNT}))
        hub.wait(0.0)

        assert (hub.status(ACCOUNT), "SUSPENDED" in hub.error(ACCOUNT)) == ("IGNORED", True)

    def test_an_account_that_is_not_active_yet_is_waited_for(self, aws):
        aws.add_account(ACCOUNT, state="PENDING_ACTIVATION")
        hub = deployed(aws)
        _put(hub, json.dumps({"operation": "reconcile", "accountId": ACCOUNT}))
        hub.wait(0.0)

        assert (hub.status(ACCOUNT), "PENDING" in hub.error(ACCOUNT)) == ("WAITING", True)

        aws.set_account_state(ACCOUNT, "ACTIVE")
        hub.wait(61.0)

        assert hub.status(ACCOUNT) == "READY"

    def test_a_unit_that_is_gone_is_ignored(self, aws):
        hub = deployed(aws)

        delivery = hub.send(about_unit(ABOUT_A_UNIT[0], "ou-a1b2-99999999"))

        assert (hub.status(""), delivery.left, delivery.dead) == ("IGNORED", 0, ())

    def test_an_event_handed_over_directly_is_answered_for_all_of_them(self, aws):
        for account in (ACCOUNT, OTHER):
            aws.add_account(account, parent=_unit(aws))
        hub = deployed(aws)

        answer = hub.stack.invoke(
            "AccountVendedFunction", about_unit(ABOUT_A_UNIT[0], _unit(aws))
        ).answer

        assert [(it["accountId"], it["status"]) for it in answer] == [
            (ACCOUNT, "READY"),
            (OTHER, "READY"),
        ]

    def test_for_which_time_runs_out_is_said(self, aws):
        for account in (ACCOUNT, OTHER):
            aws.add_account(account, parent=_unit(aws))
        hub = deployed(aws)

        answer = hub.stack.invoke(
            "AccountVendedFunction", about_unit(ABOUT_A_UNIT[0], _unit(aws)), seconds=1
        ).answer

        assert {it["status"] for it in answer} == {"WAITING"}
        assert all("queue" in it["error"]["remedy"] for it in answer)


class TestTheSettingsDocument:
    def test_a_mistake_refuses_it_whole_and_the_last_one_that_was_right_stays_in_force(self, aws):
        for account in (ACCOUNT, OTHER):
            aws.add_account(account)
        put_settings(aws, {"version": 1, "scope": {"exclude": {"accounts": [OTHER]}}})
        put_settings(aws, {"version": 1, "root": {"LockMode": "file"}})
        put_settings(aws, "{")
        hub = deployed(aws, SettingsParameterName=SETTINGS)

        delivery = hub.send(vended(ACCOUNT), vended(OTHER))

        assert (hub.status(ACCOUNT), hub.status(OTHER)) == ("READY", "IGNORED")
        [run] = delivery.invocations
        assert [it for it in run.logs if "SettingsRefused" in it]
        assert [it for it in run.logs if "wrong at $" in str(it.get("message"))]

    def test_with_none_that_is_right_a_person_is_asked_and_nothing_is_made(self, aws):
        aws.add_account(ACCOUNT)
        put_settings(aws, {"version": 1, "root": {"LockMode": "file"}})
        hub = deployed(aws, SettingsParameterName=SETTINGS)
        before = len(aws.calls)

        [letter] = hub.send(vended(ACCOUNT)).dead

        assert letter["MessageAttributes"]["code"]["StringValue"] == "InvalidRequest"
        assert not aws.writes(before, account=ACCOUNT)

    def test_without_the_parameter_that_is_named_too(self, aws):
        aws.add_account(ACCOUNT)
        hub = deployed(aws, SettingsParameterName=SETTINGS)

        assert _code_of(hub.send(vended(ACCOUNT)).dead) == ["InvalidRequest"]

    def test_it_is_for_new_backends_a_recorded_one_keeps_what_it_has(self, aws):
        aws.add_account(ACCOUNT)
        hub = deployed(aws, SettingsParameterName=SETTINGS, BucketNamespace="global")
        for days in (500, 600):
            put_settings(aws, {"version": 1, "root": {"NoncurrentVersionDays": days}})
            hub.send(vended(ACCOUNT))

        assert _days_kept(aws, ACCOUNT) == 500

    def test_the_operators_own_word_counts_for_more_than_its_scope(self, aws):
        aws.add_account(ACCOUNT)
        settings = {"scope": {"exclude": {"accounts": [ACCOUNT]}}, "root": {"AccessLogs": "off"}}
        put_settings(aws, {"version": 1, **settings})
        hub = deployed(aws, SettingsParameterName=SETTINGS)

        [report] = hub.stack.invoke(
            "AccountVendedFunction", {"operation": "reconcile", "accountId": ACCOUNT}
        ).answer

        assert report["status"] == "READY"
        assert report["controls"]["log-bucket"] == "NOT_APPLICABLE"


def _unit(aws: AwsDouble) -> str:
    """A unit below another one, in which nobody is unless put there."""
    api = aws.client("organizations")
    root = aws.world.organization.org.root_id
    found = api.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    if found:
        return str(found[0]["Id"])
    return str(
        api.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    )


def _queue(hub: Hub) -> Queues:
    arn = hub.stack.template.attributes["AccountVendedQueue", "Arn"]
    return Queues(hub.stack.aws, {arn: hub.stack.template.references["AccountVendedQueue"]})


def _put(hub: Hub, body: str) -> None:
    """Sends *body* to the queue, as somebody does who redrives it."""
    [url] = _queue(hub).urls.values()
    with queue_time(hub.time.clock):
        hub.stack.aws.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def _received(hub: Hub, bodies: list[str]) -> list[dict[str, Any]]:
    """*bodies* as messages that went through the queue, in order."""
    queue = _queue(hub)
    [arn] = queue.urls
    for body in bodies:
        _put(hub, body)
    with queue_time(hub.time.clock):
        records = [queue.record(arn, it) for it in queue.receive(arn)]
    return sorted(records, key=lambda it: bodies.index(it["body"]))


def _told(run: Invocation) -> list[dict[str, Any]]:
    return [it for it in run.logs if "account_id" in it]


def _code_of(dead: Any) -> list[str]:
    return [it["MessageAttributes"]["code"]["StringValue"] for it in dead]
