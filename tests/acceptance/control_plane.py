"""
What an administrator of the hub reaches beside the double: the stack's outputs by CloudFormation,
its functions by Lambda, its sweep by Step Functions. The deployment answers, for whatever client.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.aws_double.protocol import Parsed, parse, serialized, signature_of
from tests.aws_double.server import Server
from tests.aws_double.wire import HttpRequest, HttpResponse
from tests.deployment import Deployment
from tests.deployment.deployed import STACK

SWEEP = "FleetSweep"


@dataclass
class ControlPlane:
    """The three services, as far as our pages ask them about the stack of *hub*."""

    hub: Deployment
    sweeps: list[str] = field(default_factory=list)
    """How each sweep has ended."""
    _names: Iterator[int] = field(default_factory=lambda: count(1))

    @contextlib.contextmanager
    def running(self) -> Iterator[dict[str, str]]:
        """What a shell needs in its environment to reach them, until the end of the block."""
        server = Server(self._answer)
        server.start()
        try:
            services = ("CLOUDFORMATION", "LAMBDA", "SFN")
            yield {f"AWS_ENDPOINT_URL_{name}": server.url for name in services}
        finally:
            server.stop()

    def _answer(self, request: HttpRequest, base_url: str) -> HttpResponse:
        service = signature_of(request, self.hub.aws.region).service
        parsed = parse(service, request)
        return serialized(service, parsed, self._result(parsed))

    def _result(self, parsed: Parsed) -> Mapping[str, Any]:
        asked = parsed.parameters
        match parsed.operation:
            case "DescribeStacks" if asked["StackName"] == STACK:
                return {"Stacks": [self._stack()]}
            case "Invoke":
                return self._invoked(asked["FunctionName"], json.loads(asked["Payload"]))
            case "StartExecution" if asked["stateMachineArn"] == self._arn_of(SWEEP):
                return self._started(json.loads(asked["input"]))
            case "ListExecutions" if asked["stateMachineArn"] == self._arn_of(SWEEP):
                return {"executions": []}  # one has ended before its start is answered
        raise AssertionError(f"nobody answers {parsed.operation} {asked}")

    def _stack(self) -> Mapping[str, Any]:
        template = self.hub.template
        shown = ("AccountVendedQueueUrl", "AccountVendedDeadLetterQueueUrl", "ReportBucketName")
        outputs = {
            name: template.filled_in(template.document["Outputs"][name]["Value"]) for name in shown
        }
        # A queue's Ref is its URL, and that of a state machine its ARN.
        outputs["FleetSweepArn"] = self._arn_of(SWEEP)
        return {
            "StackName": STACK,
            "StackStatus": "UPDATE_COMPLETE",
            "CreationTime": 0,
            "Outputs": [
                {"OutputKey": name, "OutputValue": value} for name, value in outputs.items()
            ],
        }

    def _invoked(self, function: str, event: Any) -> Mapping[str, Any]:
        [logical_id] = [
            name
            for (name, attribute), arn in self.hub.template.attributes.items()
            if attribute == "Arn" and arn.endswith(f":function:{function}")
        ]
        done = self.hub.invoke(logical_id, event)
        assert not done.error, done.error
        return {"StatusCode": 200, "Payload": json.dumps(done.answer).encode()}

    def _started(self, asked: Any) -> Mapping[str, Any]:
        """It has ended when this is answered."""
        name = f"by-hand-{next(self._names)}"
        self.sweeps.append(self.hub.execute(SWEEP, asked, name=name).status)
        return {"executionArn": f"{self._arn_of(SWEEP)}:{name}", "startDate": 0}

    def _arn_of(self, machine: str) -> str:
        properties = self.hub.template.document["Resources"][machine]["Properties"]
        partition, region = self.hub.aws.world.partition, self.hub.aws.region
        account = self.hub.aws.management_account
        return f"arn:{partition}:states:{region}:{account}:stateMachine:{properties['Name']}"
