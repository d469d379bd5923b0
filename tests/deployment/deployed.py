"""
``Deployment``: the template's stack on the AWS double, and the ways into its functions.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from state_backend.calls import JSON, Clock
from tests.aws_double import AwsDouble
from tests.deployment.event_patterns import fits
from tests.deployment.lambda_runtime import Context, Invocation, run
from tests.deployment.queues import Queues, queue_time
from tests.deployment.template import Template, load

if TYPE_CHECKING:
    from tests.deployment.state_machines import Execution

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
STACK = "statehold"
DEFAULT_BUS = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of an event that was sent, or of messages that were seen again."""

    functions: tuple[str, ...]
    """The logical ids of those that EventBridge and the queues lead to."""
    invocations: tuple[Invocation, ...]
    left: int
    """Messages that are still in the queue, to be seen again."""
    dead: tuple[Mapping[str, Any], ...]
    """Messages in the dead-letter queues, as ReceiveMessage shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mapping:
    """An event source mapping: which function takes the messages of a queue, and how."""

    function: str
    batch_size: int
    partial: bool
    """Whether the function's answer says which messages failed."""


@dataclass
class Deployment:
    """
    The stack of ``template.yaml`` in the management account of *aws*, in its Region.

    Args:
        parameters: Only those that are not to have their default.
        environment: Added to every function's: what only a run on a double needs.
    """

    aws: AwsDouble
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    template: Template = field(init=False)
    _queues: Queues = field(init=False)
    _invocations: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._queues = Queues(self.aws)
        self.template = Template(
            document=load(TEMPLATE),
            parameters=self.parameters,
            pseudo={
                "AWS::AccountId": self.aws.management_account,
                "AWS::Partition": self.aws.world.partition,
                "AWS::Region": self.aws.region,
                "AWS::StackName": STACK,
            },
        )
        partition, account = self.aws.world.partition, self.aws.management_account

        def arn(service: str, resource: str) -> str:
            return f"arn:{partition}:{service}:{self.aws.region}:{account}:{resource}"

        for name, function in self._functions().items():
            called = function["FunctionName"]
            self._made(name, called, arn("lambda", f"function:{called}"))
        queues = self.template.resources("AWS::SQS::Queue")
        # Those for dead letters first: the others refer to them.
        for name in sorted(queues, key=lambda it: "RedrivePolicy" in queues[it]["Properties"]):
            properties = self.template.filled_in(queues[name]["Properties"])
            self._made(name, *self._queues.make(STACK, name, properties))
        for name, bus in self.template.resources("AWS::Events::EventBus").items():
            called = bus["Properties"]["Name"]
            self._made(name, called, arn("events", f"event-bus/{called}"))
        for name, bucket in self.template.resources("AWS::S3::Bucket").items():
            self._make_bucket(name, bucket["Properties"])
        for name, table in self.template.resources("AWS::DynamoDB::Table").items():
            self._make_table(name, table["Properties"])
        self._make_roles()
        for policy in self.template.resources("AWS::S3::BucketPolicy").values():
            self._put_policy(policy["Properties"])

    # ---- ways in -----------------------------------------------------------------------------

    def route(self, event: JSON) -> tuple[str, ...]:
        """The functions that *event* reaches: by rule, its queue, and who takes its messages."""
        mappings = self._mappings()
        return tuple(mappings[queue].function for queue in self._queues_for(event))

    def deliver(
        self, event: JSON, *, clock: Clock | None = None, bus: str = DEFAULT_BUS
    ) -> Delivery:
        """Sends *event*, on *bus*, where EventBridge would; the functions work on the queue."""
        queues = self._queues_for(event, bus)
        with queue_time(clock):
            for queue in queues:
                self._queues.send(queue, event)
            return self._work_on(queues, clock)

    def deliver_again(self, *, clock: Clock | None = None) -> Delivery:
        """Lets the functions work on what can be seen in their queues at the time of *clock*."""
        with queue_time(clock):
            return self._work_on(tuple(self._mappings()), clock)

    def invoke(
        self,
        logical_id: str,
        event: JSON,
        *,
        seconds: float | None = None,
        clock: Clock | None = None,
    ) -> Invocation:
        """
        Runs a function as Lambda would, as the hub's role.

        Args:
            seconds: What it has; the template's Timeout if not given.
            clock: Its time; the real one if not given.
        """
        function = self._functions()[logical_id]
        time = clock or Clock()
        self._invocations += 1
        context = Context(
            function_name=function["FunctionName"],
            memory_limit_in_mb=function["MemorySize"],
            invoked_function_arn=self.template.attributes[logical_id, "Arn"],
            aws_request_id=f"00000000-0000-4000-8000-{self._invocations:012}",
            deadline=time.now() + (function["Timeout"] if seconds is None else seconds),
            clock=time,
        )
        return run(function["Handler"], event, context, self.environment_of(logical_id))

    def execute(
        self,
        logical_id: str,
        asked: JSON,
        *,
        name: str = "by-hand",
        clock: Clock | None = None,
        ending: Callable[[JSON], str] = lambda event: "",
    ) -> Execution:
        """
        Runs a state machine to its end, as its role.

        Args:
            asked: Its input.
            ending: What ends a function that is run with this event, as ``Sandbox.Timedout: …``;
                empty if nothing does.
        """
        # Loaded here alone: it takes as long as all the rest of the double.
        from tests.deployment.state_machines import StateMachine  # noqa: PLC0415

        properties = self.template.resources("AWS::Serverless::StateMachine")[logical_id]
        filled = self.template.filled_in(properties["Properties"])
        arns = {self.template.attributes[it, "Arn"]: it for it in self._functions()}

        def run(function: str, event: JSON) -> Invocation:
            error = ending(event)
            if error:
                return Invocation(error=error)
            return self.invoke(arns[function], event, clock=clock)

        machine = StateMachine(
            aws=self.aws,
            name=filled["Name"],
            definition=filled["Definition"],
            role=filled["Role"],
            run=run,
        )
        return machine.execute(name, asked)

    def environment_of(self, logical_id: str) -> dict[str, str]:
        """The whole environment of a function: the template's, and what leads to the double."""
        variables = self.template.filled_in(self._functions()[logical_id]["Variables"])
        nothing_of_ours = dict.fromkeys(
            ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull
        )
        return {
            **nothing_of_ours,
            **self.aws.environment(tls=True, principal=self._role_of(logical_id)),
            **{name: str(value) for name, value in variables.items()},
            **self.environment,
        }

    # ---- how it is made ----------------------------------------------------------------------

    def _functions(self) -> dict[str, dict[str, Any]]:
        """The functions' properties, with the template's Globals."""
        common = self.template.document["Globals"]["Function"]
        found = {}
        for name, resource in self.template.resources("AWS::Serverless::Function").items():
            own = resource["Properties"]
            variables = own.get("Environment", {}).get("Variables", {})
            merged = common["Environment"]["Variables"] | variables
            found[name] = {**common, **own, "Variables": merged}
        return found

    def _made(self, name: str, reference: str, arn: str) -> None:
        self.template.references[name] = reference
        self.template.attributes[name, "Arn"] = arn

    def _make_table(self, name: str, properties: Mapping[str, Any]) -> None:
        filled = self.template.filled_in(properties)
        recovery = filled.pop("PointInTimeRecoverySpecification")
        encryption = {"Enabled": filled.pop("SSESpecification")["SSEEnabled"]}
        dynamodb = self.aws.client("dynamodb", tls=True)
        made = dynamodb.create_table(**filled, SSESpecification=encryption)
        dynamodb.update_continuous_backups(
            TableName=filled["TableName"], PointInTimeRecoverySpecification=recovery
        )
        self._made(name, filled["TableName"], made["TableDescription"]["TableArn"])

    def _make_bucket(self, name: str, properties: Mapping[str, Any]) -> None:
        suffix = hashlib.sha256(name.encode()).hexdigest()[:12]
        bucket = f"{STACK}-{name.lower()}-{suffix}"
        s3 = self.aws.client("s3", tls=True)
        region = self.aws.region
        # us-east-1 is where a bucket is made if nothing is said; there it must not be said.
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else where))
        s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"]
        )
        self._made(name, bucket, f"arn:{self.aws.world.partition}:s3:::{bucket}")

    def _put_policy(self, properties: Mapping[str, Any]) -> None:
        filled = self.template.filled_in(properties)
        self.aws.client("s3", tls=True).put_bucket_policy(
            Bucket=filled["Bucket"], Policy=json.dumps(filled["PolicyDocument"])
        )

    def _make_roles(self) -> None:
        """The template's roles with its policies: what a function may do here is what it may do."""
        account = f"arn:{self.aws.world.partition}:iam::{self.aws.management_account}"
        managed = {}
        for name, policy in self.template.resources("AWS::IAM::ManagedPolicy").items():
            self._made(name, f"{account}:policy/{name}", f"{account}:policy/{name}")
            managed[f"{account}:policy/{name}"] = policy["Properties"]["PolicyDocument"]
        for name, role in self.template.resources("AWS::IAM::Role").items():
            properties = role["Properties"]
            attached = self.template.filled_in(properties.get("ManagedPolicyArns", []))
            inline = [it["PolicyDocument"] for it in properties.get("Policies", [])]
            documents = [*inline, *(managed[arn] for arn in attached)]
            statements = [it for document in documents for it in document["Statement"]]
            arn = self.aws.add_role(
                self.aws.management_account,
                self.template.filled_in(properties["RoleName"]),
                {"Version": "2012-10-17", "Statement": self.template.filled_in(statements)},
                self.template.filled_in(properties["AssumeRolePolicyDocument"]),
            )
            self._made(name, arn.rpartition("/")[2], arn)

    def _role_of(self, logical_id: str) -> str:
        return str(self.template.filled_in(self._functions()[logical_id]["Role"]))

    # ---- how an event travels ----------------------------------------------------------------

    def _queues_for(self, event: JSON, bus: str = DEFAULT_BUS) -> tuple[str, ...]:
        rules = [it["Properties"] for it in self.template.resources("AWS::Events::Rule").values()]
        return tuple(
            self.template.filled_in(target["Arn"])
            for rule in rules
            if self.template.filled_in(rule.get("EventBusName", DEFAULT_BUS)) == bus
            and fits(self.template.filled_in(rule["EventPattern"]), event)
            for target in rule["Targets"]
            if "Fn::GetAtt" in target["Arn"]  # the topic, for people, is named by its Ref
        )

    def _mappings(self) -> dict[str, _Mapping]:
        """Queue ARN -> who takes its messages."""
        sources = [
            (name, self.template.filled_in(source["Properties"]))
            for name, function in self._functions().items()
            for source in function.get("Events", {}).values()
            if source["Type"] == "SQS"
        ]
        return {
            source["Queue"]: _Mapping(
                function=name,
                batch_size=source.get("BatchSize", 10),
                partial="ReportBatchItemFailures" in source.get("FunctionResponseTypes", []),
            )
            for name, source in sources
        }

    def _work_on(self, queues: tuple[str, ...], clock: Clock | None) -> Delivery:
        mappings = self._mappings()
        invocations: list[Invocation] = []
        for queue in queues:
            while messages := self._queues.receive(queue, mappings[queue].batch_size):
                invocations.append(self._one_batch(queue, mappings[queue], messages, clock))
        return Delivery(
            functions=tuple(mappings[queue].function for queue in queues),
            invocations=tuple(invocations),
            left=sum(self._queues.messages_in(queue) for queue in queues),
            dead=tuple(
                message
                for queue in self._queues.urls
                if queue not in mappings
                for message in self._queues.receive(queue, VisibilityTimeout=0)
            ),
        )

    def _one_batch(
        self,
        queue: str,
        mapping: _Mapping,
        messages: Sequence[Mapping[str, Any]],
        clock: Clock | None,
    ) -> Invocation:
        records = [self._queues.record(queue, message) for message in messages]
        invocation = self.invoke(mapping.function, {"Records": records}, clock=clock)
        failed = _failed(invocation, [it["MessageId"] for it in messages], mapping.partial)
        for message in messages:
            if message["MessageId"] not in failed:
                self._queues.delete(queue, message)
        return invocation


def _failed(invocation: Invocation, messages: list[str], partial: bool) -> list[str]:
    """The ids of the *messages* that are to be seen again."""
    if invocation.error:
        return messages
    if not partial:
        return []
    failures = (invocation.answer or {}).get("batchItemFailures") or []
    failed = [it.get("itemIdentifier") for it in failures]
    return failed if set(failed) <= set(messages) else messages
