"""
What becomes of a queue message: patience for what may work later, a person for what cannot.

A transient failure gives the message back with a growing delay; a permanent one goes to the
dead-letter queue with its code and remedy, and counts as handled. So does a transient one that has
lasted for hours, before SQS would set the message aside without a word. An event that is about
several accounts becomes one message for each account and Region.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from state_backend.calls import JSON, Call, Clock, Invoke
from state_backend.errors import (
    AccessDenied,
    InvalidRequest,
    NotPermittedYet,
    StateholdError,
    TransientError,
)
from state_backend.outcomes import Report
from state_backend.regions import dns_suffix_of

_log = logging.getLogger("statehold.queue")

FIRST_DELAY, LONGEST_DELAY = 60, 900
"""Seconds until a message is seen again: doubled each time, from the first to the longest."""

PATIENCE_SECONDS = 3600.0
"""How long missing permissions count as those of an account that is not ready yet."""

LAST_RECEIPT = 16
"""
The receipt, some three hours after the first, from which nothing is waited for any more. The queue
sets a message aside only later, for want of a function that took it.
"""

_MOST_ENTRIES = 10
"""What SendMessageBatch takes."""

PassOn: TypeAlias = Callable[[Sequence[JSON]], None]
"""Sends events on, each as a message of its own."""

Act: TypeAlias = Callable[[JSON, PassOn], Sequence[Report]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueue:
    """The queue that feeds the function, and the one for messages that a person must look at."""

    invoke: Invoke
    clock: Clock
    dead_letter_queue_url: str
    waited: Callable[[float], None]
    """Called for each message with the seconds that it has waited."""

    def process(self, event: JSON, context: Any, act: Act) -> Mapping[str, JSON]:
        """
        Acts on each message of a batch; answers which of them are to be seen again.

        Args:
            act: From the event in a message's body to what became of each account and Region; what
                it passes on comes back as messages of their own.
        """
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return dict(
            process_partial_response(
                event=event,
                record_handler=lambda record: self._one(record, act),
                processor=processor,
                context=context,
            )
        )

    def _one(self, record: SQSRecord, act: Act) -> None:
        try:
            errors = self._errors(record, act)
        except Exception:
            # Powertools keeps it for the batch's answer, which says no more than that it failed.
            _log.exception("message %s could not be worked on", record.message_id)
            self._see_again(record)  # sooner than the queue would show it
            raise
        waiting = [error for error in errors if isinstance(error, TransientError)]
        if waiting and _received(record) < LAST_RECEIPT:
            self._see_again(record)
            raise waiting[0]
        if errors:
            permanent = [error for error in errors if error not in waiting]
            self._hand_over(record, (permanent or errors)[0])

    def _errors(self, record: SQSRecord, act: Act) -> list[StateholdError]:
        """What is wrong with the message, as far as it has to be tried again, or looked at."""
        waited = self._waited(record)
        self.waited(waited)
        try:
            reports = act(_event(record), lambda events: self._pass_on(record, events))
        except StateholdError as error:
            return [_meant(error, waited)]
        errors = [it.error for it in reports if it.error is not None and it.needs_attention]
        return [_meant(error, waited) for error in errors]

    def _pass_on(self, record: SQSRecord, events: Sequence[JSON]) -> None:
        """
        Sends each of *events* as a message of its own to the queue that *record* is from.

        Raises:
            TransientError: Not all were taken. They may all be sent again: twice does no harm.
        """
        url = _url(record.event_source_arn)
        for start in range(0, len(events), _MOST_ENTRIES):
            entries = [
                {"Id": str(index), "MessageBody": json.dumps(event, separators=(",", ":"))}
                for index, event in enumerate(events[start : start + _MOST_ENTRIES])
            ]
            parameters = {"QueueUrl": url, "Entries": entries}
            answer = self.invoke(Call("sqs", "send_message_batch", parameters))
            for failed in answer.get("Failed", ()):
                raise TransientError(
                    f"sqs:send_message_batch failed for a message with {failed.get('Code')}",
                    "It is tried again",
                )

    def _waited(self, record: SQSRecord) -> float:
        first = int(_attributes(record).get("ApproximateFirstReceiveTimestamp", 0)) / 1000
        return self.clock.now() - first if first else 0.0

    def _see_again(self, record: SQSRecord) -> None:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(_received(record) - 1, 10))
        parameters = {
            "QueueUrl": _url(record.event_source_arn),
            "ReceiptHandle": record.receipt_handle,
            "VisibilityTimeout": delay,
        }
        self.invoke(Call("sqs", "change_message_visibility", parameters))

    def _hand_over(self, record: SQSRecord, error: StateholdError) -> None:
        if not self.dead_letter_queue_url:
            raise error
        attributes = {
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy or error.message,
        }
        parameters = {
            "QueueUrl": self.dead_letter_queue_url,
            "MessageBody": record.body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text[:1024]}
                for name, text in attributes.items()
            },
        }
        self.invoke(Call("sqs", "send_message", parameters))


def _event(record: SQSRecord) -> JSON:
    try:
        return json.loads(record.body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The message is no JSON", "Send an event of EventBridge") from error


def _received(record: SQSRecord) -> int:
    return int(_attributes(record).get("ApproximateReceiveCount", 1))


def _attributes(record: SQSRecord) -> Mapping[str, str]:
    """The queue's; none where a person has written the record by hand."""
    return record.raw_event.get("attributes") or {}


def _meant(error: StateholdError, waited: float) -> StateholdError:
    """Missing permissions are those of a new account for an hour; then somebody has to act."""
    if isinstance(error, NotPermittedYet) and waited >= PATIENCE_SECONDS:
        return AccessDenied(error.message, error.remedy)
    return error


def _url(queue_arn: str) -> str:
    _, _, _, region, account, name = queue_arn.split(":")
    return f"https://sqs.{region}.{dns_suffix_of(region)}/{account}/{name}"
