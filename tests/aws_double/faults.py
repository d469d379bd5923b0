"""
What goes wrong on purpose: a fault is armed for a call and strikes when that call comes.

Kinds, by what has happened in AWS when the client notices:

- nothing has: ``drop_before`` ``reset_connection`` ``throttle`` ``500`` ``503`` ``conflict_409``
  ``access_denied`` ``refuse`` (with *error*)
- the call was carried out: ``drop_after`` ``reset_after`` ``500_after`` ``truncate`` (half of the
  body, under the whole's Content-Length)
- ``stale``: a read answers what the same read answered the time before; carried out if none did
- ``delay``: carried out after *seconds*
- ``kill_before`` ``kill_after``: as ``drop_before`` and ``drop_after``, and nothing that is sent
  later arrives: who called is no more, until ``clear``
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from tests.aws_double.errors import Refusal
from tests.aws_double.recording import RecordedCall
from tests.aws_double.wire import BodyCut, ConnectionDropped, HttpResponse

BEFORE = frozenset(
    {
        "drop_before",
        "reset_connection",
        "throttle",
        "500",
        "503",
        "conflict_409",
        "access_denied",
        "refuse",
        "delay",
        "stale",
        "kill_before",
    }
)
AFTER = frozenset({"drop_after", "reset_after", "500_after", "truncate", "kill_after"})
KILLS = frozenset({"kill_before", "kill_after"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """
    Strikes the *nth* call that fits, and the following ones until it has struck *times* times.

    Args:
        operation: ``PutBucketPolicy``; ``*`` for any.
        kind: See the module.
        match: Further condition on the call.
        error: What a ``refuse`` answers with.
        seconds: How long a ``delay`` lasts.
    """

    kind: str
    operation: str = "*"
    service: str = "*"
    account: str = "*"
    nth: int = 1
    times: int = 1
    match: Callable[[RecordedCall], bool] | None = None
    error: Refusal | None = None
    seconds: float = 0.0
    seen: int = 0
    """How many calls have fitted so far."""
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in BEFORE | AFTER:
            raise ValueError(
                f"{self.kind} is no kind of fault: {', '.join(sorted(BEFORE | AFTER))}"
            )

    def fits(self, call: RecordedCall) -> bool:
        return (
            self.operation in {"*", call.operation}
            and self.service in {"*", call.service}
            and self.account in {"*", call.account}
            and (self.match is None or self.match(call))
        )


@dataclass(slots=True)
class Faults:
    """Armed faults, and the answers that a stale read repeats."""

    armed: list[Fault] = field(default_factory=list)
    answers: dict[Hashable, HttpResponse] = field(default_factory=dict)
    """Question -> the answer it had last."""
    killed: bool = False
    """Whether who calls was killed, and no call of theirs arrives any more."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        with self.lock:
            self.armed.append(fault)
        return fault

    def clear(self) -> None:
        with self.lock:
            self.armed.clear()
            self.answers.clear()
            self.killed = False

    def striking(self, call: RecordedCall) -> Fault | None:
        """The first armed fault whose turn it is at *call*."""
        with self.lock:
            if self.killed:
                return Fault(kind="drop_before")
            striking = None
            for fault in self.armed:
                if not fault.fits(call):
                    continue
                fault.seen += 1
                if striking is None and fault.seen >= fault.nth and fault.struck < fault.times:
                    fault.struck += 1
                    striking = fault
            self.killed = striking is not None and striking.kind in KILLS
            return striking

    def remember(self, call: RecordedCall, response: HttpResponse) -> None:
        """*response* becomes what a later stale read may repeat."""
        if not call.write:
            with self.lock:
                self.answers[_question(call)] = response

    def stale(self, call: RecordedCall) -> HttpResponse | None:
        with self.lock:
            return self.answers.get(_question(call))


def _question(call: RecordedCall) -> Hashable:
    parameters = {k: v for k, v in call.parameters.items() if k != "Body"}
    return (call.service, call.operation, call.account, call.region, repr(parameters))


def strike_before(fault: Fault, call: RecordedCall) -> None:
    """
    Raises:
        Refusal: AWS says no.
        ConnectionDropped: AWS says nothing.
    """
    match fault.kind:
        case "drop_before" | "kill_before":
            raise ConnectionDropped
        case "reset_connection":
            raise ConnectionDropped(reset=True)
        case "throttle":
            raise _throttling(call.service)
        case "500":
            raise Refusal(
                "InternalError", "We encountered an internal error. Please try again.", 500
            )
        case "503":
            raise Refusal("ServiceUnavailable", "Service is unable to handle request.", 503)
        case "conflict_409":
            raise Refusal(
                "OperationAborted",
                "A conflicting conditional operation is currently in progress against this "
                "resource. Please try again.",
                409,
            )
        case "access_denied":
            raise Refusal("AccessDenied", "Access Denied", 403)
        case "refuse" if fault.error is not None:
            raise fault.error
        case "delay":
            time.sleep(fault.seconds)


def strike_after(fault: Fault, response: HttpResponse) -> None:
    """
    Raises:
        Refusal: An internal error, although the call was carried out.
        ConnectionDropped: The answer is lost.
        BodyCut: The answer comes in part.
    """
    match fault.kind:
        case "drop_after" | "kill_after":
            raise ConnectionDropped
        case "reset_after":
            raise ConnectionDropped(reset=True)
        case "500_after":
            raise Refusal(
                "InternalError", "We encountered an internal error. Please try again.", 500
            )
        case "truncate":
            raise BodyCut(response)


def _throttling(service: str) -> Refusal:
    match service:
        case "s3" | "s3control":
            return Refusal("SlowDown", "Please reduce your request rate.", 503)
        case "sts" | "cloudformation" | "iam":
            return Refusal("Throttling", "Rate exceeded", 400)
        case "organizations":
            return Refusal("TooManyRequestsException", "Too many requests.", 400)
        case _:
            return Refusal("ThrottlingException", "Rate exceeded", 400)
