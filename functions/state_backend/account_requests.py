"""
An event or operation, from what it asks to what became of each account and Region.
"""

from __future__ import annotations

from collections.abc import Iterator

from state_backend import outcomes
from state_backend.aws import accounts
from state_backend.calls import JSON, AwsError
from state_backend.errors import StateholdError, explain
from state_backend.event_sources import Asked, parse
from state_backend.outcomes import Report
from state_backend.vending import Hub, Request, vend


def act_on(event: JSON, hub: Hub) -> list[Report]:
    """What became of each account and Region that *event* asks for. Never raises."""
    try:
        asked = parse(event)
    except StateholdError as error:
        return [outcomes.failure("", "", error)]
    return list(_reports(asked, hub))


def _reports(asked: Asked, hub: Hub) -> Iterator[Report]:
    regions = asked.regions or hub.settings.regions or (hub.settings.region,)
    for account in asked.accounts or ("",):
        refusal = _refusal(asked, account, hub)
        for region in regions:
            yield _ignored_or_failed(refusal, account, region) or vend(
                Request(
                    account=account,
                    region=region,
                    properties=asked.properties,
                    plan_only=asked.plan_only,
                ),
                hub,
            )


def _refusal(asked: Asked, account: str, hub: Hub) -> str | StateholdError:
    """Why nothing is done for *account*: a reason to ignore it, or an error; empty if nothing."""
    if asked.reason or asked.trusted:
        return asked.reason
    try:
        return accounts.reason_to_ignore(hub.invoke, account)
    except AwsError as error:
        return explain(error)


def _ignored_or_failed(refusal: str | StateholdError, account: str, region: str) -> Report | None:
    if isinstance(refusal, StateholdError):
        return outcomes.failure(account, region, refusal)
    return outcomes.ignored(account, region, refusal) if refusal else None
