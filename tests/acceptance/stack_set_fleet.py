"""A stack set beside the hub, and an account that moves between the units below its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.cloudformation_backend import ACCOUNT, HUB, REGION, Setting
from tests.acceptance.organization import about_account
from tests.acceptance.stack_sets import Organization, ServiceManaged
from tests.aws_double.testing import deny
from tests.contract.templates import BACKEND
from tests.deployment import Delivery

LATE = "444444444444"
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


def with_policy(fleet: Fleet, policy: str) -> ServiceManaged:
    """The stack set of a template that is the same but for its DeletionPolicy."""
    path = fleet.folder / "state-backend.yaml"
    path.write_text(BACKEND.read_text().replace("Policy: Retain", f"Policy: {policy}"))
    return fleet.a_set(path=path)


def without_the_function(fleet: Fleet, act: Callable[[], object]) -> None:
    """While *act* is done, nobody hears what CloudFormation asks."""
    cloudformation = fleet.it.cloudformation
    function, cloudformation.function = cloudformation.function, lambda request: None
    act()
    cloudformation.function = function


def vended() -> dict[str, Any]:
    return about_account(VENDED, ACCOUNT)


def said_of_it(fleet: Fleet) -> str:
    """The status that an event about the account ends in."""
    delivery = fleet.it.deployment.deliver(vended(), clock=fleet.it.time.clock)
    return last_status(delivery)


def last_status(delivery: Delivery) -> str:
    lines = [line for it in delivery.invocations for line in it.logs]
    about_it = [line["message"] for line in lines if line.get("account_id") == ACCOUNT]
    return str(about_it[-1]).rpartition(" ")[2]
