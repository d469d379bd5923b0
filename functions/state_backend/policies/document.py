"""
Policy documents by meaning: when two statements say the same, and how ours join foreign ones.

Ours carry Sids that begin with ``Statehold``; all others are foreign and stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from state_backend.calls import JSON
from state_backend.errors import RefusedChange

Statement: TypeAlias = Mapping[str, JSON]
Document: TypeAlias = Mapping[str, JSON]

VERSION = "2012-10-17"
_VERSION_IF_NONE_IS_NAMED = "2008-10-17"
SID_PREFIX = "Statehold"

ALGORITHM_HEADER = "s3:x-amz-server-side-encryption"
KEY_HEADER = "s3:x-amz-server-side-encryption-aws-kms-key-id"
"""The condition keys for what a write to S3 asks for."""


def deny(
    name: str, actions: str | list[str], resources: str | list[str], condition: Mapping[str, JSON]
) -> Statement:
    """A statement that refuses *actions* to all whom *condition* names; to all, if it is empty."""
    statement: dict[str, JSON] = {
        "Sid": f"{SID_PREFIX}Deny{name}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
    }
    return statement | ({"Condition": condition} if condition else {})


def except_for(principals: Sequence[str]) -> dict[str, JSON]:
    """The condition that spares *principals*; none if there are none to spare."""
    return {"ArnNotLike": {"aws:PrincipalArn": list(principals)}} if principals else {}


def statements_of(document: Document | None) -> list[Statement]:
    """The statements of *document*; AWS takes one mapping in place of a list of one."""
    found = (document or {}).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def is_ours(statement: Statement) -> bool:
    return str(statement.get("Sid", "")).startswith(SID_PREFIX)


def merge(ours: Iterable[Statement], current: Document | None, *, limit: int) -> Document:
    """
    *ours*, then every foreign statement of *current*, untouched.

    The language stays theirs: before 2012 ``${…}`` was no variable. Ours mean the same in both.

    Args:
        limit: The most bytes that AWS takes for such a policy.

    Raises:
        RefusedChange: Together they are over *limit*.
    """
    foreign = [statement for statement in statements_of(current) if not is_ours(statement)]
    kept = {key: value for key, value in (current or {}).items() if key == "Id"}
    version = (current or {}).get("Version", _VERSION_IF_NONE_IS_NAMED) if foreign else VERSION
    document = {"Version": version, **kept, "Statement": [*ours, *foreign]}
    size = len(text_of(document).encode())
    if size > limit:
        raise RefusedChange(
            f"The policy would have {size} bytes, {len(foreign)} foreign statements among them, "
            f"and AWS takes {limit}",
            "Shorten the lists of principals, or remove foreign statements that are not needed",
        )
    return document


def says_the_same(desired: Document, current: Document | None) -> bool:
    """
    Whether *current* means what *desired* does, however it is spelled.

    Every statement has to be there, and no more: a leftover or damaged statement under one of our
    Sids counts as a difference. AWS may reorder and respell; neither matters.
    """
    if current is None or current.get("Version") != desired.get("Version"):
        return False
    return _meanings(desired) == _meanings(current)


def text_of(document: Document) -> str:
    """The document as it is sent."""
    return json.dumps(document, separators=(",", ":"))


def _meanings(document: Document) -> set[JSON]:
    return {meaning(statement) for statement in statements_of(document)}


def meaning(statement: Statement) -> JSON:
    """
    A hashable value that is equal for two statements exactly if they mean the same.

    Sids, order, letter case of actions and condition keys, scalars for lists of one, booleans and
    numbers for their text in whatever spelling, an empty condition for none, and account ids for
    root ARNs do not matter.
    """
    return frozenset(
        (element, _element(element, value))
        for element, value in statement.items()
        if element != "Sid" and (element, value) != ("Condition", {})
    )


def _element(name: str, value: JSON) -> JSON:
    if name in {"Action", "NotAction"}:
        return frozenset(text.lower() for text in texts_of(value))
    if name in {"Principal", "NotPrincipal"}:
        return _principals(value)
    if name == "Condition":
        return _conditions(value)
    return frozenset(texts_of(value))


def _principals(value: JSON) -> JSON:
    groups = value if isinstance(value, Mapping) else {"AWS": value}
    return frozenset(
        (kind, frozenset(_root_arn(text) for text in texts_of(names)))
        for kind, names in groups.items()
    )


def _root_arn(principal: str) -> str:
    # Any partition: within one document there is only one.
    found = re.fullmatch(r"arn:[a-z-]+:iam::([0-9]{12}):root", principal)
    return found[1] if found else principal


def _conditions(value: JSON) -> JSON:
    return frozenset(
        (operator.lower(), key.lower(), frozenset(_values(operator.lower(), values)))
        for operator, keys in value.items()
        for key, values in keys.items()
    )


def _values(operator: str, values: JSON) -> list[JSON]:
    texts = texts_of(values)
    if operator.startswith("numeric"):
        return [_number(text) for text in texts]
    is_boolean = operator.removesuffix("ifexists") in {"bool", "null"}
    return [text.lower() for text in texts] if is_boolean else list(texts)


def _number(text: str) -> JSON:
    try:
        return float(text)
    except ValueError:
        return text


def texts_of(value: JSON) -> list[str]:
    """The values of an element or condition key as texts; AWS takes one in place of a list."""
    items = value if isinstance(value, list | tuple) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
