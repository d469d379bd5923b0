"""
What was called: every call that reached the double, in the order of arrival.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.aws_double.call import Call

READING = ("Get", "List", "Describe", "Head", "Query", "Scan", "BatchGet", "TransactGet", "Lookup")
NOT_WRITING = frozenset(
    {
        "AssumeRole",
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReceiveMessage",
        "SelectObjectContent",
    }
)


@dataclass(slots=True, kw_only=True)
class RecordedCall:
    """One call. What is known only after the answer is filled in then."""

    service: str
    operation: str
    """As AWS names it: ``PutBucketVersioning``."""
    account: str
    """That owns the resource; of a bucket that does not exist, the caller's."""
    region: str
    principal: str
    """The caller's ARN, of a session its role's; a service's name; empty if anonymous."""
    write: bool
    session: str = ""
    """The ARN of the caller's session, if it is one."""
    bucket: str = ""
    key: str = ""
    resource: str = ""
    """What the call is about, as its parameters name it: bucket, key id, parameter, table, role."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    secure: bool = False
    started: float = 0.0
    """Monotonic seconds."""
    ended: float = float("inf")
    status: int = 0
    """HTTP status; 0 if there was no answer."""
    error: str = ""
    """AWS's error code."""

    def __str__(self) -> str:
        outcome = self.error or str(self.status)
        return f"{self.service}:{self.operation} {self.resource} in {self.account} -> {outcome}"


RESOURCE_PARAMETERS = (
    "Bucket",
    "KeyId",
    "TargetKeyId",
    "AliasName",
    "Name",
    "TableName",
    "RoleArn",
    "StackName",
    "QueueUrl",
    "ResourceArn",
    "AccountId",
)


def recorded(call: Call, write: bool) -> RecordedCall:
    """*call* before it is answered."""
    parameters = call.parameters
    named = (parameters.get(name) for name in RESOURCE_PARAMETERS)
    return RecordedCall(
        service=call.service,
        operation=call.operation,
        account=call.account,
        region=call.region,
        principal=call.principal.arn or call.principal.service,
        write=write,
        session=call.principal.session_arn,
        bucket=str(parameters.get("Bucket") or ""),
        key=str(parameters.get("Key") or "") if call.service == "s3" else "",
        resource=str(next((name for name in named if name), "")),
        parameters=parameters,
        secure=call.http.tls_version is not None,
        started=time.monotonic(),
    )


def writes(operation: str) -> bool:
    """Whether *operation* changes something."""
    return not operation.startswith(READING) and operation not in NOT_WRITING


def longest_chain(calls: list[RecordedCall]) -> int:
    """The most calls that followed one another without overlapping in time."""
    depth, free_from = 0, float("-inf")
    for call in sorted(calls, key=lambda call: call.ended):
        if call.started >= free_from:
            depth += 1
            free_from = call.ended
    return depth


@dataclass(slots=True)
class Recorder:
    calls: list[RecordedCall] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: RecordedCall) -> None:
        with self.lock:
            self.calls.append(call)
