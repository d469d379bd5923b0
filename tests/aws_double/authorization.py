"""
Whether AWS's policies let a call pass: all kinds of policy, in AWS's order and words.

Deny in any policy wins. Then: the organization's policies, the resource's own policy, the
session's policy and the identity's, as the evaluation logic of IAM combines them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.aws_double.call import Call
from tests.aws_double.conditions import Access, Values
from tests.aws_double.errors import Refusal
from tests.aws_double.evaluator import Document, Finding, Grant, judge
from tests.aws_double.identity import Principal, parsed

if TYPE_CHECKING:
    from tests.aws_double.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One permission that a call needs."""

    action: str
    """With its service: ``s3:PutObject``."""
    resource: str
    account: str
    """That owns the resource."""
    policies: tuple[Document, ...] | None = None
    """Of the resource itself; None if resources of its kind have none."""
    must_be_granted_by_resource: bool = False
    """As KMS has it: without its key policy, nobody may do anything with a key."""
    context: Mapping[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed if there is no reason."""

    reason: str | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None


ALLOWED = Verdict()


def demand(call: Call, world: World, wanted: Demand) -> None:
    """
    Raises:
        Refusal: ``AccessDenied`` in AWS's words, if a policy stands in the way of *wanted*.
    """
    verdict = verdict_on(call, world, wanted)
    if not verdict.allowed:
        raise denied(call, wanted, verdict.reason or "")


def verdict_on(call: Call, world: World, wanted: Demand) -> Verdict:
    """What all policies together say of *wanted*, asked for by the caller of *call*."""
    principal = call.principal
    access = Access(
        action=wanted.action,
        resource=wanted.resource,
        caller=principal.caller,
        context=common_context(call, world, wanted) | dict(wanted.context),
    )
    own = wanted.account == principal.account
    resource = judge(wanted.policies or (), access)
    if principal.service or principal.is_anonymous:
        granted = Grant.DIRECT in resource.grants and not resource.denied
        return ALLOWED if granted else Verdict(_nobody_allows("resource-based", wanted))
    identity = judge(principal.policies, access)
    session = None
    if principal.session_policies is not None:
        session = judge(principal.session_policies, access)
    denial = _organization(world, access, wanted) or _explicit(resource, session, identity)
    if denial:
        return Verdict(denial)
    return _implicit(wanted, own=own, resource=resource, session=session, identity=identity)


def denied(call: Call, wanted: Demand, reason: str) -> Refusal:
    """The refusal that AWS's services answer with."""
    resource = wanted.resource
    if call.service in {"s3", "s3control"} and wanted.action.startswith("s3:"):
        resource = f'"{resource}"'
    message = (
        f"User: {call.principal.name} is not authorized to perform: {wanted.action} "
        f"on resource: {resource} {reason}"
    )
    if call.parsed.protocol in {"rest-xml", "query"}:
        return Refusal("AccessDenied", message, 403)
    return Refusal("AccessDeniedException", message, 400)


def common_context(call: Call, world: World, wanted: Demand) -> dict[str, Values]:
    """The condition keys that every request has."""
    principal = call.principal
    context: dict[str, Values] = {
        "aws:securetransport": [str(call.http.tls_version is not None).lower()],
        "aws:requestedregion": [call.region],
        "aws:resourceaccount": [wanted.account],
        "aws:viaawsservice": ["false"],
    }
    if not principal.is_anonymous:  # without a signature there is no principal to say it of
        context["aws:principalisawsservice"] = [str(bool(principal.service)).lower()]
    if principal.account:
        context["aws:principalaccount"] = [principal.account]
    if principal.arn:
        context["aws:principalarn"] = [principal.arn]
        context["aws:principaltype"] = [_principal_type(principal)]
    if principal.account in world.accounts:
        context["aws:principalorgid"] = [world.organization_id]
    if wanted.account in world.accounts:
        context["aws:resourceorgid"] = [world.organization_id]
    for key, value in principal.source.items():
        context[key.lower()] = [value]
    if principal.service:
        context["aws:principalservicename"] = [principal.service]
    return context | tags_in_request(call)


def tags_in_request(call: Call) -> dict[str, Values]:
    """``aws:RequestTag/…`` and ``aws:TagKeys`` of calls that tag."""
    configuration = call.parameters.get("CreateBucketConfiguration") or {}
    tags = call.parameters.get("Tags") or configuration.get("Tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        return {}
    pairs = {
        tag.get("Key", tag.get("TagKey", "")): tag.get("Value", tag.get("TagValue", ""))
        for tag in tags
    }
    keys = list(pairs) + list(call.parameters.get("TagKeys") or [])
    context: dict[str, Values] = {f"aws:requesttag/{k.lower()}": [v] for k, v in pairs.items()}
    return context | ({"aws:tagkeys": keys} if keys else {})


def _organization(world: World, access: Access, wanted: Demand) -> str | None:
    """Why the organization's policies refuse. They bind members, not the management account."""
    for kind, by_account, account in (
        ("service control policy", world.service_control_policies, access.caller.account),
        ("resource control policy", world.resource_control_policies, wanted.account),
    ):
        policies = [parsed(policy) for policy in by_account.get(account, [])]
        if not policies or account == world.management_account:
            continue
        finding = judge(policies, access)
        if finding.denied:
            return f"with an explicit deny in a {kind}"
        if _grants_anything(policies) and not finding.grants:
            return f"because no {kind} allows the {wanted.action} action"
    return None


def _grants_anything(policies: Iterable[Document]) -> bool:
    """Whether *policies* are an allow list; if not, FullAWSAccess stays attached beside them."""
    return any(
        statement["Effect"] == "Allow"
        for policy in policies
        for statement in (
            policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        )
    )


def _explicit(resource: Finding, session: Finding | None, identity: Finding) -> str | None:
    for finding, kind in (
        (resource, "resource-based policy"),
        (session, "session policy"),
        (identity, "identity-based policy"),
    ):
        if finding and finding.denied:
            article = "an" if kind.startswith("i") else "a"
            return f"with an explicit deny in {article} {kind}"
    return None


def _implicit(
    wanted: Demand, *, own: bool, resource: Finding, session: Finding | None, identity: Finding
) -> Verdict:
    """Why nothing allows, where nothing denies."""
    direct = Grant.DIRECT in resource.grants
    if wanted.must_be_granted_by_resource or not own:
        if not resource.grants:
            return Verdict(_nobody_allows("resource-based", wanted))
        enough = direct and own
    else:
        enough = direct
    if not enough and not identity.grants:
        return Verdict(_nobody_allows("identity-based", wanted))
    if session is not None and not session.grants:
        return Verdict(f"because no session policy allows the {wanted.action} action")
    return ALLOWED


def _nobody_allows(kind: str, wanted: Demand) -> str:
    return f"because no {kind} policy allows the {wanted.action} action"


def _principal_type(principal: Principal) -> str:
    if principal.is_root:
        return "Account"
    return "User" if ":user/" in principal.arn else "AssumedRole"
