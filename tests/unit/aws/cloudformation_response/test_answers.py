"""What we answer: each request in its own words, with every id in place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from state_backend.aws.cloudformation_response import Answer, Handler, respond
from state_backend.errors import RefusedChange, StateholdError
from tests.unit.aws.cloudformation_response.given import (
    BUCKET,
    FAILED_ID,
    after,
    answered,
    failed_id,
    raising,
)
from tests.unit.aws.response_host import SIGNED, LambdaContext, ResponseHost, request


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
    assert host.answer["Reason"] == "NotUpdatable: the name is fixed. Keep the name."
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
