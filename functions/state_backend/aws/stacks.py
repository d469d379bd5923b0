"""
What CloudFormation says of a stack: the evidence on which a request is believed or refused.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
"""

from __future__ import annotations

from collections.abc import Iterator

from state_backend.calls import JSON, AwsError, Call, Invoke


def events(invoke: Invoke, stack_id: str) -> Iterator[JSON]:
    """The stack's events, newest first, page by page as they are asked for."""
    return _pages(invoke, "describe_stack_events", "StackEvents", stack_id)


def resources(invoke: Invoke, stack_id: str) -> Iterator[JSON]:
    """The stack's resources as they stand."""
    return _pages(invoke, "list_stack_resources", "StackResourceSummaries", stack_id)


def says_there_is_none(error: AwsError) -> bool:
    """Whether CloudFormation says that the stack does not exist, and not that we may not look."""
    return error.code == "ValidationError" and "does not exist" in error.message


def _pages(invoke: Invoke, operation: str, member: str, stack_id: str) -> Iterator[JSON]:
    token: dict[str, str] = {}
    while True:
        answer = invoke(Call("cloudformation", operation, {"StackName": stack_id, **token}))
        yield from answer[member]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
