"""What becomes of a message: patience for what may work later, a person for what cannot."""

from __future__ import annotations

import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from state_backend import outcomes
from state_backend.aws.queue import FIRST_DELAY, LAST_RECEIPT, LONGEST_DELAY, MessageQueue
from state_backend.calls import AwsError
from state_backend.errors import AccessDenied, AlreadyExists, NotPermittedYet, NotReady, Throttled
from state_backend.outcomes import Report
from tests.unit.given import ACCOUNT, REGION, Ticking

ARN = f"arn:aws:sqs:{REGION}:111111111111:statehold-vending"
DEAD = f"https://sqs.{REGION}.amazonaws.com/111111111111/dead"
READY = Report(account=ACCOUNT, region=REGION, status=outcomes.READY)


class Sqs:
    """Takes calls as SQS would, and keeps them; botocore's own validation judges them."""

    def __init__(self):
        self.calls = []
        self.waited = []
        self.refuse = False
        self.failing = []

    def __call__(self, call):
        client = boto3.client(
            "sqs", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="s"
        )
        answer = {"Successful": [], "Failed": self.failing} if "batch" in call.operation else {}
        with Stubber(client) as stub:
            stub.add_response(call.operation, answer, call.parameters)
            getattr(client, call.operation)(**call.parameters)
        if self.refuse:
            raise AwsError(call, "AccessDenied", "no", status=403)
        self.calls.append((call.operation, dict(call.parameters)))
        return answer


@pytest.fixture
def sqs():
    return Sqs()


@pytest.fixture
def ticking():
    return Ticking()


def message(body="{}", *, received=1, first=1_000_000.0, number=1):
    return {
        "messageId": f"m-{number}",
        "receiptHandle": f"r-{number}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(received),
            "ApproximateFirstReceiveTimestamp": str(int(first * 1000)),
            "SentTimestamp": "0",
            "SenderId": "x",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": REGION,
    }


def process(sqs, ticking, act, *messages, dead=DEAD):
    queue = MessageQueue(
        invoke=sqs, clock=ticking.clock, dead_letter_queue_url=dead, waited=sqs.waited.append
    )
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000)
    answer = queue.process({"Records": list(messages)}, context, act)
    return [it["itemIdentifier"] for it in answer["batchItemFailures"]]


def failing(*errors):
    return lambda body, pass_on: [outcomes.failure(ACCOUNT, REGION, error) for error in errors]


def test_what_went_well_is_done(sqs, ticking):
    seen = []

    failed = process(
        sqs, ticking, lambda body, pass_on: seen.append(body) or [READY], message('{"a": 1}')
    )

    assert (failed, sqs.calls, seen) == ([], [], [{"a": 1}])


def test_a_record_that_somebody_wrote_by_hand_needs_no_attributes(sqs, ticking):
    seen = []
    written = {"messageId": "m-1", "body": '{"a": 1}', "eventSource": "aws:sqs"}

    failed = process(sqs, ticking, lambda body, pass_on: seen.append(body) or [READY], written)

    assert (failed, seen) == ([], [{"a": 1}])


def test_what_is_ignored_is_done(sqs, ticking):
    def ignore(body, pass_on):
        return [outcomes.ignored(ACCOUNT, REGION, "closed")]

    assert process(sqs, ticking, ignore, message()) == []
    assert sqs.calls == []


@pytest.mark.parametrize(
    ("received", "seconds"), [(1, 60), (2, 120), (3, 240), (4, 480), (5, 900), (6, 900), (15, 900)]
)
def test_what_may_work_later_is_seen_again_later_each_time(sqs, ticking, received, seconds):
    failed = process(sqs, ticking, failing(NotReady("x", "y")), message(received=received))

    assert failed == ["m-1"]
    assert sqs.calls == [
        (
            "change_message_visibility",
            {
                "QueueUrl": f"https://sqs.{REGION}.amazonaws.com/111111111111/statehold-vending",
                "ReceiptHandle": "r-1",
                "VisibilityTimeout": seconds,
            },
        )
    ]


def test_what_cannot_work_goes_to_a_person_with_code_and_remedy_and_is_done(sqs, ticking):
    failed = process(sqs, ticking, failing(AlreadyExists("x", "do y")), message('{"a": 1}'))

    [(operation, sent)] = sqs.calls
    assert failed == []
    assert operation == "send_message"
    assert (sent["QueueUrl"], json.loads(sent["MessageBody"])) == (DEAD, {"a": 1})
    assert {key: it["StringValue"] for key, it in sent["MessageAttributes"].items()} == {
        "code": "AlreadyExists",
        "message": "x",
        "remedy": "do y",
    }


def test_without_a_queue_for_people_it_is_reported_as_failed(sqs, ticking):
    assert process(sqs, ticking, failing(AlreadyExists("x", "y")), message(), dead="") == ["m-1"]


def test_one_that_cannot_be_handed_over_is_not_lost(sqs, ticking):
    sqs.refuse = True

    assert process(sqs, ticking, failing(AlreadyExists("x", "y")), message()) == ["m-1"]


