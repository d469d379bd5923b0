"""An event, and what a function says of it, as a person would say them."""

from __future__ import annotations

from collections.abc import Mapping

from state_backend.calls import JSON
from state_backend.errors import StateholdError
from state_backend.event_sources import parse
from state_backend.event_sources.request import Asked


def asked_of(event: Mapping[str, JSON]) -> Asked | None:
    """What *event* asks for; None if nobody can make sense of it."""
    try:
        return parse(event)
    except StateholdError:
        return None


def sentence(event: Mapping[str, JSON]) -> str:
    """*event*, as far as it has what one would say."""
    detail = event.get("detail")
    name = detail.get("eventName") if isinstance(detail, dict) else None
    said = f"{event['source']}: {name or event.get('detail-type') or 'an event'}"
    for part, before, after in (
        (text_in(event, "state"), " ", ""),
        (text_in(event, "account", "accountId"), " for account ", ""),
        (text_in(event, "account", "accountName"), " (", ")"),
        (text_in(event, "organizationalUnit", "organizationalUnitName"), " in ", ""),
    ):
        said += f"{before}{part}{after}" if part else ""
    return f"{said}."


def text_in(event: Mapping[str, JSON], *path: str) -> str:
    """The text below whatever status the event's details hold; empty if there is none."""
    detail = event.get("detail")
    details = detail.get("serviceEventDetails") if isinstance(detail, dict) else None
    found = next(iter(details.values()), None) if isinstance(details, dict) else None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def reason(report: Mapping[str, JSON]) -> str:
    """Why an account got nothing, or not all, in the words of its *report*."""
    error = report.get("error") or {}
    said = filter(None, (error.get("message"), error.get("remedy")))
    return "".join(f"{it.rstrip('.')}. " for it in said).rstrip()


def told(report: Mapping[str, JSON]) -> str:
    """What became of the account of *report*."""
    return f"account {report['accountId']} is {report['status']}: {reason(report)}"
