"""
What crhelper 2.0.12 does wrong, each fault shown in it and shown to be absent from ours.

If a test fails in its half about ``plain``, crhelper has mended that fault: the fence may go.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPSConnection
from types import SimpleNamespace
from typing import Any

import crhelper.resource_helper
import crhelper.utils
import pytest

from state_backend.aws.cloudformation_response import (
    Answer,
    UnanswerableRequest,
    put_answer,
    respond,
)
from tests.unit.aws.response_host import (
    LambdaContext,
    ResponseHost,
    out_of_time,
    request,
    response_host,
    the_timer,
)

BUCKET = "tfstate-222222222222-eu-central-1-an"
Plain = Callable[..., Any]
# crhelper's own type stubs leave out what is looked at here.
RESOURCE_HELPER: Any = crhelper.resource_helper
UTILS: Any = crhelper.utils
LOGGERS = ("", "boto", "boto3", "botocore", "urllib3")


class EnoughError(BaseException):
    """Ends what would go on for ever."""


@pytest.fixture
def plain_host() -> Iterator[ResponseHost]:
    """crhelper speaks https whatever the URL says."""
    with response_host(tls=True) as host:
        yield host


@pytest.fixture
def host() -> Iterator[ResponseHost]:
    with response_host() as host:
        yield host


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How crhelper would sleep. The thirtieth nap is enough."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) >= 30:
            raise EnoughError

    monkeypatch.setattr(UTILS, "time", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(RESOURCE_HELPER.CfnResource._wait_for_cwlogs, "__defaults__", (sleep,))
    return naps


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> Iterator[Plain]:
    """crhelper as its README says, one handler for every type."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_SAM_LOCAL", raising=False)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}

    def made(handler: Callable[..., object] | None = None, **settings: object) -> Any:
        helper = RESOURCE_HELPER.CfnResource(
            **{"ssl_verify": False, "log_level": "ERROR", **settings}
        )
        if handler:
            helper.create(handler)
            helper.update(handler)
            helper.delete(handler)
        return helper

    yield made
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def ours(
    event: Any, handler: Callable[..., Any] | None = None, seconds: float = 900, **more: Any
) -> bool:
    handler = handler or (lambda event: Answer(physical_id=BUCKET))
    return respond(
        event,
        LambdaContext(seconds),
        create=handler,
        update=handler,
        delete=handler,
        failed_id=lambda event: "marker",
        allowed_hosts=("127.0.0.1",),
        send=partial(put_answer, sleep=lambda seconds: None),
        **more,
    )


def after(effect: Callable[..., object], result: object) -> Callable[..., Any]:
    def handler(*arguments: object) -> Any:
        effect(*arguments)
        return result

    return handler


def raising(error: BaseException) -> Callable[..., Any]:
    def handler(*_: object) -> Any:
        raise error

    return handler


# Sending


def nobody_there(scheme: str) -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"{scheme}://127.0.0.1:{closed.getsockname()[1]}/"


def test_it_tries_for_ever_and_we_do_not(plain: Plain, naps: list[float]) -> None:
    with pytest.raises(EnoughError):
        plain(lambda *_: BUCKET)(request(nobody_there("https")), LambdaContext())
    assert len(naps) > 5 * UTILS.MAX_RETRIES

    assert not ours(request(nobody_there("http")))


@pytest.mark.parametrize("status", [301, 307, 403, 500, 503])
def test_it_takes_any_status_for_a_delivery_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, status: int
) -> None:
    plain_host.script = [status]
    plain(lambda *_: BUCKET)(request(plain_host.url()), LambdaContext())
    assert len(plain_host.puts) == 1

    host.script = [status] * 20
    assert not ours(request(host.url()))
    assert len(host.puts) == (7 if status >= 500 else 1)


