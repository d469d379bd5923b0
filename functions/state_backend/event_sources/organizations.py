"""
Organizations' events: an account was created, joined, moved, or accepted an invitation.

They arrive in us-east-1 alone, wherever the hub is; ``stacksets/organizations-forwarder.yaml``
sends them to the home Region. Those of created accounts come minutes before the account can be
used, so the queue's patience is needed.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.event_sources.request import (
    Asked,
    account_at,
    items_at,
    mapping_at,
    text_at,
)
from state_backend.ids import is_account


def parse(event: Mapping[str, JSON]) -> Asked:
    """
    The account that appeared, or came to another place.

    Raises:
        InvalidRequest: A part of the event is missing or of the wrong kind.
    """
    name = text_at(event, "detail", "eventName")
    if name not in EVENTS:
        return Asked(reason=f"Organizations' {name[:60]} brings no account")
    detail = mapping_at(event, "detail")
    error = detail.get("errorCode")
    if error is not None:
        return Asked(reason=f"Organizations' {name} failed: {str(error)[:60]}")
    return EVENTS[name](event)


def _created(event: Mapping[str, JSON]) -> Asked:
    """The end of CreateAccount, which names no account where it failed."""
    status = mapping_at(event, "detail", "serviceEventDetails", "createAccountStatus")
    state = text_at(status, "state")
    if state != "SUCCEEDED":
        why = status.get("failureReason")
        return Asked(reason=f"Organizations' CreateAccount is {state[:40]} ({str(why)[:60]})")
    return Asked(accounts=(account_at(status, "accountId"),))


def _moved(event: Mapping[str, JSON]) -> Asked:
    return Asked(accounts=(account_at(event, "detail", "requestParameters", "accountId"),))


def _accepted(event: Mapping[str, JSON]) -> Asked:
    """An invitation that was accepted; told in the trail of the account that accepted it."""
    answer = ("detail", "responseElements", "handshake")
    handshake: Mapping[str, JSON] = {}
    with suppress(InvalidRequest):
        handshake = mapping_at(event, *answer)
    action = handshake.get("action", "INVITE")
    if action != "INVITE":
        return Asked(reason=f"The handshake that was accepted is {str(action)[:40]}, no invitation")
    accounts = [
        it["id"]
        for it in (items_at(handshake, "parties") if handshake else ())
        if isinstance(it, dict) and it.get("type") == "ACCOUNT" and is_account(it.get("id"))
    ]
    # The envelope's account is the one that acted: it accepted.
    return Asked(accounts=tuple(dict.fromkeys(accounts)) or (account_at(event, "account"),))


def _joined(event: Mapping[str, JSON]) -> Asked:
    """
    An account that is in the organization now, created or invited.

    AWS publishes no sample of this event, so the id is looked for wherever similar events have
    theirs. Organizations is asked about it in any case: a wrong one is ignored.
    """
    detail = mapping_at(event, "detail")
    receiver = event.get("account")
    for place in ("serviceEventDetails", "responseElements", "requestParameters", "resources"):
        found = dict.fromkeys(it for it in _accounts_in(detail.get(place)) if it != receiver)
        if found:
            return Asked(accounts=tuple(found))
    found = dict.fromkeys(_accounts_in(event.get("resources")))
    if found:
        return Asked(accounts=tuple(found))
    raise InvalidRequest(
        "The event names no account where one was looked for",
        "Send the operation reconcile for the account that it is about",
    )


def _accounts_in(value: JSON) -> Iterator[str]:
    """Every account id below a key that tells of one, and the last part of an account's ARN."""
    waiting = [("", value)]
    while waiting:
        key, part = waiting.pop()
        if isinstance(part, dict):
            waiting += [(str(name).lower(), it) for name, it in reversed(part.items())]
        elif isinstance(part, list):
            waiting += [(key, it) for it in reversed(part)]
        elif isinstance(part, str):
            last = part.rpartition(":account/")[2].rpartition("/")[2]
            if is_account(last) and (key in _KEYS or last != part):
                yield last


_KEYS = frozenset({"accountid", "account", "id", "memberaccountid", "joinedaccountid"})


EVENTS: dict[str, Callable[[Mapping[str, JSON]], Asked]] = {
    "CreateAccountResult": _created,
    "AccountJoinedOrganization": _joined,
    "MoveAccount": _moved,
    "AcceptHandshake": _accepted,
}
"""Event name -> who understands it."""
