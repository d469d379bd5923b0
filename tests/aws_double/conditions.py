"""
Whether a statement's conditions hold for a request: operators, condition keys, variables. Pure.

It holds exactly the operators and keys that policies of ours and of our tests use. Anything else
raises ``CannotJudge``: an answer that might be wrong is never given.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from tests.aws_double.errors import NotModelled

Values: TypeAlias = Sequence[str]

KNOWN_KEYS = frozenset(
    key.lower()
    for key in (
        "aws:CalledVia",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalServiceName",
        "aws:PrincipalType",
        "aws:RequestedRegion",
        "aws:ResourceAccount",
        "aws:ResourceOrgID",
        "aws:SecureTransport",
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceOrgID",
        "aws:TagKeys",
        "aws:ViaAWSService",
        "kms:BypassPolicyLockoutSafetyCheck",
        "kms:CallerAccount",
        "kms:EncryptionContext:aws:s3:arn",
        "kms:EncryptionContextKeys",
        "kms:GrantIsForAWSResource",
        "kms:KeyOrigin",
        "kms:KeySpec",
        "kms:KeyUsage",
        "kms:MultiRegion",
        "kms:RequestAlias",
        "kms:ResourceAliases",
        "kms:RotationPeriodInDays",
        "kms:ScheduleKeyDeletionPendingWindowInDays",
        "kms:ViaService",
        "dynamodb:LeadingKeys",
        "events:detail-type",
        "events:source",
        "s3:if-match",
        "s3:if-none-match",
        "s3:ObjectCreationOperation",
        "s3:prefix",
        "s3:TlsVersion",
        "s3:VersionId",
        "s3:x-amz-acl",
        "s3:x-amz-bucket-namespace",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-server-side-encryption-customer-algorithm",
        "ssm:Overwrite",
        "sts:ExternalId",
        "sts:RoleSessionName",
    )
)
KEY_PREFIXES = ("aws:requesttag/", "aws:resourcetag/", "aws:principaltag/")


class CannotJudge(NotModelled):
    """A policy uses what this evaluator does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as a ``Principal`` element names it."""

    arn: str = ""
    """Of the role, user or root; empty for a service and for an anonymous request."""
    session_arn: str = ""
    account: str = ""
    service: str = ""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(filter(None, (self.arn, self.session_arn)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One action on one resource, asked for under these conditions."""

    action: str
    resource: str
    caller: Caller
    context: Mapping[str, Values] = field(default_factory=dict)
    """Condition keys in lower case. A key that the request does not have is left out."""

    def values(self, key: str) -> Values | None:
        name = key.lower()
        if name not in KNOWN_KEYS and not name.startswith(KEY_PREFIXES):
            raise CannotJudge(f"condition key {key}")
        return self.context.get(name)


def listed(value: Any) -> list[Any]:
    """A policy element that may be one value or a list of them, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], access: Access) -> bool:
    """Whether every operator holds for every one of its keys."""
    # All are looked at, met or not: what is not known here must not hide behind one that fails.
    met = [
        _holds(operator, key, listed(expected), access)
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    ]
    return all(met)


def _holds(operator: str, key: str, expected: list[Any], access: Access) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if quantifier not in {"", "ForAnyValue", "ForAllValues"}:
        raise CannotJudge(f"condition operator {operator}")
    base = plain.removesuffix("IfExists")
    wanted = [filled(_text(value), access) for value in expected]
    actual = access.values(key)
    if base == "Null":
        return _text(expected[0]).lower() == str(not actual).lower()
    compare, negated = _comparison(base)
    if not actual:
        return negated or base != plain or quantifier == "ForAllValues"
    met = [any(compare(want, value) for want in wanted) != negated for value in actual]
    return all(met) if quantifier == "ForAllValues" or (negated and not quantifier) else any(met)


def _comparison(operator: str) -> tuple[Any, bool]:
    """The comparison that *operator* makes, and whether it holds when that fails."""
    if operator in COMPARISONS:
        return COMPARISONS[operator], False
    positive = operator.replace("Not", "", 1)
    if "Not" in operator and positive in COMPARISONS:
        return COMPARISONS[positive], True
    raise CannotJudge(f"condition operator {operator}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filled(pattern: str, access: Access) -> str:
    """*pattern* with its policy variables replaced: ``${aws:PrincipalAccount}``."""

    def value(found: re.Match[str]) -> str:
        values = access.values(found.group(1))
        if not values or len(values) != 1:
            raise CannotJudge(f"policy variable {found.group(0)} without exactly one value")
        return values[0]

    return re.sub(r"\$\{([^*?$}]+)\}", value, pattern) if "${" in pattern else pattern


def any_like(patterns: Iterable[str], value: str, *, fold: bool = False) -> bool:
    return any(like(p.lower(), value.lower()) if fold else like(p, value) for p in patterns)


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL
    )


def like(pattern: str, value: str) -> bool:
    """Whether *value* fits *pattern*, where ``*`` is any text and ``?`` one character."""
    return _glob(pattern).fullmatch(value) is not None


def arn_like(pattern: str, value: str) -> bool:
    """As ``like``, but each of the six parts of an ARN for itself."""
    parts, values = pattern.split(":", 5), value.split(":", 5)
    if len(values) != 6:
        # S3 may see a bare key id where a policy compares ARNs; what AWS does is not documented.
        raise CannotJudge(f"comparison of an ARN with {value!r}")
    return len(parts) == 6 and all(like(p, v) for p, v in zip(parts, values, strict=True))


COMPARISONS: Mapping[str, Any] = {
    "StringEquals": lambda want, value: bool(want == value),
    "StringEqualsIgnoreCase": lambda want, value: bool(want.lower() == value.lower()),
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": lambda want, value: bool(want.lower() == value.lower()),
    "NumericEquals": lambda want, value: float(value) == float(want),
    "NumericLessThan": lambda want, value: float(value) < float(want),
    "NumericLessThanEquals": lambda want, value: float(value) <= float(want),
    "NumericGreaterThan": lambda want, value: float(value) > float(want),
    "NumericGreaterThanEquals": lambda want, value: float(value) >= float(want),
}
KNOWN_OPERATORS = frozenset(COMPARISONS) | {
    name.replace(kind, f"{kind}Not", 1)
    for kind in ("String", "Arn", "Numeric")
    for name in COMPARISONS
    if name.startswith(kind) and not name.endswith(("Than", "ThanEquals"))
}
"""Without ``Null``, ``…IfExists`` and the quantifiers, which go with any of them."""
