"""
The role we act through in an account, cut down by session policies.

Even where that role is an administrator, a session can do only what its policy names: the calls
that a reconcile makes, on the resources of that backend. One session a group of services, since a
session policy may have 2,048 characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from state_backend.aws.invoke import Clients, Invoker
from state_backend.calls import AwsError, Call, Clock, Invoke
from state_backend.errors import AccessDenied, NotPermittedYet, NotReady, explain
from state_backend.policies.session_policy import SessionPolicy

SESSION_NAME = "statehold"
"""By the role and this name CloudTrail tells our own changes."""

_SECONDS = 900
"""The shortest that STS gives, and longer than a function may run."""


def session_arn(role_arn: str) -> str:
    """What CloudTrail calls our sessions of the role *role_arn*."""
    role = role_arn.replace(":iam:", ":sts:", 1).replace(":role/", ":assumed-role/", 1)
    return f"{role}/{SESSION_NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A role that was assumed."""

    role_arn: str
    invoke: Invoke


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSessions:
    """Assumes roles in the organization's accounts."""

    invoke: Invoke
    """The function's own identity, for STS."""
    clock: Clock
    give_up_at: float

    def open(
        self, role_arns: Sequence[str], region: str, policies: Sequence[SessionPolicy]
    ) -> Session:
        """
        A session of the first of *role_arns* that can be assumed.

        Raises:
            NotReady: None of them can be.
            AwsError: STS did not answer.
        """
        refused: AwsError | None = None
        for role_arn in role_arns:
            try:
                return Session(role_arn=role_arn, invoke=self._open(role_arn, region, policies))
            except AwsError as error:
                if not isinstance(explain(error), AccessDenied | NotReady):
                    raise
                refused = refused or error
        meaning = explain(refused) if refused else None
        kind = NotPermittedYet if isinstance(meaning, AccessDenied | NotPermittedYet) else NotReady
        raise kind(
            f"None of the roles {', '.join(role_arns)} can be assumed"
            + (f" ({refused.code}: {refused.message})" if refused else ""),
            "A new account's role can take minutes to appear; if it never does, deploy "
            "StateholdProvisioner there",
        ) from refused

    def _open(self, role_arn: str, region: str, policies: Sequence[SessionPolicy]) -> Invoke:
        with ThreadPoolExecutor(len(policies)) as pool:
            sessions = list(pool.map(lambda policy: self._assume(role_arn, policy), policies))
        credentials: dict[str, Mapping[str, str]] = {}
        for policy, session in zip(policies, sessions, strict=True):
            credentials |= dict.fromkeys(policy.services, session)
        return Invoker(
            clients=Clients(region=region, credentials=credentials),
            clock=self.clock,
            give_up_at=self.give_up_at,
        )

    def _assume(self, role_arn: str, policy: SessionPolicy) -> Mapping[str, str]:
        parameters = {
            "RoleArn": role_arn,
            "RoleSessionName": SESSION_NAME,
            "DurationSeconds": _SECONDS,
            "Policy": policy.text,
        }
        answer = self.invoke(Call("sts", "assume_role", parameters))["Credentials"]
        return {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }
