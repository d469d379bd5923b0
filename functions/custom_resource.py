"""
Lambda: the custom resource ``Custom::StateBackend``.

Every request that CloudFormation sent is answered, once and in time. A request that names nobody
who may be answered is counted and dropped; it returns normally, so that Lambda does not repeat it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from state_backend.aws.cloudformation_response import (
    Answer,
    UnanswerableRequest,
    put_answer,
    respond,
)
from state_backend.calls import JSON, AwsError, Clock
from state_backend.deletion import failed_id
from state_backend.errors import StateholdError, TransientError, explain
from state_backend.event_sources.cloudformation import KINDS, UnconfirmedRequest
from state_backend.hub import Hub, LambdaContext, hub_of
from state_backend.regions import partition_of
from state_backend.settings import listed
from state_backend.stack_requests import create_or_update, delete
from state_backend.telemetry import count, logger

_UNCONFIRMED = "RequestsUnconfirmed"


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: LambdaContext) -> None:
    """Entry point; see the module."""
    clock = Clock()

    def acting(act: Callable[[Mapping[str, JSON], Hub], Answer]) -> Callable[[JSON], Answer]:
        return lambda request: _answered(lambda: act(request, hub_of(os.environ, context, clock)))

    try:
        delivered = respond(
            event,
            context,
            create=acting(create_or_update),
            update=acting(create_or_update),
            delete=acting(delete),
            failed_id=failed_id,
            send=partial(put_answer, sleep=clock.sleep),
            allowed_hosts=listed(os.environ.get("RESPONSE_URL_ALLOWED_HOSTS", "")),
            partition=partition_of(os.environ.get("AWS_REGION", "")),
        )
    except UnanswerableRequest as error:
        logger.error("a request was dropped unanswered: %s", error)
        count("ResponseUrlsRefused")
        return
    if not delivered:
        count("AnswersNotDelivered")
    if event.get("RequestType") not in tuple(KINDS):  # one that is forged may be unhashable
        count(_UNCONFIRMED)


def _answered(act: Callable[[], Answer]) -> Answer:
    """What *act* answers; what it raises in words for people, and counted if it is hostile."""
    try:
        return act()
    except UnconfirmedRequest as error:
        logger.error("a request was refused: %s", error)
        count(_UNCONFIRMED)
        raise
    except AwsError as error:
        raise _for_a_stack(explain(error)) from error
    except StateholdError as error:
        _for_a_stack(error)
        raise


def _for_a_stack(error: StateholdError) -> StateholdError:
    """*error*, said to somebody whose stack is not tried again by itself."""
    if isinstance(error, TransientError):
        error.remedy = "Deploy the stack again in some minutes"
    return error
