"""
A sweep of the whole organization: it needs no event, finds everybody, and loses nobody on the way
to its report.

The state machine is the template's own, run by an interpreter of its language.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import boto3
import pytest

from tests.acceptance.clock import Time
from tests.acceptance.organization import MANAGEMENT, OUTSIDER, Organization
from tests.aws_double import AwsDouble, Fault, Refusal
from tests.contract.templates import sample
from tests.deployment import Deployment

SETTINGS = "/statehold/settings"
ACCOUNT, OTHER, THIRD = "222222222222", "333333333333", "444444444444"
STACK = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/payments/0a1b2c3d"
LEFT = "888888888888"


@pytest.fixture(scope="module")
def double() -> Iterator[AwsDouble]:
    with AwsDouble(management_account=MANAGEMENT) as running:
        yield running


@pytest.fixture
def aws(double) -> AwsDouble:
    double.reset()
    return double


@pytest.fixture(autouse=True)
def warm(monkeypatch) -> None:
    """One boto session for each role, as in a process that Lambda keeps: a third of the time."""
    sessions: dict[str, Any] = {}

    def session() -> Any:
        key = os.environ["AWS_ACCESS_KEY_ID"]
        if key not in sessions:
            sessions[key] = boto3.Session()
        return sessions[key]

    monkeypatch.setattr("tests.deployment.lambda_runtime._new_boto_session", nullcontext)
    monkeypatch.setattr("state_backend.aws.invoke.boto_session", session)


class Swept:
    """A sweep that was run to its end, and its report."""

    def __init__(self, stack: Deployment, asked: Any = None, **how: Any) -> None:
        self.done = stack.execute("FleetSweep", asked or {}, **how)
        if self.done.status == "SUCCEEDED":
            self.report = _written(stack, self.done.output["report"])
            self.rows = {(it["account"], it["region"]): it for it in self.report["rows"]}

    def status(self, account: str, region: str = "us-east-1") -> str:
        return str(self.rows[account, region]["status"])


def _written(stack: Deployment, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = stack.aws.client("s3", tls=True)
    found = s3.get_object(Bucket=bucket, Key=key.replace(".html", ".json"))
    return json.loads(found["Body"].read())


def put_settings(aws: AwsDouble, document: Any) -> None:
    aws.client("ssm").put_parameter(Name=SETTINGS, Value=json.dumps(document), Type="String")


def changes_in_accounts(stack: Deployment, since: int) -> list[str]:
    """What was written, but for the hub's own bookkeeping: register, reports and events."""
    bucket = stack.template.references["ReportBucket"]
    register = stack.template.references["BackendRegister"]
    ours = {bucket, register}
    return [
        str(it)
        for it in stack.aws.writes(since)
        if not ours & {it.bucket, it.resource} and it.operation != "PutEvents" and not it.error
    ]


@pytest.mark.slow
def test_sixty_accounts_that_no_event_named_are_brought_to_ready_and_none_is_left_out(aws):
    organization = Organization(aws)
    put_settings(aws, organization.settings())
    stack = Deployment(
        aws=aws, parameters={"SettingsParameterName": SETTINGS, "BucketNamespace": "global"}
    )

    first = Swept(stack, name="first")

    everyone = {MANAGEMENT, *organization.all}
    assert len(everyone) == 60
    assert {account for account, _ in first.rows} == everyone
    assert len(first.report["rows"]) == 60
    kinds = organization.accounts
    ready = {MANAGEMENT, *organization.reachable}
    ignored = {
        it
        for kind in ("sandbox", "opted out", "suspended", "closed", "being closed")
        for it in kinds[kind]
    }
    [squatted], [denied], [roleless] = (
        kinds[it] for it in ("squatted", "denied", "invited without a role")
    )
    assert {it for it in everyone if first.status(it) == "READY"} == ready
    assert {it for it in everyone if first.status(it) == "IGNORED"} == ignored
    assert (first.status(squatted), first.status(denied)) == ("FAILED", "FAILED")
    assert first.status(roleless) == "WAITING"
    codes = {it: first.rows[it, "us-east-1"]["code"] for it in (squatted, denied)}
    assert codes == {squatted: "AlreadyExists", denied: "AccessDenied"}
    for account in ignored:
        assert first.rows[account, "us-east-1"]["message"]
    covered = len(ready)
    assert first.done.output["percent"] == 1000 * covered // (covered + 3) / 10
    assert first.done.output["byStatus"] == {
        "READY": covered, "WAITING": 1, "FAILED": 2, "IGNORED": len(ignored)
    }  # fmt: skip

    before = len(aws.calls)
    second = Swept(stack, name="second")

    assert changes_in_accounts(stack, before) == []
    assert {it: second.status(it) for it in everyone} == {it: first.status(it) for it in everyone}
    calls = Counter(it.operation for it in aws.calls[before:] if it.service == "organizations")
    assert calls["ListAccounts"] == 3
    assert set(calls) == {"ListAccounts", "ListTagsForResource"}


