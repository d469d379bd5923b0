"""
Stands in for ``opa``, which no package here brings: ``opa eval`` with the options that the examples
use, as OPA documents them. The engine behind it is rego-cpp, a second implementation of Rego.

Source: https://www.openpolicyagent.org/docs/cli#eval
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regopy import Interpreter


def evaluate(modules: Iterable[Path], document: Any, query: str) -> Any:
    """What *query* gives for *document* as its input; None where it is undefined."""
    interpreter = Interpreter()
    for path in modules:
        interpreter.add_module(path.name, path.read_text())
    interpreter.set_input(document)
    answer = interpreter.query(query)
    assert answer.ok(), str(answer)
    if str(answer) == "undefined":
        return None
    [value] = json.loads(str(answer))["expressions"]
    return value


def install(folder: Path) -> None:
    """Puts an ``opa`` into *folder*, for a PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "opa"
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n'
    )
    program.chmod(0o755)


def main() -> int:
    parser = argparse.ArgumentParser(prog="opa")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("eval")
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--input", type=Path, required=True)
    command.add_argument("--format", choices=["pretty"], required=True)
    command.add_argument("--fail", action="store_true")
    command.add_argument("query")
    given = parser.parse_args()
    if not given.data.exists():
        print(f"error: {given.data}: no such file or directory", file=sys.stderr)
        return 2
    value = evaluate(given.data.rglob("*.rego"), json.loads(given.input.read_text()), given.query)
    print("undefined" if value is None else json.dumps(value, indent=2))
    return 1 if given.fail and value is None else 0


if __name__ == "__main__":
    sys.exit(main())
