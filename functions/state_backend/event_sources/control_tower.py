"""
Control Tower's lifecycle events: an account was vended, or enrolled, or enrolled again.

A retry of a failed creation arrives as UpdateManagedAccount, so both count.

Source: https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
"""

from __future__ import annotations

from collections.abc import Mapping

from state_backend.calls import JSON
from state_backend.event_sources.request import Asked, account_at, text_at

_STATUS_OF = {
    "CreateManagedAccount": "createManagedAccountStatus",
    "UpdateManagedAccount": "updateManagedAccountStatus",
}
"""Event name -> the key below ``serviceEventDetails`` that holds what happened."""


def parse(event: Mapping[str, JSON]) -> Asked:
    """
    The account that was vended.

    Raises:
        InvalidRequest: A part of the event is missing or of the wrong kind.
    """
    name = text_at(event, "detail", "eventName")
    if name not in _STATUS_OF:
        return Asked(reason=f"Control Tower's {name[:60]} vends no account")
    status = ("detail", "serviceEventDetails", _STATUS_OF[name])
    account = account_at(event, *status, "account", "accountId")
    state = text_at(event, *status, "state")
    if state != "SUCCEEDED":
        return Asked(accounts=(account,), reason=f"Control Tower's {name} is {state[:40]}")
    return Asked(accounts=(account,))
