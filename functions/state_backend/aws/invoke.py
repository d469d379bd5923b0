"""
Makes a ``Call``: the one place that decides whether a call is sent again.

botocore's own retries are off. They repeat CreateKey after a lost answer, though it has no client
token (two keys, and no error); they do not repeat S3's 409 OperationAborted; and botocore reads an
answer that was cut short as an empty success. Here a cut answer is an error, and what is not
``repeatable`` is sent again only where AWS said that nothing was done.
"""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from state_backend.aws import authorities
from state_backend.calls import JSON, AwsError, Call, Clock
from state_backend.errors import Conflict, Throttled, TransientError, explain

_ATTEMPTS = 8
_LONGEST_DELAY = 20.0
"""Seconds. Eight attempts with full jitter last about half a minute, at most a little over one."""

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=16,
)

_WITHOUT_BODY = {"400": "InvalidToken", "409": "OperationAborted"}
"""
What a status stands for where it is all that is said, as in an answer to HEAD: a token that is not
known yet or any more, and S3 at work on the same bucket.
"""

_AGAIN_AT_ONCE = frozenset({"OperationAborted", "ConditionalRequestConflict"})
_BEING_MADE = frozenset({"ContinuousBackupsUnavailableException", "ResourceInUseException"})


@dataclass(slots=True, kw_only=True)
class Clients:
    """boto3 clients of one identity in one Region: one a service, each made on its first use."""

    region: str
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Service -> arguments of ``client()``; a service without an entry uses the function's own."""
    _made: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str) -> Any:
        with _LOCK:  # a Session may not make two clients at once
            if service not in self._made:
                self._made[service] = _client(
                    service, self.region, self.credentials.get(service, {})
                )
            return self._made[service]


_LOCK = Lock()

for _library in ("boto3", "botocore", "urllib3"):
    # At DEBUG they log bodies: the credentials of a session, the properties of a stack.
    logging.getLogger(_library).setLevel(logging.INFO)


@cache
def boto_session() -> boto3.Session:
    """One Session for all: each further one would load AWS's service models anew."""
    return boto3.Session()


def _client(service: str, region: str, credentials: Mapping[str, str]) -> Any:
    client = boto_session().client(service, region_name=region, config=_CONFIG, **credentials)
    client.meta.events.register("before-parse", _refuse_cut_answers)
    authorities.share(client)
    if service == "s3control":
        client.meta.events.register("before-sign", _keep_address)
    return client


def _refuse_cut_answers(response_dict: JSON, operation_model: Any, **_: Any) -> None:
    """
    Raises where the body is shorter than announced, or JSON that breaks off.

    botocore does neither: it opens connections with enforce_content_length=False, and takes a body
    that is no JSON for an empty answer.
    """
    body, announced = response_dict["body"], response_dict["headers"].get("content-length")
    if not isinstance(body, bytes) or operation_model.http.get("method") == "HEAD":
        return
    # A refusal counts as well: one without its code would pass for another one.
    cut = announced is not None and len(body) < int(announced)
    if not cut and "json" in operation_model.service_model.protocol and body:
        cut = response_dict["status_code"] < 300 and not _is_json(body)
    if cut:
        raise _CutAnswer(operation_model.name)


class _CutAnswer(Exception):
    """An answer that is not whole."""


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _keep_address(request: Any, **_: Any) -> None:
    """
    Takes the account off the address of a stand-in for AWS: nobody is at ``<account>.localhost``.

    AWS's own endpoints, those of a VPC too, are reached under the account.
    """
    own = r"[^/]*(s3-control|amazonaws\.)"
    request.url = re.sub(rf"^(https?://)[0-9]{{12}}\.(?!{own})", r"\1", request.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoker:
    """An ``Invoke`` through the clients of one identity."""

    clients: Callable[[str], Any]
    clock: Clock
    give_up_at: float = float("inf")
    """When no call is sent again any more. Epoch seconds."""

    def __call__(self, call: Call) -> JSON:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(call)
            except AwsError as error:
                # Full jitter: twins that collided must not meet again.
                delay = random.uniform(0, min(_LONGEST_DELAY, 0.5 * 2**attempt))  # noqa: S311
                late = self.clock.now() + delay > self.give_up_at
                if attempt == _ATTEMPTS or late or not _may_repeat(call, error):
                    raise
                self.clock.sleep(delay)
        raise AssertionError("unreachable")

    def _once(self, call: Call) -> JSON:
        try:
            return getattr(self.clients(call.service), call.operation)(**call.parameters)
        except ClientError as error:
            answer = error.response
            code = answer.get("Error", {}).get("Code", "Unknown")
            raise AwsError(
                call,
                _WITHOUT_BODY.get(code, code),
                answer.get("Error", {}).get("Message", ""),
                status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode"),
            ) from error
        except _CutAnswer as error:
            raise AwsError(call, "TruncatedAnswer", "the answer was cut short") from error
        except ParamValidationError as error:
            raise AwsError(call, "ParamValidation", str(error), status=400) from error
        except ResponseParserError as error:
            raise AwsError(call, "TruncatedAnswer", "the answer is not AWS's") from error
        except BotoCoreError as error:
            raise AwsError(call, "ConnectionError", f"{type(error).__name__}: {error}") from error


def _may_repeat(call: Call, error: AwsError) -> bool:
    meaning = explain(error)
    if isinstance(meaning, Throttled):
        return True  # a throttled call was not carried out
    if not call.repeatable:
        return False
    if isinstance(meaning, Conflict):
        return error.code in _AGAIN_AT_ONCE or (
            error.code in _BEING_MADE and not call.operation.startswith("create_")
        )
    return type(meaning) is TransientError
