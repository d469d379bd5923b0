"""
ListStackResources, which the functions call before they answer a Delete.

Stands in only as long as the double does not know the operation itself.
"""

from __future__ import annotations

from tests.aws_double.call import RULES, Answer, Call, Proceed, rule
from tests.aws_double.world import World

OPERATION = ("cloudformation", "ListStackResources")
SHOWN = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus")


def list_stack_resources(call: Call, world: World, proceed: Proceed) -> Answer:
    """The newest event of each logical id, as a resource; on one page."""
    stack = world.stacks.found(call.parameters["StackName"], call.account, call.region)
    newest = {
        event["LogicalResourceId"]: event
        for event in stack.events
        if event["ResourceType"] != "AWS::CloudFormation::Stack"
    }
    return {
        "StackResourceSummaries": [
            {name: event[name] for name in SHOWN} | {"LastUpdatedTimestamp": event["Timestamp"]}
            for event in newest.values()
        ]
    }


def stand_in() -> None:
    if OPERATION not in RULES:
        rule(*OPERATION)(list_stack_resources)