def test_its_socket_has_no_timeout_and_ours_has(
    plain: Plain, plain_host: ResponseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts: list[object] = []

    class Connection(HTTPSConnection):
        def connect(self) -> None:
            timeouts.append(self.timeout)
            super().connect()

    monkeypatch.setattr(UTILS, "HTTPSConnection", Connection)
    monkeypatch.setattr("state_backend.aws.cloudformation_response.HTTPSConnection", Connection)

    plain(lambda *_: BUCKET)(request(plain_host.url()), LambdaContext())
    ours(request(plain_host.url()), seconds=900)
    ours(request(plain_host.url()), seconds=8)

    assert timeouts[0] is socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
    assert set(timeouts[1:]) == {3.0, 2.0}


def test_it_answers_whatever_host_is_named_and_we_do_not(
    plain: Plain, plain_host: ResponseHost
) -> None:
    plain(lambda *_: BUCKET)(request(plain_host.url()), LambdaContext())
    assert len(plain_host.puts) == 1

    with pytest.raises(UnanswerableRequest):
        respond(
            request(plain_host.url()),
            LambdaContext(),
            create=raising(AssertionError()),
            update=raising(AssertionError()),
            delete=raising(AssertionError()),
            failed_id=lambda event: "marker",
        )
    assert len(plain_host.puts) == 1


def test_it_sleeps_two_minutes_before_it_answers_a_delete_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, naps: list[float]
) -> None:
    plain(lambda *_: BUCKET)(request(plain_host.url(), "Delete"), LambdaContext())
    assert naps == [120]

    naps.clear()
    ours(request(host.url(), "Delete"))
    assert naps == []
    assert host.answer["Status"] == "SUCCESS"


# Size and form


def test_it_sends_more_than_4096_bytes_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    helper: Any = plain(after(lambda *_: helper.Data.update(BackendHcl="x" * 9000), BUCKET))
    helper(request(plain_host.url()), LambdaContext())
    assert plain_host.puts[0].answer["Status"] == "SUCCESS"
    assert "bytes are more than 4096" in plain_host.puts[0].objections[0]

    ours(request(host.url()), lambda _: Answer(physical_id=BUCKET, data={"X": "x" * 9000}))
    assert host.answer["Status"] == "FAILED"


def test_it_needs_six_bytes_for_an_accented_letter_and_we_two(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(raising(ValueError("é" * 200)))(request(plain_host.url()), LambdaContext())
    assert plain_host.puts[0].body.count(b"\\u00e9") == 200

    ours(request(host.url()), raising(ValueError("é" * 200)))
    assert host.puts[0].body.count("é".encode()) == 200


def test_it_cuts_a_reason_to_its_last_240_characters_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    reason = "what happened, " + "and more " * 40 + "what to do"

    plain(raising(ValueError(reason)))(request(plain_host.url()), LambdaContext())
    assert "what happened" not in plain_host.answer["Reason"]

    ours(request(host.url()), raising(ValueError(reason)))
    assert reason in host.answer["Reason"]


def test_it_sends_a_failure_without_a_reason_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(raising(ValueError()))(request(plain_host.url()), LambdaContext())
    assert plain_host.puts[0].objections == ["no Reason"]

    ours(request(host.url()), raising(ValueError()))
    assert host.answer["Reason"]


def test_its_answer_loses_its_ids_when_data_is_no_json_and_ours_does_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    helper: Any = plain(after(lambda *_: helper.Data.update(X=object()), BUCKET))
    helper(request(plain_host.url()), LambdaContext())
    assert "no RequestId" in plain_host.puts[0].objections

    ours(request(host.url()), lambda _: Answer(physical_id=BUCKET, data={"X": object()}))  # type: ignore[dict-item]
    assert host.answer["Status"] == "FAILED"


# Ids


def test_it_invents_an_id_for_a_failed_create_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    for _ in range(2):
        plain(raising(ValueError("x")))(request(plain_host.url()), LambdaContext())
    first, second = (put.answer["PhysicalResourceId"] for put in plain_host.puts)
    assert first != second

    ours(request(host.url()), raising(ValueError("x")))
    assert host.answer["PhysicalResourceId"] == "marker"


def test_it_replaces_the_resource_when_an_update_returns_true_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(lambda *_: True)(request(plain_host.url(), "Update"), LambdaContext())
    assert plain_host.answer["PhysicalResourceId"].startswith("payments_StateBackend_")

    ours(request(host.url(), "Update"), lambda _: True)
    assert host.answer["PhysicalResourceId"] == BUCKET


def test_it_replaces_the_resource_when_an_update_returns_another_id_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(lambda *_: "another")(request(plain_host.url(), "Update"), LambdaContext())
    assert plain_host.answer["PhysicalResourceId"] == "another"

    ours(request(host.url(), "Update"), lambda _: Answer(physical_id="another"))
    assert host.answer["PhysicalResourceId"] == BUCKET


@pytest.mark.parametrize("wrong", ["x" * 2000, {"a": 1}], ids=["too long", "a dict"])
def test_it_sends_an_id_that_is_none_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, wrong: Any
) -> None:
    plain(lambda *_: wrong)(request(plain_host.url()), LambdaContext())
    assert plain_host.puts[0].answer["PhysicalResourceId"] == str(wrong)

    ours(request(host.url()), lambda _: Answer(physical_id=wrong))
    assert host.answer["PhysicalResourceId"] == "marker"


