"""
WHO ASKS: one source per file, each a pure ``parse`` from an event to what it asks for.

To add one, write ``<source>.py`` with ``parse``, give it a line in ``SOURCES``, a rule in
``template.yaml`` and a sample in ``events/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources import cloudtrail, control_tower, operation, organizations
from state_backend.event_sources.request import Asked

SOURCES: dict[str, Callable[[Mapping[str, JSON]], Asked]] = {
    "aws.controltower": control_tower.parse,
    "aws.organizations": organizations.parse,
    "aws.s3": cloudtrail.parse,
    "aws.kms": cloudtrail.parse,
    "aws.dynamodb": cloudtrail.parse,
    "aws.ssm": cloudtrail.parse,
}
"""EventBridge's ``source`` -> who understands its events."""


def parse(event: JSON) -> Asked:
    """
    What *event* asks for: an EventBridge event, or a direct operation.

    Raises:
        InvalidRequest: It is neither, or a part of it is missing or of the wrong kind.
    """
    if isinstance(event, dict) and "operation" in event:
        return operation.parse(event)
    source = event.get("source") if isinstance(event, dict) else None
    if not isinstance(source, str) or source not in SOURCES:
        raise InvalidRequest(
            f"The event's source is {str(source)[:60]!r}",
            f"Send an event of {', '.join(SOURCES)}, or an operation (reconcile, plan)",
        )
    return SOURCES[source](event)
