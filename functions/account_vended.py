"""
Lambda: an account was vended, or somebody asks for one account by hand.

Takes a bare EventBridge event, a direct operation, or an SQS batch whose bodies are either.
A bare event and an operation are answered with a JSON array, one object per account and Region,
and never raise; a batch with the messages that are to be seen again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from state_backend import outcomes
from state_backend.account_requests import act_on, act_on_message
from state_backend.calls import JSON, Clock
from state_backend.errors import StateholdError
from state_backend.hub import LambdaContext, hub_of
from state_backend.outcomes import Report
from state_backend.telemetry import logger, measure, tell


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: LambdaContext) -> JSON:
    """Entry point; see the module."""
    batch = isinstance(event, dict) and isinstance(event.get("Records"), list)
    try:
        hub = hub_of(os.environ, context, Clock())
    except StateholdError as error:
        if batch:
            raise  # the whole batch comes back, once the setting is right
        return [outcomes.failure("", "", error).to_json()]
    if not batch:
        return [report.to_json() for report in _tell_all(act_on(event, hub))]
    # Only a batch needs Powertools' processor, which takes as long to load as all the rest of it.
    from state_backend.aws.queue import MessageQueue  # noqa: PLC0415

    queue = MessageQueue(
        invoke=hub.invoke,
        clock=hub.clock,
        dead_letter_queue_url=hub.settings.dead_letter_queue_url,
        waited=partial(measure, "MessageWaited"),
    )
    return queue.process(
        event, context, lambda body, pass_on: _tell_all(act_on_message(body, hub, pass_on))
    )


def _tell_all(reports: Sequence[Report]) -> Sequence[Report]:
    for report in reports:
        tell(report)
    return reports
