"""
The log bucket's policy: only S3's log delivery may write, only over TLS.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

from state_backend.calls import JSON
from state_backend.policies.bucket_policy import CONFIGURATION_ACTIONS, SIZE_LIMIT
from state_backend.policies.document import Document, Statement, deny, except_for, merge
from state_backend.spec import BackendSpec

DELIVERY = "logging.s3.amazonaws.com"
"""The principal that delivers; the same name in every partition."""


def log_bucket_policy(spec: BackendSpec, current: Document | None) -> Document:
    """The whole policy for *spec*, with the foreign statements of *current*."""
    statements = (
        _allow_delivery(spec),
        _deny_insecure_transport(spec),
        _deny_writes(spec),
        _deny_reconfigure(spec),
    )
    destroy = (_deny_destroy(spec),) if spec.prevent_destroy else ()
    return merge((*statements, *destroy), current, limit=SIZE_LIMIT)


def log_prefix(spec: BackendSpec) -> str:
    """Where the state bucket's logs go in the log bucket."""
    return f"{spec.bucket_name}/"


def _allow_delivery(spec: BackendSpec) -> Statement:
    return {
        "Sid": "StateholdAllowLogDelivery",
        "Effect": "Allow",
        "Principal": {"Service": DELIVERY},
        "Action": "s3:PutObject",
        "Resource": f"{spec.log_bucket_arn}/{log_prefix(spec)}*",
        "Condition": {
            "ArnEquals": {"aws:SourceArn": spec.bucket_arn},
            "StringEquals": {"aws:SourceAccount": spec.account},
        },
    }


def _deny_insecure_transport(spec: BackendSpec) -> Statement:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return _deny(spec, "InsecureTransport", "s3:*", condition)


def _deny_writes(spec: BackendSpec) -> Statement:
    """A log that people could write is no evidence."""
    return _deny(
        spec, "Writes", "s3:PutObject", {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    )


def _deny_reconfigure(spec: BackendSpec) -> Statement:
    allowed = (*spec.acting_role_arns, *spec.break_glass_principal_arns)
    return _deny(spec, "Reconfigure", list(CONFIGURATION_ACTIONS), except_for(allowed))


def _deny_destroy(spec: BackendSpec) -> Statement:
    actions = [
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
    ]
    return _deny(spec, "Destroy", actions, except_for(spec.break_glass_principal_arns))


def _deny(
    spec: BackendSpec, name: str, actions: str | list[str], condition: dict[str, JSON]
) -> Statement:
    return deny(name, actions, [spec.log_bucket_arn, f"{spec.log_bucket_arn}/*"], condition)
