"""How an answer is sent: what is tried again, what is final, and to which certificate."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial

import pytest

from state_backend.aws.cloudformation_response import PAUSES, put_answer
from tests.unit.aws.cloudformation_response.given import answered
from tests.unit.aws.response_host import ResponseHost, certificate, request, response_host


def sent_to(
    host: ResponseHost, seconds_left: Callable[[], float] = lambda: 900.0
) -> tuple[bool, list[float]]:
    """Whether a body was delivered, and the pauses made."""
    pauses: list[float] = []
    delivered = put_answer(host.url(), b'{"x": "y"}', seconds_left, sleep=pauses.append)
    return delivered, pauses


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_2xx_is_a_delivery(host: ResponseHost, status: int) -> None:
    host.script = [status]

    assert sent_to(host) == (True, [])
    assert host.puts[0].headers["content-type"] == ""
    assert host.puts[0].headers["content-length"] == "10"


@pytest.mark.parametrize("trouble", [500, 503, "drop", "babble"])
def test_what_may_pass_is_tried_again(host: ResponseHost, trouble: int | str) -> None:
    host.script = [trouble, trouble]

    assert sent_to(host) == (True, list(PAUSES[:2]))
    assert len({put.body for put in host.puts}) == 1
    assert len(host.puts) == 3


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308, 400, 403, 404, 405, 412])
def test_what_is_final_is_not_tried_again_and_no_redirect_is_followed(
    host: ResponseHost, status: int
) -> None:
    host.script = [status]

    assert sent_to(host) == (False, [])
    assert len(host.puts) == 1


def test_the_attempts_have_an_end(host: ResponseHost) -> None:
    host.script = [500] * 100

    assert sent_to(host) == (False, list(PAUSES))
    assert len(host.puts) == len(PAUSES) + 1


def test_no_pause_outlasts_the_function(host: ResponseHost) -> None:
    host.script = [500] * 100
    left = iter([9.0, 8.0, 7.0, 6.0, 5.0, 1.5])

    assert sent_to(host, lambda: next(left)) == (False, [0.5, 1.0])
    assert len(host.puts) == 3


def test_without_any_time_left_one_attempt_is_made(host: ResponseHost) -> None:
    assert sent_to(host, lambda: -1.0) == (True, [])


def test_a_host_that_is_not_there_is_not_tried_for_ever() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    pauses: list[float] = []

    assert not put_answer(f"http://127.0.0.1:{port}/", b"{}", lambda: 900, sleep=pauses.append)
    assert pauses == list(PAUSES)


def test_a_host_that_says_nothing_is_given_up() -> None:
    """It listens and never accepts; half a second is the shortest we wait."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()

        assert not put_answer(url, b"{}", lambda: 0.0)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url", ["", "https://", "https://\n/", f"https://{'x' * 64}.invalid/", "x"]
)
def test_a_url_that_cannot_be_used_is_no_delivery(url: str) -> None:
    assert not put_answer(url, b"{}", lambda: 0.0)


def test_a_certificate_that_nobody_signed_is_not_trusted() -> None:
    with response_host(tls=True) as host:
        assert sent_to(host, lambda: 0.0) == (False, [])
        assert host.puts == []


def test_an_answer_goes_over_tls() -> None:
    with response_host(tls=True) as host:
        tls = ssl.create_default_context(cafile=certificate())

        assert answered(request(host.url()), send=partial(put_answer, tls=tls))

        assert host.answer["Status"] == "SUCCESS"


def test_a_certificate_must_be_for_the_host_that_was_named() -> None:
    with response_host(tls=True) as host:
        tls = ssl.create_default_context(cafile=certificate())
        url = host.url().replace("127.0.0.1", "localhost")

        assert not put_answer(url, b"{}", lambda: 0.0, tls=tls)
        assert host.puts == []


@pytest.mark.parametrize("status", [200, 403, 503])
def test_what_became_of_the_answer_is_returned(host: ResponseHost, status: int) -> None:
    host.script = [status] * 9

    delivered = answered(request(host.url()), send=partial(put_answer, sleep=lambda seconds: None))

    assert delivered is (status == 200)


def test_a_sender_that_fails_is_not_asked_twice() -> None:
    asked: list[bytes] = []

    def send(url: str, body: bytes, left: Callable[[], float]) -> bool:
        asked.append(body)
        raise ValueError("no")

    assert not answered(request("http://127.0.0.1/"), send=send)
    assert len(asked) == 1
