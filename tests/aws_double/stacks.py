"""
CloudFormation stacks as a custom resource's function looks at them: their status and their events.

Tests write them; DescribeStacks, DescribeStackEvents, DescribeStackResource,
DescribeStackResources and ListStackResources read them, in the account and Region of the stack's id
only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal

if TYPE_CHECKING:
    from tests.aws_double.world import World


@dataclass(slots=True, kw_only=True)
class Stack:
    """One stack. Events are kept oldest first."""

    stack_id: str
    status: str = "CREATE_IN_PROGRESS"
    events: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return self.stack_id.split("/")[1]

    @property
    def place(self) -> tuple[str, str]:
        """Account and Region."""
        parts = self.stack_id.split(":")
        return parts[4], parts[3]


@dataclass(slots=True)
class Stacks:
    """All stacks of all accounts."""

    page_size: int = 100
    """Events in one answer of DescribeStackEvents."""
    by_id: dict[str, Stack] = field(default_factory=dict)

    def put_event(
        self,
        *,
        stack_id: str,
        logical_id: str,
        status: str,
        physical_id: str = "",
        resource_type: str = "Custom::StateBackend",
        properties: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """
        The newest event of the stack, which is made if it is not there.

        An event of the stack itself (``AWS::CloudFormation::Stack``) sets the stack's status too.
        """
        stack = self.by_id.setdefault(stack_id, Stack(stack_id=stack_id))
        number = len(stack.events)
        event = {
            "StackId": stack_id,
            "EventId": f"{logical_id}-{number:06}",
            "StackName": stack.name,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": resource_type,
            "Timestamp": stack.created + timedelta(seconds=number),
            "ResourceStatus": status,
        }
        if properties is not None:
            event["ResourceProperties"] = json.dumps(properties)
        if reason:
            event["ResourceStatusReason"] = reason
        stack.events.append(event)
        if resource_type == "AWS::CloudFormation::Stack":
            stack.status = status

    def set_status(self, stack_id: str, status: str) -> None:
        """The stack's own status; the stack is made if it is not there."""
        self.by_id.setdefault(stack_id, Stack(stack_id=stack_id)).status = status

    def remove(self, stack_id: str) -> None:
        del self.by_id[stack_id]

    def found(self, name: str, account: str, region: str) -> Stack:
        """
        The stack that *name* (or id) means there: of that name the newest that is not deleted.

        Raises:
            Refusal: There is none.
        """
        here = [stack for stack in self.by_id.values() if stack.place == (account, region)]
        for stack in reversed(here):
            if name == stack.stack_id:
                return stack
            if name == stack.name and stack.status != "DELETE_COMPLETE":
                return stack
        raise Refusal("ValidationError", f"Stack with id {name} does not exist", 400)


@rule("cloudformation", "DescribeStacks")
def describe_stacks(call: Call, world: World, proceed: Proceed) -> Answer:
    name = call.parameters.get("StackName")
    if name:
        stacks = [world.stacks.found(name, call.account, call.region)]
    else:
        stacks = [s for s in world.stacks.by_id.values() if s.place == (call.account, call.region)]
    return {
        "Stacks": [
            {
                "StackId": stack.stack_id,
                "StackName": stack.name,
                "StackStatus": stack.status,
                "CreationTime": stack.created,
            }
            for stack in stacks
        ]
    }


@rule("cloudformation", "DescribeStackEvents")
def describe_stack_events(call: Call, world: World, proceed: Proceed) -> Answer:
    """Newest first, in pages."""
    stack = world.stacks.found(call.parameters.get("StackName", ""), call.account, call.region)
    left = _left(call.parameters.get("NextToken"), len(stack.events))
    older = max(left - world.stacks.page_size, 0)
    answer: dict[str, Any] = {"StackEvents": stack.events[older:left][::-1]}
    if older:
        answer["NextToken"] = f"older-{older}"
    return answer


@rule("cloudformation", "DescribeStackResource")
def describe_stack_resource(call: Call, world: World, proceed: Proceed) -> Answer:
    stack = world.stacks.found(call.parameters["StackName"], call.account, call.region)
    logical_id = call.parameters["LogicalResourceId"]
    for resource in _resources(stack):
        if resource["LogicalResourceId"] == logical_id:
            timestamp = resource.pop("Timestamp")
            return {"StackResourceDetail": resource | {"LastUpdatedTimestamp": timestamp}}
    raise Refusal(
        "ValidationError", f"Resource {logical_id} does not exist for stack {stack.name}", 400
    )


@rule("cloudformation", "DescribeStackResources")
def describe_stack_resources(call: Call, world: World, proceed: Proceed) -> Answer:
    stack = world.stacks.found(call.parameters["StackName"], call.account, call.region)
    wanted = call.parameters.get("LogicalResourceId")
    return {
        "StackResources": [
            resource
            for resource in _resources(stack)
            if wanted in {None, resource["LogicalResourceId"]}
        ]
    }


@rule("cloudformation", "ListStackResources")
def list_stack_resources(call: Call, world: World, proceed: Proceed) -> Answer:
    stack = world.stacks.found(call.parameters["StackName"], call.account, call.region)
    resources = _resources(stack)
    left = _left(call.parameters.get("NextToken"), len(resources))
    page = resources[len(resources) - left :][: world.stacks.page_size]
    answer: dict[str, Any] = {"StackResourceSummaries": [_summary(it) for it in page]}
    if left > len(page):
        answer["NextToken"] = f"older-{left - len(page)}"
    return answer


def _summary(resource: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus")
    return {name: resource[name] for name in shown if name in resource} | {
        "LastUpdatedTimestamp": resource["Timestamp"]
    }


def _resources(stack: Stack) -> list[dict[str, Any]]:
    """The newest event of each logical id, as a resource."""
    newest: dict[str, dict[str, Any]] = {}
    for event in stack.events:
        if event["ResourceType"] != "AWS::CloudFormation::Stack":
            newest[event["LogicalResourceId"]] = event
    left_out = {"EventId", "ResourceProperties"}
    return [{k: v for k, v in event.items() if k not in left_out} for event in newest.values()]


def _left(token: str | None, all_events: int) -> int:
    """How many of the oldest events *token* has left to show; newer ones do not shift a page."""
    if token is None:
        return all_events
    if not token.startswith("older-"):
        raise Refusal("ValidationError", "Invalid NextToken", 400)
    return int(token.removeprefix("older-"))
