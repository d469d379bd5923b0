"""An answer comes before the function's time is up, and only one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from state_backend.aws.cloudformation_response import SECONDS_TO_SEND, Answer
from tests.unit.aws.cloudformation_response.given import BUCKET, FAILED_ID, after, answered
from tests.unit.aws.response_host import (
    LambdaContext,
    ResponseHost,
    out_of_time,
    request,
    the_timer,
)


def test_the_function_answers_for_a_handler_that_is_not_done(host: ResponseHost) -> None:
    """The timer is real; it fires after ten milliseconds."""
    arrived = threading.Event()
    host.script = [arrived.set]

    def handler(event: Mapping[str, Any]) -> Answer:
        assert arrived.wait(5)
        return Answer(physical_id=BUCKET)

    assert answered(request(host.url()), handler, context=LambdaContext(0.02))

    assert host.answer["Status"] == "FAILED"
    assert host.answer["Reason"].startswith("The Create timed out")
    assert "repeat the operation" in host.answer["Reason"]


@pytest.mark.parametrize(
    ("request_type", "physical_id"),
    [("Create", FAILED_ID), ("Update", BUCKET), ("Delete", BUCKET)],
)
def test_a_timeout_names_the_resource(
    host: ResponseHost, request_type: str, physical_id: str
) -> None:
    answered(
        request(host.url(), request_type),
        after(out_of_time, Answer(physical_id="x")),
    )

    assert host.answer["Status"] == "FAILED"
    assert host.answer["PhysicalResourceId"] == physical_id


@pytest.mark.parametrize(
    ("remaining", "for_the_handler"),
    [(900, 900 - SECONDS_TO_SEND), (20, 10), (12, 6), (1, 0.5), (0, 0)],
)
def test_there_is_time_left_to_send(
    host: ResponseHost, monkeypatch: pytest.MonkeyPatch, remaining: float, for_the_handler: float
) -> None:
    intervals = []

    def timers(*arguments: Any, **more: Any) -> threading.Timer:
        intervals.append(arguments[0])
        return timer(*arguments, **more)

    timer = threading.Timer
    monkeypatch.setattr(threading, "Timer", timers)

    answered(request(host.url()), context=LambdaContext(remaining))

    assert intervals == [pytest.approx(for_the_handler)]
    assert len(host.puts) == 1


def test_a_timer_that_cannot_start_is_answered_for(
    host: ResponseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a guard on the time nothing is begun."""

    class NoThread(threading.Timer):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "Timer", NoThread)
    called: list[object] = []

    assert answered(request(host.url()), after(called.append))

    assert called == []
    assert host.answer["Reason"] == "The function came to no answer. Its log has the reason."


def test_the_timer_ends_with_the_request(host: ResponseHost) -> None:
    timers = []

    answered(request(host.url()), after(lambda event: timers.append(the_timer())))

    timers[0].join(5)
    assert not timers[0].is_alive()


def test_a_handler_that_ends_while_the_timer_sends_waits_and_sends_nothing(
    host: ResponseHost,
) -> None:
    arrived, done = threading.Event(), threading.Event()

    def answer_when_the_handler_is_done() -> None:
        arrived.set()
        assert done.wait(5)

    host.script = [answer_when_the_handler_is_done]

    def handler(event: Mapping[str, Any]) -> Answer:
        threading.Thread(target=the_timer().function).start()
        assert arrived.wait(5)
        done.set()
        return Answer(physical_id=BUCKET)

    delivered = answered(request(host.url()), handler)

    assert delivered
    assert host.answer["Status"] == "FAILED"


def test_a_timer_that_fires_while_the_handler_s_answer_is_sent_sends_nothing(
    host: ResponseHost, caplog: pytest.LogCaptureFixture
) -> None:
    late = []

    def the_deadline_passes() -> None:
        late.append(threading.Thread(target=the_timer().function))
        late[0].start()
        while "out of time" not in caplog.text:
            late[0].join(0.001)

    host.script = [the_deadline_passes]

    assert answered(request(host.url()))

    late[0].join(5)
    assert host.answer["Status"] == "SUCCESS"


def test_requests_at_the_same_time_get_each_its_own_answer(host: ResponseHost) -> None:
    together = threading.Barrier(8)

    def handler(event: Mapping[str, Any]) -> Answer:
        together.wait(5)
        return Answer(physical_id=f"id-{event['RequestId']}")

    threads = [
        threading.Thread(
            target=answered, args=(request(host.url(f"/{n}"), RequestId=f"{n}"), handler)
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(
        (put.path[1], put.answer["RequestId"], put.answer["PhysicalResourceId"])
        for put in host.puts
    ) == [(f"{n}", f"{n}", f"id-{n}") for n in range(8)]
