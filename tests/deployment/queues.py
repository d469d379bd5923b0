"""
The stack's queues on the double, and their messages as Lambda's poller hands them to a function.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unittest import mock

from state_backend.calls import Clock
from tests.aws_double import AwsDouble


@dataclass
class Queues:
    """The queues of one stack, by ARN, reached as the hub's role."""

    aws: AwsDouble
    urls: dict[str, str] = field(default_factory=dict)

    def make(self, stack: str, name: str, properties: Mapping[str, Any]) -> tuple[str, str]:
        """URL and ARN of a queue that CloudFormation would make of *properties*."""
        attributes = {
            key: json.dumps(value) if isinstance(value, dict | bool) else str(value)
            for key, value in properties.items()
        }
        suffix = hashlib.sha256(name.encode()).hexdigest()[:12].upper()
        made = self._sqs.create_queue(QueueName=f"{stack}-{name}-{suffix}", Attributes=attributes)
        url = str(made["QueueUrl"])
        arn = self._attribute(url, "QueueArn")
        self.urls[arn] = url
        return url, arn

    def send(self, queue: str, event: Any) -> None:
        self._sqs.send_message(QueueUrl=self.urls[queue], MessageBody=json.dumps(event))

    def receive(self, queue: str, most: int = 10, **options: Any) -> list[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self.urls[queue],
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **options,
        )
        return list(answer.get("Messages", []))

    def delete(self, queue: str, message: Mapping[str, Any]) -> None:
        receipt = message["ReceiptHandle"]
        self._sqs.delete_message(QueueUrl=self.urls[queue], ReceiptHandle=receipt)

    def messages_in(self, queue: str) -> int:
        """How many there are, visible or not."""
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(self._attribute(self.urls[queue], name)) for name in counts)

    def record(self, queue: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """*message* as a function finds it in its event."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue,
            "awsRegion": self.aws.region,
        }

    @cached_property
    def _sqs(self) -> Any:
        return self.aws.client("sqs", tls=True)

    def _attribute(self, url: str, name: str) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return str(answer["Attributes"][name])


@contextlib.contextmanager
def queue_time(clock: Clock | None) -> Iterator[None]:
    """The queues' time is that of *clock*: when a message is seen again, and how old it is."""
    now = (clock or Clock()).now

    def seconds(at: object = None) -> float:
        return now()

    def milliseconds(at: object = None) -> float:
        return now() * 1000

    with (
        mock.patch("moto.sqs.models.unix_time", seconds),
        mock.patch("moto.sqs.models.unix_time_millis", milliseconds),
    ):
        yield
