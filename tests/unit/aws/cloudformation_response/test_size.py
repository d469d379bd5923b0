"""Every answer fits in the 4096 bytes that CloudFormation takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_backend.aws.cloudformation_response import Answer, UnanswerableRequest
from state_backend.errors import StateholdError
from tests.unit.aws.cloudformation_response.given import (
    BUCKET,
    NAMES,
    THEIRS,
    after,
    answered,
    keeping,
    raising,
)
from tests.unit.aws.response_host import ResponseHost, objections, request


def test_a_long_reason_keeps_its_beginning_and_its_end(host: ResponseHost) -> None:
    reason = "Beginning. " + "middle " * 5000 + "The end."

    answered(request(host.url()), raising(StateholdError(reason)))

    sent = host.answer["Reason"]
    assert sent.startswith("InternalFailure: Beginning. middle")
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
