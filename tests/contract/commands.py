"""
The commands of the AWS CLI that our pages give, as the API calls that they are.

Options are the API's parameters in small letters with hyphens, and their values JSON, a file, or
the CLI's shorthand; so botocore's model can check them. What the CLI adds of its own (``deploy``,
``wait``) is checked as far as it names something of ours or of the model.

Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

OF_ALL_COMMANDS = frozenset(
    {"output", "profile", "query", "region", "cli-binary-format", "max-items", "page-size"}
)
SUBSTITUTED = "VALUE"
"""Stands for what a command in ``$(…)`` prints, which only a shell knows."""
STATEMENT_ENDS = frozenset({"&&", "||", "|", ";", "do", "done", "then"})


class Wrong(Exception):
    """The CLI, or the service, would not take the command; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """``aws service operation``, with its options as they are written."""

    service: str
    operation: str
    options: Mapping[str, tuple[str, ...]]
    further: tuple[str, ...] = ()
    """What follows the operation without an option, such as a waiter's name."""
    assigned_to: str = ""
    """The shell variable that gets what it prints."""

    def __str__(self) -> str:
        return " ".join(("aws", self.service, self.operation, *self.further))


def commands_in(script: str) -> Iterator[Command]:
    """The commands in a shell script, what stands in ``$(…)`` before what it stands in."""
    text = re.sub(r"\\\n\s*", " ", script)
    statement = ""
    for line in text.splitlines():
        statement = f"{statement}\n{line}" if statement else line
        if not _goes_on(statement):
            yield from _in_statement(statement)
            statement = ""


def _goes_on(statement: str) -> bool:
    """Whether a quotation that it begins ends on a later line."""
    try:
        shlex.split(statement, comments=True)
    except ValueError:
        return True
    return False


def _in_statement(statement: str) -> Iterator[Command]:
    assigned_to = ""
    while "$(" in statement:
        start = statement.rindex("$(")
        end = _end(statement, start + 2)
        named = re.fullmatch(r'\s*(\w+)="?', statement[:start])
        for inner in _in_statement(statement[start + 2 : end]):
            assigned_to = named[1] if named else ""
            yield _assigned(inner, assigned_to)
        statement = f"{statement[:start]}{SUBSTITUTED}{statement[end + 1 :]}"
    words: list[str] = []
    for word in [*shlex.split(statement, comments=True), ";"]:
        if word in STATEMENT_ENDS:
            if words[:1] == ["aws"]:
                yield _command(words[1:])
            words = []
        else:
            words.append(word)


def _end(statement: str, start: int) -> int:
    """Where the ``)`` is that ends what begins at *start*: not one in quotes."""
    quote = ""
    for index, letter in enumerate(statement[start:], start):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == ")":
            return index
    raise Wrong(f"nothing ends {statement[start:]}")


def _assigned(command: Command, name: str) -> Command:
    return Command(command.service, command.operation, command.options, command.further, name)


def _command(words: list[str]) -> Command:
    service, operation, *rest = words
    options: dict[str, tuple[str, ...]] = {}
    further: list[str] = []
    name = ""
    for word in rest:
        if word.startswith("--"):
            name = word.removeprefix("--")
            options[name] = ()
        elif name:
            options[name] = (*options[name], word)
        else:
            further.append(word)
    return Command(service, operation, options, tuple(further))


# ---- what a command asks for ---------------------------------------------------------------------


def parameters_of(command: Command, root: Path) -> dict[str, Any]:
    """
    The parameters of the API call that *command* is.

    Args:
        root: The folder that it is given in: ``file://`` names files below it.

    Raises:
        Wrong: An option, or a value, is none that the operation takes.
    """
    operation = _operation(command)
    shape = operation.input_shape
    members = shape.members if shape else {}
    by_option = {xform_name(name, "-"): name for name in members}
    parameters: dict[str, Any] = {}
    options = dict(command.options)
    if operation.has_streaming_output:  # the last word names the file that gets it
        last = list(options)[-1]
        options[last] = options[last][:-1]
    for option, values in options.items():
        if option in OF_ALL_COMMANDS:
            continue
        name = by_option.get(option) or by_option.get(option.removeprefix("no-"), "")
        if not name:
            raise Wrong(f"{command} has no option --{option}")
        unseen = SUBSTITUTED in values or _is_of_the_reader(values)
        if unseen and members[name].type_name in {"structure", "list", "map"}:
            return parameters  # its form cannot be judged, nor what it may leave out
        parameters[name] = _value(members[name], option, values, root)
    problems = ParamValidator().validate(parameters, shape) if shape else None
    if problems is not None and problems.has_errors():
        raise Wrong(f"{command}: {problems.generate_report()}")
    return parameters


