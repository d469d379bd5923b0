"""What a stack hears where something cannot be looked at."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from state_backend.calls import AwsError, Call
from state_backend.deletion import FAILED_ID_PREFIX
from state_backend.errors import NotReady
from state_backend.hub import Hub
from state_backend.policies.session_policy import stack_policy
from state_backend.stack_evidence import _session
from state_backend.stack_requests import delete
from tests.unit.given import ACCOUNT, REGION, STACK
from tests.unit.hub import hub

LOOK = Call("cloudformation", "describe_stack_events", {"StackName": STACK})


def test_what_a_failed_create_left_is_deleted_though_the_register_is_out_of_reach():
    class Unreachable:
        def read(self, account, region):
            raise NotReady("The register could not be reached", "It is tried again")

    made = replace(hub(None)[0], register=Unreachable())
    request = {
        "RequestType": "Delete",
        "StackId": STACK,
        "LogicalResourceId": "StateBackend",
        "PhysicalResourceId": f"{FAILED_ID_PREFIX}0a1b",
        "RequestId": "r",
        "ResourceProperties": {},
    }

    assert delete(request, made).failed == ""

    with pytest.raises(NotReady):
        delete({**request, "PhysicalResourceId": "acme-state"}, made)


class Roles:
    """Each can be assumed; those in *stopped* are refused whatever they ask for."""

    def __init__(self, stopped, message):
        self.stopped = stopped
        self.message = message
        self.asked = []

    def open(self, role_arns, region, policies):
        if not role_arns:
            raise NotReady("no role", "x")
        arn = role_arns[0]

        def invoke(call):
            self.asked.append(arn.rpartition("/")[2])
            if self.asked[-1] in self.stopped:
                raise AwsError(call, "AccessDenied", self.message, status=403)
            return {"StackEvents": []}

        return SimpleNamespace(role_arn=arn, invoke=invoke)


SCP = "with an explicit deny in a service control policy"


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        (SCP, ["StateholdProvisioner", "AWSControlTowerExecution"]),
        ("because no policy allows it", ["StateholdProvisioner"]),
    ],
)
def test_a_stack_is_looked_at_through_the_next_role_where_a_policy_stops_the_first(
    monkeypatch, message, asked
):
    roles = Roles({"StateholdProvisioner"}, message)
    monkeypatch.setattr(Hub, "sessions", property(lambda self: roles))
    look = _session(ACCOUNT, REGION, stack_policy(STACK), hub(None)[0])

    if len(asked) == 1:
        with pytest.raises(AwsError):
            look(LOOK)
    else:
        assert look(LOOK) == {"StackEvents": []}

    assert roles.asked == asked


def test_where_all_are_stopped_it_is_said_so(monkeypatch):
    roles = Roles(
        {"StateholdProvisioner", "AWSControlTowerExecution", "OrganizationAccountAccessRole"}, SCP
    )
    monkeypatch.setattr(Hub, "sessions", property(lambda self: roles))
    look = _session(ACCOUNT, REGION, stack_policy(STACK), hub(None)[0])

    with pytest.raises(AwsError, match="explicit deny"):
        look(LOOK)

    assert len(roles.asked) == 3
