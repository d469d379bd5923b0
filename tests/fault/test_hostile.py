"""
Whatever is sent: not one AWS call before it was found valid, and no exception out of the function.

AWS refuses every call in here, so that what is valid after all ends at once.
``HOSTILE_EXAMPLES=10000`` tries more.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state_backend.properties import PROPERTIES
from tests.acceptance.cloudformation_host import ResponseHost
from tests.aws_double import Fault, RecordedCall, Refusal
from tests.fault.ground import Ground, quiet

EVENTS = Path(__file__).parents[2] / "events"
SAMPLES = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(EVENTS.glob("*.json"))
    if not path.stem.startswith(("sqs.", "statehold.", "cloudformation."))
}
REQUESTS = {
    kind: json.loads((EVENTS / f"cloudformation.{kind}.json").read_text("utf-8"))
    for kind in ("Create", "Update", "Delete")
}
MANY = settings(
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "500")),
    deadline=None,
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)

nasty = st.sampled_from(
    [
        "",
        " ",
        "../../etc/passwd",
        "222222222222\n",
        "２２２２２２２２２２２２",  # digits, but none of ours
        "22222222222",
        "2222222222222",
        "arn:aws:iam::222222222222:role/x",
        "arn:aws-cn:kms:cn-north-1:222222222222:key/0",
        "eu-central-1'",
        "eu-central-1/../us-east-1",
        "169.254.169.254",
        "${jndi:ldap://x}",
        '{"Ref": "x"}',
        "*",
        "a" * 5000,
        "\u0000",
        "\ud7ff\u202e",
        "True",
        "false ",
        "-1",
        "1e9",
        "NaN",
    ]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | nasty,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
not_an_account = anything.filter(
    lambda it: not (isinstance(it, str) and re.fullmatch("[0-9]{12}", it, re.ASCII))
)
not_a_region = anything.filter(
    lambda it: not (isinstance(it, str) and re.fullmatch("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", it))
)
BAD = {
    "Region": nasty,
    "BucketName": st.sampled_from(["UPPER", "a..b", "-x", "x" * 64, "xn--x", "a_b", "192.168.0.1"]),
    "BucketNamespace": nasty,
    "Encryption": nasty.filter(bool),
    "KmsKeyArn": nasty.filter(bool),
    "LockMode": nasty.filter(bool),
    "LockTableName": st.sampled_from(["x", "a b", "a/b", "x" * 256]),
    "PreventDestroy": st.sampled_from(["yes", "True", "0", "FALSE"]),
    "Adopt": st.sampled_from(["always", "Enforce"]),
    "NoncurrentVersionDays": st.sampled_from(["0", "-1", "1.5", "many", "1e9", "９０"]),
    "NoncurrentVersionsKept": st.sampled_from(["-1", "1000000", "few"]),
    "StateAccessPrincipalArns": st.sampled_from(
        ["*", "arn:aws:sts::222222222222:assumed-role/x/y", "arn:aws:iam::999999999999:role/x"]
    ),
    "BreakGlassPrincipalArns": st.sampled_from(["*", "me", "arn:aws:sts::1:assumed-role/x/y"]),
    "Tags": st.sampled_from(["=x", "aws:x=y", "x" * 129 + "=y"]),
}
"""Property -> values that are not accepted."""
bad_properties = st.sampled_from(sorted(BAD)).flatmap(
    lambda name: BAD[name].filter(lambda value: value.strip() != "").map(lambda it: {name: it})
) | st.dictionaries(st.text(min_size=1, max_size=20), anything, min_size=1, max_size=2).filter(
    lambda it: not it.keys() & PROPERTIES.keys()
)
operations = st.fixed_dictionaries({"operation": st.sampled_from(["reconcile", "plan"])})
bad_operations = st.one_of(
    st.builds(lambda it, account: {**it, "accountId": account}, operations, not_an_account),
    st.builds(
        lambda it, region: {**it, "accountId": "222222222222", "region": region},
        operations,
        not_a_region.filter(lambda it: it != ""),  # that is: none is named
    ),
    st.builds(
        lambda it, properties: {**it, "accountId": "222222222222", "properties": properties},
        operations,
        bad_properties,
    ),
)


@st.composite
def spoiled(draw: Any, samples: dict[str, Any], pool: Any = anything) -> Any:
    """A sample in which one to three values, wherever they are, are something else."""
    event = deepcopy(draw(st.sampled_from(list(samples.values()))))
    for _ in range(draw(st.integers(1, 3))):
        inner, key = event, draw(st.sampled_from(list(event) or ["x"]))
        while isinstance(inner.get(key), dict) and inner[key] and draw(st.booleans()):
            inner = inner[key]
            key = draw(st.sampled_from(list(inner)))
        inner[key] = draw(pool)
    return event


@pytest.fixture(scope="module")
def refusing(deployed: Ground) -> Iterator[Ground]:
    with quiet():
        yield deployed


def answer_to(ground: Ground, event: Any) -> tuple[Any, Sequence[RecordedCall]]:
    """What the function answers, and the calls that it made, but for the dead-letter queue's."""
    ground.faults.clear()
    ground.faults.add(Fault(kind="access_denied", times=10**9))
    since = len(ground.aws.calls)
    invocation = ground.hub.invoke("AccountVendedFunction", event, clock=ground.time.clock)
    assert invocation.error == ""
    made = [it for it in ground.aws.calls[since:] if it.service != "sqs"]
    assert not any(re.search(r"passwd|jndi|169\.254", repr(it.parameters)) for it in made)
    return invocation.answer, made