def check(command: Command, root: Path) -> None:
    """
    That *command* is one that the CLI takes.

    Raises:
        Wrong: It is not.
    """
    if command.operation == "wait":
        waiters = _session().get_waiter_model(command.service).waiter_names
        if command.further[0] not in {xform_name(it, "-") for it in waiters}:
            raise Wrong(f"{command}: no such waiter")
    elif (command.service, command.operation) == ("cloudformation", "deploy"):
        [template] = command.options["template-file"]
        text = (root / template).read_text()
        for pair in command.options.get("parameter-overrides", ()):
            if f"\n  {pair.partition('=')[0]}:\n" not in text:
                raise Wrong(f"{template} has no parameter {pair}")
    elif command.service != "s3":
        parameters_of(command, root)


def _operation(command: Command) -> Any:
    model = _session().get_service_model(_SERVICES.get(command.service, command.service))
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if command.operation not in names:
        raise Wrong(f"aws {command.service} has no command {command.operation}")
    return model.operation_model(names[command.operation])


_SERVICES = {"s3api": "s3"}


@lru_cache(maxsize=1)
def _session() -> Any:
    return botocore.session.get_session()


# ---- values --------------------------------------------------------------------------------------


def _value(shape: Any, option: str, values: tuple[str, ...], root: Path) -> Any:
    if shape.type_name == "boolean" and not values:
        return not option.startswith("no-")
    if not values:
        raise Wrong(f"--{option} has no value")
    if shape.type_name == "list" and not _is_json(values[0]):
        return [_one(shape.member, it, root) for it in values]
    [value] = values
    return _one(shape, value, root)


def _one(shape: Any, text: str, root: Path) -> Any:
    path = text.removeprefix("file://")
    if path != text and not _is_of_the_reader((text,)):
        text = (root / path).read_text()
    if shape.type_name in {"structure", "list", "map"} and _is_json(text):
        return json.loads(text)
    if shape.type_name in {"structure", "map"}:
        return _shorthand(shape, text)
    return _scalar(shape, text)


def _is_of_the_reader(values: tuple[str, ...]) -> bool:
    """Whether it names a file that is none of the repository's: such a one is in a folder."""
    return any(it.startswith("file://") and "/" not in it.removeprefix("file://") for it in values)


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "["))


def _shorthand(shape: Any, text: str) -> dict[str, Any]:
    """``Name=value,Names=one,two``: what has no ``=`` goes on with the list before it."""
    found: dict[str, list[str]] = {}
    name = ""
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals:
            name = key
            found[name] = [value]
        elif name:
            found[name].append(part)
        else:
            raise Wrong(f"{text!r} is no shorthand")
    return {name: _member(shape, name, values) for name, values in found.items()}


def _member(shape: Any, name: str, values: list[str]) -> Any:
    if name not in shape.members:
        raise Wrong(f"{shape.name} has no member {name}")
    member = shape.members[name]
    if member.type_name == "list":
        return [_scalar(member.member, it) for it in values]
    return _scalar(member, ",".join(values))


def _scalar(shape: Any, text: str) -> Any:
    if getattr(shape, "enum", None) and text not in shape.enum:
        raise Wrong(f"{text} is none of {shape.enum}")
    match shape.type_name:
        case "boolean":
            if text not in {"true", "false"}:
                raise Wrong(f"{text} is no boolean")
            return text == "true"
        case "integer" | "long":
            return int(text)
        case "blob":
            return text.encode()
        case _:
            return text
