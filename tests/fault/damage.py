"""
How each fact that a control looks after is broken by hand: by break-glass, or by the root user.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.fault.ground import Ground, Site

Fact = tuple[str, str]
"""A control and the resource that it is set on."""


def place(fact: Fact) -> str:
    return f"{fact[0]} on {fact[1]}"


def damaged(ground: Ground) -> Site:
    """A backend with all that can be broken: log bucket and lock table too."""
    site = ground.site()
    assert site.ask({"LockMode": "both"})["status"] == "READY"
    return site


def _s3(operation: str, log_bucket: bool = False, **parameters: Any) -> Callable[[Site], None]:
    def damage(site: Site) -> None:
        bucket = site.log_bucket if log_bucket else site.bucket
        getattr(site.client("s3", "BreakGlass"), operation)(Bucket=bucket, **parameters)

    return damage


def _table(operation: str, **parameters: Any) -> Callable[[Site], None]:
    def damage(site: Site) -> None:
        client = site.client("dynamodb", "Administrator")
        getattr(client, operation)(TableName=f"{site.bucket}-lock", **parameters)

    return damage


def _key_policy(site: Site) -> None:
    """Nobody is refused anything any more."""
    kms = site.client("kms", "root")
    policy = json.loads(kms.get_key_policy(KeyId=site.key)["Policy"])
    policy["Statement"] = [it for it in policy["Statement"] if it["Effect"] == "Allow"]
    kms.put_key_policy(KeyId=site.key, Policy=json.dumps(policy))


def _alias(site: Site) -> None:
    kms = site.client("kms", "root")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.update_alias(AliasName="alias/statehold", TargetKeyId=other)


def _parameter(site: Site) -> None:
    site.client("ssm", "Administrator").delete_parameters(Names=["/statehold/backend"])


_OPEN = {
    "BlockPublicAcls": False,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}
_UNOWNED = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}


def _default(algorithm: str) -> dict[str, Any]:
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}


DAMAGES: dict[Fact, Callable[[Site], None]] = {
    ("kms-key-policy", "kms-key"): _key_policy,
    ("kms-key-rotation", "kms-key"): lambda site: site.client("kms", "root").disable_key_rotation(
        KeyId=site.key
    ),
    ("kms-key-alias", "kms-key"): _alias,
    ("bucket-public-access-block", "bucket"): _s3(
        "put_public_access_block", PublicAccessBlockConfiguration=_OPEN
    ),
    ("bucket-public-access-block", "log-bucket"): _s3(
        "delete_public_access_block", log_bucket=True
    ),
    ("bucket-ownership", "bucket"): _s3(
        "put_bucket_ownership_controls", OwnershipControls=_UNOWNED
    ),
    ("bucket-ownership", "log-bucket"): _s3("delete_bucket_ownership_controls", log_bucket=True),
    ("bucket-versioning", "bucket"): _s3(
        "put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}
    ),
    ("bucket-versioning", "log-bucket"): _s3(
        "put_bucket_versioning", log_bucket=True, VersioningConfiguration={"Status": "Suspended"}
    ),
    ("bucket-tags", "bucket"): _s3("delete_bucket_tagging"),
    ("bucket-tags", "log-bucket"): _s3("delete_bucket_tagging", log_bucket=True),
    ("bucket-lifecycle", "bucket"): _s3("delete_bucket_lifecycle"),
    ("bucket-encryption", "bucket"): _s3(
        "put_bucket_encryption", ServerSideEncryptionConfiguration=_default("AES256")
    ),
    ("log-bucket-encryption", "log-bucket"): _s3(
        "put_bucket_encryption",
        log_bucket=True,
        ServerSideEncryptionConfiguration=_default("aws:kms"),
    ),
    ("log-bucket-lifecycle", "log-bucket"): _s3("delete_bucket_lifecycle", log_bucket=True),
    ("log-bucket-policy", "log-bucket"): _s3("delete_bucket_policy", log_bucket=True),
    ("bucket-logging", "bucket"): _s3("put_bucket_logging", BucketLoggingStatus={}),
    ("lock-table-recovery", "lock-table"): _table(
        "update_continuous_backups",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    ),
    ("lock-table-deletion-protection", "lock-table"): _table(
        "update_table", DeletionProtectionEnabled=False
    ),
    ("bucket-policy", "bucket"): _s3("delete_bucket_policy"),
    ("parameters", "bucket"): _parameter,
}
"""Control and resource -> what undoes it."""


def repaired_state(site: Site) -> dict[str, Any]:
    """All that exists but the keys that somebody else made."""
    found = site.state
    ours = [it for it in found["keys"] if it["tags"]]
    return {**found, "keys": ours}
