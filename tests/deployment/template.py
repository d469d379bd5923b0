"""
A SAM template as CloudFormation reads it: parameters, conditions and intrinsic functions.

What it does not know is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

NO_VALUE = object()
"""What ``AWS::NoValue`` stands for: the property that has it is left out."""


class TemplateError(Exception):
    """The template says something that is wrong, or that this reader does not know."""


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref x`` is ``{"Ref": "x"}``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)
    if name == "Fn::GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)


@cache
def load(path: Path) -> Mapping[str, Any]:
    """The template in *path*, its intrinsic functions in their long form. Not to be changed."""
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)
    return document


@dataclass(kw_only=True)
class Template:
    """
    A template with its parameters: what it says once everything is filled in.

    Args:
        parameters: Only those that are not to have their default.
        pseudo: ``AWS::Region`` and its like.
    """

    document: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    pseudo: Mapping[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    """Logical id -> what ``Ref`` gives, of what has been made."""
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Logical id and attribute -> what ``Fn::GetAtt`` gives."""

    def __post_init__(self) -> None:
        declared = self.document.get("Parameters", {})
        for name in self.parameters:
            if name not in declared:
                raise TemplateError(f"the template has no parameter {name}")
        for name in declared:
            self._check(name, self.parameter(name))

    def parameter(self, name: str) -> str:
        declared = self.document["Parameters"][name]
        if name in self.parameters:
            return self.parameters[name]
        if "Default" not in declared:
            raise TemplateError(f"parameter {name} has no value")
        return str(declared["Default"])

    def holds(self, condition: str) -> bool:
        """Whether *condition* does."""
        return bool(self.filled_in(self.document["Conditions"][condition]))

    def resources(self, kind: str = "") -> dict[str, Mapping[str, Any]]:
        """The resources of *kind* that are made under these parameters, by logical id."""
        return {
            name: resource
            for name, resource in self.document["Resources"].items()
            if kind in {"", resource["Type"]}
            and ("Condition" not in resource or self.holds(resource["Condition"]))
        }

    def filled_in(self, value: Any) -> Any:
        """*value* without intrinsic functions."""
        if isinstance(value, list):
            items = (self.filled_in(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in _INTRINSICS:
                return _INTRINSICS[name](self, argument)
            if name.startswith("Fn::"):
                raise TemplateError(f"intrinsic function {name} is not known here")
        filled = {key: self.filled_in(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item is not NO_VALUE}

    def _check(self, name: str, value: str) -> None:
        declared = self.document["Parameters"][name]
        if value not in map(str, declared.get("AllowedValues", [value])):
            raise TemplateError(f"parameter {name} may not be {value!r}")
        if not re.search(declared.get("AllowedPattern", ""), value):
            raise TemplateError(f"parameter {name} is {value!r}: {declared['AllowedPattern']}")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.document.get("Parameters", {}):
            return self.parameter(name)
        if name not in self.references:
            raise TemplateError(f"Ref {name}: that resource was not made")
        return self.references[name]

    def _attribute(self, where: list[str]) -> str:
        name, attribute = where
        if (name, attribute) not in self.attributes:
            raise TemplateError(f"GetAtt {name}.{attribute}: not known here")
        return self.attributes[name, attribute]

    def _substituted(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        values = self.filled_in(given)

        def replacement(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return str(values[name])
            logical_id, dot, attribute = name.partition(".")
            return self._attribute([logical_id, attribute]) if dot else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replacement, text)

    def _chosen(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.filled_in(then if self.holds(condition) else otherwise)

    def _all(self, argument: list[Any]) -> list[Any]:
        return [self.filled_in(item) for item in argument]


_INTRINSICS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": lambda it, argument: it._ref(argument),
    "Condition": lambda it, argument: it.holds(argument),
    "Fn::GetAtt": lambda it, argument: it._attribute(argument),
    "Fn::Sub": lambda it, argument: it._substituted(argument),
    "Fn::If": lambda it, argument: it._chosen(argument),
    "Fn::Equals": lambda it, argument: len(set(map(str, it._all(argument)))) == 1,
    "Fn::Or": lambda it, argument: any(it._all(argument)),
    "Fn::And": lambda it, argument: all(it._all(argument)),
    "Fn::Not": lambda it, argument: not it.filled_in(argument[0]),
    "Fn::Join": lambda it, argument: argument[0].join(it.filled_in(argument[1])),
    "Fn::Select": lambda it, argument: it.filled_in(argument[1])[int(argument[0])],
    "Fn::Split": lambda it, argument: it.filled_in(argument[1]).split(argument[0]),
}
