"""
Which lifecycle rules S3 takes.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.aws_double.errors import Refusal

ACTIONS = (
    "AbortIncompleteMultipartUpload",
    "Expiration",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "Transitions",
)


def check_lifecycle(rules: list[dict[str, Any]]) -> None:
    """
    Raises:
        Refusal: S3 would not take *rules*.
    """
    if not rules or len(rules) > 1000:
        raise _malformed()
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(ids) != len(set(ids)):
        raise Refusal(
            "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule", 400
        )
    for rule in rules:
        _check_rule(rule)


def _check_rule(rule: Mapping[str, Any]) -> None:
    if rule.get("Status") not in {"Enabled", "Disabled"} or len(rule.get("ID") or "") > 255:
        raise _malformed()
    if ("Filter" in rule) == ("Prefix" in rule):
        raise _malformed()
    if not any(action in rule for action in ACTIONS):
        raise _invalid("At least one action needs to be specified in a rule")
    _check_expiration(rule)
    _check_noncurrent(rule)
    days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    if "AbortIncompleteMultipartUpload" in rule:
        _check_days("DaysAfterInitiation", days)
        if _has_tag(rule):
            raise _invalid("AbortIncompleteMultipartUpload cannot be specified with Tags.")


def _check_expiration(rule: Mapping[str, Any]) -> None:
    if "Expiration" not in rule:
        return
    expiration = rule["Expiration"] or {}
    named = [name for name in ("Date", "Days", "ExpiredObjectDeleteMarker") if name in expiration]
    if len(named) != 1:
        raise _malformed()
    if named == ["Days"]:
        _check_days("Days", expiration["Days"])
    if named == ["ExpiredObjectDeleteMarker"] and _has_tag(rule):
        raise _invalid("ExpiredObjectDeleteMarker cannot be specified with Tags.")


def _check_noncurrent(rule: Mapping[str, Any]) -> None:
    if "NoncurrentVersionExpiration" not in rule:
        return
    expiration = rule["NoncurrentVersionExpiration"] or {}
    if "NoncurrentDays" not in expiration:
        raise _malformed()
    _check_days("NoncurrentDays", expiration["NoncurrentDays"])
    kept = expiration.get("NewerNoncurrentVersions")
    if kept is None:
        return
    if "Filter" not in rule:
        raise _invalid("NewerNoncurrentVersions requires a Filter element.")
    if not 1 <= kept <= 100:
        raise Refusal(
            "InvalidArgument",
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive "
            "integer no greater than 100",
            400,
        )


def _check_days(name: str, days: int | None) -> None:
    if days is None or days <= 0:
        raise Refusal(
            "InvalidArgument", f"'{name}' for a lifecycle action must be a positive integer", 400
        )


def _has_tag(rule: Mapping[str, Any]) -> bool:
    found = rule.get("Filter") or {}
    return bool(found.get("Tag") or (found.get("And") or {}).get("Tags"))


def _malformed() -> Refusal:
    return Refusal(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        400,
    )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidRequest", message, 400)
