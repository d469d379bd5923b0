"""
A process that is killed in the middle of a call.

The double strikes the call (``kill_before``, ``kill_after``) and lets nothing that is sent later
arrive. Here the process notices as a dead one would: not at all. No ``except Exception`` and no
retry sees what happened, and what is still on its way to the socket does not leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from botocore.httpsession import URLLib3Session

from tests.aws_double.faults import Faults


class Killed(BaseException):
    """The process is no more."""


@contextmanager
def mortal(faults: Faults) -> Iterator[None]:
    """Whoever sends a request in here dies of a fault that kills."""
    send = URLLib3Session.send

    def send_while_alive(session: URLLib3Session, request: Any) -> Any:
        if faults.killed:
            raise Killed
        try:
            return send(session, request)
        finally:
            if faults.killed:
                raise Killed

    with mock.patch.object(URLLib3Session, "send", send_while_alive):
        yield
