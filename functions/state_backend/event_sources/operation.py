"""
A direct operation, by whoever may invoke the function.

``{"operation": "reconcile" | "plan", "accountId": "…", "region": "…", "properties": {…}}``

The sweep adds ``"organization": {"state": "…", "units": ["ou-…", "r-…"], "listedAt": 1.8e9}``, what
Organizations has just said of the account. With it, the account is no longer taken on trust: it is
held against that and the settings document. So who passes it can have nothing made that a plain
operation would not make, and a message of the queue gains nothing by it: there it is not believed.
"""

from __future__ import annotations

from collections.abc import Mapping

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import (
    Asked,
    Listed,
    as_text,
    items_at,
    mapping_at,
)
from state_backend.ids import is_account, is_unit

OPERATIONS = ("reconcile", "plan")
_PARTS = ("operation", "accountId", "region", "properties", "organization")


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
    if operation not in OPERATIONS:
        raise InvalidRequest(
            f"The operation is {str(operation)[:60]!r}", f"It must be {' or '.join(OPERATIONS)}"
        )
    properties = event.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise InvalidRequest(
            "The operation's properties are no mapping",
            'Write them as {"Name": "value"}, or leave them out',
        )
    return Asked(
        accounts=(_account(event),),
        regions=_regions(event, properties or {}),
        plan_only=operation == "plan",
        properties=as_text(properties),
        trusted="organization" not in event,
        listed=_listed(event) if "organization" in event else None,
    )


def _account(event: Mapping[str, JSON]) -> str:
    account = event.get("accountId", "missing")
    if not is_account(account):
        raise InvalidRequest(
            f"The operation's accountId is {str(account)[:40]}",
            'It must be text of twelve digits, in quotes: "222222222222"',
        )
    return str(account)


def _regions(event: Mapping[str, JSON], properties: Mapping[str, JSON]) -> tuple[str, ...]:
    """The Region of the operation, else that of its properties; empty if neither names one."""
    region = event.get("region", "")
    if not isinstance(region, str):
        raise InvalidRequest(
            f"The operation's region is {str(region)[:40]}",
            "It must be a Region's name, such as eu-central-1, or be left out",
        )
    stated = properties.get("Region")
    region = region or (stated if isinstance(stated, str) else "")
    return (region,) if region else ()


def _listed(event: Mapping[str, JSON]) -> Listed:
    said = mapping_at(event, "organization")
    state, units = said.get("state"), items_at(event, "organization", "units")
    at, known = said.get("listedAt", ""), all(map(is_unit, units))
    if not isinstance(state, str) or not known or not _is_time(at):
        raise InvalidRequest(
            "The operation's part organization is not what a sweep writes there",
            "Leave it out; the account is then taken on your word",
        )
    return Listed(state=state, units=tuple(units), at=float(at))


def _is_time(value: JSON) -> bool:
    """Whether *value* is epoch seconds of a year that can be written with four digits."""
    return type(value) in (int, float) and 0 <= value < 253_402_300_800
