"""
Calls that reached the double, as CloudTrail and EventBridge tell of them.

Made from what the double recorded of each call: who made it, where, about what, and whether it
was taken.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.aws_double import RecordedCall

MANAGEMENT = frozenset({"s3", "s3control", "kms", "dynamodb", "ssm"})
"""Services whose calls are told, as far as they are about no data."""

RENAMED = {
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
"""Operation -> event name, where they differ."""

_ITEMS = ("Item", "Query", "Scan")


def event_name(operation: str) -> str:
    """CloudTrail's name of *operation*."""
    return RENAMED.get(operation, operation)


def event_of(call: RecordedCall, at: float) -> dict[str, Any] | None:
    """The event of *call*; None if CloudTrail tells of it at most as a data event."""
    of_data = bool(call.key) or (call.service == "dynamodb" and call.operation.endswith(_ITEMS))
    if call.service not in MANAGEMENT or of_data:
        return None
    time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    service = "s3" if call.service == "s3control" else call.service
    error = {"errorCode": call.error, "errorMessage": "refused"} if call.error else {}
    detail = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call),
        "eventTime": time,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": event_name(call.operation),
        "awsRegion": call.region,
        "requestParameters": _request(call),
        "responseElements": None,
        **error,
        "eventID": str(uuid.uuid4()),
        "readOnly": not call.write,
        "resources": _resources(call),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": call.account,
        "time": time,
        "region": call.region,
        "resources": [],
        "detail": detail,
    }


def _identity(call: RecordedCall) -> dict[str, Any]:
    account = call.principal.split(":")[4]
    if call.principal.endswith(":root"):
        return {"type": "Root", "arn": call.principal, "accountId": account}
    issuer = {"type": "Role", "arn": call.principal, "accountId": account}
    return {
        "type": "AssumedRole",
        "arn": call.session,
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer},
    }


def _request(call: RecordedCall) -> dict[str, Any]:
    if call.service == "s3":
        return {"bucketName": call.bucket, "Host": f"{call.bucket}.s3.amazonaws.com"}
    return {f"{name[0].lower()}{name[1:]}": value for name, value in call.parameters.items()}


def _resources(call: RecordedCall) -> list[Mapping[str, str]]:
    owner = {"accountId": call.account}
    key = str(call.parameters.get("KeyId") or "")
    if call.service == "s3":
        return [{**owner, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{call.bucket}"}]
    return [{**owner, "type": "AWS::KMS::Key", "ARN": key}] if key.startswith("arn:") else []
