"""``respond`` with a handler, a sender and an id for what fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from state_backend.aws.cloudformation_response import Answer, Handler, Send, put_answer, respond
from tests.unit.aws.response_host import LambdaContext

BUCKET = "tfstate-222222222222-eu-central-1-an"
THEIRS = "cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com"
NAMES = ("StackId", "RequestId", "LogicalResourceId", "ResponseURL")
FAILED_ID = "statehold-create-failed:StateBackend"


def failed_id(event: Mapping[str, Any]) -> str:
    return f"statehold-create-failed:{event['LogicalResourceId']}"


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
