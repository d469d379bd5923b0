"""The templates as data, intrinsic functions in their long form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

ROOT = Path(__file__).parents[2]
HUB = ROOT / "template.yaml"
MEMBER = ROOT / "stacksets/provisioner-role.yaml"
FORWARDER = ROOT / "stacksets/organizations-forwarder.yaml"
DRIFT = ROOT / "stacksets/drift-rule.yaml"
BACKEND = ROOT / "stacksets/state-backend.yaml"
BREAK_GLASS = ROOT / "stacksets/break-glass-role.yaml"
STACK_SETS = (BREAK_GLASS, MEMBER, DRIFT, BACKEND)
"""Those of service-managed stack sets, in the order in which they are made."""
ALL = (HUB, FORWARDER, *STACK_SETS)


def read(path: Path) -> dict[str, Any]:
    template, problems = decode(str(path))
    assert problems == []
    return dict(template)


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """Logical id -> properties of each resource of type *kind*."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement below *node*, wherever it stands."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def sample(name: str) -> dict[str, Any]:
    """The sample of that name in ``events/``."""
    return dict(json.loads((ROOT / f"events/{name}.json").read_text()))
