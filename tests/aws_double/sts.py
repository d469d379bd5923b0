"""
STS: a role is assumed only where it exists and its policy allows, and a session's policy binds.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.aws_double.authorization import Demand, verdict_on
from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import NotModelled, Refusal
from tests.aws_double.evaluator import Document
from tests.aws_double.identity import (
    ADMINISTRATOR,
    Role,
    acting_as,
    stable_id,
    with_session_policies,
)

if TYPE_CHECKING:
    from tests.aws_double.world import World

LONGEST_POLICY = 2048
MANAGED_POLICIES: dict[str, Document] = {"AdministratorAccess": ADMINISTRATOR}
"""AWS's own policies that a session may be given by name."""


@rule("sts", "GetCallerIdentity")
def get_caller_identity(call: Call, world: World, proceed: Proceed) -> Answer:
    principal = call.principal
    if principal.is_anonymous:
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return {
        "UserId": principal.user_id,
        "Account": principal.account,
        "Arn": principal.session_arn,
    }


@rule("sts", "AssumeRole")
def assume_role(call: Call, world: World, proceed: Proceed) -> Answer:
    parameters = call.parameters
    name = parameters.get("RoleSessionName") or ""
    _check_pattern("roleSessionName", name, r"[\w+=,.@-]{2,64}")
    if parameters.get("Tags") or parameters.get("SourceIdentity"):
        raise NotModelled("session tags and source identities")
    policies, size = _session_policies(call)
    duration = int(parameters.get("DurationSeconds") or 3600)
    _check_duration(call, duration)
    role = _assumable(call, world, parameters["RoleArn"])
    session = acting_as(role.arn, policies=role.policies, session=name)
    if policies:
        session = with_session_policies(session, policies)
    keys = world.identities.issue(session)
    return {
        "Credentials": {
            "AccessKeyId": keys["aws_access_key_id"],
            "SecretAccessKey": keys["aws_secret_access_key"],
            "SessionToken": keys["aws_session_token"],
            "Expiration": datetime.now(UTC) + timedelta(seconds=duration),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"{stable_id('AROA', role.arn)}:{name}",
            "Arn": session.session_arn,
        },
        "PackedPolicySize": size,
    }


def _assumable(call: Call, world: World, arn: str) -> Role:
    """
    The role, if it is there and both its policy and the caller's allow.

    Raises:
        Refusal: In the same words in each case: AWS does not tell which.
    """
    role = world.identities.roles.get(arn)
    refusal = Refusal(
        "AccessDenied",
        f"User: {call.principal.name} is not authorized to perform: sts:AssumeRole on "
        f"resource: {arn}",
        403,
    )
    if role is None or not world.is_active(arn.split(":")[4]):
        raise refusal
    context: dict[str, Any] = {"sts:rolesessionname": [call.parameters["RoleSessionName"]]}
    if call.parameters.get("ExternalId"):
        context["sts:externalid"] = [call.parameters["ExternalId"]]
    wanted = Demand(
        action="sts:AssumeRole",
        resource=arn,
        account=arn.split(":")[4],
        policies=(role.trust,),
        must_be_granted_by_resource=True,
        context=context,
    )
    verdict = verdict_on(call, world, wanted)
    if verdict.allowed:
        return role
    if "explicit deny" in (verdict.reason or ""):
        raise Refusal("AccessDenied", f"{refusal.message} {verdict.reason}", 403)
    raise refusal


def _session_policies(call: Call) -> tuple[tuple[Document, ...], int]:
    """The policies that limit the session, and how full they make it, in percent."""
    text = call.parameters.get("Policy")
    arns = [entry["arn"] for entry in call.parameters.get("PolicyArns") or []]
    if len(arns) > 10:
        raise _invalid("policyArns", "Member must have length less than or equal to 10")
    policies = [_managed(arn) for arn in arns]
    if text is not None:
        if len(text) > LONGEST_POLICY:
            raise _invalid(
                "policy", f"Member must have length less than or equal to {LONGEST_POLICY}"
            )
        policies.append(_document(text))
    return tuple(policies), -(-100 * len(text or "") // LONGEST_POLICY)


def _managed(arn: str) -> Document:
    name = arn.rpartition("/")[2]
    if name not in MANAGED_POLICIES:
        raise NotModelled(f"managed policy {arn}")
    return MANAGED_POLICIES[name]


def _document(text: str) -> Document:
    try:
        document = json.loads(text)
        statements = document["Statement"]
    except (ValueError, TypeError, KeyError) as error:
        raise Refusal(
            "MalformedPolicyDocument", "This policy contains invalid Json", 400
        ) from error
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise Refusal(
                "MalformedPolicyDocument", "The policy is not in the valid JSON format.", 400
            )
        if "Resource" not in statement and "NotResource" not in statement:
            raise Refusal(
                "MalformedPolicyDocument", "Policy statement must contain resources.", 400
            )
    return dict(document)


def _check_duration(call: Call, duration: int) -> None:
    if not 900 <= duration <= 43200:
        raise _invalid("durationSeconds", "Member must have value between 900 and 43200")
    chained = ":assumed-role/" in call.principal.session_arn
    if chained and duration > 3600:
        raise Refusal(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
            400,
        )


def _check_pattern(name: str, value: str, pattern: str) -> None:
    if not re.fullmatch(pattern, value):
        raise _invalid(name, f"Member must satisfy regular expression pattern: {pattern}")


def _invalid(name: str, constraint: str) -> Refusal:
    return Refusal(
        "ValidationError",
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
        f"{constraint}",
        400,
    )
