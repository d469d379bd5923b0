"""The events that we publish on the hub's default bus, for whoever waits for a backend."""

from __future__ import annotations

import json
from collections.abc import Mapping

from state_backend.calls import JSON, AwsError, Call, Invoke

READY = "State Backend Ready"
FAILED = "State Backend Failed"
DELETE_REFUSED = "State Backend Delete Refused"
DRIFT_REPAIRED = "State Backend Drift Repaired"


def announce(invoke: Invoke, detail_type: str, detail: Mapping[str, JSON]) -> None:
    """
    Publishes one event.

    Raises:
        AwsError: EventBridge refused it.
    """
    entry = {
        "Source": "statehold",
        "DetailType": detail_type,
        "Detail": json.dumps(detail, default=str),
        "Resources": [],
    }
    call = Call("events", "put_events", {"Entries": [entry]})
    answer = invoke(call)
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise AwsError(call, failed.get("ErrorCode", ""), failed.get("ErrorMessage", ""))
