"""
An account with a state backend, before and after what CloudFormation does to it.

``Setting`` is what a scenario starts from: the template deployed in the hub, one member account,
CloudFormation in front of both. ``Backend`` is all of a backend that can be lost.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from state_backend.calls import Clock
from tests.acceptance.cloudformation import CloudFormation, Stack
from tests.acceptance.cloudformation_host import ResponseHost
from tests.aws_double import AwsDouble, Fault
from tests.aws_double.stacks import Stacks
from tests.deployment import Deployment, Invocation

HUB = "111111111111"
ACCOUNT = "222222222222"
REGION = "eu-central-1"
BUCKET = f"tfstate-{ACCOUNT}-{REGION}-an"
OBSERVER = f"arn:aws:iam::{HUB}:role/Observer"
REGISTER = "StateholdBackendRegister"

DESTRUCTIVE = (
    "CancelKeyDeletion",
    "Delete",
    "Disable",
    "PutObject",
    "Schedule",
    "Untag",
)
"""How the names of calls begin that nobody makes on behalf of a stack."""


class TestClock:
    """Time that passes only when somebody sleeps; a sleeper can be held fast."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0
        self.slept: list[float] = []
        self.hold_next_sleeper = False
        self.at_next_sleep: Callable[[], object] | None = None
        self._held = threading.Event()
        self._go_on = threading.Event()

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, sleep=self._sleep)

    @property
    def holds_somebody(self) -> bool:
        return self._held.is_set()

    def let_go(self) -> None:
        self._held.clear()
        self._go_on.set()

    def _sleep(self, seconds: float) -> None:
        if self.hold_next_sleeper:
            self.hold_next_sleeper = False
            self._go_on.clear()
            self._held.set()
            assert self._go_on.wait(60), "nobody let the sleeper go"
        elif self.at_next_sleep is not None:
            act, self.at_next_sleep = self.at_next_sleep, None
            act()
        self.slept.append(seconds)
        self.seconds += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What must not be lost, as it is found in the account."""

    states: Mapping[str, tuple[str, ...]]
    """Key -> its version ids, newest first."""
    key: str
    """Of the bucket's default encryption; its state with it."""
    statements: tuple[str, ...]
    """Sids of the bucket's policy."""
    versioning: str
    table: str
    """The lock table's status; empty if there is none."""
    keys_in_account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the register says."""

    owner: str = ""
    state: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    leased: bool = False


@dataclass(repr=False)
class Setting:
    """The template in the hub, one member account, CloudFormation in front; ``with`` ends it."""

    aws: AwsDouble
    parameters: Mapping[str, str] = field(default_factory=dict)
    account: str = ACCOUNT
    region: str = REGION
    invocations: list[Invocation] = field(default_factory=list)
    bucket: str = BUCKET
    at_first: Backend | None = None
    """The backend as it was when its clients had first written to it."""
    former: Stack | None = None
    """A stack that had the backend before."""

    def __post_init__(self) -> None:
        self.aws.reset()
        if self.account != self.aws.management_account:
            self.aws.add_account(self.account)
        self.time = TestClock()
        self.deployment = Deployment(
            aws=self.aws,
            parameters=self.parameters,
            environment={"RESPONSE_URL_ALLOWED_HOSTS": "127.0.0.1"},
        )
        self.host = ResponseHost()
        self.cloudformation = CloudFormation(self.stacks, self.invoke, self.host)
        self.cloudformation.suspended = lambda: self.time.holds_somebody
        self._calls = len(self.aws.calls)
        self._watched: dict[str, list[str]] = {}

    def __enter__(self) -> Setting:
        self.host.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.time.let_go()
        self.cloudformation.finish()
        self.host.__exit__()
        if error is None:
            self.nobody_misbehaved()

    @property
    def stacks(self) -> Stacks:
        return self.aws.stacks

    def invoke(self, request: dict[str, Any]) -> Invocation:
        """Delivers *request* to the function, once."""
        before = len(self.aws.calls)
        invocation = self.deployment.invoke(
            "CustomResourceFunction", request, clock=self.time.clock
        )
        self.invocations.append(invocation)
        if request["RequestType"] in self._watched:
            written = [it for it in self.aws.writes(before) if it.operation != "PutEvents"]
            self._watched[request["RequestType"]].append("; ".join(map(str, written)))
        if self.at_first is None and self.record().state == "LIVE":
            self._write_states()
            self.at_first = self.backend()
        return invocation

    def hold_the_function(self, at: str = "PutBucketVersioning", nth: int = 1) -> None:
        """The next request is worked on apart, and comes to a stand *at* this call."""
        self.aws.faults.add(Fault(operation=at, nth=nth, kind="throttle"))
        self.time.hold_next_sleeper = True
        self.cloudformation.delivered_apart = True

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """
        Lets invocations overlap in any order.

        Each puts back what it found when it began; in here that is the same for all of them.
        """
        environment = self.deployment.environment_of("CustomResourceFunction")
        module = importlib.import_module("custom_resource")
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(module, "Clock", module.Clock),
            redirect_stdout(sys.stdout),
        ):
            yield

    def lease(self) -> Lease:
        """Another run's lease on the account and Region, until it is given back."""
        lease = Lease(self)
        lease.change("SET lease_holder = :me, lease_expires_at = :until", until=2_000_000_000)
        return lease

    def watch(self, kind: str, writes: list[str]) -> None:
        """From now on *writes* gets what each request of *kind* changes, in one text."""
        self._watched[kind] = writes

    def set_hub(self, **environment: str) -> None:
        """Changes the function's settings, as a new deployment of the hub would."""
        self.deployment.environment = {**self.deployment.environment, **environment}

    def vend(self, **operation: Any) -> Mapping[str, Any]:
        """What the hub reports after it made, or kept, the account's backend of its own accord."""
        event = {"operation": "reconcile", "accountId": self.account, **operation}
        invocation = self.deployment.invoke("AccountVendedFunction", event, clock=self.time.clock)
        assert invocation.error == ""
        [report] = invocation.answer
        return dict(report)

    def nobody_misbehaved(self) -> None:
        """What holds in every scenario."""
        assert self.host.objections == []
        assert [it.error for it in self.invocations if it.error] == []
        calls = [it for it in self.aws.calls[self._calls :] if it.principal in self._ours]
        # A message that was worked on is deleted.
        calls = [it for it in calls if it.service != "sqs"]
        assert [str(it) for it in calls if it.operation.startswith(DESTRUCTIVE)] == []
        assert not any("S1GN4TURE" in it.printed for it in self.invocations)
        assert not any(self.record(region).leased for region in (self.region, "eu-west-1"))

    @property
    def _ours(self) -> set[str]:
        names = ("StateholdProvisioner", "AWSControlTowerExecution")
        roles = {f"arn:aws:iam::{self.account}:role/{name}" for name in names}
        return {*roles, self.aws.hub_role}

    # ---- what there is -----------------------------------------------------------------------

    def client(self, service: str, region: str = "") -> Any:
        """As somebody who may look at everything in the account."""
        return self.aws.client(
            service,
            principal=f"arn:aws:iam::{self.account}:role/Observer",
            region=region or self.region,
            tls=True,
        )

    def _write_states(self) -> None:
        """What a client leaves behind: two versions of one state, one of another."""
        client = self.aws.client(
            "s3",
            principal=f"arn:aws:iam::{self.account}:role/Terraform",
            region=self.region,
            tls=True,
        )
        for key, serial in (("app/terraform.tfstate", 1), ("app/terraform.tfstate", 2), ("x", 1)):
            body = json.dumps({"serial": serial}).encode()
            client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def backend(self, bucket: str = "") -> Backend | None:
        """All of the backend; None where there is no bucket."""
        bucket = bucket or self.bucket
        s3, kms = self.client("s3"), self.client("kms")
        try:
            versions = s3.list_object_versions(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return None
            raise
        states: dict[str, tuple[str, ...]] = {}
        for version in versions.get("Versions", []):
            states[version["Key"]] = (*states.get(version["Key"], ()), version["VersionId"])
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        default = rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        key = default.get("KMSMasterKeyID", default["SSEAlgorithm"])
        state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] if ":" in key[4:] else ""
        return Backend(
            states=states,
            key=f"{key} {state}",
            statements=_statements(s3, bucket),
            versioning=s3.get_bucket_versioning(Bucket=bucket).get("Status", ""),
            table=self._table(f"{bucket}-lock"),
            keys_in_account=len(kms.list_keys()["Keys"]),
        )

    def _table(self, name: str) -> str:
        tables = self.client("dynamodb")
        if name not in tables.list_tables()["TableNames"]:
            return ""
        return str(tables.describe_table(TableName=name)["Table"]["TableStatus"])

    def state_tags(self) -> dict[str, str]:
        """``StateholdState`` of the bucket, its key and its table, where they have it."""
        s3, kms, tables = self.client("s3"), self.client("kms"), self.client("dynamodb")
        bucket = s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"]
        key = kms.describe_key(KeyId="alias/statehold")["KeyMetadata"]["Arn"]
        key_tags = kms.list_resource_tags(KeyId=key)["Tags"]
        found = {
            "bucket": {it["Key"]: it["Value"] for it in bucket},
            "key": {it["TagKey"]: it["TagValue"] for it in key_tags},
        }
        if self._table(f"{self.bucket}-lock"):
            arn = tables.describe_table(TableName=f"{self.bucket}-lock")["Table"]["TableArn"]
            tags = tables.list_tags_of_resource(ResourceArn=arn)["Tags"]
            found["table"] = {it["Key"]: it["Value"] for it in tags}
        return {
            what: tags["StateholdState"] for what, tags in found.items() if "StateholdState" in tags
        }

    def record(self, region: str = "") -> Record:
        """What is on record of the account and *region*."""
        key = {"backend": {"S": f"{self.account}#{region or self.region}"}}
        item = self._register.get_item(TableName=REGISTER, Key=key)
        found = {name: it.get("S", "") for name, it in item.get("Item", {}).items()}
        return Record(
            owner=found.get("owner", ""),
            state=found.get("backend_state", ""),
            given=json.loads(found.get("given", "{}")),
            leased="lease_holder" in found,
        )

    @property
    def _register(self) -> Any:
        return self.aws.client("dynamodb", principal=OBSERVER, tls=True)

    def is_on_record(self, account: str = "", region: str = "") -> bool:
        """Whether the register has as much as an item for it."""
        key = {"backend": {"S": f"{account or self.account}#{region or self.region}"}}
        item = self._register.get_item(TableName=REGISTER, Key=key)
        return "Item" in item

    def calls_by(self, act: Callable[[], object]) -> list[str]:
        """Every call that *act* makes."""
        before = len(self.aws.calls)
        act()
        return [str(it) for it in self.aws.calls[before:] if it.principal != OBSERVER]

    def writes_by(self, act: Callable[[], object]) -> list[str]:
        """What *act* changes anywhere, the announcements aside."""
        before = len(self.aws.calls)
        act()
        calls = self.aws.writes(before)
        return [str(it) for it in calls if it.operation != "PutEvents"]

    def counted(self) -> list[str]:
        """The metrics of the newest invocation."""
        lines = self.invocations[-1].logs
        return [
            metric["Name"]
            for line in lines
            for part in line.get("_aws", {}).get("CloudWatchMetrics", [])
            for metric in part["Metrics"]
        ]


@dataclass(frozen=True, slots=True)
class Lease:
    """Somebody else's."""

    setting: Setting

    def give_back(self) -> None:
        self.change("REMOVE lease_holder, lease_expires_at")

    def change(self, expression: str, until: int = 0) -> None:
        key = {"backend": {"S": f"{self.setting.account}#{self.setting.region}"}}
        values = {":me": {"S": "another-run"}, ":until": {"N": str(until)}}
        options = {"ExpressionAttributeValues": values} if until else {}
        self.setting._register.update_item(
            TableName=REGISTER, Key=key, UpdateExpression=expression, **options
        )


def _statements(s3: Any, bucket: str) -> tuple[str, ...]:
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
            return ()
        raise
    return tuple(it["Sid"] for it in policy["Statement"])


def without_statements(backend: Backend | None, *sids: str) -> Backend | None:
    """*backend* as it is once its policy lacks *sids*."""
    if backend is None:
        return None
    return replace(backend, statements=tuple(it for it in backend.statements if it not in sids))
