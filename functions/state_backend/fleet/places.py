"""
Every place where a sweep looks: an account and a Region each.

They are all accounts of the organization, active or not, in each Region of the settings, and all
backends on record besides: those of stacks in other Regions, and those of accounts that have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from state_backend.calls import JSON
from state_backend.ownership import Record

NOBODY = "nobody"
"""Whose a backend is that waits for the next stack: the Create that made it was rolled back."""


class Account(Protocol):
    """An account as Organizations lists it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def units(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account and Region, and what is known of it before anybody looks."""

    account: str
    region: str
    name: str = ""
    state: str = ""
    """Of the account; empty if it is not in the organization."""
    units: tuple[str, ...] = ()
    owner: str = ""
    """Of the backend on record, or ``NOBODY``; empty if there is no backend."""

    def to_json(self) -> dict[str, JSON]:
        """The item of the sweep's list; its names are those that the state machine refers to."""
        item: dict[str, JSON] = asdict(self)
        return {"accountId": item.pop("account"), **item}


def place_of(item: Mapping[str, JSON]) -> Place:
    """The place that ``to_json`` wrote."""
    rest = {name: value for name, value in item.items() if name not in {"accountId", "units"}}
    return Place(account=item["accountId"], units=tuple(item["units"]), **rest)


def places(
    accounts: Iterable[Account], recorded: Iterable[Record], regions: Sequence[str]
) -> Iterator[Place]:
    """Each place once, by account and Region."""
    known = {it.id: it for it in accounts}
    owners = {(it.account, it.region): it.owner or NOBODY for it in recorded}
    wanted = {(account, region) for account in known for region in regions}
    for account, region in sorted(wanted | owners.keys()):
        owner = owners.get((account, region), "")
        if account not in known:
            yield Place(account=account, region=region, owner=owner)
            continue
        it = known[account]
        yield Place(
            account=account,
            region=region,
            name=it.name,
            state=it.state,
            units=it.units,
            owner=owner,
        )
