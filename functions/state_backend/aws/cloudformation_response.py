"""
CloudFormation's custom-resource protocol: one request in, exactly one answer out, in time.

crhelper keeps the protocol: it calls the handler that belongs to the RequestType and holds the
deadline timer. Ids, size, sending and logging are ours. What fences it is what it does not get: it
sees a request that says its type and nothing else, so there is no pre-signed URL and no property
that it could log, keep for the next request, or answer.

Never here: a log line with any part of the URL or the request, a redirect followed, a random
physical id, a sleep before the answer to a Delete, polling.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import re
import ssl
import time
import traceback
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from types import SimpleNamespace
from typing import Protocol, TypeAlias, TypeGuard, TypeVar

from crhelper import CfnResource

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest, StateholdError

ANSWER_BYTES, PHYSICAL_ID_BYTES, IDS_BYTES = 4096, 1024, 2048
"""
CloudFormation's limits for an answer and its PhysicalResourceId; and ours for StackId, RequestId
and LogicalResourceId, which need about 600, so that a Reason that can be read always fits.
"""

SECONDS_TO_SEND = 10.0
"""
How long before its own end the function answers for a handler that is not done: a first attempt
may stall and a second succeed. Half of what is left, if that is less.
"""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between attempts to send; one attempt more than there are pauses."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?(?P<target>/[!$-\[\]-~]*)?"
)
_CLOUDFORMATION = re.compile(
    r"cloudformation-custom-resource-response-(?P<bucket>[a-z0-9]+)"
    r"\.s3([.-](?P<endpoint>[a-z0-9-]+))?\.amazonaws\.com(?P<china>\.cn)?"
)
_IDS = ("StackId", "RequestId", "LogicalResourceId")
_log = logging.getLogger("statehold.cloudformation_response")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler wants CloudFormation to hear."""

    physical_id: str
    """On Delete the request's own is sent, whatever this says; an Update may not change it."""
    data: Mapping[str, str] = field(default_factory=dict)
    """What ``Fn::GetAtt`` finds. Sent with the success of a Create or an Update."""
    failed: str = ""
    """The Reason. Empty means SUCCESS."""


class UnanswerableRequest(InvalidRequest):
    """It names nobody who may be answered. Nothing was done and nothing sent."""