def test_one_region_that_may_work_later_keeps_the_message(sqs, ticking):
    failed = process(sqs, ticking, failing(AlreadyExists("x", "y"), Throttled("x", "y")), message())

    assert failed == ["m-1"]
    assert [operation for operation, _ in sqs.calls] == ["change_message_visibility"]


@pytest.mark.parametrize("body", ["no json", "[" * 100_000, ""])
def test_what_is_no_json_goes_to_a_person(sqs, ticking, body):
    failed = process(sqs, ticking, lambda body, pass_on: [READY], message(body))

    assert failed == []
    [(operation, sent)] = sqs.calls
    assert operation == "send_message"
    assert sent["MessageAttributes"]["code"]["StringValue"] == "InvalidRequest"


class TestAnHour:
    @pytest.mark.parametrize(("waited", "again"), [(0, True), (3599, True), (3600, False)])
    def test_missing_permissions_count_as_not_ready_for_an_hour(self, sqs, ticking, waited, again):
        first = ticking.time - waited

        failed = process(sqs, ticking, failing(NotPermittedYet("x", "y")), message(first=first))

        assert bool(failed) is again
        if not again:
            [(_, sent)] = sqs.calls
            assert sent["MessageAttributes"]["code"]["StringValue"] == "AccessDenied"

    def test_so_do_those_that_are_missing_before_any_account_has_its_turn(self, sqs, ticking):
        def denied(body, pass_on):
            raise NotPermittedYet("x", "y")

        assert process(sqs, ticking, denied, message(first=ticking.time - 3600)) == []

        [(_, sent)] = sqs.calls
        assert sent["MessageAttributes"]["code"]["StringValue"] == "AccessDenied"

    @pytest.mark.parametrize("error", [Throttled("x", "y"), NotReady("x", "y")])
    def test_other_transient_errors_stay_so(self, sqs, ticking, error):
        first = ticking.time - 7200

        assert process(sqs, ticking, failing(error), message(first=first)) == ["m-1"]

    def test_an_explicit_deny_does_not_wait_for_it(self, sqs, ticking):
        assert process(sqs, ticking, failing(AccessDenied("x", "y")), message()) == []


def test_one_bad_message_does_not_stop_the_others(sqs, ticking):
    def act(body, pass_on):
        return failing(NotReady("x", "y"))(body, pass_on) if body == 1 else [READY]

    failed = process(sqs, ticking, act, message("1", number=1), message("2", number=2))

    assert failed == ["m-1"]


def test_after_hours_a_person_looks_at_what_still_may_work_later(sqs, ticking):
    failed = process(sqs, ticking, failing(Throttled("x", "y")), message(received=LAST_RECEIPT))

    assert failed == []
    [(operation, sent)] = sqs.calls
    assert operation == "send_message"
    assert sent["MessageAttributes"]["code"]["StringValue"] == "Throttling"


def test_it_is_told_how_long_each_message_has_been_waited_for(sqs, ticking):
    now = ticking.clock.now()

    process(
        sqs,
        ticking,
        lambda body, pass_on: [READY],
        message(first=now - 5000),
        message(number=2, first=now),
    )

    assert sqs.waited == pytest.approx([5000, 0], abs=1)


def test_it_waits_longer_than_an_hour_before_that():
    """The contract: for at least 60 minutes in all."""
    delays = [min(LONGEST_DELAY, FIRST_DELAY * 2**number) for number in range(LAST_RECEIPT - 1)]

    assert sum(delays) >= 3600


def test_what_raises_is_seen_again_soon_and_leaves_its_trace_in_the_log(sqs, ticking, caplog):
    def act(body, pass_on):
        raise KeyError("x")

    assert process(sqs, ticking, act, message()) == ["m-1"]
    assert sqs.calls[0][1]["VisibilityTimeout"] == 60
    [record] = caplog.records
    assert record.getMessage() == "message m-1 could not be worked on"
    assert record.exc_info[0] is KeyError


EVENTS = [{"operation": "reconcile", "accountId": f"{number:012}"} for number in range(23)]


class TestPassingOn:
    def passing(self, body, pass_on):
        pass_on(EVENTS)
        return []

    def test_each_event_becomes_a_message_of_the_same_queue_ten_at_a_time(self, sqs, ticking):
        assert process(sqs, ticking, self.passing, message()) == []

        entries = [entry for _, sent in sqs.calls for entry in sent["Entries"]]
        assert [len(sent["Entries"]) for _, sent in sqs.calls] == [10, 10, 3]
        assert [json.loads(entry["MessageBody"]) for entry in entries] == EVENTS

    def test_what_sqs_did_not_take_is_sent_again(self, sqs, ticking):
        sqs.failing = [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]

        assert process(sqs, ticking, self.passing, message()) == ["m-1"]


def test_in_china_the_queue_has_its_address(sqs, ticking):
    china = {**message(), "eventSourceARN": "arn:aws-cn:sqs:cn-north-1:111111111111:q"}

    process(sqs, ticking, failing(NotReady("x", "y")), china)

    assert sqs.calls[0][1]["QueueUrl"] == "https://sqs.cn-north-1.amazonaws.com.cn/111111111111/q"
