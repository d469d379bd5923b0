"""
The template's state machines, run by moto's interpreter of the Amazon States Language.

A task's function runs in this process, one at a time; what the state machine does itself, it does
as its role: reading and writing S3 on the double, and running functions.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
    resource_eval_s3 as reader,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (  # noqa: E501
    resource_eval_s3 as writer,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.backend.execution import SyncExecution

from state_backend.calls import JSON
from tests.aws_double import AwsDouble, map_runs
from tests.aws_double.conditions import Access, Caller
from tests.aws_double.evaluator import judge
from tests.deployment.lambda_runtime import Invocation

Run = Callable[[str, JSON], Invocation]
"""Runs the function of an ARN with an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of one execution."""

    status: str
    output: JSON = None
    error: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """
    One state machine of the stack.

    Args:
        run: A function, as Lambda does.
    """

    aws: AwsDouble
    name: str
    definition: Mapping[str, Any]
    role: str
    run: Run

    def execute(self, name: str, asked: JSON) -> Execution:
        """Runs it to its end, with *asked* as its input."""
        account, region = self.aws.management_account, self.aws.region
        backend = models.stepfunctions_parser_backends[account][region]
        definition = json.dumps(self.definition)
        machine = backend.create_state_machine(self.name, definition, self.role)
        with self._interpreted():
            done = backend.start_execution(machine.arn, name, json.dumps(asked))
        return Execution(
            status=done.exec_status,
            output=done.output,
            error=done.error or "",
            cause=done.cause or "",
        )

    @contextlib.contextmanager
    def _interpreted(self) -> Iterator[None]:
        functions = _Functions(self)
        clients: dict[str, Any] = {"lambda": functions}

        def client_for(service: str, **_: Any) -> Any:
            if service not in clients:
                clients[service] = self.aws.client(service, principal=self.role, tls=True)
            return clients[service]

        with contextlib.ExitStack() as stack:
            for module in (reader, writer, lambda_eval_utils):
                stack.enter_context(mock.patch.object(module, "boto_client_for", client_for))
            # In this thread, to its end: nobody has to wait for it.
            stack.enter_context(mock.patch.object(models, "Execution", SyncExecution))
            stack.enter_context(mock.patch.object(retrier_decl.time, "sleep"))
            stack.enter_context(map_runs.kept())
            yield


class _Functions:
    """Lambda, as the interpreter calls it."""

    def __init__(self, machine: StateMachine) -> None:
        self._machine = machine
        self._one_at_a_time = Lock()

    def invoke(self, FunctionName: str, Payload: bytes = b"{}", **_: Any) -> dict[str, Any]:
        self._demand("lambda:InvokeFunction", FunctionName)
        with self._one_at_a_time:
            done = self._machine.run(FunctionName, json.loads(Payload))
        if not done.error:
            return _answer(done.answer)
        kind, _colon, message = done.error.partition(": ")
        failed = _answer({"errorMessage": message, "errorType": kind, "stackTrace": []})
        return {**failed, "FunctionError": "Unhandled"}

    def _demand(self, action: str, resource: str) -> None:
        role = self._machine.role
        caller = Caller(arn=role, account=role.split(":")[4])
        policies = self._machine.aws.world.identities.roles[role].policies
        if judge(policies, Access(action=action, resource=resource, caller=caller)).allowed:
            return
        message = f"{role} is not authorized to perform: {action} on resource: {resource}"
        refusal = {"Code": "AccessDeniedException", "Message": message}
        metadata = {"HTTPStatusCode": 403, "RequestId": "0"}
        raise ClientError({"Error": refusal, "ResponseMetadata": metadata}, "Invoke")


def _answer(payload: JSON) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(payload).encode())}
