"""
Stack sets across the organization: accounts that come, move and go, instances that fail, and the
hub beside them.

``ROWS`` is the table of ``docs/stacksets.md``. A situation ends with the instance and the owner
that the page names, with the backend as whole as its clients left it, and with the way out that
the page gives leading out.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jmespath
import pytest

from tests.acceptance.cloudformation_backend import ACCOUNT, HUB, REGION, Setting
from tests.acceptance.organization import about_account
from tests.acceptance.stack_sets import (
    CURRENT,
    GONE,
    INOPERABLE,
    OUTDATED,
    SKIPPED,
    Organization,
    ServiceManaged,
)
from tests.aws_double import AwsDouble, Fault
from tests.aws_double.testing import deny, refused
from tests.contract.commands import Command, commands_in, parameters_of
from tests.contract.templates import BACKEND, ROOT
from tests.contract.test_docs import cells, fences
from tests.deployment import Delivery

LATE = "444444444444"
SCP = ROOT / "stacksets/scp-protect-statehold.json"
SECOND_REGION = "eu-west-1"
HUBS, THE_STACK, A_RETAINED_STACK, AN_ENDED_STACK = (
    "the hub",
    "the stack",
    "the retained stack",
    "a stack that has ended",
)
NO_RECORD = "nobody"
VENDED = "controltower.CreateManagedAccount.succeeded"


@dataclass(repr=False)
class Fleet:
    """The hub, two units below *workloads* with an account in one, and a stack set beside them."""

    it: Setting
    folder: Path
    organization: Organization = field(init=False)
    set: ServiceManaged = field(init=False)

    def __post_init__(self) -> None:
        self.organization = Organization(self.it.aws)
        self.organization.add_unit("workloads")
        self.organization.add_unit("production", "workloads")
        self.organization.add_unit("sandbox", "workloads")
        self.organization.add_unit("elsewhere")
        self.organization.move(ACCOUNT, "production")
        self.it.cloudformation.function = self._invoke
        self.set = self.a_set()

    def a_set(self, *targets: str, path: Any = BACKEND, **parameters: str) -> ServiceManaged:
        return ServiceManaged(
            organization=self.organization,
            cloudformation=self.it.cloudformation,
            name="statehold-state-backend",
            path=path,
            parameters={"HubAccountId": HUB, **parameters},
            targets=targets or ("workloads",),
        )

    def move(self, unit: str) -> None:
        self.organization.move(ACCOUNT, unit)
        self.set.auto_deploy()

    def refuse(self, *actions: str) -> None:
        """A service control policy on the account."""
        policy = {"Version": "2012-10-17", "Statement": [deny(list(actions))]}
        self.it.aws.service_control_policies[ACCOUNT] = [policy]

    def owner(self) -> str:
        """Whose the backend is on record, in the page's words."""
        owner = self.it.record().owner
        if owner in {"", "hub"}:
            return HUBS if owner else NO_RECORD
        if owner in {it.stack_id for it in self.set.retained}:
            return A_RETAINED_STACK
        ended = self.it.stacks.by_id[owner].status == "DELETE_COMPLETE"
        return AN_ENDED_STACK if ended else THE_STACK

    def _invoke(self, request: dict[str, Any]) -> object:
        """The function in the Region of the request's stack."""
        region = request["StackId"].split(":")[3]
        assert request["ResourceProperties"]["ServiceToken"] == (
            f"arn:aws:lambda:{region}:{HUB}:function:StateholdCustomResource"
        )
        before = self.it.deployment.environment
        self.it.set_hub(AWS_REGION=region, AWS_DEFAULT_REGION=region, HOME_REGION=REGION)
        try:
            return self.it.invoke(request)
        finally:
            self.it.deployment.environment = before


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble(region=REGION) as aws:
        yield aws


@pytest.fixture
def fleet(aws: AwsDouble, tmp_path: Path) -> Iterator[Fleet]:
    with Setting(aws) as it:
        yield Fleet(it, tmp_path)


