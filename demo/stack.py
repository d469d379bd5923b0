"""CloudFormation, as far as a custom resource sees it: a request, an answer, the stack's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.stage import Stage
from demo.words import expect
from state_backend.calls import JSON
from tests.unit.aws.response_host import request, response_host

FUNCTION = "CustomResourceFunction"
LOGICAL_ID = "StateBackend"
_UUID = "5f0c7d20-b7d1-11f0-9c4e-0affd8a1b2c3"


@dataclass(kw_only=True)
class Stack:
    """A stack of *account* with one ``Custom::StateBackend``."""

    stage: Stage
    account: str
    region: str
    stack_id: str = ""
    logical_id: str = LOGICAL_ID
    physical_id: str = ""
    steps: int = 0

    def __post_init__(self) -> None:
        where = f"{self.region}:{self.account}"
        self.stack_id = self.stack_id or f"arn:aws:cloudformation:{where}:stack/platform/{_UUID}"

    @property
    def name(self) -> str:
        return self.stack_id.split("/")[1]

    def ask(self, kind: str, properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """Sends one request and takes the answer, with the events that CloudFormation writes."""
        self.steps += 1
        self._event_of_stack(f"{kind.upper()}_IN_PROGRESS")
        self._event(f"{kind.upper()}_IN_PROGRESS", properties)
        with response_host() as host:
            asked = request(
                host.url(),
                kind,
                StackId=self.stack_id,
                RequestId=f"00000000-0000-4000-9000-{self.steps:012}",
                LogicalResourceId=self.logical_id,
                ServiceToken=properties["ServiceToken"],
                ResourceProperties=dict(properties),
            )
            if kind != "Create":
                asked["PhysicalResourceId"] = self.physical_id
            invocation = self.stage.hub.invoke(FUNCTION, asked)
            expect(not invocation.error, f"The function failed: {invocation.error}")
            expect(len(host.puts) == 1, f"CloudFormation got {len(host.puts)} answers, not one.")
            objections = host.puts[0].objections
            expect(not objections, f"CloudFormation would not take the answer: {objections}.")
            answer: Mapping[str, JSON] = host.answer
        for part in ("StackId", "RequestId", "LogicalResourceId"):
            expect(answer[part] == asked[part], f"The answer's {part} is not the request's.")
        self.physical_id = answer["PhysicalResourceId"]
        done = "COMPLETE" if answer["Status"] == "SUCCESS" else "FAILED"
        self._event(f"{kind.upper()}_{done}", properties, answer.get("Reason", ""))
        self._event_of_stack(f"{kind.upper()}_{done}")
        return answer

    def properties(self, **given: JSON) -> dict[str, JSON]:
        """*given*, with those that CloudFormation itself passes on."""
        token = self.stage.hub.template.attributes[FUNCTION, "Arn"]
        return {"ServiceTimeout": "660", **given, "ServiceToken": token}

    def _event(self, status: str, properties: Mapping[str, JSON], reason: str = "") -> None:
        self.stage.aws.stacks.put_event(
            stack_id=self.stack_id,
            logical_id=self.logical_id,
            physical_id=self.physical_id,
            status=status,
            properties=properties,
            reason=reason,
        )

    def _event_of_stack(self, status: str) -> None:
        self.stage.aws.stacks.put_event(
            stack_id=self.stack_id,
            logical_id=self.name,
            physical_id=self.stack_id,
            status=status,
            resource_type="AWS::CloudFormation::Stack",
        )


def create(stack: Stack, properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The stack gets its backend, with attributes."""
    answer = stack.ask("Create", properties)
    expect(answer["Status"] == "SUCCESS", f"The Create failed: {answer.get('Reason', 'no reason')}")
    return answer


def update(stack: Stack, properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The stack changes what it asks for."""
    answer = stack.ask("Update", properties)
    expect(answer["Status"] == "SUCCESS", f"The Update failed: {answer.get('Reason', 'no reason')}")
    return answer


def show_created(stage: Stage, answer: Mapping[str, JSON]) -> None:
    stage.tell.done("Create", f"SUCCESS, physical id {answer['PhysicalResourceId']}")
    stage.tell.blank()
    stage.tell.code(
        "\n".join(
            f"     {name:<17} {value}"
            for name, value in answer["Data"].items()
            if value and name != "BackendHcl"
        )
    )
    stage.tell.blank()


def refuse_delete(stack: Stack, properties: Mapping[str, JSON]) -> None:
    """The stack's Delete is refused, with the reason and the way out; nothing was touched."""
    since = len(stack.stage.aws.calls)
    answer = stack.ask("Delete", properties)
    reason = answer.get("Reason", "")
    expect(answer["Status"] == "FAILED", "The Delete was answered with SUCCESS.")
    expect("PreventDestroy" in reason, f"The Delete failed for another reason: {reason}")
    writes = stack.stage.aws.writes(since, account=stack.account)
    expect(not writes, f"The Delete wrote in the account: {', '.join(map(str, writes))}.")
    stack.stage.tell.refused("Delete", f"FAILED. {reason}")
