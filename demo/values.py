"""A setting in words short enough for a line. A control that is not listed is shown as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from state_backend.calls import JSON
from state_backend.policies.document import SID_PREFIX, statements_of

LONGEST = 180


def in_words(control: str, value: JSON) -> str:
    """*value* of *control*, as a plan tells it."""
    if value is None:
        return "none"
    words = _WORDS.get(control, _anything)(value)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _anything(value: JSON) -> str:
    match value:
        case str():
            return value
        case dict() if "Statement" in value:
            return _policy(value)
        case dict() if value and all(isinstance(it, bool) for it in value.values()):
            return "on: " + ", ".join(name for name, on in value.items() if on)
        case list() if all(isinstance(it, dict) and "ID" in it for it in value):
            return "; ".join(map(_rule, value))
        case dict() if all(isinstance(it, str) for it in value.values()):
            return ", ".join(f"{name}={it}" for name, it in value.items())
        case _:
            return json.dumps(value)


def _policy(document: JSON) -> str:
    names = [str(it.get("Sid", "a foreign one")) for it in statements_of(document)]
    short = [name.removeprefix(SID_PREFIX) for name in names]
    statements = "1 statement" if len(names) == 1 else f"{len(names)} statements"
    return f"{statements}: {', '.join(short)}"


def _rule(rule: Mapping[str, JSON]) -> str:
    said = []
    versions = rule.get("NoncurrentVersionExpiration", {})
    if versions:
        kept = versions.get("NewerNoncurrentVersions")
        also = f" and the newest {kept}" if kept else ""
        said.append(f"old versions kept {versions['NoncurrentDays']} days{also}")
    if rule.get("Expiration", {}).get("Days"):
        said.append(f"objects kept {rule['Expiration']['Days']} days")
    if rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker"):
        said.append("spent delete markers go")
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        said.append(f"unfinished uploads go after {days} days")
    return ", ".join(said)


def _encryption(value: JSON) -> str:
    parts = [value["algorithm"]]
    if value["key"]:
        parts.append(f"under {_key(value['key'])}")
    if value["bucket_key"]:
        parts.append("with a bucket key")
    return " ".join(parts) + _blocked(value)


def _blocked(value: JSON) -> str:
    return f"; {', '.join(value['blocked'])} refused" if value["blocked"] else ""


def _switch(value: JSON) -> str:
    return "on" if value else "off"


def _key(arn: str) -> str:
    return arn.rpartition(":")[2]


_WORDS: dict[str, Callable[[JSON], str]] = {
    "bucket-encryption": _encryption,
    "bucket-logging": lambda it: f"to {it['TargetBucket']}",
    "bucket-public-access-block": lambda it: f"all {sum(it.values())} blocks on",
    "kms-key": _key,
    "kms-key-alias": lambda it: f"alias/statehold of {_key(it)}",
    "kms-key-rotation": lambda it: f"every {it} days",
    "lock-table-deletion-protection": _switch,
    "lock-table-recovery": _switch,
    "log-bucket-encryption": lambda it: it["algorithm"] + _blocked(it),
    "parameters": " and ".join,
}