# ---- the situations ------------------------------------------------------------------------------


def comes(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.aws.add_account(LATE, parent=fleet.organization.units["sandbox"])
    fleet.set.auto_deploy()
    assert fleet.set.status(LATE) == CURRENT
    assert fleet.it.is_on_record(LATE)


def comes_after_the_hub(fleet: Fleet) -> None:
    assert fleet.it.vend()["status"] == "READY"
    fleet.set.create_instances()


def moves_below_the_target(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.move("sandbox")
    assert len(fleet.it.cloudformation.sent) == 1


def moves_between_targets(fleet: Fleet) -> None:
    fleet.set = fleet.a_set("production", "sandbox")
    fleet.set.create_instances()
    fleet.move("sandbox")


def a_reader_moves_between_targets(fleet: Fleet) -> None:
    assert fleet.it.vend()["status"] == "READY"
    moves_between_targets(fleet)


def moves_out(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.move("elsewhere")


def comes_back(fleet: Fleet) -> None:
    moves_out(fleet)
    fleet.move("production")


def leaves_the_organization(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.organization.remove(ACCOUNT)
    fleet.set.auto_deploy()
    assert _said_of_it(fleet) == "IGNORED"


def is_suspended(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.aws.set_account_state(ACCOUNT, "SUSPENDED")
    fleet.set.update(NoncurrentVersionDays="730")
    assert len(fleet.it.cloudformation.sent) == 1
    assert _said_of_it(fleet) == "IGNORED"
    fleet.it.aws.set_account_state(ACCOUNT, "ACTIVE")  # so that it can be looked into
    assert fleet.it.backend() == fleet.it.at_first
    fleet.it.aws.set_account_state(ACCOUNT, "SUSPENDED")


def cannot_be_created(fleet: Fleet) -> None:
    fleet.refuse("s3:PutBucketPolicy")
    fleet.set.create_instances()


def cannot_call_the_function(fleet: Fleet) -> None:
    _without_the_function(fleet, fleet.set.create_instances)


def is_created_but_the_answer_is_lost(fleet: Fleet) -> None:
    fleet.it.host.deaf_to = "Create"
    fleet.set.create_instances()
    fleet.it.host.deaf_to = ""


def is_updated(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.update(NoncurrentVersionDays="730")
    assert fleet.it.record().given["NoncurrentVersionDays"] == "730"


def cannot_be_updated(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.refuse("s3:PutLifecycleConfiguration")
    fleet.set.update(NoncurrentVersionDays="730")


def instances_are_deleted(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)
    assert [it.request["RequestType"] for it in fleet.it.cloudformation.sent] == ["Create"]


def instances_are_deleted_and_stacks_retained(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=True)


def instances_of_a_template_that_does_not_retain_are_deleted(fleet: Fleet) -> None:
    fleet.set = _with_policy(fleet, "Delete")
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)


def the_hub_gets_new_defaults(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.set_hub(NONCURRENT_VERSION_DAYS="30", LOCK_MODE="dynamodb")
    assert fleet.it.vend()["status"] == "READY"


def the_hub_is_removed(fleet: Fleet) -> None:
    fleet.set.create_instances()
    _without_the_function(fleet, fleet.set.auto_deploy)


def is_updated_without_the_hub(fleet: Fleet) -> None:
    fleet.set.create_instances()
    _without_the_function(fleet, lambda: fleet.set.update(NoncurrentVersionDays="730"))
    assert fleet.set.stack(ACCOUNT).status == "UPDATE_ROLLBACK_FAILED"


def the_hub_is_removed_and_the_instances_too(fleet: Fleet) -> None:
    fleet.set.create_instances()
    _without_the_function(fleet, lambda: fleet.set.delete_instances(ACCOUNT, retain_stacks=False))


# ---- the ways out --------------------------------------------------------------------------------


def nothing(fleet: Fleet) -> None:
    """There is nothing to clear."""


def create_again(fleet: Fleet) -> None:
    fleet.it.aws.service_control_policies.clear()
    fleet.set.create_instances()
    assert fleet.set.status(ACCOUNT) == CURRENT


def update_again(fleet: Fleet) -> None:
    fleet.it.aws.service_control_policies.clear()
    fleet.set.update()
    assert fleet.set.status(ACCOUNT) == CURRENT


def delete_the_retained_stack_and_create_again(fleet: Fleet) -> None:
    for stack in fleet.set.retained:
        fleet.it.cloudformation.delete_stack(stack)
        assert stack.status == "DELETE_COMPLETE"
    create_again(fleet)


def delete_the_instances_and_create_again(fleet: Fleet) -> None:
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)
    assert fleet.set.status(ACCOUNT) == GONE
    create_again(fleet)


def retain_the_stack_and_the_resource(fleet: Fleet) -> None:
    stack = fleet.set.stack(ACCOUNT)
    fleet.set.delete_instances(ACCOUNT, retain_stacks=True)
    assert fleet.set.status(ACCOUNT) == GONE
    fleet.it.cloudformation.delete_stack(stack, retain=["StateBackend"])
    assert stack.status == "DELETE_COMPLETE"
    fleet.set = fleet.a_set()
    create_again(fleet)


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """A situation, how it must end, and the way out of it."""

    play: Callable[[Fleet], None]
    instance: str
    owner: str
    way_out: Callable[[Fleet], None] = nothing
    whole: bool = True
    """Whether there was a whole backend, which then must still be whole."""


ROWS = {
    "an account is created in the target, or moves into it": Row(
        play=comes, instance=CURRENT, owner=THE_STACK
    ),
    "the same, after the hub made its backend": Row(
        play=comes_after_the_hub, instance=CURRENT, owner=HUBS
    ),
    "it moves between units below one target": Row(
        play=moves_below_the_target, instance=CURRENT, owner=THE_STACK
    ),
    "it moves from one target to another": Row(
        play=moves_between_targets,
        instance=OUTDATED,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "the same, where the hub made its backend": Row(
        play=a_reader_moves_between_targets, instance=CURRENT, owner=HUBS
    ),
    "it moves out of every target": Row(play=moves_out, instance=GONE, owner=A_RETAINED_STACK),
    "it comes back": Row(
        play=comes_back,
        instance=OUTDATED,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "it leaves the organization": Row(
        play=leaves_the_organization, instance=GONE, owner=A_RETAINED_STACK
    ),
    "it is suspended or closed": Row(
        play=is_suspended, instance=SKIPPED, owner=THE_STACK, whole=False
    ),
    "its backend cannot be made": Row(
        play=cannot_be_created,
        instance=OUTDATED,
        owner=AN_ENDED_STACK,
        way_out=create_again,
        whole=False,
    ),
    "the function cannot be called": Row(
        play=cannot_call_the_function,
        instance=OUTDATED,
        owner=NO_RECORD,
        way_out=create_again,
        whole=False,
    ),
    "the answer gets lost": Row(
        play=is_created_but_the_answer_is_lost,
        instance=OUTDATED,
        owner=AN_ENDED_STACK,
        way_out=create_again,
    ),
    "a parameter is changed": Row(play=is_updated, instance=CURRENT, owner=THE_STACK),
    "a change is refused or fails": Row(
        play=cannot_be_updated, instance=OUTDATED, owner=THE_STACK, way_out=update_again
    ),
    "instances are deleted": Row(
        play=instances_are_deleted, instance=GONE, owner=AN_ENDED_STACK, way_out=create_again
    ),
    "instances are deleted with `--retain-stacks`": Row(
        play=instances_are_deleted_and_stacks_retained,
        instance=GONE,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "instances of a template without `DeletionPolicy` are deleted": Row(
        play=instances_of_a_template_that_does_not_retain_are_deleted,
        instance=INOPERABLE,
        owner=THE_STACK,
        way_out=retain_the_stack_and_the_resource,
    ),
    "the hub gets other defaults, or a newer version": Row(
        play=the_hub_gets_new_defaults, instance=CURRENT, owner=THE_STACK
    ),
    "the hub is removed": Row(play=the_hub_is_removed, instance=CURRENT, owner=THE_STACK),
    "the hub is removed, then a parameter is changed": Row(
        play=is_updated_without_the_hub,
        instance=OUTDATED,
        owner=THE_STACK,
        way_out=delete_the_instances_and_create_again,
    ),
    "the hub is removed, then the instances": Row(
        play=the_hub_is_removed_and_the_instances_too,
        instance=GONE,
        owner=AN_ENDED_STACK,
        way_out=create_again,
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_it_ends_as_the_page_says_and_the_way_out_leads_out(fleet: Fleet, row: Row) -> None:
    row.play(fleet)

    assert fleet.set.status(ACCOUNT) == row.instance
    assert fleet.owner() == row.owner
    before = fleet.it.at_first
    if row.whole:
        assert fleet.it.backend() == before

    row.way_out(fleet)

    if row.way_out is not nothing:
        assert fleet.owner() == THE_STACK
        after = fleet.it.backend()
        assert after is not None
        assert after.keys_in_account == 1
        if row.whole:
            assert after == before


def test_the_page_has_these_rows_in_this_order() -> None:
    text = (ROOT / "docs/stacksets.md").read_text()
    table = text.partition("\n## When accounts come, move and go\n")[2].partition("\n## ")[0]
    found = [cells(line) for line in table.splitlines() if line.startswith("| ")][2:]

    shown = {row[0]: (row[1].strip("`"), row[2]) for row in found}

    assert shown == {name: (row.instance or "gone", row.owner) for name, row in ROWS.items()}
    assert list(shown) == list(ROWS)


# ---- the same account by both ways ---------------------------------------------------------------


def test_an_event_after_the_stack_finds_its_backend_and_keeps_it(fleet: Fleet) -> None:
    fleet.set.create_instances()

    assert _said_of_it(fleet) == "READY"

    assert fleet.it.backend() == fleet.it.at_first
    assert fleet.owner() == THE_STACK
    assert _keys(fleet) == 1


CALLS = ("CreateKey", "PutBucketVersioning", "PutParameter")


@pytest.mark.parametrize("at", CALLS)
def test_an_event_that_comes_while_the_stack_is_worked_on_waits_and_finds_its_backend(
    fleet: Fleet, at: str
) -> None:
    left: list[int] = []

    def meanwhile(request: dict[str, Any]) -> None:
        left.append(it.deployment.deliver(_vended(), clock=it.time.clock).left)
        it.time.let_go()
        it.cloudformation.finish()

    it = fleet.it
    it.cloudformation.meanwhile = meanwhile
    it.hold_the_function(at)
    with it.side_by_side():
        fleet.set.create_instances()
    it.time.seconds += 61

    again = it.deployment.deliver_again(clock=it.time.clock)

    assert left == [1]
    assert (again.left, again.dead) == (0, ())
    assert _last_status(again) == "READY"
    assert (fleet.set.status(ACCOUNT), fleet.owner(), _keys(fleet)) == (CURRENT, THE_STACK, 1)


@pytest.mark.parametrize("at", CALLS)
def test_a_stack_that_comes_while_the_event_is_worked_on_waits_and_reads_the_hubs_backend(
    fleet: Fleet, at: str
) -> None:
    it = fleet.it
    with it.side_by_side():
        event = _held_at(fleet, at)
        it.time.at_next_sleep = lambda: _goes_on(fleet, event)
        fleet.set.create_instances()

    assert (fleet.set.status(ACCOUNT), fleet.owner(), _keys(fleet)) == (CURRENT, HUBS, 1)


def test_a_stack_that_asks_for_something_else_than_the_hub_made_is_refused_and_touches_nothing(
    fleet: Fleet,
) -> None:
    fleet.it.vend()
    made = fleet.it.backend()
    fleet.set = fleet.a_set(LockMode="dynamodb")

    fleet.set.create_instances()

    assert fleet.set.status(ACCOUNT) == OUTDATED
    assert "which belongs to the hub" in fleet.set.stack(ACCOUNT).reasons[0]
    assert made is not None
    assert fleet.it.at_first == fleet.it.backend()
    assert replace(made, states=fleet.it.at_first.states) == fleet.it.at_first


def test_a_second_region_has_a_backend_and_a_key_of_its_own(fleet: Fleet) -> None:
    fleet.set.regions = (REGION, SECOND_REGION)
    fleet.set.__post_init__()

    fleet.set.create_instances()

    assert fleet.set.status(ACCOUNT) == fleet.set.status(ACCOUNT, SECOND_REGION) == CURRENT
    there = fleet.it.record(SECOND_REGION)
    assert there.owner == fleet.set.stack(ACCOUNT, SECOND_REGION).stack_id
    assert fleet.it.record().owner == fleet.set.stack(ACCOUNT).stack_id
    keys = {
        region: fleet.it.client("kms", region).list_keys()["Keys"]
        for region in (REGION, SECOND_REGION)
    }
    assert {region: len(it) for region, it in keys.items()} == {REGION: 1, SECOND_REGION: 1}


@pytest.mark.parametrize(
    ("policy", "stuck"), [("RetainExceptOnCreate", INOPERABLE), ("Retain", OUTDATED)]
)
def test_only_retain_lets_a_creation_end_whose_function_never_answers(
    fleet: Fleet, policy: str, stuck: str
) -> None:
    fleet.set = _with_policy(fleet, policy)

    cannot_call_the_function(fleet)

    assert fleet.set.status(ACCOUNT) == stuck


# ---- the service control policy ------------------------------------------------------------------


def test_under_the_service_control_policy_everything_goes_on(fleet: Fleet) -> None:
    it = fleet.it
    it.aws.service_control_policies[ACCOUNT] = [json.loads(SCP.read_text())]

    fleet.set.create_instances()  # whereupon a client writes its states
    it.deployment.deliver(_vended(), clock=it.time.clock)
    fleet.set.update(NoncurrentVersionDays="730")

    assert (fleet.set.status(ACCOUNT), fleet.owner()) == (CURRENT, THE_STACK)
    assert it.backend() == it.at_first


def test_under_the_service_control_policy_not_even_root_takes_the_backend_apart(
    fleet: Fleet,
) -> None:
    fleet.set.create_instances()
    fleet.it.aws.service_control_policies[ACCOUNT] = [json.loads(SCP.read_text())]
    backend = fleet.it.backend()
    assert backend is not None
    key = backend.key.split()[0]

    for who in ("root", "role/Administrator"):
        s3, kms = (_client_of(fleet, who, service) for service in ("s3", "kms"))
        with refused("AccessDenied", "service control policy"):
            s3.delete_bucket_policy(Bucket=fleet.it.bucket)
        with refused("AccessDeniedException"):
            kms.schedule_key_deletion(KeyId=key)
        with refused("AccessDeniedException"):
            kms.delete_alias(AliasName="alias/statehold")

    assert fleet.it.backend() == fleet.it.at_first


# ---- the commands of the page --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..SQS..QueuePolicy")
def test_the_pages_commands_put_role_and_rule_into_every_account_below_the_target(
    aws: AwsDouble,
) -> None:
    aws.reset()
    organization = Organization(aws)
    unit = organization.add_unit("workloads")
    for account in (ACCOUNT, LATE):
        aws.add_account(account, parent=unit)
    text = (ROOT / "docs/stacksets.md").read_text().replace("r-a1b2 ", f"{unit} ")
    section = text.partition("\n## Create them\n")[2].partition("\n## ")[0]

    _run(aws, [it for _, script in fences(section) for it in commands_in(script)])

    for account in (ACCOUNT, LATE):
        [role] = [it for it in _roles(aws, account) if it["RoleName"] == "StateholdProvisioner"]
        trusted = json.dumps(role["AssumeRolePolicyDocument"])
        assert f"arn:aws:iam::{HUB}:role/StateholdAccountVended" in trusted
        for region in (REGION, SECOND_REGION):
            rules = _observer(aws, account, "events", region).list_rules()["Rules"]
            assert [it["State"] for it in rules] == ["ENABLED"]


def _run(aws: AwsDouble, commands: list[Command]) -> None:
    """The commands, as the management account's administrator; but for what moto cannot do."""
    client = aws.client("cloudformation")
    variables: dict[str, str] = {}
    for command in commands:
        parameters = json.dumps(parameters_of(command, ROOT))
        for name, value in variables.items():
            parameters = parameters.replace(f"${name}", value)
        given = json.loads(parameters)
        if (command.operation, given["StackSetName"]) == MADE_BY_A_LAMBDA:
            continue
        answer = getattr(client, command.operation.replace("-", "_"))(**given)
        if command.assigned_to:
            [query] = command.options["query"]
            variables[command.assigned_to] = jmespath.search(query, answer)


MADE_BY_A_LAMBDA = ("create-stack-instances", "statehold-state-backend")
"""moto would look for Docker. The driver above plays it."""


def _roles(aws: AwsDouble, account: str) -> list[Any]:
    return list(_observer(aws, account, "iam", REGION).list_roles()["Roles"])


def _observer(aws: AwsDouble, account: str, service: str, region: str) -> Any:
    principal = f"arn:aws:iam::{account}:role/Observer"
    return aws.client(service, principal=principal, region=region)


# ---- plumbing ------------------------------------------------------------------------------------


def _client_of(fleet: Fleet, who: str, service: str) -> Any:
    principal = f"arn:aws:iam::{ACCOUNT}:{who}"
    return fleet.it.aws.client(service, principal=principal, region=REGION, tls=True)


def _with_policy(fleet: Fleet, policy: str) -> ServiceManaged:
    """The stack set of a template that is the same but for its DeletionPolicy."""
    path = fleet.folder / "state-backend.yaml"
    path.write_text(BACKEND.read_text().replace("Policy: Retain", f"Policy: {policy}"))
    return fleet.a_set(path=path)


def _without_the_function(fleet: Fleet, act: Callable[[], object]) -> None:
    """While *act* is done, nobody hears what CloudFormation asks."""
    cloudformation = fleet.it.cloudformation
    function, cloudformation.function = cloudformation.function, lambda request: None
    act()
    cloudformation.function = function


def _vended() -> dict[str, Any]:
    return about_account(VENDED, ACCOUNT)


def _said_of_it(fleet: Fleet) -> str:
    """The status that an event about the account ends in."""
    delivery = fleet.it.deployment.deliver(_vended(), clock=fleet.it.time.clock)
    return _last_status(delivery)


def _last_status(delivery: Delivery) -> str:
    lines = [line for it in delivery.invocations for line in it.logs]
    about_it = [line["message"] for line in lines if line.get("account_id") == ACCOUNT]
    return str(about_it[-1]).rpartition(" ")[2]


def _held_at(fleet: Fleet, at: str) -> threading.Thread:
    """The event, worked on apart, which has come to a stand at the call *at*."""
    it = fleet.it
    it.aws.faults.add(Fault(operation=at, kind="throttle"))
    it.time.hold_next_sleeper = True
    thread = threading.Thread(
        target=it.deployment.deliver, args=(_vended(),), kwargs={"clock": it.time.clock}
    )
    thread.start()
    while thread.is_alive() and not it.time.holds_somebody:
        thread.join(0.005)
    assert it.time.holds_somebody
    return thread


def _goes_on(fleet: Fleet, event: threading.Thread) -> None:
    fleet.it.time.let_go()
    event.join()


def _keys(fleet: Fleet) -> int:
    return len(fleet.it.client("kms").list_keys()["Keys"])
