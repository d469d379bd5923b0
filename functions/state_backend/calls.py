"""
The words in which everything else is said: an AWS call as a value, and what a look at AWS found.

A ``Call`` is data until ``aws/`` makes it, so what decides can be tested without AWS and a plan
can be printed instead of carried out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""What AWS answers and takes: dict, list, str, int, bool or None. The one alias for ``Any``."""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call, not yet made."""

    service: str
    """boto3's client name: ``s3``."""
    operation: str
    """boto3's method name: ``put_bucket_versioning``."""
    parameters: Mapping[str, JSON]
    repeatable: bool = True
    """
    Whether it may be sent again when its answer was lost. ``CreateKey`` has no client token: sent
    twice it makes two keys, so it is False there.
    """

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


class AwsError(Exception):
    """
    AWS refused a call, or no whole answer to it arrived.

    Attributes:
        code: AWS's error code (``NoSuchBucket``); the HTTP status where the answer has no body,
            as with HEAD (``404``); ``ConnectionError`` or ``TruncatedAnswer`` where none came;
            ``ParamValidation`` where botocore would not send the call.
        answered: Whether nothing was done for certain: AWS said no, or was never asked. If not, the
            call may have been carried out all the same.
    """

    def __init__(self, call: Call, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{call}: {code}: {message}")
        self.call = call
        self.code = code
        self.message = message
        self.status = status

    @property
    def answered(self) -> bool:
        return self.status is not None and self.status < 500


Invoke: TypeAlias = Callable[[Call], JSON]
"""Makes a call and returns AWS's answer. Raises ``AwsError``."""


@dataclass(frozen=True, slots=True)
class Present:
    """It is there, and this is what AWS says of it."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Absent:
    """AWS says that it is not there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """We may not, or could not, look. Never to be taken for ``Absent``."""

    error: AwsError


Observation: TypeAlias = Present | Absent | Unknown


def look(invoke: Invoke, call: Call, absent: frozenset[str]) -> Observation:
    """What *call* finds; an error whose code is in *absent* means ``Absent``, any other unknown."""
    try:
        return Present(invoke(call))
    except AwsError as error:
        return Absent() if error.code in absent else Unknown(error)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a parameter: no test sleeps."""

    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    sleep: Callable[[float], None] = time.sleep