class TestWhereItLooks:
    def test_a_stacks_backend_in_another_region_is_looked_at_too(self, aws):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws)
        _recorded(stack, ACCOUNT, "eu-west-1", STACK, "LIVE")

        swept = Swept(stack)

        assert swept.rows[ACCOUNT, "eu-west-1"]["owner"] == STACK
        assert swept.status(ACCOUNT, "eu-west-1") == "READY"
        assert set(swept.rows) == {
            (MANAGEMENT, "us-east-1"), (ACCOUNT, "us-east-1"), (ACCOUNT, "eu-west-1"),
        }  # fmt: skip

    def test_what_a_stack_began_and_never_had_is_not_made_by_the_hub(self, aws):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws)
        _recorded(stack, ACCOUNT, "eu-west-1", STACK, "")

        assert (ACCOUNT, "eu-west-1") not in Swept(stack).rows

    def test_an_account_that_has_left_is_told_with_its_reason(self, aws):
        stack = Deployment(aws=aws)
        _recorded(stack, LEFT, "us-east-1", "hub", "LIVE")

        row = Swept(stack).rows[LEFT, "us-east-1"]

        assert row["status"] == "IGNORED"
        assert "does not belong to the organization" in row["message"]

    def test_every_region_of_the_settings_has_its_row(self, aws):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws, parameters={"Regions": "us-east-1,eu-west-1"})

        assert set(Swept(stack).rows) == {
            (account, region)
            for account in (MANAGEMENT, ACCOUNT)
            for region in ("us-east-1", "eu-west-1")
        }

    @pytest.mark.parametrize("kind", ["truncate", "refuse"])
    def test_a_list_that_is_not_whole_ends_the_sweep_instead_of_making_it_shorter(self, aws, kind):
        for number in range(25):
            aws.add_account(f"3{number:011}")
        stack = Deployment(aws=aws)
        error = Refusal("ServiceException", "Organizations is not well", 500)
        second_page = Fault(
            kind=kind,
            operation="ListAccounts",
            times=10_000,
            error=error if kind == "refuse" else None,
            match=lambda call: bool(call.parameters.get("NextToken")),
        )
        aws.faults.add(second_page)

        swept = Swept(stack, clock=Time().clock)

        assert swept.done.status == "FAILED"
        assert "ListAccounts" in swept.done.cause or "list_accounts" in swept.done.cause
        assert second_page.struck
        assert not aws.writes(account=f"3{1:011}")
        assert not [it for it in aws.calls if it.operation == "PutObject"]

    def test_the_registers_second_page_is_read_too(self, aws):
        """DynamoDB answers a megabyte at most."""
        stack = Deployment(aws=aws)
        for number in range(20):
            _recorded(stack, f"4{number:011}", "us-east-1", "hub", "LIVE", padding="x" * 90_000)

        assert len(Swept(stack).rows) == 21


