"""
Control Tower's lifecycle events: an account was vended or enrolled, a unit was registered, the
landing zone changed.

A retry of a failed creation arrives as UpdateManagedAccount, an account that enrolled itself by
moving into a registered unit as EnableBaseline: one thing has many names.

Source: https://docs.aws.amazon.com/controltower/latest/userguide/lifecycle-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import (
    Asked,
    account_at,
    items_at,
    mapping_at,
    text_at,
    unit_at,
)
from state_backend.ids import is_account, is_unit


def parse(event: Mapping[str, JSON]) -> Asked:
    """
    The accounts that were vended, enrolled, or are in what was registered.

    Raises:
        InvalidRequest: A part of the event is missing or of the wrong kind.
    """
    name = text_at(event, "detail", "eventName")
    if name not in EVENTS:
        return Asked(reason=f"Control Tower's {name[:60]} vends no account")
    key = f"{name[0].lower()}{name[1:]}Status"
    status = mapping_at(event, "detail", "serviceEventDetails", key)
    state = _state(status)
    if state == "SUCCEEDED":
        return EVENTS[name](status)
    failed = Asked()
    with suppress(InvalidRequest):  # what failed early names nothing
        failed = EVENTS[name](status)
    return replace(failed, reason=f"Control Tower's {name} is {state[:40]}")


def _state(status: Mapping[str, JSON]) -> str:
    """How it ended: events on baselines have that elsewhere."""
    if "enabledBaselineDetails" in status:
        return text_at(status, "enabledBaselineDetails", "statusSummary", "status")
    return text_at(status, "state")


def _account(status: Mapping[str, JSON]) -> Asked:
    return Asked(accounts=(account_at(status, "account", "accountId"),))


def _baseline(status: Mapping[str, JSON]) -> Asked:
    """An event of the newer kind: its target is an ARN."""
    target = text_at(status, "enabledBaselineDetails", "targetIdentifier")
    last = target.rpartition("/")[2]
    if ":account/" in target and is_account(last):
        return Asked(accounts=(last,))
    if is_unit(last):
        return Asked(units=(last,))
    raise InvalidRequest(
        f"The event's targetIdentifier is {target[:120]!r}",
        "It must be the ARN of an account, an organizational unit or a root",
    )


def _unit(status: Mapping[str, JSON]) -> Asked:
    """A registered unit: the event does not list its accounts."""
    return Asked(units=(unit_at(status, "organizationalUnit", "organizationalUnitId"),))


def _landing_zone(status: Mapping[str, JSON]) -> Asked:
    """Accounts and units of the landing zone: since version 4.0 there need not be any."""
    accounts = (account_at(it, "accountId") for it in items_at(status, "accounts"))
    units = (unit_at(it, "organizationalUnitId") for it in items_at(status, "organizationalUnits"))
    return Asked(accounts=tuple(dict.fromkeys(accounts)), units=tuple(dict.fromkeys(units)))


EVENTS: dict[str, Callable[[Mapping[str, JSON]], Asked]] = {
    "CreateManagedAccount": _account,
    "UpdateManagedAccount": _account,
    "EnableBaseline": _baseline,
    "UpdateEnabledBaseline": _baseline,
    "ResetEnabledBaseline": _baseline,
    "RegisterOrganizationalUnit": _unit,
    "SetupLandingZone": _landing_zone,
    "UpdateLandingZone": _landing_zone,
    # Not among the documented ones, but rules in use ask for it.
    "ResetLandingZone": _landing_zone,
}
"""Event name -> who understands what stands below its ``…Status``."""