def test_it_answers_an_unknown_type_without_an_id_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(lambda *_: BUCKET)(request(plain_host.url(), "Sideways"), LambdaContext())
    assert "no PhysicalResourceId" in plain_host.puts[0].objections
    assert "_sideways_func" in plain_host.puts[0].answer["Reason"]

    ours(request(host.url(), "Sideways"))
    assert host.answer["Reason"] == "RequestType is not Create, Update or Delete."


# Time


def test_it_leaves_half_a_second_to_send_and_we_ten(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    intervals: list[float] = []

    def handler(*_: object) -> Any:
        intervals.append(the_timer().interval)
        return BUCKET

    plain(handler)(request(plain_host.url()), LambdaContext(60))
    ours(request(host.url()), handler, seconds=60)

    assert intervals == [59.5, 50.0]


def test_its_timeout_forgets_the_id_and_ours_does_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(out_of_time)(request(plain_host.url(), "Update"), LambdaContext())
    assert "no PhysicalResourceId" in plain_host.puts[0].objections

    ours(request(host.url(), "Update"), out_of_time)
    assert host.answer["PhysicalResourceId"] == BUCKET


def test_it_answers_again_after_a_timeout_and_we_do_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain(after(out_of_time, BUCKET))(request(plain_host.url()), LambdaContext())
    assert [put.answer["Status"] for put in plain_host.puts] == ["FAILED", "SUCCESS"]

    ours(request(host.url()), after(out_of_time, Answer(physical_id=BUCKET)))
    assert host.answer["Status"] == "FAILED"


# From one request to the next


@pytest.mark.parametrize("missing", ["ResponseURL", "RequestType"])
def test_a_malformed_request_makes_it_answer_the_one_before_and_us_not(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, missing: str
) -> None:
    helper: Any = plain(lambda *_: BUCKET)
    helper(request(plain_host.url("/first")), LambdaContext())
    malformed = request(plain_host.url("/second"), RequestId="second")
    del malformed[missing]
    helper(malformed, LambdaContext())
    assert [put.path.split("?")[0] for put in plain_host.puts] == ["/first", "/first"]

    ours(request(host.url("/first")))
    malformed = request(host.url("/second"), RequestId="second")
    del malformed[missing]
    if missing == "ResponseURL":
        with pytest.raises(UnanswerableRequest):
            ours(malformed)
    else:
        ours(malformed)
    assert all(put.objections == [] for put in host.puts)
    assert [put.answer["RequestId"] for put in host.puts[1:]] in ([], ["second"])
    assert [put.path.split("?")[0] for put in host.puts[1:]] in ([], ["/second"])


def test_a_cold_start_with_a_malformed_request_keeps_it_busy_for_ever_and_us_not(
    plain: Plain,
) -> None:
    with pytest.raises(EnoughError):
        plain(lambda *_: BUCKET)({"RequestType": "Create"}, LambdaContext())

    with pytest.raises(UnanswerableRequest):
        ours({"RequestType": "Create"})


def test_its_no_echo_reaches_the_next_request_and_ours_is_always_false(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    helper: Any = plain(
        after(lambda event, _: setattr(helper, "NoEcho", "Secret" in event), BUCKET)
    )
    helper.update(lambda *_: BUCKET)
    helper(request(plain_host.url(), Secret="x"), LambdaContext())
    helper(request(plain_host.url(), "Update"), LambdaContext())
    assert [put.answer["NoEcho"] for put in plain_host.puts] == [True, True]

    ours(request(host.url(), NoEcho=True))
    assert host.answer["NoEcho"] is False


def test_two_requests_at_once_get_mixed_up_in_it_and_not_in_ours(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    def interrupted(call: Callable[..., object], where: ResponseHost) -> Callable[..., Any]:
        """A handler during whose first run a second request comes and is answered."""

        def handler(event: Any, *_: object) -> Any:
            if event["RequestId"] == "first":
                thread = threading.Thread(
                    target=call, args=(request(where.url("/second"), RequestId="second"),)
                )
                thread.start()
                thread.join(10)
            return BUCKET if where is plain_host else Answer(physical_id=BUCKET)

        return handler

    helper: Any = plain(interrupted(lambda event: helper(event, LambdaContext()), plain_host))
    helper(request(plain_host.url("/first"), RequestId="first"), LambdaContext())
    assert [put.answer["RequestId"] for put in plain_host.puts] == ["second", "second"]

    handler = interrupted(lambda event: ours(event, handler), host)
    ours(request(host.url("/first"), RequestId="first"), handler)
    assert [put.answer["RequestId"] for put in host.puts] == ["second", "first"]
    assert [put.path.split("?")[0] for put in host.puts] == ["/second", "/first"]


# Dispatch


def test_it_says_success_for_a_type_without_a_handler_and_ours_cannot_lack_one(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    plain()(request(plain_host.url()), LambdaContext())
    assert plain_host.answer["Status"] == "SUCCESS"

    with pytest.raises(TypeError, match="delete"):
        respond(  # type: ignore[call-arg]
            request(host.url()),
            LambdaContext(),
            create=raising(AssertionError()),
            update=raising(AssertionError()),
            failed_id=lambda event: "marker",
        )


@pytest.mark.parametrize("key", ["CrHelperPoll"])
def test_its_own_keys_in_a_request_skip_the_handler_and_not_ours(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, key: str
) -> None:
    called: list[str] = []
    plain(lambda *_: called.append("plain"))(
        request(plain_host.url(), **{key: True}), LambdaContext()
    )
    assert plain_host.answer["Status"] == "SUCCESS"
    assert called == []

    ours(request(host.url(), **{key: True}), lambda _: called.append("ours"))
    assert called == ["ours"]


def test_data_in_a_request_comes_back_as_its_answer_and_not_as_ours(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost
) -> None:
    forged = {"CrHelperData": {"BucketName": "forged"}}

    plain(lambda *_: BUCKET)(request(plain_host.url(), **forged), LambdaContext())
    assert plain_host.answer["Data"] == {"BucketName": "forged"}

    ours(request(host.url(), **forged))
    assert host.answer["Data"] == {}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_it_says_nothing_when_the_process_would_end_and_we_do(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        plain(raising(error))(request(plain_host.url()), LambdaContext())
    assert plain_host.puts == []

    ours(request(host.url()), raising(error))
    assert host.answer["Status"] == "FAILED"


# At its start, and in the log


def test_it_makes_three_aws_clients_and_we_none(
    plain: Plain, host: ResponseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(RESOURCE_HELPER.boto3, "client", lambda name, **_: made.append(name))

    plain()
    assert made == ["lambda", "events", "logs"]

    made.clear()
    ours(request(host.url()))
    assert made == []


def test_without_a_region_it_answers_without_an_id_and_we_do_our_work(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    plain(lambda *_: BUCKET)(request(plain_host.url()), LambdaContext())
    assert "no PhysicalResourceId" in plain_host.puts[0].objections

    ours(request(host.url()))
    assert host.answer["Status"] == "SUCCESS"


def test_it_sets_the_level_of_every_logger_and_we_of_none(plain: Plain, host: ResponseHost) -> None:
    logging.getLogger().setLevel(logging.WARNING)
    plain(log_level="DEBUG", boto_level=None)
    assert {logging.getLogger(name).level for name in LOGGERS} == {logging.DEBUG}

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    ours(request(host.url()))
    assert {logging.getLogger(name).level for name in LOGGERS} == {logging.WARNING}


def test_it_logs_the_request_and_the_signed_url_and_we_neither(
    plain: Plain, plain_host: ResponseHost, host: ResponseHost, caplog: pytest.LogCaptureFixture
) -> None:
    plain(lambda *_: BUCKET, log_level="DEBUG")(request(plain_host.url()), LambdaContext())
    assert "S3CR3T-SIGNATURE" in caplog.text
    assert "S3CR3T-PROPERTY" in caplog.text

    caplog.clear()
    caplog.set_level(logging.DEBUG)
    ours(request(host.url()))
    assert caplog.records
    assert "S3CR3T" not in caplog.text


def test_polling_would_make_rules_and_permissions_and_we_never_poll(
    plain: Plain, host: ResponseHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Client:
        def __getattr__(self, operation: str) -> Callable[..., Any]:
            def call(**_: object) -> dict[str, str]:
                calls.append(operation)
                return {"RuleArn": "arn:aws:events:eu-central-1:111111111111:rule/StateBackend"}

            return call

    monkeypatch.setattr(RESOURCE_HELPER.boto3, "client", lambda *_, **__: Client())
    helper: Any = plain(lambda *_: None)
    helper.poll_create(lambda *_: None)
    context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: 900_000, function_name="statehold"
    )

    helper(request(host.url()), context)
    assert calls == ["put_rule", "add_permission", "put_targets"]

    calls.clear()
    ours(request(host.url()))
    assert calls == []
    assert host.answer["Status"] == "SUCCESS"
