"""One request, one answer: within 4096 bytes, in time, to CloudFormation and to nobody else."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_backend.aws.cloudformation_response import (
    PAUSES,
    SECONDS_TO_SEND,
    Answer,
    Handler,
    Send,
    UnanswerableRequest,
    may_answer,
    put_answer,
    respond,
)
from state_backend.errors import RefusedChange, StateholdError
from tests.unit.aws.response_host import (
    SIGNED,
    LambdaContext,
    ResponseHost,
    certificate,
    objections,
    out_of_time,
    request,
    response_host,
    the_timer,
)

BUCKET = "tfstate-222222222222-eu-central-1-an"
THEIRS = "cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com"


@pytest.fixture
def host() -> Iterator[ResponseHost]:
    with response_host() as host:
        yield host


def failed_id(event: Mapping[str, Any]) -> str:
    return f"statehold-create-failed:{event['LogicalResourceId']}"


FAILED_ID = "statehold-create-failed:StateBackend"


def answered(
    event: Any,
    handler: Handler | None = None,
    *,
    context: LambdaContext | None = None,
    failed_id: Callable[[Mapping[str, Any]], str] = failed_id,
    send: Send = put_answer,
    allowed_hosts: tuple[str, ...] = ("127.0.0.1",),
) -> bool:
    """``respond``, with *handler* for every type."""
    handler = handler or (lambda event: Answer(physical_id=BUCKET))
    return respond(
        event,
        context or LambdaContext(),
        create=handler,
        update=handler,
        delete=handler,
        failed_id=failed_id,
        send=send,
        allowed_hosts=allowed_hosts,
    )


def after(effect: Callable[[Any], object], answer: Answer | None = None) -> Handler:
    """A handler that does *effect* first."""

    def handler(event: Mapping[str, Any]) -> Answer:
        effect(event)
        return answer or Answer(physical_id=BUCKET)

    return handler


def keeping(bodies: list[Any]) -> Send:
    """A sender that keeps what it is to send."""

    def send(url: str, body: bytes, seconds_left: Callable[[], float]) -> bool:
        bodies.append(body)
        return True

    return send


def raising(error: BaseException) -> Handler:
    def handler(event: Mapping[str, Any]) -> Answer:
        raise error

    return handler


# Whom we answer


CLOUDFORMATION = [
    ("aws", f"https://{THEIRS}/arn%3Aaws%3Acloudformation/x%7Cy?AWSAccessKeyId=A&Signature=b%2B="),
    ("aws", f"https://{THEIRS}:443/x?y"),
    ("aws", "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?y"),
    ("aws", "https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x"),
    ("aws-us-gov", f"https://{THEIRS.replace('eu-central-1', 'us-gov-west-1')}/x?y"),
    ("aws-cn", f"https://{THEIRS.replace('eu-central-1', 'cn-north-1')}.cn/x?y"),
]

STRANGERS = {
    "nothing": "",
    "a space": " ",
    "http": f"http://{THEIRS}/x",
    "upper-case scheme": f"HTTPS://{THEIRS}/x",
    "ftp": f"ftp://{THEIRS}/x",
    "file": "file:///etc/passwd",
    "gopher": f"gopher://{THEIRS}:443/_PUT",
    "no scheme": f"//{THEIRS}/x",
    "one slash": f"https:/{THEIRS}/x",
    "three slashes": f"https:///{THEIRS}/x",
    "instance metadata": "http://169.254.169.254/latest/meta-data/",
    "instance metadata over https": "https://169.254.169.254/latest/meta-data/",
    "metadata as a number": "https://2852039166/",
    "metadata in IPv6": "https://[fd00:ec2::254]/",
    "the runtime's own API": "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "localhost": "https://localhost/x",
    "another host": "https://example.com/x",
    "their name as a path": f"https://example.com/{THEIRS}",
    "their name as a query": f"https://example.com/?{THEIRS}",
    "their name as a fragment": f"https://example.com/#{THEIRS}",
    "their name as user": f"https://{THEIRS}@example.com/x",
    "their name as user and password": f"https://{THEIRS}:443@example.com/x",
    "a user of theirs": f"https://user@{THEIRS}/x",
    "a user and a password of theirs": f"https://user:password@{THEIRS}/x",
    "an empty user": f"https://@{THEIRS}/x",
    "their name as a prefix": f"https://{THEIRS}.example.com/x",
    "their name as a suffix": f"https://example.{THEIRS}/x",
    "their name glued to another": f"https://evil{THEIRS}/x",
    "a trailing dot": f"https://{THEIRS}./x",
    "a doubled dot": f"https://{THEIRS.replace('.s3.', '..s3.')}/x",
    "no bucket suffix": "https://cloudformation-custom-resource-response-.s3.amazonaws.com/x",
    "another bucket": "https://my-bucket.s3.eu-central-1.amazonaws.com/x",
    "a bucket with a dash": f"https://{THEIRS.replace('eucentral1', 'eu-central-1')}/x",
    "path style": "https://s3.amazonaws.com/cloudformation-custom-resource-response-useast1/x",
    "another service": f"https://{THEIRS.replace('.s3.', '.execute-api.')}/x",
    "a dot that is a letter": f"https://{THEIRS.replace('.amazonaws.', 'xamazonaws.')}/x",
    "upper case": f"https://{THEIRS.upper()}/x",
    "another top-level domain": f"https://{THEIRS.removesuffix('.com')}.org/x",
    "China's name elsewhere": f"https://{THEIRS}.cn/x",
    "port 80": f"https://{THEIRS}:80/x",
    "port 8443": f"https://{THEIRS}:8443/x",
    "port 0443": f"https://{THEIRS}:0443/x",
    "an empty port": f"https://{THEIRS}:/x",
    "two ports": f"https://{THEIRS}:443:80/x",
    "a word for a port": f"https://{THEIRS}:https/x",
    "other digits for a port": f"https://{THEIRS}:\u0664\u0664\u0663/x",
    "a leading space": f" https://{THEIRS}/x",
    "a trailing space": f"https://{THEIRS}/x ",
    "a trailing newline": f"https://{THEIRS}/x\n",
    "a newline after the host": f"https://{THEIRS}\n/x",
    "a second request": f"https://{THEIRS}/x HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "a header": f"https://{THEIRS}/x\r\nContent-Type: text/html",
    "a tab in the host": f"https://{THEIRS.replace('s3', 's3' + chr(9))}/x",
    "a NUL": f"https://{THEIRS}\0.example.com/x",
    "a delete character": f"https://{THEIRS}/\x7f",
    "a backslash": f"https://example.com\\@{THEIRS}/x",
    "a backslash after the host": f"https://{THEIRS}\\.example.com/x",
    "a backslash in the path": f"https://{THEIRS}/\\example.com",
    "backslashes for slashes": f"https:\\\\{THEIRS}\\x",
    "an encoded dot": f"https://{THEIRS.replace('.com', '%2ecom')}/x",
    "an encoded slash": f"https://{THEIRS}%2f.example.com/x",
    "a full-width letter": f"https://{THEIRS.replace('amazon', chr(0xFF41) + 'mazon')}/x",
    "a Cyrillic letter": f"https://{THEIRS.replace('amazon', chr(0x0430) + 'mazon')}/x",
    "a Kelvin sign for a k": "https://cloudformation-custom-resource-response-\u212a.s3.amazonaws.com/",
    "an ideographic full stop": f"https://{THEIRS.replace('.com', chr(0x3002) + 'com')}/x",
    "a soft hyphen": f"https://{THEIRS.replace('amazon', 'ama' + chr(0xAD) + 'zon')}/x",
    "punycode": f"https://{THEIRS.replace('amazonaws', 'xn--mazonaws-2fg')}/x",
    "a letter outside ASCII in the path": f"https://{THEIRS}/\u00e9",
    "a semicolon": f"https://{THEIRS};.example.com/x",
    "a query for a path": f"https://{THEIRS}?@example.com/x",
    "a fragment for a path": f"https://{THEIRS}#@example.com/x",
    "a comma": f"https://{THEIRS},example.com/x",
}


@pytest.mark.parametrize(("partition", "url"), CLOUDFORMATION)
def test_cloudformation_is_answered(partition: str, url: str) -> None:
    assert may_answer(url, partition=partition)


@pytest.mark.parametrize("url", STRANGERS.values(), ids=STRANGERS)
def test_nobody_else_is_answered(url: str) -> None:
    assert not may_answer(url)


@pytest.mark.parametrize("url", STRANGERS.values(), ids=STRANGERS)
def test_a_request_of_a_stranger_reaches_no_handler_and_no_socket(url: str) -> None:
    called: list[object] = []

    with pytest.raises(UnanswerableRequest):
        respond(
            request(url),
            LambdaContext(),
            create=after(called.append),
            update=raising(AssertionError()),
            delete=raising(AssertionError()),
            failed_id=failed_id,
            send=keeping(called),
        )

    assert called == []


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_china_is_answered_from_china_only(partition: str) -> None:
    assert not may_answer(f"https://{THEIRS}.cn/x", partition=partition)
    assert not may_answer(f"https://{THEIRS}/x", partition="aws-cn")


LOCAL = ("localhost", "host.docker.internal")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/x",
        "https://localhost/x",
        "http://host.docker.internal:1",
        "http://localhost",
    ],
)
def test_an_allowed_host_is_answered_on_any_port_and_over_http(url: str) -> None:
    assert may_answer(url, LOCAL)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.example.com/x",
        "http://localhost@example.com/x",
        "http://user@localhost/x",
        "http://localhost:70000/x",
        "http://localhost:8080:80/x",
        "http://sub.localhost/x",
        "http://LOCALHOST/x",
        "http://docker.internal/x",
        "http:///x",
        "ftp://localhost/x",
        f"http://{THEIRS}/x",
    ],
)
def test_an_allowed_host_lets_no_other_in(url: str) -> None:
    assert not may_answer(url, LOCAL)


def test_the_refusal_names_scheme_and_host_and_no_more_of_the_url() -> None:
    with pytest.raises(UnanswerableRequest) as refused:
        answered(request(f"https://example.com/path?{SIGNED}"))

    assert str(refused.value).endswith("https://example.com.")


def test_the_refusal_of_a_url_that_is_none_repeats_nothing_of_it() -> None:
    with pytest.raises(UnanswerableRequest) as refused:
        answered(request(f"https://user:pass@example.com/path?{SIGNED}"))

    assert str(refused.value).endswith("not even a plain URL.")


NAMES = ("StackId", "RequestId", "LogicalResourceId", "ResponseURL")


@pytest.mark.parametrize("wrong", [None, "", 7, True, [], {}, ["x"]], ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_cannot_be_matched_or_reached_is_not_answered(
    host: ResponseHost, name: str, wrong: object
) -> None:
    answered(request(host.url()))

    with pytest.raises(UnanswerableRequest, match=name):
        answered(request(host.url()) | {name: wrong})

    assert len(host.puts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_request_with_a_part_missing_is_not_answered(host: ResponseHost, name: str) -> None:
    event = request(host.url())
    del event[name]

    with pytest.raises(UnanswerableRequest, match=name):
        answered(event)

    assert host.puts == []


@pytest.mark.parametrize("event", [None, [], "text", 7, True, [{}], {}], ids=repr)
def test_what_is_no_request_is_not_answered(event: object) -> None:
    with pytest.raises(UnanswerableRequest):
        answered(event)


def test_ids_that_leave_no_room_for_an_answer_are_refused(host: ResponseHost) -> None:
    with pytest.raises(UnanswerableRequest, match="ids"):
        answered(request(host.url(), StackId="x" * 3000))


# What we answer


def test_a_success_arrives_whole(host: ResponseHost) -> None:
    data = {
        "BucketName": BUCKET,
        "BackendHcl": 'terraform {\n  backend "s3" {}\n}\n',
        "Umlaut": "é",
    }

    delivered = answered(request(host.url()), lambda event: Answer(physical_id=BUCKET, data=data))

    assert delivered
    assert host.answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": BUCKET,
        "StackId": "arn:aws:cloudformation:eu-central-1:222222222222:stack/payments/0a1b2c3d",
        "RequestId": "b7c1f1a0-1111-4222-8333-444455556666",
        "LogicalResourceId": "StateBackend",
        "NoEcho": False,
        "Data": data,
    }
    assert host.puts[0].path == f"/response?{SIGNED}"


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_each_type_reaches_its_own_handler_with_the_request_as_it_came(
    host: ResponseHost, request_type: str
) -> None:
    event = request(host.url(), request_type)
    called = []

    def noted(name: str) -> Handler:
        return after(lambda event: called.append((name, event)))

    respond(
        event,
        LambdaContext(),
        create=noted("Create"),
        update=noted("Update"),
        delete=noted("Delete"),
        failed_id=failed_id,
        allowed_hosts=("127.0.0.1",),
    )

    assert called == [(request_type, event)]
    assert host.answer["Status"] == "SUCCESS"


def test_an_error_of_ours_is_told_with_its_remedy(host: ResponseHost) -> None:
    answered(request(host.url()), raising(RefusedChange("the name is fixed", "Keep the name")))

    assert host.answer["Status"] == "FAILED"
    assert host.answer["Reason"] == "the name is fixed. Keep the name."
    assert host.answer["PhysicalResourceId"] == FAILED_ID


def test_an_error_nobody_expected_is_told_by_its_kind(host: ResponseHost) -> None:
    answered(request(host.url()), raising(KeyError("Bucket")))

    assert "KeyError: 'Bucket'" in host.answer["Reason"]
    assert "report this fault" in host.answer["Reason"]


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), MemoryError(), RecursionError()]
)
def test_even_what_would_end_the_process_is_answered(
    host: ResponseHost, error: BaseException
) -> None:
    assert answered(request(host.url(), "Update"), raising(error))

    assert host.answer["Status"] == "FAILED"
    assert type(error).__name__ in host.answer["Reason"]
    assert host.answer["PhysicalResourceId"] == BUCKET


def test_an_error_that_cannot_be_printed_is_answered(host: ResponseHost) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    assert answered(request(host.url(), "Update"), raising(UnprintableError()))

    assert host.answer["Status"] == "FAILED"
    assert host.answer["PhysicalResourceId"] == BUCKET


@pytest.mark.parametrize("reason", [" ", ".", "\n. "])
def test_a_failure_without_a_reason_gets_one(host: ResponseHost, reason: str) -> None:
    answered(request(host.url()), lambda event: Answer(physical_id=BUCKET, failed=reason))

    assert host.answer["Reason"] == "It failed and gave no reason. See the log."


@pytest.mark.parametrize("error", [Exception(), StateholdError("")])
def test_an_empty_error_gets_a_reason(host: ResponseHost, error: Exception) -> None:
    answered(request(host.url()), raising(error))

    assert len(host.answer["Reason"]) > 20


@pytest.mark.parametrize("request_type", ["Sideways", "create", "", None, 7, ["Create"], {}])
def test_an_unknown_type_fails_in_words_and_reaches_no_handler(
    host: ResponseHost, request_type: object
) -> None:
    called: list[object] = []

    answered(request(host.url(), request_type), after(called.append))

    assert called == []
    assert host.answer["Status"] == "FAILED"
    assert host.answer["Reason"] == "RequestType is not Create, Update or Delete."


def test_a_missing_type_fails_in_words(host: ResponseHost) -> None:
    event = request(host.url())
    del event["RequestType"]

    answered(event)

    assert host.answer["Reason"] == "RequestType is not Create, Update or Delete."


@pytest.mark.parametrize("wrong", [None, "", " ", 7, "x" * 1025, ["x"]])
@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_a_request_that_names_no_resource_fails_in_words(
    host: ResponseHost, request_type: str, wrong: object
) -> None:
    answered(request(host.url(), request_type, PhysicalResourceId=wrong))

    assert host.answer["Reason"] == "The request has no PhysicalResourceId to act on."
    assert host.answer["PhysicalResourceId"] == FAILED_ID


def test_a_create_does_not_take_its_id_from_the_request(host: ResponseHost) -> None:
    answered(request(host.url(), PhysicalResourceId="mine"), raising(ValueError()))

    assert host.answer["PhysicalResourceId"] == FAILED_ID


def test_a_failed_create_may_name_what_it_made(host: ResponseHost) -> None:
    answered(request(host.url()), lambda event: Answer(physical_id=BUCKET, failed="Half done."))

    assert host.answer["PhysicalResourceId"] == BUCKET


def test_an_update_that_would_replace_fails_and_keeps_the_id(host: ResponseHost) -> None:
    answered(request(host.url(), "Update"), lambda event: Answer(physical_id="another"))

    assert host.answer["Status"] == "FAILED"
    assert host.answer["PhysicalResourceId"] == BUCKET
    assert "would replace the resource" in host.answer["Reason"]


def test_a_failed_update_keeps_the_id_whatever_the_handler_says(host: ResponseHost) -> None:
    answered(request(host.url(), "Update"), lambda event: Answer(physical_id="x", failed="No."))

    assert host.answer["PhysicalResourceId"] == BUCKET
    assert host.answer["Reason"] == "No."


def test_a_delete_keeps_the_id_and_sends_no_data(host: ResponseHost) -> None:
    """An attribute too long must not keep a stack from being deleted."""
    answered(
        request(host.url(), "Delete"),
        lambda event: Answer(physical_id="x", data={"BackendHcl": "x" * 5000}),
    )

    assert host.answer["Status"] == "SUCCESS"
    assert host.answer["PhysicalResourceId"] == BUCKET
    assert host.answer["Data"] == {}


def test_a_handler_that_changes_the_request_does_not_change_the_answer(host: ResponseHost) -> None:
    def handler(event: Any) -> Answer:
        event.clear()
        event["ResponseURL"] = "https://example.com/"
        return Answer(physical_id=BUCKET)

    answered(request(host.url(), "Update"), handler)

    assert host.answer["Status"] == "SUCCESS"
    assert host.answer["StackId"].endswith("/payments/0a1b2c3d")


@pytest.mark.parametrize(
    "physical_id", ["", " ", "x" * 1025, "é" * 513, 7, None, True, {"a": 1}], ids=repr
)
def test_a_physical_id_that_is_none_fails(host: ResponseHost, physical_id: Any) -> None:
    answered(request(host.url()), lambda event: Answer(physical_id=physical_id))

    assert host.answer["Status"] == "FAILED"
    assert host.answer["PhysicalResourceId"] == FAILED_ID


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "tfstate",
        {"PhysicalResourceId": "x"},
        Answer(physical_id=BUCKET, data={"N": 7}),  # type: ignore[dict-item]
        Answer(physical_id=BUCKET, data={7: "x"}),  # type: ignore[dict-item]
        Answer(physical_id=BUCKET, data={"N": object()}),  # type: ignore[dict-item]
        Answer(physical_id=BUCKET, data={"N": b"x"}),  # type: ignore[dict-item]
        Answer(physical_id=BUCKET, data={"N": {"x": "y"}}),  # type: ignore[dict-item]
        Answer(physical_id=BUCKET, data=[("a", "b")]),  # type: ignore[arg-type]
        Answer(physical_id=BUCKET, failed=ValueError("x")),  # type: ignore[arg-type]
    ],
    ids=lambda answer: re.sub(r" at 0x[0-9a-f]+", "", repr(answer)),
)
def test_an_answer_that_is_not_text_fails_with_every_id_in_place(
    host: ResponseHost, answer: Any
) -> None:
    answered(request(host.url(), "Update"), lambda event: answer)

    assert host.answer["Status"] == "FAILED"
    assert "is not made of text" in host.answer["Reason"]
    assert host.answer["PhysicalResourceId"] == BUCKET
    assert host.answer["RequestId"] == "b7c1f1a0-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    "marker",
    [
        lambda event: "",
        lambda event: "x" * 2000,
        lambda event: None,
        raising(ValueError("no")),
        raising(SystemExit()),
    ],
)
def test_a_marker_that_cannot_be_had_still_gets_an_answer(host: ResponseHost, marker: Any) -> None:
    answered(request(host.url()), raising(ValueError("first")), failed_id=marker)

    assert host.answer["PhysicalResourceId"] == "statehold-failed"
    assert "first" in host.answer["Reason"]


# Within 4096 bytes


def test_a_long_reason_keeps_its_beginning_and_its_end(host: ResponseHost) -> None:
    reason = "Beginning. " + "middle " * 5000 + "The end."

    answered(request(host.url()), raising(StateholdError(reason)))

    sent = host.answer["Reason"]
    assert sent.startswith("Beginning. middle")
    assert sent.endswith("middle The end.")
    assert " … " in sent
    assert len(host.puts[0].body) > 4090


@pytest.mark.parametrize("character", ["é", "界", "\U0001f512", '"', "\t", "\0", "\ud800"])
def test_a_shortened_reason_is_made_of_whole_characters_and_fills_the_answer(
    host: ResponseHost, character: str
) -> None:
    answered(request(host.url()), lambda event: Answer(physical_id=BUCKET, failed=character * 9000))

    assert set(host.answer["Reason"]) == {character, " ", "…"}
    assert len(host.puts[0].body) > 4096 - 7


def test_a_letter_with_an_accent_takes_two_bytes(host: ResponseHost) -> None:
    answered(request(host.url()), lambda event: Answer(physical_id=BUCKET, failed="é" * 1000))

    assert host.answer["Reason"] == "é" * 1000


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_data_that_does_not_fit_is_a_failure_that_names_the_longest(
    host: ResponseHost, request_type: str
) -> None:
    data = {"BucketName": BUCKET, "BackendHcl": "x" * 4000}

    answered(request(host.url(), request_type), lambda event: Answer(physical_id=BUCKET, data=data))

    assert host.answer["Status"] == "FAILED"
    assert "BackendHcl" in host.answer["Reason"]
    assert host.answer["PhysicalResourceId"] == BUCKET
    assert host.answer["Data"] == {}


def test_data_that_just_fits_is_sent(host: ResponseHost) -> None:
    answered(
        request(host.url()),
        lambda event: Answer(physical_id=BUCKET, data={"BackendHcl": "x" * 3700}),
    )
    room = 4096 - len(host.puts.pop().body)

    for more, status in ((room, "SUCCESS"), (room + 1, "FAILED")):
        data = {"BackendHcl": "x" * (3700 + more)}
        answered(request(host.url()), after(lambda _: None, Answer(physical_id=BUCKET, data=data)))
        assert host.answer["Status"] == status
        host.puts.clear()


texts = st.text(st.characters(), max_size=60) | st.builds(
    lambda text, times: text * times,
    st.text(st.characters(), max_size=5),
    st.integers(0, 5000),
)
answers = st.builds(
    Answer, physical_id=texts, data=st.dictionaries(texts, texts, max_size=5), failed=texts
)


@given(
    request_type=st.sampled_from(["Create", "Update", "Delete"]) | texts,
    given_id=texts,
    ids=st.tuples(texts, texts, texts),
    outcome=answers | texts.map(StateholdError) | texts.map(ValueError) | st.none(),
    marker=texts,
)
def test_no_answer_is_too_long_or_lacks_what_cloudformation_needs(
    request_type: str, given_id: str, ids: tuple[str, str, str], outcome: Any, marker: str
) -> None:
    sent: list[bytes] = []
    event = request(f"https://{THEIRS}/x", request_type, PhysicalResourceId=given_id) | dict(
        zip(NAMES, ids, strict=False)
    )

    def handler(event: Mapping[str, Any]) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    try:
        answered(
            event,
            handler,
            failed_id=lambda event: marker,
            send=keeping(sent),
        )
    except UnanswerableRequest:
        assert sent == []
        return

    [body] = sent
    assert objections(body) == []
    assert [json.loads(body)[name] for name in NAMES[:3]] == list(ids)


# In time


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


# Sending


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


# What is logged


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete", "Sideways"])
@pytest.mark.parametrize(
    "handler",
    [
        lambda event: Answer(physical_id=BUCKET, data={"X": event["ResponseURL"]}),
        after(out_of_time),
        lambda event: Answer(physical_id=BUCKET, failed=event["ResponseURL"]),
        lambda event: int(event["ResponseURL"]),
        lambda event: event["ResourceProperties"][event["ResourceProperties"]["BucketName"]],
    ],
)
@pytest.mark.parametrize("status", [200, 403, 503, "drop"])
def test_neither_the_url_nor_the_request_is_logged_at_any_level(
    host: ResponseHost,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    request_type: str,
    handler: Any,
    status: int | str,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    host.script = [status] * 9
    event = request(host.url(), request_type)

    answered(event, handler, send=partial(put_answer, sleep=lambda seconds: None))

    assert caplog.records
    written = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    written += "".join(capfd.readouterr())
    for secret in ("S3CR3T", "127.0.0.1", "/response", event["StackId"], event["RequestId"]):
        assert secret not in written


def test_the_levels_of_the_loggers_stay_as_they_are(host: ResponseHost) -> None:
    names = ("", "crhelper", "boto3", "botocore", "urllib3")
    before = [logging.getLogger(name).level for name in names]

    answered(request(host.url()))

    assert [logging.getLogger(name).level for name in names] == before
