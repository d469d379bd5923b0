"""
The example pipelines, each as its jobs, and a runner: a job's script is run by bash, word by word,
in a checkout of its own, with the artifacts of the jobs that it needs.

What a service does around the script is not played: whose turn it is, which branch it is on, and
the exchange of its token for credentials. Those that the exchange would give stand in the
environment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import string
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from state_backend.policies.client_access import published
from state_backend.policies.document import Document, statements_of
from tests.acceptance import opa
from tests.acceptance.terraform import PATIENCE_SECONDS, Said, Vended
from tests.contract.templates import ROOT

EXAMPLES = ROOT / "examples"
AWS = ROOT / ".tools/aws/bin/aws"
PROJECT = "payments/network"
KEY = f"{PROJECT}/terraform.tfstate"

_PREDEFINED = {"CI_PROJECT_PATH": PROJECT, "CI_JOB_ID": "7", "AWS_ID_TOKEN": "the-job's-own-token"}
_CONTEXT = {"github.repository": PROJECT, "vars.PLANNER_ROLE_ARN": "", "vars.APPLIER_ROLE_ARN": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    name: str
    script: str
    variables: Mapping[str, str]
    role: str
    """The variable that names the role that it takes; empty if it takes none."""
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    name: str
    jobs: Mapping[str, Job]
    destroy: tuple[tuple[str, Mapping[str, str]], ...]
    """The jobs that destroy everything, one after the other, and what is set besides for each."""


class GitLab(yaml.SafeLoader):
    """YAML with GitLab's own tag."""


GitLab.add_constructor("!reference", lambda loader, node: tuple(loader.construct_sequence(node)))


def gitlab(path: Path = EXAMPLES / "gitlab-ci/.gitlab-ci.yml") -> Pipeline:
    document = yaml.load(path.read_text(), Loader=GitLab)
    names = [it for it, job in document.items() if isinstance(job, dict) and "stage" in job]
    jobs = {name: _gitlab_job(document, name) for name in names}
    return Pipeline("gitlab-ci", jobs, destroy=(("destroy", {}),))


def _gitlab_job(document: Mapping[str, Any], name: str) -> Job:
    job = document[name]
    base = document[job["extends"]] if "extends" in job else {}
    variables = document["variables"] | base.get("variables", {}) | job.get("variables", {})
    role = variables.pop("AWS_ROLE_ARN", "")
    lines = [*base.get("before_script", []), *_lines(document, job["script"])]
    return Job(
        name=name,
        script="\n".join(lines),
        variables={
            # Each may be said by what is predefined; CI_PROJECT_DIR is the checkout.
            it: string.Template(value).safe_substitute(_PREDEFINED)
            for it, value in {**_PREDEFINED, **variables}.items()
        },
        role=role.removeprefix("$"),
        artifacts=tuple(job.get("artifacts", {}).get("paths", ())),
    )


def _lines(document: Mapping[str, Any], script: list[Any]) -> list[str]:
    lines = []
    for line in script:
        match line:
            case (name, part):
                lines += _lines(document, document[name][part])
            case _:
                lines.append(line)
    return lines


def github(path: Path = EXAMPLES / "github-actions/terraform.yml") -> Pipeline:
    document = yaml.safe_load(path.read_text())
    jobs = {name: _github_job(document, name) for name in document["jobs"]}
    run = (("plan", {"PLAN_OPTIONS": "-destroy"}), ("policy", {}), ("deploy", {}))
    return Pipeline("github-actions", jobs, destroy=run)


def _github_job(document: Mapping[str, Any], name: str) -> Job:
    job = document["jobs"][name]
    with_ = [step.get("with", {}) for step in job["steps"]]
    uploads = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in str(step)]
    return Job(
        name=name,
        script="\n".join(step["run"] for step in job["steps"] if "run" in step),
        variables={
            it: re.sub(r"\$\{\{ (.*?) \}\}", lambda said: _github_value(said[1]), str(value))
            for it, value in (document["env"] | job.get("env", {})).items()
        },
        role="".join(it["role-to-assume"] for it in with_ if "role-to-assume" in it),
        artifacts=tuple(" ".join(uploads).split()),
    )


def _github_value(expression: str) -> str:
    # On a push and on a pull request, nobody has asked to destroy anything.
    return "" if expression.startswith("inputs.destroy && ") else _CONTEXT[expression]


@dataclass(kw_only=True)
class Runner:
    """Runs the jobs of one pipeline on a vended backend, and keeps their artifacts."""

    pipeline: Pipeline
    vended: Vended
    folder: Path
    repository: Path = field(init=False)
    """What is checked out for each job."""
    may_read_published: bool = True
    count: int = 0

    def __post_init__(self) -> None:
        self.repository = self.folder / "repository"
        for name in ("terraform", "policy"):
            shutil.copytree(EXAMPLES / name, self.repository / name)
        (self.folder / "artifacts").mkdir()
        opa.install(self.folder / "bin")

    def run(self, name: str, kind: str = "", **variables: str) -> Said:
        """
        The job *name*, to its end.

        Args:
            kind: Whose policy its credentials have: planner or applier. It has none if not given.
        """
        job = self.pipeline.jobs[name]
        self.count += 1
        checkout = self.folder / f"job-{self.count}"
        shutil.copytree(self.repository, checkout)
        shutil.copytree(self.folder / "artifacts", checkout, dirs_exist_ok=True)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", job.script],
            cwd=checkout,
            env=self._environment(job, kind, checkout) | variables,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            for path in job.artifacts:
                kept = self.folder / "artifacts" / path
                kept.parent.mkdir(exist_ok=True)
                shutil.copy(checkout / path, kept)
        return Said(code=done.returncode, text=" ".join(done.stdout.split()))

    def does(self, name: str, kind: str = "", **variables: str) -> Said:
        """As ``run``, where nothing may go wrong."""
        ended = self.run(name, kind, **variables)
        assert ended.code == 0, ended.text
        return ended

    def artifact(self, path: str) -> Any:
        return json.loads((self.folder / "artifacts" / path).read_text())

    def _environment(self, job: Job, kind: str, checkout: Path) -> dict[str, str]:
        aws = self.vended.backend.aws
        environment = {
            "PATH": f"{self.folder / 'bin'}:{AWS.parent}:{os.environ['PATH']}",
            "HOME": str(checkout),
            "CHECKPOINT_DISABLE": "1",
            "CI_PROJECT_DIR": str(checkout),
        }
        variables = {
            it: value.replace("$CI_PROJECT_DIR", str(checkout))
            for it, value in job.variables.items()
        }
        if not kind:
            return environment | variables
        principal = self.vended.backend.role(kind.capitalize())
        keys = aws.credentials(principal, policy=self.policy(kind))
        reached = aws.environment(tls=True, principal=principal)
        issued = {name.upper(): value for name, value in keys.items()}
        return environment | reached | issued | variables

    def policy(self, kind: str) -> Document:
        """All that the role of *kind* may do: what docs/client-access.md gives it."""
        spec = self.vended.spec
        further = statements_of(published(spec)) if self.may_read_published else ()
        return self.vended.policy(kind, KEY, further)
