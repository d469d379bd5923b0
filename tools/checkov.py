"""
Scans the templates with checkov, as CloudFormation gets them, and wants nothing said that is not
excused, with a reason, in ``tools/checkov-excuses.yaml``.

``python -m tools.checkov template.yaml ...``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
EXCUSES = ROOT / "tools/checkov-excuses.yaml"
CHECKOV = ROOT / ".tools/checkov/bin/checkov"
SAM_PYTHON = ROOT / ".tools/sam/bin/python"

Finding = tuple[str, str]
"""A check's id, and what it is about: the template and the resource's logical id."""


def main(paths: Sequence[str]) -> int:
    """Prints what is wrong; 1 if anything is."""
    problems = list(problems_in(findings(paths), yaml.safe_load(EXCUSES.read_text())))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def problems_in(
    found: Mapping[Finding, str], excuses: Mapping[str, Mapping[str, str]]
) -> Iterable[str]:
    """A sentence for each finding without an excuse, and for each excuse without a finding."""
    excused = {(check, place) for check, places in excuses.items() for place in places}
    for check, place in sorted(found.keys() - excused):
        yield f"{place}: {check}: {found[check, place]}: mend it, or excuse it in {EXCUSES.name}"
    for check, place in sorted(excused - found.keys()):
        yield f"{place}: {check} finds nothing there any more: take its excuse out"


def findings(paths: Sequence[str]) -> dict[Finding, str]:
    """Finding -> what the check wants."""
    with tempfile.TemporaryDirectory() as folder:
        _expand(folder, paths)
        report = _scan(folder)
    if report["results"]["parsing_errors"] or not report["summary"]["passed"]:
        sys.exit(f"checkov could not read {report['results']['parsing_errors'] or 'anything'}")
    return {
        (it["check_id"], f"{it['file_path'].lstrip('/')} {it['resource'].rpartition('.')[2]}"): it[
            "check_name"
        ]
        for it in report["results"]["failed_checks"]
    }


def _expand(folder: str, paths: Sequence[str]) -> None:
    subprocess.run(
        [SAM_PYTHON, ROOT / "tools/expand_template.py", folder, *paths],
        cwd=ROOT,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
    )


def _scan(folder: str) -> Any:
    options = ["--framework", "cloudformation", "--compact", "--output", "json", "--skip-download"]
    done = subprocess.run(
        [CHECKOV, "--directory", folder, "--soft-fail", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"checkov ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
