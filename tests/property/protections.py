"""
How well a backend is protected, as a set of facts: no fact may be lost between two calls.

It is written down here anew, from the contract and not from the controls, so that both would have
to be wrong in the same way.
"""

from __future__ import annotations

import json

from state_backend.calls import JSON
from state_backend.policies.document import meaning
from tests.unit.account import Account

STRENGTH = {"": 0, "AES256": 1, "aws:kms": 2, "aws:kms:dsse": 3}
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def protections(account: Account) -> frozenset[object]:
    return frozenset(
        (name, *fact)
        for (kind, name), value in list(account.things.items())
        for fact in of(kind, value)
    )


def of(kind: str, value: JSON) -> list[tuple[object, ...]]:  # noqa: PLR0911 - a table of cases
    match kind:
        case "public_access_block":
            return [(flag,) for flag in FLAGS if value.get(flag) is True]
        case "bucket_ownership_controls":
            return [("no ACLs",)] * (value["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced")
        case "bucket_versioning":
            return [("versioned",)] * (value.get("Status") == "Enabled")
        case "bucket_encryption":
            return encryption(value["Rules"][0])
        case "bucket_lifecycle_configuration":
            return [("aborts uploads",)] * any(
                "AbortIncompleteMultipartUpload" in rule for rule in value["Rules"]
            )
        case "bucket_logging":
            return [("logged",)] * bool(value.get("LoggingEnabled"))
        case "bucket_policy" | "key_policy":
            return [("denied", meaning(it)) for it in statements(value) if it["Effect"] == "Deny"]
        case "key_rotation":
            return [("rotated every", days) for days in range(value, 2561)]
        case "table_protection" | "table_recovery":
            return [(kind,)] * (value is True)
        case _:
            return []


def encryption(rule: JSON) -> list[tuple[object, ...]]:
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    blocked = rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", [])
    strength = STRENGTH[default.get("SSEAlgorithm", "")]
    return [("encrypted", level) for level in range(strength + 1)] + [("no", it) for it in blocked]


def statements(policy: str) -> list[JSON]:
    found = json.loads(policy).get("Statement", [])
    return found if isinstance(found, list) else [found]
