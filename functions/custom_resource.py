"""
Lambda: the custom resource ``Custom::StateBackend``.

Every request that CloudFormation sent is answered, once and in time. A request that names nobody
who may be answered is counted and dropped; it returns normally, so that Lambda does not repeat it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from state_backend.aws.cloudformation_response import Answer, UnanswerableRequest, respond
from state_backend.calls import JSON, Clock
from state_backend.deletion import failed_id
from state_backend.regions import partition_of
from state_backend.settings import listed
from state_backend.stack_requests import create_or_update, delete
from state_backend.telemetry import count, logger
from state_backend.vending import Hub, hub_of


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: Any) -> None:
    """Entry point; see the module."""

    def acting(act: Callable[[Mapping[str, JSON], Hub], Answer]) -> Callable[[JSON], Answer]:
        return lambda request: act(request, hub_of(os.environ, context, Clock()))

    try:
        delivered = respond(
            event,
            context,
            create=acting(create_or_update),
            update=acting(create_or_update),
            delete=acting(delete),
            failed_id=failed_id,
            allowed_hosts=listed(os.environ.get("RESPONSE_URL_ALLOWED_HOSTS", "")),
            partition=partition_of(os.environ.get("AWS_REGION", "")),
        )
    except UnanswerableRequest as error:
        logger.error("a request was dropped unanswered: %s", error)
        count("RequestsRefusedUnanswered")
        return
    if not delivered:
        count("AnswersNotDelivered")