class Context(Protocol):
    """What we need of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int: ...


Request: TypeAlias = Mapping[str, JSON]
Handler: TypeAlias = Callable[[Request], Answer]
"""Gets the request as it came. Whatever it raises becomes a FAILED answer."""
Send: TypeAlias = Callable[[str, bytes, Callable[[], float]], bool]
"""Puts the body to the URL within the seconds that are left; whether it was delivered."""


def may_answer(url: str, allowed_hosts: tuple[str, ...] = (), partition: str = "aws") -> bool:
    """
    Whether *url* is CloudFormation's in *partition*, or names a host of *allowed_hosts*.

    One pattern says what a URL may consist of, and what it matched is what is connected to: two
    parsers that differ are how such checks are got round.
    """
    found = _URL.fullmatch(url)
    if not found:
        return False
    if found["host"] in allowed_hosts:
        return int(found["port"] or 0) < 2**16
    theirs = _CLOUDFORMATION.fullmatch(found["host"])
    if not theirs or found["scheme"] != "https" or found["port"] not in (None, "443"):
        return False
    return _partition_of(theirs) == partition


def _partition_of(host: re.Match[str]) -> str:
    """Whose *host* is: its endpoint says so, or where that names no Region, its bucket."""
    if host["china"]:
        return "aws-cn"
    region = host["endpoint"] or host["bucket"]
    return "aws-us-gov" if region.startswith(("us-gov-", "usgov")) else "aws"


def put_answer(
    url: str,
    body: bytes,
    seconds_left: Callable[[], float],
    *,
    sleep: Callable[[float], None] = time.sleep,
    tls: ssl.SSLContext | None = None,
) -> bool:
    """
    PUT *body* to *url*; whether it was taken.

    A lost connection and a 5xx are tried again, a bounded number of times and only while there is
    time. Any other status is final: an expired signature does not recover, and a redirect may lead
    anywhere. Proxies are not used.
    """
    for pause in (*PAUSES, 0.0):
        outcome = _put(url, body, seconds_left(), tls)
        if isinstance(outcome, int) and outcome < 500:
            taken = 200 <= outcome < 300
            _log.log(logging.INFO if taken else logging.ERROR, "answer got HTTP %d", outcome)
            return taken
        _log.warning("answer not taken: %s", outcome)
        if not 0 < pause < seconds_left():
            break
        sleep(pause)
    _log.error("answer not delivered; CloudFormation waits until the resource's ServiceTimeout")
    return False


def respond(  # noqa: PLR0913 - the protocol has that many ends
    event: JSON,
    context: Context,
    *,
    create: Handler,
    update: Handler,
    delete: Handler,
    failed_id: Callable[[Request], str],
    send: Send = put_answer,
    allowed_hosts: tuple[str, ...] = (),
    partition: str = "aws",
) -> bool:
    """
    Answer one custom-resource request, once; whether the answer was delivered.

    Args:
        failed_id: The physical id of a Create that came to nothing: derived from the request, and
            such that a later Delete of it is recognised and touches nothing.
        allowed_hosts: Host names besides CloudFormation's that may be answered, over http too and
            on any port. For local runs.

    Raises:
        UnanswerableRequest: CloudFormation did not send this. No handler was called.
    """
    _must_be_answerable(event, allowed_hosts, partition)
    exchange = _Exchange(event, context, failed_id, send)
    exchange.create(partial(exchange.run, create))
    exchange.update(partial(exchange.run, update))
    exchange.delete(partial(exchange.run, delete))
    exchange.hold()
    return exchange.delivered


class _Exchange(CfnResource):
    """
    One request and its one answer. Made anew for each, so nothing outlives a request.

    crhelper's ``__init__`` is not called: it makes three AWS clients and sets the root logger's
    level. What its ``__call__`` reads stands here instead.
    """

    _timer = _init_failed = None
    _poll_create_func = _poll_update_func = _poll_delete_func = None
    _sleep_on_delete = 0

    def __init__(
        self, event: Request, context: Context, failed_id: Callable[[Request], str], put: Send
    ) -> None:
        # Read now, so that nothing a handler does to the request changes what we answer to whom.
        self._request, self._type, self._url = event, event.get("RequestType"), event["ResponseURL"]
        self._ids = {name: event[name] for name in _IDS}
        given = event.get("PhysicalResourceId")
        self._named = self._type != "Create" and _usable(given)
        kept = given if self._named else _tried(failed_id, event)
        self._id = kept if _usable(kept) else "statehold-failed"
        self._put, self.delivered = put, False
        self._seconds_left: Callable[[], float] = lambda: (
            context.get_remaining_time_in_millis() / 1000
        )
        self._turn, self._concluded = Lock(), False
        self._answer = self._failed("The function came to no answer. Its log has the reason.")

    def hold(self) -> None:
        """Let crhelper call the handler under its timer; or say at once what is wrong."""
        if self._type not in ("Create", "Update", "Delete"):
            self._conclude(self._failed("RequestType is not Create, Update or Delete."))
        elif self._type != "Create" and not self._named:
            self._conclude(self._failed("The request has no PhysicalResourceId to act on."))
        else:
            left = self._seconds_left()
            # The timer fires half a second before the end that crhelper is told.
            end = 1000 * (left - min(SECONDS_TO_SEND, left / 2) + 0.5)
            bare = {**dict.fromkeys((*_IDS, "ResponseURL"), ""), "RequestType": self._type}
            told = SimpleNamespace(get_remaining_time_in_millis=lambda: end)
            self(bare, told)

    def run(self, handler: Handler, *_: object) -> str:
        self._answer = self._judged(_tried(handler, self._request))
        return self._answer.physical_id

    def _judged(self, answer: object) -> Answer:  # noqa: PLR0911 - a table of cases
        """*answer* as CloudFormation may hear it."""
        if isinstance(answer, BaseException):
            return self._failed(_reason(answer))
        if not _well_formed(answer):
            return self._failed("The handler's answer is not made of text. Report this fault.")
        if answer.failed:
            own = self._type == "Create" and _usable(answer.physical_id)
            return self._failed(answer.failed, answer.physical_id if own else self._id)
        if self._type == "Delete":
            return Answer(physical_id=self._id)
        if self._type == "Update" and answer.physical_id != self._id:
            return self._failed(
                "The update would replace the resource, and CloudFormation would then delete it; "
                "it keeps its id. Undo the change of its name or place."
            )
        if not _usable(answer.physical_id):
            return self._failed("The physical id is empty or too long. Report this fault.")
        return answer

    def _failed(self, reason: str, physical_id: str = "") -> Answer:
        said = reason if reason.strip(" .\n") else "It failed and gave no reason. See the log."
        return Answer(physical_id=physical_id or self._id, failed=said)

    def _conclude(self, answer: Answer) -> None:
        # Who comes second waits for the first: to return would freeze the process, and with it a
        # PUT under way in the timer's thread.
        with self._turn:
            if not self._concluded:
                self._concluded = True
                self.delivered = self._put(self._url, _body(self._ids, answer), self._seconds_left)

    # What crhelper calls.

    def _log_setup(self, event: JSON, context: JSON) -> None:
        """Leave the loggers alone; crhelper would set the root logger's level."""

    def _timeout(self) -> None:
        _log.error("out of time; answering for the handler")
        self._conclude(
            self._failed(
                f"The {self._type} timed out: the function's time ended before it was done. "
                "Nothing is lost; repeat the operation and it goes on where this one stopped."
            )
        )

    def _send(self, *_: object) -> None:
        """Send what the handler answered; or, where crhelper itself failed, that there is none."""
        self._conclude(self._answer)


