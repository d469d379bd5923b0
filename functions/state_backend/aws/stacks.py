"""
What CloudFormation says of a stack: the evidence on which a request is believed or refused.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
"""

from __future__ import annotations

from collections.abc import Iterator

from state_backend.aws import pages
from state_backend.calls import JSON, AwsError, Call, Invoke


def events(invoke: Invoke, stack_id: str) -> Iterator[JSON]:
    """The stack's events, newest first, page by page as they are asked for."""
    call = Call("cloudformation", "describe_stack_events", {"StackName": stack_id})
    return pages.items(invoke, call, "StackEvents")


def resources(invoke: Invoke, stack_id: str) -> Iterator[JSON]:
    """The stack's resources as they stand."""
    call = Call("cloudformation", "list_stack_resources", {"StackName": stack_id})
    return pages.items(invoke, call, "StackResourceSummaries")


def says_there_is_none(error: AwsError) -> bool:
    """Whether CloudFormation says that the stack does not exist, and not that we may not look."""
    return error.code == "ValidationError" and "does not exist" in error.message
