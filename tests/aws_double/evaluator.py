"""
Who may do what: policy documents judged against one request. Pure; knows no service.

Conditions are the business of ``conditions``.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from tests.aws_double.conditions import (
    Access,
    Caller,
    CannotJudge,
    any_like,
    conditions_hold,
    filled,
    like,
    listed,
)

Document: TypeAlias = Mapping[str, Any]


class Grant(Enum):
    """How a resource's policy allows: to the caller itself, or to its account to hand on."""

    DIRECT = "direct"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a set of policies says of an access."""

    denied: bool
    grants: frozenset[Grant]

    @property
    def allowed(self) -> bool:
        return not self.denied and bool(self.grants)


def judge(policies: Iterable[Document], access: Access) -> Finding:
    """What *policies* of one kind say together; a policy of a resource has Principals."""
    denied = False
    grants = set()
    for statement in _statements(policies):
        grant = _principal(statement, access.caller)
        if grant is None or not _applies(statement, access):
            continue
        if statement["Effect"] == "Deny":
            denied = True
        else:
            grants.add(grant)
    return Finding(denied, frozenset(grants))


def _statements(policies: Iterable[Document]) -> Iterator[Document]:
    for policy in policies:
        yield from listed(policy.get("Statement", []))


def _applies(statement: Document, access: Access) -> bool:
    return (
        _action(statement, access.action)
        and _resource(statement, access)
        and conditions_hold(statement.get("Condition", {}), access)
    )


def _action(statement: Document, action: str) -> bool:
    if "NotAction" in statement:
        return not any_like(listed(statement["NotAction"]), action, fold=True)
    return any_like(listed(statement["Action"]), action, fold=True)


def _resource(statement: Document, access: Access) -> bool:
    def matches(patterns: Iterable[str]) -> bool:
        return any(like(filled(pattern, access), access.resource) for pattern in patterns)

    if "NotResource" in statement:
        return not matches(listed(statement["NotResource"]))
    # A role's trust policy has no Resource: it is about the role.
    return "Resource" not in statement or matches(listed(statement["Resource"]))


def _principal(statement: Document, caller: Caller) -> Grant | None:
    """How *statement* names *caller*; an identity's policy names nobody and means its owner."""
    if "NotPrincipal" in statement:
        raise CannotJudge("NotPrincipal")
    if "Principal" not in statement:
        return Grant.DIRECT
    principal = statement["Principal"]
    if principal == "*":
        return Grant.DIRECT
    grants = {
        _named(kind, name, caller) for kind, names in principal.items() for name in listed(names)
    }
    return (
        Grant.DIRECT
        if Grant.DIRECT in grants
        else Grant.ACCOUNT
        if Grant.ACCOUNT in grants
        else None
    )


def _named(kind: str, name: str, caller: Caller) -> Grant | None:
    match kind:
        case "Service":
            return Grant.DIRECT if name == caller.service else None
        case "AWS" if name == "*":
            return Grant.DIRECT if not caller.service else None
        case "AWS" if name in caller.names:
            return Grant.DIRECT
        case "AWS":
            return (
                Grant.ACCOUNT if caller.account and account_named(name) == caller.account else None
            )
        case "Federated":
            return None
        case _:
            raise CannotJudge(f"Principal of kind {kind}")


def account_named(principal: str) -> str | None:
    """The account that *principal* means as a whole: its id, or the ARN of its root."""
    if re.fullmatch(r"\d{12}", principal):
        return principal
    found = re.fullmatch(r"arn:aws[\w-]*:iam::(\d{12}):root", principal)
    return found.group(1) if found else None
