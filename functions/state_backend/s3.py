"""
What all S3 settings share: the owner that every call expects, and lifecycle rules by meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from state_backend.calls import JSON, Call
from state_backend.policies.document import SID_PREFIX
from state_backend.spec import BackendSpec

NO_BUCKET = frozenset({"404", "NoSuchBucket"})
FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})
"""Said of a bucket that must not be looked at, and of one that is another account's."""

NO_DEFAULT_ENCRYPTION = frozenset({"ServerSideEncryptionConfigurationNotFoundError"})


def bucket_call(spec: BackendSpec, operation: str, bucket: str, **parameters: JSON) -> Call:
    """
    A call on *bucket* that S3 refuses if the bucket belongs to another account.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    owner = {"Bucket": bucket, "ExpectedBucketOwner": spec.account}
    return Call("s3", operation, {**owner, **parameters})


def encryption_rule(answer: JSON) -> JSON:
    """The one rule of what GetBucketEncryption answers."""
    return answer["ServerSideEncryptionConfiguration"]["Rules"][0]


def default_encryption(rule: JSON) -> tuple[str, str]:
    """The algorithm and the key of *rule*; the key is empty where none is named."""
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", "")


def merge_rules(ours: Sequence[JSON], found: Sequence[JSON] | None) -> list[JSON]:
    """*ours*, then every rule of *found* that is not ours, untouched."""
    return [*ours, *(rule for rule in found or [] if not is_ours(rule))]


def is_ours(rule: JSON) -> bool:
    return str(rule.get("ID", "")).startswith(SID_PREFIX)


def same_rules(desired: Sequence[JSON], found: Sequence[JSON] | None) -> bool:
    """Whether both lists hold the same rules, in whatever order."""
    return found is not None and _by_id(desired) == _by_id(found)


def _by_id(rules: Sequence[JSON]) -> dict[str, JSON]:
    return {rule.get("ID", ""): _plain(rule) for rule in rules}


def _plain(rule: JSON) -> JSON:
    """The rule in one spelling: AWS takes an empty filter, or a prefix outside it, as well."""
    scope = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    return {key: value for key, value in rule.items() if key != "Prefix"} | {"Filter": scope}
