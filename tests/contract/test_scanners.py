"""
The scanners that ``make check`` runs have nothing to say: what is excused has its reason, and an
excuse that is not needed any more is found. And the examples fit the schemas of their services.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from tests.acceptance.pipelines import GitLab
from tests.contract.templates import ALL, ROOT, read
from tools.checkov import EXCUSES, problems_in

EXCUSED = yaml.safe_load(EXCUSES.read_text())
FOUND = {("CKV_AWS_1", "template.yaml Queue"): "Ensure that it is encrypted"}


class TestCheckov:
    def test_what_is_excused_is_no_problem(self):
        excuses = {"CKV_AWS_1": {"template.yaml Queue": "It holds nothing"}}

        assert list(problems_in(FOUND, excuses)) == []

    def test_what_is_not_excused_is_said_with_its_place(self):
        [problem] = problems_in(FOUND, {})

        assert problem.startswith("template.yaml Queue: CKV_AWS_1: Ensure that it is encrypted")

    def test_an_excuse_that_excuses_nothing_is_a_problem(self):
        [problem] = problems_in({}, {"CKV_AWS_1": {"template.yaml Queue": "It holds nothing"}})

        assert problem.startswith("template.yaml Queue: CKV_AWS_1 finds nothing there any more")

    @pytest.mark.parametrize("check", EXCUSED)
    def test_every_excuse_gives_its_reason_for_a_resource_that_is_there(self, check):
        there = {
            f"{path.relative_to(ROOT)} {name}" for path in ALL for name in read(path)["Resources"]
        }

        assert set(EXCUSED[check]) <= there
        assert all(len(reason) > 40 for reason in EXCUSED[check].values())


GITLAB = "examples/gitlab-ci/.gitlab-ci.yml"
GITHUB = "examples/github-actions/terraform.yml"
UNPINNED = {"open-policy-agent/setup-opa@v2"}
"""The README says so, and why."""


class TestExamples:
    @pytest.mark.parametrize(
        ("path", "options"),
        [
            (GITLAB, ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
            (GITHUB, ["--builtin-schema", "vendor.github-workflows"]),
        ],
        ids=["gitlab", "github"],
    )
    def test_a_pipeline_fits_the_schema_of_its_service(self, path, options):
        checked = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", *options, path],
            cwd=ROOT,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

        assert checked.returncode == 0, checked.stdout

    def test_every_action_is_pinned_by_a_commit_with_its_version_beside_it(self):
        used = re.findall(r"uses: (\S+)( # v[\d.]+)?$", (ROOT / GITHUB).read_text(), re.MULTILINE)
        pinned = {it for it, version in used if re.search(r"@[0-9a-f]{40}$", it) and version}

        assert {it for it, _ in used} - pinned == UNPINNED
        assert len(used) == (ROOT / GITHUB).read_text().count("uses:")

    def test_a_token_is_asked_for_only_where_a_role_is_taken(self):
        jobs = yaml.safe_load((ROOT / GITHUB).read_text())["jobs"]
        takes_a_role = {name for name, job in jobs.items() if "configure-aws" in str(job["steps"])}
        asks = {name for name, job in jobs.items() if job.get("permissions", {}).get("id-token")}

        assert asks == takes_a_role == {"plan", "deploy"}

    def test_gitlab_deploys_on_the_default_branch_alone_and_destroys_by_hand(self):
        jobs = yaml.load((ROOT / GITLAB).read_text(), Loader=GitLab)
        [deploy], [destroy] = jobs["deploy"]["rules"], jobs["destroy"]["rules"]

        assert deploy == {"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}
        assert destroy == {**deploy, "when": "manual", "allow_failure": True}
        assert jobs["deploy"]["needs"] == ["plan", "policy"]

    def test_github_deploys_on_the_default_branch_alone_once_the_policy_has_passed(self):
        deploy = yaml.safe_load((ROOT / GITHUB).read_text())["jobs"]["deploy"]

        assert deploy["needs"] == "policy"
        assert "github.event_name != 'pull_request' && " in deploy["if"]
        assert "github.ref_name == github.event.repository.default_branch" in deploy["if"]
        assert deploy["environment"] == "production"