class TestOneThatFails:
    def test_accounts_whose_function_ends_are_failed_rows_and_stop_nobody(self, aws):
        ends = {
            ACCOUNT: "Sandbox.Timedout: RequestId: 1 Error: Task timed out after 600.00 seconds",
            OTHER: "Runtime.OutOfMemory: RequestId: 1 Error: Runtime exited",
            THIRD: "KeyError: 'Accounts'",
        }
        for account in ends:
            aws.add_account(account)
        stack = Deployment(aws=aws)

        swept = Swept(stack, ending=lambda event: ends.get(event.get("accountId"), ""))

        assert swept.status(MANAGEMENT) == "READY"
        for account, end in ends.items():
            row = swept.rows[account, "us-east-1"]
            assert row["status"] == "FAILED"
            assert end.partition(":")[0] in row["message"]
            assert account in row["remedy"]
        assert swept.report["coverage"]["accountsCovered"] == 1
        assert swept.report["coverage"]["accountsInScope"] == 4

    def test_one_that_another_run_holds_is_waiting(self, aws):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws)
        _recorded(stack, ACCOUNT, "us-east-1", "hub", "LIVE", lease_holder="someone")

        swept = Swept(stack)

        assert swept.status(ACCOUNT) == "WAITING"
        assert "Another run" in swept.rows[ACCOUNT, "us-east-1"]["message"]

    def test_a_wrong_settings_document_is_every_accounts_reason(self, aws):
        aws.add_account(ACCOUNT)
        put_settings(aws, {"version": 1, "root": {"LockMode": "file"}})
        stack = Deployment(aws=aws, parameters={"SettingsParameterName": SETTINGS})

        swept = Swept(stack)

        assert swept.done.output["byStatus"]["FAILED"] == 2
        assert "LockMode" in swept.rows[ACCOUNT, "us-east-1"]["message"]


class TestWhatTheListSaid:
    """It takes the place of asking Organizations, for an hour, and only where the sweep says it."""

    NOW = Time().seconds

    @pytest.mark.parametrize(
        ("listed", "is_now", "age", "status"),
        [
            ("SUSPENDED", "ACTIVE", 3000.0, "IGNORED"),
            ("ACTIVE", "SUSPENDED", 4000.0, "IGNORED"),
            ("SUSPENDED", "ACTIVE", 4000.0, "READY"),
        ],
    )
    def test_it_is_believed_for_an_hour(self, aws, listed, is_now, age, status):
        aws.add_account(ACCOUNT, state=is_now)
        stack = Deployment(aws=aws)
        asked = self.asked(listed, self.NOW - age)

        [report] = stack.invoke("AccountVendedFunction", asked, clock=Time().clock).answer

        assert report["status"] == status

    def test_a_message_that_says_so_is_not_believed(self, aws):
        aws.add_account(ACCOUNT, state="SUSPENDED")
        stack = Deployment(aws=aws)
        batch = sample("sqs.controltower.CreateManagedAccount")
        batch["Records"][0]["body"] = json.dumps(self.asked("ACTIVE", self.NOW))

        done = stack.invoke("AccountVendedFunction", batch, clock=Time().clock)

        assert done.answer == {"batchItemFailures": []}
        [line] = [it for it in done.logs if "account_id" in it]
        assert line["message"].endswith("IGNORED")

    def asked(self, state: str, at: float) -> Any:
        organization = {"state": state, "units": [], "listedAt": at}
        place = {"accountId": ACCOUNT, "region": "us-east-1"}
        return {"operation": "reconcile", **place, "organization": organization}


class TestPlan:
    @pytest.mark.parametrize(
        ("asked", "parameters"), [({"operation": "plan"}, {}), ({}, {"Mode": "plan"})], ids=str
    )
    def test_it_writes_in_no_account_and_says_what_it_would_change(self, aws, asked, parameters):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws, parameters=parameters)
        before = len(aws.calls)

        swept = Swept(stack, asked)

        assert changes_in_accounts(stack, before) == []
        assert swept.report["sweep"]["operation"] == "plan"
        assert swept.status(ACCOUNT) == "WAITING"
        assert swept.rows[ACCOUNT, "us-east-1"]["changes"]

    @pytest.mark.parametrize("asked", [{"operation": "delete"}, {"accounts": [ACCOUNT]}, []])
    def test_an_input_that_is_not_understood_ends_the_sweep(self, aws, asked):
        stack = Deployment(aws=aws)

        done = stack.execute("FleetSweep", asked)

        assert (done.status, done.error) == ("FAILED", "InvalidRequest")


