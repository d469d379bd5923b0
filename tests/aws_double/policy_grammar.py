"""
Which policy documents AWS takes: form, known actions and operators, resources that are the
resource's own, and whether a policy is public.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.aws_double.conditions import KNOWN_OPERATORS, like, listed
from tests.aws_double.evaluator import Document
from tests.aws_double.s3_actions import OBJECT_ACTIONS, S3_ACTIONS

OTHER_OPERATORS = frozenset(
    {
        "BinaryEquals",
        "DateEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateNotEquals",
        "IpAddress",
        "NotIpAddress",
    }
)
"""AWS has them; the evaluator does not, and says so when it meets one."""

STATEMENT_ELEMENTS = frozenset(
    {
        "Action",
        "Condition",
        "Effect",
        "NotAction",
        "NotPrincipal",
        "NotResource",
        "Principal",
        "Resource",
        "Sid",
    }
)
NARROWING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
"""A value of one of these without any wildcard makes an Allow to everybody non-public."""


_WRITING = frozenset({"InitiateReplication", "PutObject", "ReplicateObject"})
KEYS_OF_FEW_ACTIONS = {
    "s3:if-match": frozenset({"DeleteObject", "PutObject"}),
    "s3:if-none-match": frozenset({"PutObject"}),
    "s3:objectcreationoperation": frozenset({"PutObject"}),
    "s3:prefix": frozenset({"ListBucket", "ListBucketVersions"}),
    "s3:x-amz-bucket-namespace": frozenset({"CreateBucket"}),
    "s3:x-amz-server-side-encryption": _WRITING,
    "s3:x-amz-server-side-encryption-aws-kms-key-id": _WRITING,
    "s3:x-amz-server-side-encryption-customer-algorithm": _WRITING,
}
"""S3 refuses a condition that an action named beside it cannot have."""
PRINCIPAL = re.compile(
    r"\*|\d{12}"
    r"|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(role|user|assumed-role|federated-user)/.+)"
)


class Malformed(Exception):
    """AWS would not take the policy; the text says why, in AWS's words where they are known."""


def parsed_policy(text: str, *, largest: int) -> dict[str, Any]:
    """
    *text* as a policy document of right form.

    Raises:
        Malformed: It is none.
    """
    if len(text.encode()) > largest:
        raise Malformed(f"Policy exceeds the maximum allowed document size of {largest} bytes")
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise Malformed("Policies must be valid JSON and the first byte must be '{'") from error
    if not isinstance(document, dict) or set(document) - {"Version", "Id", "Statement"}:
        raise Malformed("Unknown field or document is not an object")
    if document.get("Version", "2008-10-17") not in {"2012-10-17", "2008-10-17"}:
        raise Malformed("The policy must contain a valid version string")
    statements = listed(document.get("Statement", []))
    if not statements:
        raise Malformed("Missing required field Statement")
    for statement in statements:
        _check_form(statement)
    sids = [s["Sid"] for s in statements if "Sid" in s]
    if len(sids) != len(set(sids)):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")
    return document


def check_bucket_policy(document: Document, bucket_arn: str) -> None:
    """
    Raises:
        Malformed: An action is none of S3's, or a resource is not of this bucket.
    """
    for statement in listed(document["Statement"]):
        _check_principal(statement)
        actions = list(_expanded(listed(statement.get("Action", statement.get("NotAction")))))
        resources = listed(statement.get("Resource", statement.get("NotResource")))
        for resource in resources:
            if resource != bucket_arn and not resource.startswith(f"{bucket_arn}/"):
                raise Malformed("Policy has invalid resource")
        _check_keys_apply(statement)
        if "NotAction" not in statement and "NotResource" not in statement:
            _check_actions_apply(actions, resources, bucket_arn)


def check_key_policy(document: Document) -> None:
    """
    Raises:
        Malformed: A statement names nobody or nothing, or an action that is not KMS's.
    """
    for statement in listed(document["Statement"]):
        _check_principal(statement)
        for action in listed(statement.get("Action", statement.get("NotAction"))):
            if action != "*" and not re.fullmatch(r"kms:[A-Za-z*?]+", action, re.IGNORECASE):
                raise Malformed("Policy contains a statement with one or more invalid actions.")


def principals_of(document: Document) -> Iterator[str]:
    """Every AWS principal that *document* names."""
    for statement in listed(document["Statement"]):
        principal = statement.get("Principal", {})
        if isinstance(principal, dict):
            yield from listed(principal.get("AWS", []))