def as_message(event: Any) -> Any:
    record = {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(event)}
    return {"Records": [record]}


@MANY
@given(event=bad_operations, by_queue=st.booleans(), document=st.sampled_from(["", "/settings"]))
def test_what_cannot_be_valid_is_refused_without_a_call(
    event, by_queue, document, refusing, example
):
    """Through the queue too, and where there is a settings document."""
    example()
    with refusing.set(SETTINGS_PARAMETER_NAME=document):
        answer, calls = answer_to(refusing, as_message(event) if by_queue else event)

    assert calls == []
    if by_queue:
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}  # it cannot be set aside
        return
    assert [it["error"]["code"] for it in answer] == ["InvalidRequest"]
    assert answer[0]["status"] == "FAILED"
    assert answer[0]["error"]["remedy"]


@MANY
@given(event=anything | spoiled(SAMPLES))
def test_no_event_raises_and_none_that_is_invalid_makes_a_call(event, refusing, example):
    example()
    answer, calls = answer_to(refusing, event)

    assert isinstance(answer, list)
    for report in answer:
        assert report["status"] in {"WAITING", "FAILED", "IGNORED"}
        assert report["error"]["message"]
    if all(it["error"]["code"] == "InvalidRequest" for it in answer):
        assert calls == []


@pytest.fixture(scope="module")
def host() -> Iterator[ResponseHost]:
    with ResponseHost() as running:
        yield running


def request_to(ground: Ground, request: Any, **environment: str) -> list[str]:
    """The calls that a custom-resource request leads to; it never raises."""
    ground.faults.clear()
    ground.faults.add(
        Fault(kind="refuse", error=Refusal("ValidationError", "No", 400), times=10**9)
    )
    since = len(ground.aws.calls)
    with ground.set(RESPONSE_URL_ALLOWED_HOSTS="127.0.0.1", **environment):
        invocation = ground.hub.invoke("CustomResourceFunction", request, clock=ground.time.clock)
    assert invocation.error == ""
    return [f"{it.service}:{it.operation}" for it in ground.aws.calls[since:]]


@MANY
@given(properties=bad_properties, kind=st.sampled_from(["Create", "Update"]))
def test_a_stack_that_asks_for_what_cannot_be_is_told_so_without_a_call(
    properties, kind, refusing, host, example
):
    """Where no stack could confirm it, it is judged at once; elsewhere the stack is asked first."""
    example()
    request = deepcopy(REQUESTS[kind])
    request["ResourceProperties"] = {"ServiceToken": "x", **properties}
    exchange = host.open(request)

    assert request_to(refusing, request, AWS_SAM_LOCAL="true", BACKEND_REGISTER="") == []

    assert exchange.answer is not None
    assert exchange.answer["Status"] == "FAILED"
    assert exchange.answer["Reason"]


@MANY
@given(request=spoiled(REQUESTS))
def test_nothing_but_its_stack_is_looked_at_for_a_request_that_nobody_confirms(
    request, refusing, host, example
):
    example()
    for name in ("StackId", "LogicalResourceId", "RequestId"):
        if not isinstance(request.get(name), str):
            request[name] = "x"
    host.open(request)

    assert set(request_to(refusing, request)) <= {"sts:AssumeRole", "dynamodb:GetItem"}


@MANY
@given(request=spoiled(REQUESTS), url=nasty | st.text(max_size=40))
def test_a_request_from_nowhere_is_dropped_without_a_call(request, url, refusing, example):
    example()
    request["ResponseURL"] = url

    assert request_to(refusing, request) == []