class TestTheReport:
    def test_it_is_there_in_three_forms_under_its_date_and_as_the_latest(self, aws):
        stack = Deployment(aws=aws)

        uri = Swept(stack, name="by-hand").done.output["report"]

        bucket = stack.template.references["ReportBucket"]
        s3 = aws.client("s3", tls=True)
        keys = {it["Key"] for it in s3.list_objects_v2(Bucket=bucket)["Contents"]}
        folder = uri.removeprefix(f"s3://{bucket}/").removesuffix("report.html")
        assert folder.startswith("sweeps/20")
        assert folder.endswith("/by-hand/")
        for place in (folder, "latest/"):
            assert {f"{place}report.{form}" for form in ("json", "csv", "html")} <= keys

    def test_it_remembers_since_when_an_account_is_not_ready(self, aws):
        aws.add_account(ACCOUNT, roles=())
        time = Time()
        stack = Deployment(aws=aws)
        first = Swept(stack, name="first", clock=time.clock)

        time.seconds += 86_400
        second = Swept(stack, name="second", clock=time.clock)

        since = [it.rows[ACCOUNT, "us-east-1"]["unreadySince"] for it in (first, second)]
        assert since[0] == since[1]
        assert since[0]

    def test_its_numbers_are_told_as_metrics(self, aws):
        aws.add_account(ACCOUNT)
        stack = Deployment(aws=aws)
        stack.execute("FleetSweep", {}, name="first")
        asked = _asked_of_the_last_task(stack)

        logs = stack.invoke("FleetSummaryFunction", asked).logs

        told = {
            name: value[0] if isinstance(value, list) else value
            for line in logs
            for name, value in line.items()
            if name.startswith("Fleet")
        }
        assert told == {
            "FleetAccounts": 2.0, "FleetCoverage": 100.0, "FleetFailed": 0.0,
            "FleetOldestUnready": 0.0, "FleetRepaired": 0.0, "FleetWaiting": 0.0,
        }  # fmt: skip


class TestAThousandAccounts:
    """What the last task makes of a sweep's results, as Step Functions writes them."""

    @pytest.mark.parametrize("failing", [1, 7, 100])
    def test_every_one_has_a_row_and_exactly_the_failing_ones_are_not_covered(self, aws, failing):
        stack = Deployment(aws=aws)
        accounts = [f"5{number:011}" for number in range(1000)]
        step = len(accounts) // failing
        bad = set(accounts[::step][:failing])
        asked = _thousand(stack, accounts, bad)

        invocation = stack.invoke("FleetSummaryFunction", asked)

        assert not invocation.error
        report = _written(stack, invocation.answer["report"])
        assert Counter(it["account"] for it in report["rows"]) == Counter(accounts)
        assert {it["account"] for it in report["rows"] if it["status"] != "READY"} == bad
        assert report["coverage"]["accountsCovered"] == 1000 - failing
        assert invocation.answer["percent"] == (1000 - failing) / 10

    @pytest.mark.parametrize("lost", ["a file", "the manifest", "half of a file"])
    def test_results_that_cannot_be_read_whole_make_no_report(self, aws, lost):
        stack = Deployment(aws=aws)
        asked = _thousand(stack, [ACCOUNT, OTHER], {OTHER})
        bucket = stack.template.references["ReportBucket"]
        manifest = asked["map"]["ResultWriterDetails"]["Key"]
        s3 = aws.client("s3", tls=True)
        file = manifest.replace("manifest", "SUCCEEDED_0")
        if lost == "half of a file":
            s3.put_object(Bucket=bucket, Key=file, Body=b'[{"Input": "{}"}')
        else:
            asked["map"]["ResultWriterDetails"]["Key"] = f"{manifest}.gone"
        if lost == "a file":
            asked["map"]["ResultWriterDetails"]["Key"] = manifest
            content = json.loads(s3.get_object(Bucket=bucket, Key=manifest)["Body"].read())
            content["ResultFiles"]["FAILED"].append({"Key": f"{file}.gone"})
            s3.put_object(Bucket=bucket, Key=manifest, Body=json.dumps(content))

        assert stack.invoke("FleetSummaryFunction", asked).error
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="latest/")
        assert listed["KeyCount"] == 0


def _recorded(
    stack: Deployment, account: str, region: str, owner: str, state: str, **more: str
) -> None:
    item = {
        "backend": {"S": f"{account}#{region}"},
        "owner": {"S": owner},
        "backend_state": {"S": state},
        **{name: {"S": value} for name, value in more.items()},
    }
    if "lease_holder" in more:
        item["lease_expires_at"] = {"N": "99999999999"}
    table = stack.template.references["BackendRegister"]
    stack.aws.client("dynamodb", tls=True).put_item(TableName=table, Item=item)


