"""
Writes templates as CloudFormation gets them, with SAM's transform done: for what knows no SAM.

``.tools/sam/bin/python tools/expand_template.py <folder> template.yaml ...``: each is written below
the folder under its own path. It runs with SAM CLI's Python, which has SAM's own translator, and
that wants an ``AWS_DEFAULT_REGION``, whichever.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

CODE = "s3://artifacts/statehold.zip"
"""Where the functions' code is by then: the translator takes no folder of this machine."""


class NoPolicies:
    """What the translator asks for managed policies; our templates name none."""

    def load(self) -> dict[str, str]:
        return {}


def main(arguments: Sequence[str]) -> None:
    folder, *paths = arguments
    for path in paths:
        target = Path(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(expanded(yaml_parse(Path(path).read_text())), indent=2))


def expanded(template: dict[str, Any]) -> Any:
    if "Transform" not in template:
        return template
    template["Globals"]["Function"]["CodeUri"] = CODE
    return transform(template, {}, NoPolicies())


if __name__ == "__main__":
    main(sys.argv[1:])
