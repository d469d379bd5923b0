"""Which role is taken, and that a session is never opened without its policy."""

from __future__ import annotations

import pytest

from state_backend.aws.session import AccountSessions
from state_backend.calls import AwsError
from state_backend.errors import NotReady
from state_backend.policies.session_policy import SessionPolicy
from tests.unit.given import ACCOUNT, REGION, Ticking

ROLES = [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("First", "Second")]
POLICIES = (SessionPolicy(("s3", "s3control"), "{1}"), SessionPolicy(("kms",), "{2}"))
SCP = "not authorized to perform: sts:AssumeRole with an explicit deny in a service control policy"


class Sts:
    def __init__(self, **refuse):
        self.refuse = refuse
        self.calls = []

    def __call__(self, call):
        self.calls.append(dict(call.parameters))
        name = call.parameters["RoleArn"].rpartition("/")[2]
        if name in self.refuse:
            code, message, status = self.refuse[name]
            raise AwsError(call, code, message, status=status)
        keys = {
            "AccessKeyId": "a",
            "SecretAccessKey": "s",
            "SessionToken": call.parameters["Policy"],
        }
        return {"Credentials": keys}


DENIED = ("AccessDenied", "not authorized to perform: sts:AssumeRole", 403)


def opened(sts, roles=ROLES):
    ticking = Ticking()
    sessions = AccountSessions(invoke=sts, clock=ticking.clock, give_up_at=ticking.time + 60)
    return sessions.open(roles, REGION, POLICIES)


def test_the_first_role_is_taken_with_one_session_a_policy():
    sts = Sts()

    session = opened(sts)

    assert session.role_arn == ROLES[0]
    assert sorted(call["Policy"] for call in sts.calls) == ["{1}", "{2}"]
    assert {call["RoleArn"] for call in sts.calls} == {ROLES[0]}
    assert {call["DurationSeconds"] for call in sts.calls} == {900}


def test_each_service_goes_through_its_own_session():
    clients = opened(Sts()).invoke.clients

    tokens = {name: keys["aws_session_token"] for name, keys in clients.credentials.items()}
    assert tokens == {"s3": "{1}", "s3control": "{1}", "kms": "{2}"}


@pytest.mark.parametrize("refusal", [DENIED, ("AccessDenied", SCP, 403)], ids=["not yet", "never"])
def test_a_role_that_cannot_be_assumed_lets_the_next_be_tried(refusal):
    assert opened(Sts(First=refusal)).role_arn == ROLES[1]


def test_where_none_can_be_assumed_the_account_is_not_ready():
    with pytest.raises(NotReady) as error:
        opened(Sts(First=DENIED, Second=DENIED))

    assert all(role in error.value.message for role in ROLES)
    assert "StateholdProvisioner" in error.value.remedy


def test_an_explicit_deny_is_named():
    with pytest.raises(NotReady, match="service control policy"):
        opened(Sts(First=("AccessDenied", SCP, 403), Second=DENIED))


@pytest.mark.parametrize(
    "refusal",
    [("ConnectionError", "", None), ("Throttling", "", 400), ("MalformedPolicyDocument", "", 400)],
)
def test_any_other_failure_is_not_taken_for_a_refusal(refusal):
    with pytest.raises(AwsError):
        opened(Sts(First=refusal))
