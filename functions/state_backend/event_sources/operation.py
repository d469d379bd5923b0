"""
A direct operation, by whoever may invoke the function.

``{"operation": "reconcile" | "plan", "accountId": "…", "region": "…", "properties": {…}}``
"""

from __future__ import annotations

from collections.abc import Mapping

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import Asked, account_at, text_at

_OPERATIONS = ("reconcile", "plan")
_PARTS = ("operation", "accountId", "region", "properties")


def parse(event: Mapping[str, JSON]) -> Asked:
    """
    What the operation asks for.

    Raises:
        InvalidRequest: It is unknown, or a part of it is missing or of the wrong kind.
    """
    for part in event:
        if part not in _PARTS:
            raise InvalidRequest(
                f"The operation has the part {str(part)[:60]!r}", f"Use only {', '.join(_PARTS)}"
            )
    operation = event["operation"]
    if operation not in _OPERATIONS:
        raise InvalidRequest(
            f"The operation is {str(operation)[:60]!r}", f"It must be {' or '.join(_OPERATIONS)}"
        )
    properties = event.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise InvalidRequest(
            "The operation's properties are no mapping",
            'Write them as {"Name": "value"}, or leave them out',
        )
    return Asked(
        accounts=(account_at(event, "accountId"),),
        regions=(text_at(event, "region"),) if "region" in event else (),
        plan_only=operation == "plan",
        properties=properties,
        trusted=True,
    )
