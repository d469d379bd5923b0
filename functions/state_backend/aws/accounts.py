"""
Which accounts are ours, and where each stands: Organizations' word, never an event's.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from state_backend.aws import pages
from state_backend.calls import JSON, AwsError, Call, Invoke

PERMISSIONS = (
    "organizations:DescribeAccount",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListParents",
    "organizations:ListTagsForResource",
)
"""What the calls below need, but for ``everyone``."""

LIST_PERMISSIONS = ("organizations:ListAccounts",)
"""What ``everyone`` needs: IAM grants it on everything or not at all."""

_NOT_OURS = frozenset({"AccountNotFoundException", "AWSOrganizationsNotInUseException"})
_NO_SUCH_UNIT = frozenset({"ParentNotFoundException", "AWSOrganizationsNotInUseException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as Organizations knows it."""

    id: str
    name: str = ""
    state: str
    units: tuple[str, ...] = ()
    """The units above it, nearest first, the root last; empty until it is asked for."""

    @property
    def is_not_active_yet(self) -> bool:
        return self.state == "PENDING_ACTIVATION"

    @property
    def reason_to_ignore(self) -> str:
        """Why it gets no backend; empty if it is active."""
        if self.state == "ACTIVE":
            return ""
        if not self.state:
            return f"account {self.id} does not belong to the organization"
        return f"account {self.id} is {self.state}"


def describe(invoke: Invoke, account: str) -> Account:
    """
    What Organizations says of *account*; without a state if it is not one of ours.

    Raises:
        AwsError: Organizations did not say.
    """
    try:
        answer = invoke(Call("organizations", "describe_account", {"AccountId": account}))
    except AwsError as error:
        if error.code in _NOT_OURS:
            return Account(id=account, state="")
        raise
    return _account(answer["Account"])


def everyone(invoke: Invoke) -> Iterator[Account]:
    """
    Every account of the organization, also those that are closed, suspended or not active yet.

    Raises:
        AwsError: Organizations did not say, or not all of it.
    """
    return map(_account, _pages(invoke, "list_accounts", {}, "Accounts"))


def units_above(invoke: Invoke, account: Account) -> tuple[str, ...]:
    """
    The units above *account*, nearest first, the root last.

    Raises:
        AwsError: Organizations did not say.
    """
    if account.units or not account.state:
        return account.units
    units: list[str] = []
    child = account.id
    while not child.startswith("r-"):
        answer = invoke(Call("organizations", "list_parents", {"ChildId": child}))
        child = answer["Parents"][0]["Id"]
        units.append(child)
    return tuple(units)


def active_accounts_below(invoke: Invoke, unit: str) -> Iterator[str]:
    """
    The active accounts in *unit* and in the units below it.

    Raises:
        AwsError: Organizations did not say.
    """
    waiting = [unit]
    while waiting:
        parent = {"ParentId": waiting.pop(0)}
        try:
            for it in _pages(invoke, "list_accounts_for_parent", parent, "Accounts"):
                if _account(it).state == "ACTIVE":
                    yield it["Id"]
            units = _pages(invoke, "list_organizational_units_for_parent", parent, _UNITS)
            waiting += [it["Id"] for it in units]
        except AwsError as error:
            # Taken away since the event was sent: nothing is in it.
            if error.code not in _NO_SUCH_UNIT:
                raise


_UNITS = "OrganizationalUnits"


def tags(invoke: Invoke, account: str) -> dict[str, str]:
    """
    The tags that *account* has in Organizations, where its own administrators cannot change them.

    Raises:
        AwsError: Organizations did not say.
    """
    found = _pages(invoke, "list_tags_for_resource", {"ResourceId": account}, "Tags")
    return {it["Key"]: it["Value"] for it in found}


def _pages(
    invoke: Invoke, operation: str, parameters: Mapping[str, JSON], member: str
) -> Iterator[JSON]:
    return pages.items(invoke, Call("organizations", operation, parameters), member)


def _account(answer: Mapping[str, JSON]) -> Account:
    # Status was retired in 2026; an older answer has nothing else.
    state = answer.get("State") or answer.get("Status") or "of unknown state"
    # "o-…/r-…/ou-…/ou-…/<account>/", where Organizations already says so.
    path = next(iter(answer.get("Paths") or ()), "")
    units = [it for it in path.split("/") if it.startswith(("r-", "ou-"))]
    return Account(
        id=answer["Id"],
        name=answer.get("Name") or "",
        state=state,
        units=tuple(reversed(units)),
    )
