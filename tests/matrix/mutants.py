"""
Policies with one thing wrong, under the Sid of what was right.

What goes wrong by hand, by another tool, or in an edit of ours: a statement gone, turned round,
narrowed, or with a condition that no longer says what it said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from state_backend.policies.document import Document, statements_of
from tests.matrix.backends import KEYS, OTHER_KEY, ROLES
from tests.matrix.cells import What, Who

_SOMEBODY = {"AWS": ROLES[Who.ADMINISTRATOR]}
_TURNED = {"true": "false", "false": "true"}
_NEGATED = {
    "StringEquals": "StringNotEquals",
    "StringNotEquals": "StringEquals",
    "ArnNotLike": "ArnLike",
    "NumericLessThan": "NumericGreaterThanEquals",
}
_SHIFTED = {"NumericLessThan": "NumericLessThanEquals", "ArnNotLike": "ArnNotEquals"}
"""Operators that are nearly the same."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """The *index*-th statement of a policy, with one thing wrong."""

    index: int
    sid: str
    wrong: str
    statement: Any
    """None: it is gone."""

    def __str__(self) -> str:
        return f"{self.sid}: {self.wrong}"

    def policy(self, document: Document) -> Document:
        """*document* with this in it."""
        statements = statements_of(document)
        changed = [] if self.statement is None else [self.statement]
        before, after = statements[: self.index], statements[self.index + 1 :]
        return {**document, "Statement": [*before, *changed, *after]}


def mutants_of(document: Document) -> Iterator[Mutant]:
    """Everything that can be wrong with a statement of ours in *document*."""
    for index, statement in enumerate(statements_of(document)):
        sid = statement.get("Sid", "")
        if not sid.startswith("Statehold"):
            continue
        for wrong, changed in _wrongs(dict(statement)):
            yield Mutant(index, sid, wrong, changed)


def _wrongs(statement: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "gone", None
    effect = "Allow" if statement["Effect"] == "Deny" else "Deny"
    yield f"effect {effect}", statement | {"Effect": effect}
    yield "for one role only", statement | {"Principal": _SOMEBODY}
    yield from _wrong_actions(statement)
    yield from _wrong_resources(statement)
    if "Condition" in statement:
        yield from _wrong_conditions(statement)


def _wrong_actions(statement: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    actions = _listed(statement["Action"])
    yield "all actions but its own", _renamed(statement, "Action", "NotAction")
    for action in actions:
        others = [other for other in actions if other != action]
        if others:
            yield f"without {action}", statement | {"Action": others}
        if action == "s3:*":
            yield "reading only", statement | {"Action": "s3:Get*"}
            yield "objects only", statement | {"Action": "s3:*Object*"}
        elif action.endswith("*"):
            yield f"no * after {action}", statement | {"Action": [*others, action[:-1]]}


def _wrong_resources(statement: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    name = "NotResource" if "NotResource" in statement else "Resource"
    other = "Resource" if name == "NotResource" else "NotResource"
    resources = _listed(statement[name])
    if resources == ["*"]:
        yield "for another key", statement | {"Resource": OTHER_KEY}
        return
    yield f"{other} for {name}", _renamed(statement, name, other)
    for resource in resources:
        others = [one for one in resources if one != resource]
        if others:
            yield f"without {resource} in {name}", statement | {name: others}
        if resource.endswith("/*"):
            key = resource[:-1] + KEYS[What.STATE]
            yield f"one key for {resource} in {name}", statement | {name: [*others, key]}
    if name == "NotResource":
        everything = resources[0].partition("/")[0] + "/*"
        yield "sparing everything", statement | {name: [*resources, everything]}


def _wrong_conditions(statement: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    conditions: dict[str, dict[str, Any]] = statement["Condition"]
    yield "no condition", {name: value for name, value in statement.items() if name != "Condition"}
    yield "blank condition", statement | {"Condition": {}}
    for operator, keys in conditions.items():
        others = {name: value for name, value in conditions.items() if name != operator}
        yield f"without {operator}", statement | {"Condition": others}
        for respelled in _respelled(operator):
            yield (
                f"{respelled} for {operator}",
                statement | {"Condition": others | {respelled: keys}},
            )
        for key, values in keys.items():
            for wrong, changed in _wrong_values(key, values):
                rest = {name: value for name, value in keys.items() if name != key} | changed
                yield wrong, statement | {"Condition": others | ({operator: rest} if rest else {})}


def _respelled(operator: str) -> Iterator[str]:
    if operator in _NEGATED:
        yield _NEGATED[operator]
    if operator in _SHIFTED:
        yield _SHIFTED[operator]
    if operator.endswith("IfExists"):
        yield operator.removesuffix("IfExists")
    elif operator != "Null":
        yield f"{operator}IfExists"


def _wrong_values(key: str, values: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"{key} gone", {}
    listed = _listed(values)
    if listed[0] in _TURNED:
        yield f"{key} turned round", {key: _TURNED[listed[0]]}
        return
    yield f"{key} is something else", {key: _else(listed[0])}
    for value in listed:
        others = [other for other in listed if other != value]
        if others:
            yield f"{key} without {value}", {key: others}


def _else(value: str) -> str:
    """Another value of the same kind."""
    if value == "1.2":
        return "1.1"
    return ROLES[Who.ADMINISTRATOR] if value.startswith("arn:aws:iam:") else f"{value}-other"


def _renamed(statement: dict[str, Any], name: str, other: str) -> dict[str, Any]:
    return {other if key == name else key: value for key, value in statement.items()}


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [value]
