"""
Which buckets may receive another bucket's access logs.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.aws_double.call import Call
from tests.aws_double.conditions import Access, Caller
from tests.aws_double.errors import Refusal
from tests.aws_double.evaluator import judge

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

DELIVERY = "logging.s3.amazonaws.com"


def check_logging(
    call: Call, world: World, bucket: Bucket, configuration: dict[str, Any]
) -> dict[str, Any]:
    """
    *configuration*, if its target can take the logs of *bucket*.

    Raises:
        Refusal: The target is missing, elsewhere, encrypted with KMS, or does not let S3 write.
    """
    enabled = configuration.get("LoggingEnabled")
    if not enabled:
        return {}
    target = world.buckets.get(enabled["TargetBucket"])
    if target is None:
        raise _invalid("The target bucket for logging does not exist")
    if target.account != bucket.account or target.region != bucket.region:
        raise _invalid(
            "The owner for the bucket to be logged and the target bucket must be the same"
            if target.account != bucket.account
            else "The source and target buckets must be in the same location"
        )
    if _default_algorithm(target) != "AES256":
        raise _invalid("The target bucket for logging must not be encrypted with SSE-KMS")
    if not _lets_delivery_write(world, bucket, target, enabled.get("TargetPrefix") or ""):
        raise _invalid(
            "You must either provide the necessary permissions to the logging service using a "
            "bucket policy or give the log-delivery group WRITE and READ_ACP permissions to the "
            "target bucket"
        )
    return configuration


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidTargetBucketForLogging", message, 400)


def _default_algorithm(bucket: Bucket) -> str:
    encryption = bucket.configuration("encryption") or {"Rules": []}
    for rule in encryption["Rules"]:
        return str(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"])
    return "AES256"


def _lets_delivery_write(world: World, source: Bucket, target: Bucket, prefix: str) -> bool:
    """Whether the target's policy lets S3's log delivery write for *source*. ACLs are off."""
    if target.policy is None:
        return False
    access = Access(
        action="s3:PutObject",
        resource=f"{target.arn}/{prefix}2030-01-01-00-00-00-0123456789ABCDEF",
        caller=Caller(service=DELIVERY),
        context={
            "aws:sourcearn": [source.arn],
            "aws:sourceaccount": [source.account],
            "aws:sourceorgid": [world.organization_id],
            "aws:principalisawsservice": ["true"],
            "aws:principalservicename": [DELIVERY],
            "aws:securetransport": ["true"],
            "s3:tlsversion": ["1.3"],
        },
    )
    return judge([json.loads(target.policy)], access).allowed