def _must_be_answerable(event: JSON, allowed_hosts: tuple[str, ...], partition: str) -> None:
    if not isinstance(event, dict):
        raise UnanswerableRequest("the event is not a custom-resource request")
    for name in (*_IDS, "ResponseURL"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise UnanswerableRequest(f"the request has no {name}")
    if len(_json({name: event[name] for name in _IDS})) > IDS_BYTES:
        raise UnanswerableRequest(f"the request's ids take more than {IDS_BYTES} bytes")
    if not may_answer(event["ResponseURL"], allowed_hosts, partition):
        found = _URL.fullmatch(event["ResponseURL"])
        where = f"{found['scheme']}://{found['host'][:255]}" if found else "not even a plain URL"
        raise UnanswerableRequest(f"the request's ResponseURL is not CloudFormation's: {where}")


def _tried(function: Callable[[Request], _T], event: Request) -> _T | BaseException:
    """What *function* returns or raises; SystemExit too, lest the stack wait for an hour."""
    try:
        return function(event)
    except BaseException as error:  # noqa: BLE001 - becomes the answer
        if not isinstance(error, StateholdError):
            # Its frames only: the message may quote the request.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s raised in\n%s", type(error).__name__, frames)
        return error


def _reason(error: BaseException) -> str:
    if isinstance(error, StateholdError):
        # Nobody raises one without words, but a reason there must be.
        return f"{error.code}: {error}" if error.message else ""
    text = f"{type(error).__name__}: {error}".rstrip(" .:")
    return f"The function failed unexpectedly with {text}. Its log says where; report this fault."


def _well_formed(answer: object) -> TypeGuard[Answer]:
    return (
        isinstance(answer, Answer)
        and isinstance(answer.failed, str)
        and isinstance(answer.data, Mapping)
        and all(isinstance(text, str) for pair in answer.data.items() for text in pair)
    )


def _usable(physical_id: object) -> TypeGuard[str]:
    return (
        isinstance(physical_id, str)
        and physical_id.strip() != ""
        and len(_json(physical_id)) - 2 <= PHYSICAL_ID_BYTES
    )


def _body(ids: Mapping[str, str], answer: Answer) -> bytes:
    """
    The answer as sent, within ANSWER_BYTES.

    A Reason is shortened. Data is not: a stack that goes on with an attribute missing fails later
    and elsewhere, so a success that does not fit is a failure that says so.
    """

    def spelled(reason: str) -> bytes:
        status = "FAILED" if answer.failed else "SUCCESS"
        said = {"Status": status, "Reason": reason, "PhysicalResourceId": answer.physical_id}
        return _json({**said, **ids, "NoEcho": False, "Data": dict(answer.data)})

    whole = spelled(answer.failed)
    if len(whole) <= ANSWER_BYTES:
        return whole
    if not answer.failed:
        longest = max(answer.data, key=lambda name: len(name + answer.data[name]))
        sentence = (
            f"The answer takes {len(whole)} bytes and CloudFormation reads {ANSWER_BYTES}; its "
            f"longest attribute is {longest}. What was made stays; shorten what goes into it."
        )
        return _body(ids, replace(answer, data={}, failed=sentence))
    lengths = range(min(len(answer.failed), ANSWER_BYTES))
    fitting = bisect_right(
        lengths, ANSWER_BYTES, key=lambda kept: len(spelled(_shortened(answer.failed, kept)))
    )
    return spelled(_shortened(answer.failed, fitting - 1))


def _shortened(reason: str, kept: int) -> str:
    """*kept* characters of *reason*: two thirds from its beginning, the rest from its end."""
    tail = kept // 3
    return f"{reason[: kept - tail]} … {reason[len(reason) - tail :]}"


def _json(value: JSON) -> bytes:
    """
    Compact JSON in UTF-8, so that é takes two bytes and not six.

    AWS's own cfn-response module sends UTF-8 too. Half a surrogate pair, which UTF-8 cannot carry,
    becomes ``\\udXXX``, as JSON spells it.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _put(url: str, body: bytes, left: float, tls: ssl.SSLContext | None) -> int | str:
    """The HTTP status, or the kind of failure: an error's message could quote the URL."""
    found = _URL.fullmatch(url)
    if not found:
        return "InvalidURL"
    # For each step of an attempt: if one stalls, there is time for another attempt.
    timeout = max(0.5, min(3.0, left / 4))
    host, port, target = found["host"], int(found["port"] or 0) or None, found["target"] or "/"
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        if found["scheme"] == "https":
            tls = tls or ssl.create_default_context()
            connection = HTTPSConnection(host, port, timeout=timeout, context=tls)
        # Content-Type has to be there and empty: the signature of the URL covers it.
        connection.request("PUT", target, body, {"Content-Type": ""})
        return connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
    finally:
        connection.close()
