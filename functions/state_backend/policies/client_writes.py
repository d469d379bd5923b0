"""
What the policy of a bucket that we did not make says to the ways in which clients write.

A Terraform client asks for no encryption, or for AES256, or names a key. Judged are statements that
bind everybody and look at nothing but those headers; what else a statement asks for could be met or
not, so it counts as no refusal.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from state_backend.policies.document import (
    ALGORITHM_HEADER,
    KEY_HEADER,
    Document,
    Statement,
    is_ours,
    statements_of,
    texts_of,
)

_ALL_OBJECTS = re.compile(r"[^/]*\*|[^/]+/\*")
"""A statement on a part of them would have to be judged for each state by itself."""

_COMPARED = re.compile(
    r"(?:String|Arn)(Not)?(?:Equals|Like)(?:IgnoreCase)?(IfExists)?", re.IGNORECASE
)


def refusing(document: Document | None, algorithm: str = "", key: str = "") -> tuple[str, ...]:
    """
    The foreign statements of *document* that refuse every write with these headers, by name.

    Args:
        algorithm: What the write asks for; empty if it asks for no encryption.
        key: The key that it names; empty if it names none.
    """
    headers = {ALGORITHM_HEADER: algorithm, KEY_HEADER: key}
    sent = {name: value for name, value in headers.items() if value}
    return tuple(
        str(statement.get("Sid") or f"statement {number}")
        for number, statement in enumerate(statements_of(document), 1)
        if not is_ours(statement) and _binds_all_writes(statement) and _is_met(statement, sent)
    )


def _binds_all_writes(statement: Statement) -> bool:
    actions = texts_of(statement.get("Action", ()))
    resources = texts_of(statement.get("Resource", ()))
    return (
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and any(_fits(pattern.lower(), "s3:putobject") for pattern in actions)
        and any(_ALL_OBJECTS.fullmatch(pattern) for pattern in resources)
    )


def _is_met(statement: Statement, sent: Mapping[str, str]) -> bool:
    tests = [
        (operator, key.lower(), texts_of(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    known = all(key in {ALGORITHM_HEADER, KEY_HEADER} for _, key, _ in tests)
    return bool(tests) and known and all(_holds(*test, sent) for test in tests)


def _holds(operator: str, key: str, values: Sequence[str], sent: Mapping[str, str]) -> bool:
    if operator.lower() == "null":
        return str(key not in sent).lower() in {value.lower() for value in values}
    compared = _COMPARED.fullmatch(operator)
    if compared is None:
        return False
    negated, if_exists = compared.groups()
    if key not in sent:
        return bool(negated or if_exists)
    return any(_fits(value, sent[key]) for value in values) is not bool(negated)


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
