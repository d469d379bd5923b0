"""
Whether EventBridge's event pattern fits an event. Pure; a matcher that is not known is an error.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UnknownMatcher(Exception):
    """The pattern has a matcher that this reader does not know."""


def fits(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether *event* has everything that *pattern* asks for."""
    if not isinstance(event, Mapping):
        event = {}
    return all(
        any(fits(branch, event) for branch in wanted)
        if name == "$or"
        else _field_fits(wanted, event, name)
        for name, wanted in pattern.items()
    )


def _field_fits(wanted: Any, event: Mapping[str, Any], name: str) -> bool:
    if isinstance(wanted, Mapping):
        return fits(wanted, event.get(name))
    # An array in the event fits if one of its items does.
    values = event.get(name)
    found = values if isinstance(values, list) else [values] if name in event else []
    return any(_matches(matcher, found) for matcher in wanted)


def _matches(matcher: Any, found: list[Any]) -> bool:
    if not isinstance(matcher, Mapping):
        return matcher in found
    [(kind, argument)] = matcher.items()
    match kind:
        case "exists":
            return bool(found) is argument
        case "prefix" if isinstance(argument, str):
            return any(isinstance(it, str) and it.startswith(argument) for it in found)
        case "suffix" if isinstance(argument, str):
            return any(isinstance(it, str) and it.endswith(argument) for it in found)
        case "anything-but" if isinstance(argument, Mapping):
            return any(not _matches(argument, [it]) for it in found)
        case "anything-but":
            refused = argument if isinstance(argument, list) else [argument]
            return any(it not in refused for it in found)
        case _:
            raise UnknownMatcher(f"{kind}: {argument!r}")
