"""
Organizations, as its API is today: an account has a State and no longer a Status.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.utils import unix_time

from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal

if TYPE_CHECKING:
    from tests.aws_double.world import World

PAGE = 20
FOR_THE_MANAGEMENT_ACCOUNT = (
    "DescribeAccount",
    "DescribeOrganizationalUnit",
    "ListAccounts",
    "ListAccountsForParent",
    "ListChildren",
    "ListOrganizationalUnitsForParent",
    "ListParents",
    "ListRoots",
)


@rule("organizations", *FOR_THE_MANAGEMENT_ACCOUNT)
def only_from_management(call: Call, world: World, proceed: Proceed) -> Answer:
    if call.principal.account != world.management_account:
        raise Refusal(
            "AccessDeniedException", "You don't have permissions to access this resource.", 400
        )
    return proceed(call)


@rule("organizations", "DescribeAccount")
def describe_account(call: Call, world: World, proceed: Proceed) -> Answer:
    wanted = call.parameters["AccountId"]
    for account in world.organization.accounts:
        if account.id == wanted:
            return {"Account": _described(world, account)}
    raise Refusal("AccountNotFoundException", "You specified an account that doesn't exist.", 400)


@rule("organizations", "ListAccounts")
def list_accounts(call: Call, world: World, proceed: Proceed) -> Answer:
    return _page(call, world, world.organization.accounts)


@rule("organizations", "ListAccountsForParent")
def list_accounts_for_parent(call: Call, world: World, proceed: Proceed) -> Answer:
    parent = call.parameters["ParentId"]
    if not any(unit.id == parent for unit in world.organization.ou):
        raise Refusal(
            "ParentNotFoundException",
            "We can't find a root or OU with the ParentId that you specified.",
            400,
        )
    children = [a for a in world.organization.accounts if a.parent_id == parent]
    return _page(call, world, children)


def _page(call: Call, world: World, accounts: list[Any]) -> dict[str, Any]:
    """At most 20 accounts, as AWS gives them whatever is asked."""
    size = min(int(call.parameters.get("MaxResults") or PAGE), PAGE)
    start = int(call.parameters.get("NextToken") or 0)
    answer: dict[str, Any] = {
        "Accounts": [_described(world, account) for account in accounts[start : start + size]]
    }
    if start + size < len(accounts):
        answer["NextToken"] = str(start + size)
    return answer


def _described(world: World, account: Any) -> dict[str, Any]:
    described = dict(account.describe())
    del described["Status"]
    above = "/".join(_above(world, account))
    described["Paths"] = [f"{world.organization_id}/{above}/{account.id}/"]
    described["JoinedTimestamp"] = datetime.fromtimestamp(unix_time(account.create_time), UTC)
    return described


def _above(world: World, account: Any) -> list[str]:
    """The root and the units above *account*, the root first."""
    units = {unit.id: unit for unit in world.organization.ou}
    path = [account.parent_id]
    while parent := units[path[0]].parent_id:
        path.insert(0, parent)
    return path
