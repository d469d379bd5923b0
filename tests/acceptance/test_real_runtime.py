"""
The built artifact under Lambda's own runtime interface: every function loads there, and answers a
sample of each kind as it does in this process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.cloudformation import Backend, CloudFormation
from tests.acceptance.cloudformation_host import ResponseHost
from tests.aws_double import AwsDouble
from tests.contract.templates import HUB, ROOT, of_type, read, sample
from tests.deployment import Deployment
from tests.deployment.real_runtime import Runtime, lay_out, missing, runtime

if missing():
    pytest.skip(missing(), allow_module_level=True)

FUNCTIONS = {
    name: it["Handler"] for name, it in of_type(read(HUB), "AWS::Serverless::Function").items()
}
ACCOUNT = "222222222222"
STATUSES = {"READY", "WAITING", "FAILED", "IGNORED"}
SAMPLES = sorted(ROOT.glob("events/*.json"))
KINDS = {it.name.partition(".")[0] for it in SAMPLES} - {
    "cloudformation",  # asked by a stack, below
    "sqs",  # answered in another form, below
    "statehold",  # what we publish ourselves
}

Run = Callable[[str], Runtime]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("real") / "artifact")


@pytest.fixture
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        aws.add_account(ACCOUNT)
        yield Deployment(aws, environment={"RESPONSE_URL_ALLOWED_HOSTS": "127.0.0.1"})


@pytest.fixture
def run(hub: Deployment, artifact: Path) -> Iterator[Run]:
    """Starts a function of the template."""
    with ExitStack() as running:
        yield lambda name: running.enter_context(
            runtime(artifact, FUNCTIONS[name], hub.environment_of(name))
        )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_loads(run, name):
    answer = run(name).invoke({})

    failure = answer.get("errorType", "") if isinstance(answer, dict) else ""
    assert not failure.startswith("Runtime."), answer


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_event_of_each_kind_is_answered_by_an_array_of_reports(run, hub, kind):
    event = next(json.loads(it.read_text()) for it in SAMPLES if it.name.partition(".")[0] == kind)
    function = next(iter(hub.route(event)), "AccountVendedFunction")

    answer = run(function).invoke(event)

    assert answer
    for report in answer:
        assert report.keys() >= {"accountId", "region", "bucketName", "status", "controls"}
        assert report["status"] in STATUSES
        assert report["status"] == "READY" or report["error"].keys() == {
            "code",
            "message",
            "remedy",
        }


def test_a_vended_account_gets_its_backend_and_a_second_run_keeps_it(run):
    function = run("AccountVendedFunction")
    event = sample("controltower.CreateManagedAccount.succeeded")

    first, second = (function.invoke(event) for _ in range(2))

    assert [it["status"] for it in (*first, *second)] == ["READY", "READY"]
    assert first[0]["controls"]["bucket-policy"] == "CHANGED"
    assert set(second[0]["controls"].values()) <= {"KEPT", "NOT_APPLICABLE"}


def test_a_plan_says_what_it_would_do_and_does_nothing(run, hub):
    since = len(hub.aws.calls)

    (report,) = run("AccountVendedFunction").invoke(sample("operation.plan"))

    assert report["status"] == "WAITING"
    assert {it["control"] for it in report["changes"]} >= {"kms-key", "bucket", "lock-table"}
    assert hub.aws.writes(since) == []


def test_a_queues_batch_is_answered_with_the_messages_that_failed(run, hub):
    hub.aws.add_account("333333333333", roles=())
    batch = sample("sqs.controltower.CreateManagedAccount")
    [record] = batch["Records"]
    early = {
        **record,
        "messageId": "too-early",
        "body": json.dumps({"operation": "reconcile", "accountId": "333333333333"}),
        "attributes": record["attributes"]
        | {"ApproximateFirstReceiveTimestamp": str(round(1000 * time.time()))},
    }

    answer = run("AccountVendedFunction").invoke({"Records": [record, early]})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "too-early"}]}


def test_a_stack_gets_its_backend_and_is_refused_its_delete(run, hub):
    function = run("CustomResourceFunction")
    with ResponseHost() as host:
        cloudformation = CloudFormation(function=function.invoke, stacks=hub.aws.stacks, host=host)

        stack = cloudformation.create_stack(
            "state", {"StateBackend": Backend()}, account=ACCOUNT, region="us-east-1"
        )
        assert stack.status == "CREATE_COMPLETE", stack.reasons
        cloudformation.delete_stack(stack)

    assert stack.status == "DELETE_FAILED"
    assert host.objections == []


def test_its_log_is_json_and_has_no_credentials(run, hub):
    function = run("AccountVendedFunction")

    function.invoke(sample("operation.reconcile"))

    lines = [line for line in function.printed.splitlines() if "account and Region" in line]
    assert [json.loads(line)["account_id"] for line in lines] == [ACCOUNT]
    environment = hub.environment_of("AccountVendedFunction")
    assert environment["AWS_SECRET_ACCESS_KEY"] not in function.printed