def is_public(document: Document) -> bool:
    """Whether S3 calls a bucket policy public: an Allow to everybody that nothing narrows."""
    return any(
        statement["Effect"] == "Allow"
        and ("NotPrincipal" in statement or _names_everybody(statement.get("Principal")))
        and not _narrowed(statement.get("Condition", {}))
        for statement in listed(document["Statement"])
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("duplicate key")
    return dict(pairs)


def _check_form(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise Malformed("Invalid policy syntax.")
    unknown = set(statement) - STATEMENT_ELEMENTS
    if unknown:
        raise Malformed(f"Unknown field {sorted(unknown)[0]}")
    if statement.get("Effect") not in {"Allow", "Deny"}:
        raise Malformed(f"Invalid effect: {statement.get('Effect')}")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            raise Malformed(f"Missing required field {one}")
        values = listed(statement.get(one, statement.get(other)))
        if not values or not all(isinstance(value, str) and value for value in values):
            raise Malformed(f"Policy has invalid {one.lower()}")
    _check_conditions(statement.get("Condition", {}))


def _check_conditions(conditions: Any) -> None:
    if not isinstance(conditions, dict):
        raise Malformed("Invalid policy syntax.")
    for operator, keys in conditions.items():
        plain = re.sub(r"^For(Any|All)Values?:", "", operator).removesuffix("IfExists")
        if plain not in KNOWN_OPERATORS | OTHER_OPERATORS | {"Null"}:
            raise Malformed(f"Invalid Condition type : {operator}")
        if not isinstance(keys, dict) or not keys:
            raise Malformed("Invalid policy syntax.")
        for key, values in keys.items():
            if ":" not in key:
                raise Malformed("Policy has an invalid condition key")
            if not all(isinstance(value, (str, bool, int, float)) for value in listed(values)):
                raise Malformed("Invalid policy syntax.")


def _check_principal(statement: Document) -> None:
    if ("Principal" in statement) == ("NotPrincipal" in statement):
        raise Malformed("Missing required field Principal")
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal == "*":
        return
    kinds = {"AWS", "Service", "Federated", "CanonicalUser"}
    if not isinstance(principal, dict) or not principal or set(principal) - kinds:
        raise Malformed("Invalid principal in policy")
    for name in listed(principal.get("AWS", "*")):
        if not isinstance(name, str) or not PRINCIPAL.fullmatch(name) or "*" in name[1:]:
            raise Malformed("Invalid principal in policy")


def _expanded(patterns: Iterable[str]) -> Iterator[str]:
    """
    The S3 actions that *patterns* mean.

    Raises:
        Malformed: A pattern means none.
    """
    for pattern in patterns:
        service, _, name = pattern.partition(":")
        if pattern == "*":
            service, name = "s3", "*"
        found = [action for action in S3_ACTIONS if like(name.lower(), action.lower())]
        if service.lower() != "s3" or not found:
            raise Malformed("Policy has invalid action")
        yield from found


def _check_actions_apply(actions: list[str], resources: list[str], bucket_arn: str) -> None:
    """Each statement must have at least one action that fits each of its kinds of resource."""
    on_objects = any(action in OBJECT_ACTIONS for action in actions)
    on_bucket = any(action not in OBJECT_ACTIONS for action in actions)
    names_bucket = bucket_arn in resources
    names_objects = any(resource != bucket_arn for resource in resources)
    if (on_objects and not on_bucket and not names_objects) or (
        on_bucket and not on_objects and not names_bucket
    ):
        raise Malformed("Action does not apply to any resource(s) in statement")


def _check_keys_apply(statement: Document) -> None:
    named = [action.partition(":")[2] for action in listed(statement.get("Action", []))]
    for keys in statement.get("Condition", {}).values():
        for key in keys:
            having = KEYS_OF_FEW_ACTIONS.get(key.lower())
            plain = [name for name in named if "*" not in name and "?" not in name]
            if having is not None and {n.lower() for n in plain} - {h.lower() for h in having}:
                raise Malformed(
                    "Conditions do not apply to combination of actions and resources in statement"
                )


def _names_everybody(principal: Any) -> bool:
    if isinstance(principal, dict):
        return "*" in listed(principal.get("AWS", []))
    return bool(principal == "*")


def _narrowed(conditions: Document) -> bool:
    return any(
        key.lower() in NARROWING_KEYS
        and not operator.endswith("IfExists")
        and "Not" not in operator
        and not any({"*", "?", "$"} & set(str(value)) for value in listed(values))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )
