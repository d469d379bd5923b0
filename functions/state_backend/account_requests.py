"""
An event or operation, from what it asks to what became of each account and Region.

A message of the queue is about one account and Region. One that is about more is passed on, each
part as a message of its own; an event that is handed over directly is worked off at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from state_backend import outcomes
from state_backend.aws import accounts
from state_backend.aws.accounts import Account
from state_backend.calls import JSON, AwsError
from state_backend.errors import NotReady, NotStabilized, StateholdError, explain
from state_backend.event_sources import parse
from state_backend.event_sources.request import Asked
from state_backend.fleet.scope import reason_out_of_scope
from state_backend.fleet.settings_document import SettingsDocument
from state_backend.hub import Hub
from state_backend.outcomes import Report
from state_backend.ownership import HUB
from state_backend.settings_in_force import document_in_force, with_settings
from state_backend.vending import Request, vend
from state_backend.watch import concerning

_LISTED_SECONDS = 3600.0
"""For how long a sweep's word on an account is taken: it can be driven again days later."""


def act_on(event: JSON, hub: Hub) -> list[Report]:
    """What became of each account and Region that *event* asks for. Never raises."""
    try:
        asked = concerning(parse(event), hub)
        return list(_reports(asked, _places(asked, hub), hub))
    except StateholdError as error:
        return [outcomes.failure("", "", error)]
    except AwsError as error:
        return [outcomes.failure("", "", explain(error))]


def act_on_message(
    event: JSON, hub: Hub, pass_on: Callable[[Sequence[JSON]], None]
) -> list[Report]:
    """
    What became of the one account and Region that *event* is about.

    Where it is about several, each is passed on as an operation; what becomes of it is told then.

    Raises:
        StateholdError: The event is not understood, or cannot be worked on now.
    """
    # Whoever sent it, Organizations is asked: an account can have left since.
    asked = replace(parse(event), trusted=False, listed=None)
    try:
        asked = concerning(asked, hub)
        places = _places(asked, hub)
        if asked.reason or len(places) <= 1:
            return list(_reports(asked, places, hub))
        pass_on([_operation(asked, place) for place in places])
    except AwsError as error:
        raise explain(error) from error
    return []


@dataclass(frozen=True, slots=True)
class _Place:
    account: str
    region: str


def _places(asked: Asked, hub: Hub) -> list[_Place]:
    """The accounts and Regions that are asked for; where nothing is to be done, as they are."""
    regions = asked.regions or hub.settings.regions or (hub.settings.region,)
    found = dict.fromkeys(asked.accounts)
    if not asked.reason:
        for unit in asked.units:
            found |= dict.fromkeys(accounts.active_accounts_below(hub.at_home, unit))
    return [_Place(account, region) for account in found for region in regions]


def _operation(asked: Asked, place: _Place) -> JSON:
    """*place* as a message of its own."""
    operation = {
        "operation": "plan" if asked.plan_only else "reconcile",
        "accountId": place.account,
        "region": place.region,
    }
    return operation if asked.properties is None else operation | {"properties": asked.properties}


def _reports(asked: Asked, places: Sequence[_Place], hub: Hub) -> Iterator[Report]:
    if not places:
        region = (*asked.regions, *hub.settings.regions, hub.settings.region)[0]
        yield outcomes.ignored("", region, asked.reason or f"{_empty(asked)} has no active account")
        return
    errand = _Errand(asked, hub)
    for place in places:
        yield errand.report(place)


def _empty(asked: Asked) -> str:
    return ", ".join(asked.units) or "what the event names"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What Organizations and the document say of one account."""

    reason: str = ""
    """Why nothing is done in it; empty if something is."""
    out_of_scope: str = ""
    """Why it gets no backend of its own accord; empty if it does."""
    units: tuple[str, ...] = ()


class _Errand:
    """What is asked for, held against the organization and the settings document."""

    def __init__(self, asked: Asked, hub: Hub) -> None:
        self._asked = asked
        self._hub = hub
        self._standings: dict[str, _Standing | StateholdError] = {}
        self._document: SettingsDocument | StateholdError | None = None

    def report(self, place: _Place) -> Report:
        """What became of *place*."""
        if self._asked.reason:
            return outcomes.ignored(place.account, place.region, self._asked.reason)
        try:
            request = Request(
                account=place.account,
                region=place.region,
                properties=self._asked.properties,
                plan_only=self._asked.plan_only,
                by_hand=self._asked.trusted,
                changed_by=self._asked.seen.by if self._asked.seen else None,
            )
            standing = self._standing(place.account)
            reason = standing.reason or self._out_of_scope(place, standing)
            if reason:
                return outcomes.ignored(place.account, place.region, reason)
            return self._vended(request, standing)
        except StateholdError as error:
            return outcomes.failure(place.account, place.region, error)

    def _vended(self, request: Request, standing: _Standing) -> Report:
        hub = self._hub
        if hub.clock.now() > hub.give_up_at:
            raise NotStabilized(
                "The function's time was over before this account's turn came",
                "Send the event to the queue, which gives each account its own time",
            )
        if document := self._in_force():
            hub = with_settings(hub, document, request.account, standing.units, request.region)
        return vend(request, hub)

    def _in_force(self) -> SettingsDocument | None:
        """The settings document, read once for all places; None where the hub has none."""
        if not self._hub.settings.settings_parameter_name:
            return None
        if self._document is None:
            try:
                self._document = document_in_force(self._hub)
            except StateholdError as error:
                self._document = error
        if isinstance(self._document, StateholdError):
            raise self._document
        return self._document

    def _standing(self, account: str) -> _Standing:
        """How *account* stands; asked for once, however many Regions there are."""
        if account not in self._standings:
            try:
                self._standings[account] = self._looked_up(account)
            except StateholdError as error:
                self._standings[account] = error
            except AwsError as error:
                self._standings[account] = explain(error)
        found = self._standings[account]
        if isinstance(found, StateholdError):
            raise found
        return found

    def _looked_up(self, account: str) -> _Standing:
        document = self._in_force()
        if self._asked.trusted and document is None:
            return _Standing()
        found = self._found(account)
        if found.is_not_active_yet and not self._asked.trusted:
            raise NotReady(
                f"account {account} is {found.state}",
                "It is tried again; Organizations activates it once its sign-up is complete",
            )
        if document is None:
            return _Standing(reason=found.reason_to_ignore)
        units = accounts.units_above(self._hub.at_home, found)
        if self._asked.trusted:
            # The operator's word counts for more; the settings are those of its place all the same.
            return _Standing(units=units)
        outside = found.reason_to_ignore or self._excluded(found, units, document)
        return _Standing(reason=found.reason_to_ignore, out_of_scope=outside, units=units)

    def _found(self, account: str) -> Account:
        listed = self._asked.listed
        age = self._hub.clock.now() - listed.at if listed is not None else -1.0
        if listed is not None and 0 <= age < _LISTED_SECONDS:
            return Account(id=account, state=listed.state, units=listed.units)
        return accounts.describe(self._hub.at_home, account)

    def _out_of_scope(self, place: _Place, standing: _Standing) -> str:
        """Scope is about accounts that never asked: a stack has, so its backend is looked after."""
        if not standing.out_of_scope:
            return ""
        record = self._hub.register.read(place.account, place.region)
        asked_for = record.complete and record.owner not in {"", HUB}
        return "" if asked_for else standing.out_of_scope

    def _excluded(self, found: Account, units: Sequence[str], document: SettingsDocument) -> str:
        scope = document.scope
        tags = accounts.tags(self._hub.at_home, found.id) if scope.asks_for_tags else {}
        return reason_out_of_scope(scope, found.id, units, tags)
