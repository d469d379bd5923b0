"""CloudFormation, as far as a custom resource sees it: a request, an answer, the stack's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.stage import Stage
from demo.words import expect
from state_backend.calls import JSON
from tests.unit.aws.response_host import request, response_host

FUNCTION = "CustomResourceFunction"
LOGICAL_ID = "StateBackend"
_UUID = "5f0c7d20-b7d1-11f0-9c4e-0affd8a1b2c3"
_ROLLING_BACK = {"Update": "UPDATE_ROLLBACK", "Delete": "ROLLBACK"}
"""What the stack is doing when a request of this kind takes something back."""


@dataclass(kw_only=True)
class Stack:
    """A stack of *account* with one ``Custom::StateBackend``."""

    stage: Stage
    account: str
    region: str
    stack_id: str = ""
    logical_id: str = LOGICAL_ID
    physical_id: str = ""
    current: Mapping[str, JSON] = field(default_factory=dict)
    """The properties that were last answered with SUCCESS."""
    steps: int = 0

    def __post_init__(self) -> None:
        where = f"{self.region}:{self.account}"
        self.stack_id = self.stack_id or f"arn:aws:cloudformation:{where}:stack/platform/{_UUID}"

    @property
    def name(self) -> str:
        return self.stack_id.split("/")[1]

    def ask(
        self, kind: str, properties: Mapping[str, JSON], *, rolling_back: bool = False
    ) -> Mapping[str, JSON]:
        """Sends one request and takes the answer, with the events that CloudFormation writes."""
        self.steps += 1
        doing = _ROLLING_BACK[kind] if rolling_back else kind.upper()
        self._event_of_stack(f"{doing}_IN_PROGRESS")
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
        if done == "COMPLETE":
            self.current = properties
        self._event(f"{kind.upper()}_{done}", properties, answer.get("Reason", ""))
        self._event_of_stack(f"{doing}_{done}")
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


def create(stack: Stack, properties: Mapping[str, JSON]) -> None:
    """The stack gets its backend, with attributes."""
    answer = stack.ask("Create", properties)
    expect(answer["Status"] == "SUCCESS", f"The Create failed: {answer.get('Reason', 'no reason')}")
    show_success(stack, "Create", answer)


def show_success(stack: Stack, kind: str, answer: Mapping[str, JSON]) -> None:
    """What CloudFormation heard, and the attributes that a template finds."""
    tell = stack.stage.tell
    tell.done(kind, f"SUCCESS, physical id {answer['PhysicalResourceId']}")
    tell.blank()
    tell.code(
        "\n".join(
            f"     {name:<17} {value}"
            for name, value in answer["Data"].items()
            if value and name != "BackendHcl"
        )
    )


def refuse_delete(stack: Stack) -> None:
    """The stack's Delete is refused, with the reason and the way out; nothing was touched."""
    since = len(stack.stage.aws.calls)
    answer = stack.ask("Delete", stack.current)
    reason = answer.get("Reason", "")
    expect(answer["Status"] == "FAILED", "The Delete was answered with SUCCESS.")
    expect("PreventDestroy" in reason, f"The Delete failed for another reason: {reason}")
    writes = stack.stage.aws.writes(since, account=stack.account)
    expect(not writes, f"The Delete wrote in the account: {', '.join(map(str, writes))}.")
    stack.stage.tell.refused("Delete", f"FAILED. {reason}")


def release(stack: Stack) -> None:
    """The Delete of a backend whose protection was taken off: nothing is deleted even then."""
    since = len(stack.stage.aws.calls)
    answer = stack.ask("Delete", stack.current)
    expect(answer["Status"] == "SUCCESS", f"The Delete failed: {answer.get('Reason')}")
    writes = stack.stage.aws.writes(since, account=stack.account)
    expect(
        all(it.operation == "TagResource" for it in writes),
        f"The Delete did more than to tag: {', '.join(map(str, writes))}.",
    )
    stack.stage.tell.done("Delete", "SUCCESS, since the update took the protection off")
