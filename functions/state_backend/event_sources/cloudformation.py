"""
A request of ``Custom::StateBackend``: what it claims, and whether its stack's events agree.

Anyone in the organization may be able to invoke the function, and the payload carries no proof. So
the account is the one in ``StackId``, and nothing is written before the newest event of the
resource, read in that account, says the same as the request. The event is written first, so a late
or repeated request shows too: by then the newest event is another one.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import as_text, mapping_at, text_at

_STACK_ID = re.compile(
    r"arn:(aws[a-z-]*):cloudformation:([a-z0-9-]+):([0-9]{12}):stack/[A-Za-z][A-Za-z0-9-]{0,127}"
    r"/[A-Za-z0-9-]{1,64}"
)
_IN_PROGRESS = {
    "Create": "CREATE_IN_PROGRESS",
    "Update": "UPDATE_IN_PROGRESS",
    "Delete": "DELETE_IN_PROGRESS",
}
KINDS = frozenset(_IN_PROGRESS)
"""What CloudFormation asks for."""

_TYPE = "Custom::StateBackend"
_TYPES = frozenset({_TYPE, "AWS::CloudFormation::CustomResource"})
"""What a template may call a backend. What is of another type was never asked of us."""


class UnconfirmedRequest(InvalidRequest):
    """CloudFormation cannot have sent it, or its stack does not say so. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest:
    """One request of CloudFormation."""

    kind: str
    """``Create``, ``Update`` or ``Delete``."""
    stack_id: str
    logical_id: str
    physical_id: str
    """Empty on Create."""
    properties: Mapping[str, JSON]
    """As the template states them, CloudFormation's own among them."""
    account: str
    """The stack's, in the word of its id alone."""
    region: str
    """Where the backend is: the property ``Region``, else the stack's."""


def parse(event: Mapping[str, JSON]) -> StackRequest:
    """
    The request in *event*.

    Raises:
        UnconfirmedRequest: It names no stack, or nothing that CloudFormation asks for.
        InvalidRequest: Another part of it is missing or of the wrong kind.
    """
    stack_id = text_at(event, "StackId")
    account, stack_region = account_and_region(stack_id)
    kind = text_at(event, "RequestType")
    if kind not in _IN_PROGRESS:
        raise UnconfirmedRequest(
            f"The RequestType is {kind[:40]!r}", "It must be Create, Update or Delete"
        )
    properties = mapping_at(event, "ResourceProperties")
    region = properties.get("Region")
    return StackRequest(
        kind=kind,
        stack_id=stack_id,
        logical_id=text_at(event, "LogicalResourceId"),
        physical_id="" if kind == "Create" else text_at(event, "PhysicalResourceId"),
        properties=properties,
        account=account,
        region=region if isinstance(region, str) and region else stack_region,
    )


def account_and_region(stack_id: str) -> tuple[str, str]:
    """
    Where the stack *stack_id* is.

    Raises:
        UnconfirmedRequest: It is not the ARN of a stack.
    """
    found = _STACK_ID.fullmatch(stack_id)
    if found is None:
        raise UnconfirmedRequest(
            f"The StackId is {stack_id[:120]!r}", "It must be the ARN of a CloudFormation stack"
        )
    return found[3], found[2]


def contradiction(request: StackRequest, newest: Mapping[str, JSON] | None) -> str:
    """
    In what the *newest* event of the resource contradicts *request*; empty if it confirms it.

    Args:
        newest: As DescribeStackEvents returned it; None if the resource has no event.
    """
    if newest is None:
        return f"the stack has no event of a resource {request.logical_id}"
    expected = _IN_PROGRESS[request.kind]
    if newest.get("ResourceStatus") != expected:
        return (
            f"the newest event of {request.logical_id} is {newest.get('ResourceStatus')}, "
            f"not {expected}"
        )
    if (kind := newest.get("ResourceType", _TYPE)) not in _TYPES:
        return f"{request.logical_id} is of the type {kind}, which is not served"
    if request.kind != "Create" and newest.get("PhysicalResourceId") != request.physical_id:
        return "the stack's event names another physical id"
    told = as_text(_parsed(newest.get("ResourceProperties")))
    if request.kind != "Delete" and told != as_text(dict(request.properties)):
        return "the stack's event has other properties than the request"
    return ""


def _parsed(properties: JSON) -> JSON:
    try:
        return json.loads(properties or "{}")
    except (TypeError, ValueError):
        return None
