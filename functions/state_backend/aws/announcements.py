"""The events that we publish on the hub's default bus, for whoever waits for a backend."""

from __future__ import annotations

import json
from collections.abc import Mapping

from state_backend.calls import JSON, AwsError, Call, Invoke

READY = "State Backend Ready"
FAILED = "State Backend Failed"
DELETE_REFUSED = "State Backend Delete Refused"
DRIFT_REPAIRED = "State Backend Drift Repaired"

_LONGEST = 200_000
"""
Characters of a detail. EventBridge takes 256 KB an entry, and what its rules make of one is longer.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
"""

_SHORT = 2_000
"""Characters to which a long policy is cut where there are too many of them."""


def announce(invoke: Invoke, detail_type: str, detail: Mapping[str, JSON]) -> None:
    """
    Publishes one event.

    Raises:
        AwsError: EventBridge refused it.
    """
    entry = {
        "Source": "statehold",
        "DetailType": detail_type,
        "Detail": _text(detail),
        "Resources": [],
    }
    call = Call("events", "put_events", {"Entries": [entry]})
    answer = invoke(call)
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise AwsError(call, failed.get("ErrorCode", ""), failed.get("ErrorMessage", ""))


def _text(detail: Mapping[str, JSON]) -> str:
    """*detail* as JSON that fits; what was repaired is told in full if there is room for it."""
    text = json.dumps(detail, default=str)
    if len(text) <= _LONGEST:
        return text
    changes = detail.get("repaired", ())
    repaired = [{name: shortened(it) for name, it in change.items()} for change in changes]
    return json.dumps({**detail, "repaired": repaired}, default=str)


def shortened(value: JSON) -> JSON:
    """*value*, or the beginning of its text where that is long."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= _SHORT else f"{text[:_SHORT]}…"
