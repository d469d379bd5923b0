"""What an event asks for, and how its parts are taken out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.drift import Actor
from state_backend.errors import InvalidRequest
from state_backend.ids import is_account, is_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a list of the whole organization said of an account."""

    state: str
    """Empty if the account was not in it."""
    units: tuple[str, ...] = ()
    """The units above it, nearest first, the root last; empty if the list did not say."""
    at: float
    """When. Epoch seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A call that may have changed a backend."""

    by: Actor
    about: frozenset[str]
    """What it names, without ARNs: buckets, ids of keys, aliases, tables, parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one event asks for."""

    accounts: tuple[str, ...] = ()
    """The accounts that are to get a backend."""
    units: tuple[str, ...] = ()
    """Organizational units, or a root: all accounts below them are to get one, too."""
    reason: str = ""
    """Why nothing is to be done for them; empty if something is."""
    regions: tuple[str, ...] = ()
    """Where; empty leaves it to the hub's setting."""
    plan_only: bool = False
    properties: Mapping[str, JSON] | None = None
    """Properties of ``Custom::StateBackend``; None asks for what is on record."""
    trusted: bool = False
    """Whether the account is the operator's own word, not that of an event on a bus."""
    listed: Listed | None = None
    """What the sweep found out about the account, so that it is not asked for again."""
    seen: Seen | None = None
    """The call because of which it is asked; only what it is about, and is on record, is meant."""


def mapping_at(event: JSON, *path: str) -> Mapping[str, JSON]:
    """The mapping below *path*. Raises ``InvalidRequest`` where there is none."""
    found = event
    for depth, key in enumerate(path, start=1):
        found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise InvalidRequest(
                f"The event has no mapping at {'.'.join(path[:depth])}",
                "Send the event as EventBridge delivers it",
            )
    return found if isinstance(found, dict) else {}


def text_at(event: JSON, *path: str) -> str:
    """The text at *path*. Raises ``InvalidRequest`` where there is none."""
    value = mapping_at(event, *path[:-1]).get(path[-1])
    if not isinstance(value, str) or not value:
        raise InvalidRequest(
            f"The event has no text at {'.'.join(path)}",
            "Send the event as EventBridge delivers it",
        )
    return value


def account_at(event: JSON, *path: str) -> str:
    """The account id at *path*. Raises ``InvalidRequest`` where there is none."""
    value = text_at(event, *path)
    if not is_account(value):
        raise InvalidRequest(
            f"The event has {value[:40]!r} at {'.'.join(path)}", "It must be an account id"
        )
    return value


def unit_at(event: JSON, *path: str) -> str:
    """The id of a unit or a root at *path*. Raises ``InvalidRequest`` where there is none."""
    value = text_at(event, *path)
    if not is_unit(value):
        raise InvalidRequest(
            f"The event has {value[:40]!r} at {'.'.join(path)}",
            "It must be the id of an organizational unit (ou-…) or a root (r-…)",
        )
    return value


def items_at(event: JSON, *path: str) -> list[JSON]:
    """The list at *path*, empty where there is none. Raises ``InvalidRequest`` for another kind."""
    value = mapping_at(event, *path[:-1]).get(path[-1])
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(
            f"The event has no list at {'.'.join(path)}",
            "Send the event as EventBridge delivers it",
        )
    return value


def as_text(value: JSON) -> JSON:
    """*value* with every boolean and number as the text that CloudFormation makes of it."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
