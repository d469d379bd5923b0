"""
The example pipelines: their own scripts, run by bash with a real Terraform and a real AWS CLI, on a
vended backend, each job under exactly the policy that its role is to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.pipelines import AWS, KEY, Pipeline, Runner, github, gitlab
from tests.acceptance.terraform import Vended, needs_terraform, vend
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

pytestmark = [
    pytest.mark.slow,
    needs_terraform,
    pytest.mark.skipif(not AWS.exists(), reason="no AWS CLI in .tools/aws -> make .tools/aws"),
]
PIPELINES = pytest.mark.parametrize("pipeline", [gitlab(), github()], ids=lambda it: it.name)


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        yield Deployment(aws)


@pytest.fixture
def runner(hub: Deployment, tmp_path: Path, request: pytest.FixtureRequest) -> Runner:
    pipeline: Pipeline = request.getfixturevalue("pipeline")
    vended = vend(hub, _new_account(hub), tmp_path)
    return Runner(pipeline=pipeline, vended=vended, folder=tmp_path / "pipeline")


def _new_account(hub: Deployment) -> str:
    return str(222_222_300_000 + len(hub.aws.world.accounts))


def content(vended: Vended) -> list[object]:
    return [it["instances"][0]["attributes"]["input"] for it in vended.stored(KEY)["resources"]]


@PIPELINES
class TestPipeline:
    def test_it_goes_from_validate_to_deploy_and_destroys_by_hand(self, runner, pipeline):
        runner.does("validate")
        runner.does("plan", "planner")
        assert "[]" in runner.does("policy").text
        assert runner.vended.versions(KEY) == []
        runner.does("deploy", "applier")
        deployed = content(runner.vended)

        for name, variables in pipeline.destroy:
            runner.does(name, {"plan": "planner", "policy": ""}.get(name, "applier"), **variables)

        assert deployed == [{"value": "1", "type": "string"}]
        assert content(runner.vended) == []
        assert runner.vended.locks(KEY) == []

    def test_what_is_deployed_is_the_plan_that_passed(self, runner, pipeline):
        runner.does("plan", "planner", TF_VAR_release="2")

        runner.does("deploy", "applier", TF_VAR_release="3")

        assert content(runner.vended) == [{"value": "2", "type": "string"}]

    def test_a_plan_is_not_deployed_twice(self, runner, pipeline):
        runner.does("plan", "planner")
        runner.does("deploy", "applier")

        again = runner.run("deploy", "applier")

        assert again.code == 1
        assert "Saved plan is stale" in again.text

    def test_the_planners_role_cannot_deploy(self, runner, pipeline):
        runner.does("plan", "planner")

        stopped = runner.run("deploy", "planner")

        assert stopped.code == 1
        assert "AccessDenied" in stopped.text
        assert runner.vended.versions(KEY) == []

    def test_a_bad_backend_does_not_pass(self, runner, pipeline):
        main = runner.repository / "terraform/main.tf"
        main.write_text(main.read_text().replace('"s3" {}', '"s3" { workspace_key_prefix = "x" }'))
        runner.does("plan", "planner")

        stopped = runner.run("policy")

        assert stopped.code == 1
        assert "workspace_key_prefix is given in the backend, and none is published" in stopped.text

    def test_a_gate_without_rules_lets_nothing_through(self, runner, pipeline):
        runner.does("plan", "planner")
        (runner.repository / "policy/backend.rego").unlink()

        assert runner.run("policy").code == 1

    def test_a_job_without_the_right_to_read_the_published_backend_ends_there(
        self, runner, pipeline
    ):
        runner.may_read_published = False

        stopped = runner.run("plan", "planner")

        assert stopped.code != 0
        assert "ssm:GetParameter" in stopped.text
        assert "Initializing the backend" not in stopped.text
