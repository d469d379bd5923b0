"""
Distributed Map runs: moto runs the items but forgets what became of them, where Step Functions
writes it all to the bucket of the ResultWriter, and counts failures against what is tolerated.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    distributed_iteration_component as iteration,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (  # noqa: E501
    resource_eval_s3 as writer,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.result_writer_decl import (  # noqa: E501
    ResultWriter,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError

Worker, Iteration = worker.DistributedItemProcessorWorker, iteration.DistributedIterationComponent
ITEMS_A_FILE = 25
"""Far fewer than Step Functions has, so that several files are seen."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within it, Map runs keep their results as Step Functions does."""
    with (
        mock.patch.object(Worker, "_eval_input", _noting_input),
        mock.patch.object(Worker, "_eval_job", _noting_outcome),
        mock.patch.object(Iteration, "_map_run", _tolerating),
        mock.patch.object(ResultWriter, "_eval_body", _of_the_states_input),
        mock.patch.object(writer.ResourceEvalS3, "_handle_put_object", staticmethod(_write)),
    ):
        yield


_eval_input, _eval_job, _map_run = Worker._eval_input, Worker._eval_job, Iteration._map_run


def _noting_input(self: Any, env_frame: Any) -> None:
    _eval_input(self, env_frame)
    env_frame.child_input = env_frame.states.get_input()


def _noting_outcome(self: Any, env: Any, job: Any) -> None:
    _eval_job(self, env, job)
    record = self._map_run_record
    number = len(vars(record).setdefault("items", []))
    state = env.program_state()
    item = {
        "ExecutionArn": f"{record.map_state_machine_arn}:{number}".replace(
            ":stateMachine:", ":execution:"
        ),
        "Input": _text(env.child_input),
        "InputDetails": {"Included": True},
        "Name": f"{number}",
        "RedriveCount": 0,
        "StateMachineArn": record.map_state_machine_arn,
    }
    if isinstance(state, ProgramError):
        told = state.error or {}
        item |= {"Status": "FAILED", "Error": told.get("error"), "Cause": told.get("cause")}
    else:
        item |= {"Status": "SUCCEEDED", "Output": _text(job.job_output)}
        item |= {"OutputDetails": {"Included": True}}
    record.items.append(item)


def _tolerating(self: Any, env: Any, eval_input: Any) -> None:
    _map_run(self, env, eval_input)
    items = vars(eval_input.map_run_record).get("items", [])
    failed = [it for it in items if it["Status"] == "FAILED"]
    if 100 * len(failed) > eval_input.tolerated_failure_percentage * len(items):
        name = StatesErrorNameType.StatesExceedToleratedFailureThreshold
        details = MapRunFailedEventDetails(error=name.to_name(), cause="too many items failed")
        raise FailureEventException(
            failure_event=FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=name),
                event_type=HistoryEventType.MapRunFailed,
                event_details=EventDetails(mapRunFailedEventDetails=details),
            )
        )


def _of_the_states_input(self: Any, env: Any) -> None:
    """Paths in its parameters are those of the state's input; to moto, those of its results."""
    env.stack.append(env.states.get_input())
    self.parargs.eval(env=env)
    self.resource_eval.eval_resource(env=env)


def _write(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    parameters = env.stack.pop()
    env.stack.pop()
    record = env.map_run_record_pool_manager.get_all().pop()
    folder = f"{parameters['Prefix'].rstrip('/')}/{record.map_run_arn.split(':')[-1]}"
    s3 = writer.ResourceEvalS3._get_s3_client(resource_runtime_part, state_credentials)

    def put(name: str, content: Any) -> dict[str, Any]:
        body = json.dumps(content).encode()
        s3.put_object(Bucket=parameters["Bucket"], Key=f"{folder}/{name}", Body=body)
        return {"Key": f"{folder}/{name}", "Size": len(body)}

    files: dict[str, list[Any]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status, written in files.items():
        items = [it for it in vars(record).get("items", []) if it["Status"] == status]
        for number, start in enumerate(range(0, len(items), ITEMS_A_FILE)):
            part = items[start : start + ITEMS_A_FILE]
            written.append(put(f"{status}_{number}.json", part))
    manifest = {
        "DestinationBucket": parameters["Bucket"],
        "MapRunArn": record.map_run_arn,
        "ResultFiles": files,
    }
    key = put("manifest.json", manifest)["Key"]
    details = {"Bucket": parameters["Bucket"], "Key": key}
    env.stack.append({"MapRunArn": record.map_run_arn, "ResultWriterDetails": details})


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
