"""
The function in a process of its own, as often as it is asked for, each to be killed for good.

``python -m tests.fault.process`` has everything loaded, and forks for each line that it reads: one
JSON object with the environment, the event, and the time that it is. It answers with the process's
id, and once more when that has ended.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from unittest import mock

import account_vended
from state_backend.aws.invoke import boto_session
from state_backend.calls import Clock
from tests.deployment.lambda_runtime import Context


def run(asked: dict[str, Any]) -> None:
    ahead = asked["now"] - time.time()
    clock = Clock(now=lambda: time.time() + ahead)
    context = Context(
        function_name="StateholdAccountVended",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:eu-central-1:111111111111:function:x",
        aws_request_id=f"process-{os.getpid()}",
        deadline=clock.now() + asked["seconds"],
        clock=clock,
    )
    boto_session.cache_clear()
    with (
        mock.patch.dict(os.environ, asked["environment"], clear=True),
        mock.patch.object(account_vended, "Clock", return_value=clock),
    ):
        account_vended.handler(asked["event"], context)


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
            os._exit(0)
        print(child, file=answers)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers)


if __name__ == "__main__":
    main()