def _asked_of_the_last_task(stack: Deployment) -> Any:
    """The last task's event in the sweep that was run, put together again from the bucket."""
    bucket = stack.template.references["ReportBucket"]
    s3 = stack.aws.client("s3", tls=True)
    keys = [it["Key"] for it in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    [places] = [it for it in keys if it.endswith("places.json")]
    [manifest] = [it for it in keys if it.endswith("manifest.json")]
    return {
        "id": "again",
        "operation": "reconcile",
        "startedAt": 1_800_000_000.0,
        "prefix": places.removesuffix("places.json"),
        "list": places,
        "map": {"ResultWriterDetails": {"Bucket": bucket, "Key": manifest}},
    }


def _thousand(stack: Deployment, accounts: list[str], bad: set[str]) -> Any:
    """
    The last task's event, with list and results in the bucket.

    The bad ones fail in every way there is: crashed, timed out, never begun, answered with no
    sense, about somebody else, or with nothing at all.
    """
    bucket = stack.template.references["ReportBucket"]
    prefix = "sweeps/2027-01-15/thousand/"
    files: dict[str, list[Any]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for number, account in enumerate(sorted(bad)):
        files_of, record = _bad(account, number)
        if files_of:
            files[files_of].append(record)
    for account in accounts:
        if account not in bad:
            files["SUCCEEDED"].append(_record(account, [_answer(account)]))
    s3 = stack.aws.client("s3", tls=True)
    manifest: dict[str, list[Any]] = {}
    for status, records in files.items():
        parts = [records[at : at + 400] for at in range(0, len(records), 400)]
        manifest[status] = [
            {"Key": f"{prefix}results/u/{status}_{number}.json"} for number in range(len(parts))
        ]
        for part, file in zip(parts, manifest[status], strict=True):
            s3.put_object(Bucket=bucket, Key=file["Key"], Body=json.dumps(part))
    key = f"{prefix}results/u/manifest.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"ResultFiles": manifest}))
    places = [
        {"accountId": it, "region": "us-east-1", "name": f"n-{it}", "state": "ACTIVE", "units": []}
        for it in accounts
    ]
    s3.put_object(Bucket=bucket, Key=f"{prefix}places.json", Body=json.dumps(places))
    return {
        "id": "thousand",
        "operation": "reconcile",
        "startedAt": 1_800_000_000.0,
        "prefix": prefix,
        "list": f"{prefix}places.json",
        "map": {"ResultWriterDetails": {"Bucket": bucket, "Key": key}},
    }


def _answer(account: str) -> dict[str, Any]:
    controls = {"bucket": "KEPT", "kms-key": "KEPT", "lock-table": "NOT_APPLICABLE"}
    return {
        "accountId": account,
        "region": "us-east-1",
        "bucketName": f"tfstate-{account}-us-east-1-an",
        "status": "READY",
        "controls": controls,
    }


def _record(account: str, answer: Any) -> dict[str, Any]:
    asked = {"operation": "reconcile", "accountId": account, "region": "us-east-1"}
    output = answer if isinstance(answer, str) else json.dumps(answer)
    return {"Input": json.dumps(asked), "Output": output, "Status": "SUCCEEDED"}


def _bad(account: str, number: int) -> tuple[str, Any]:
    """Which file, if any, has what about one that failed."""
    record = _record(account, [])
    failed = {"Input": record["Input"], "Status": "FAILED", "Error": "KeyError", "Cause": "{}"}
    kinds: list[tuple[str, Any]] = [
        ("FAILED", failed),
        ("FAILED", {**failed, "Status": "TIMED_OUT", "Error": "States.Timeout"}),
        ("PENDING", {"Input": record["Input"], "Status": "PENDING"}),
        ("SUCCEEDED", _record(account, "no json")),
        ("SUCCEEDED", _record(account, [_answer(OUTSIDER)])),
        ("SUCCEEDED", _record(account, [{"accountId": account, "status": "FINE"}])),
        ("SUCCEEDED", record),
        ("", None),
    ]
    return kinds[number % len(kinds)]
