"""
The record's state, mirrored in the account: tags of bucket, key and table for whoever finds them.

The register is the truth: that something could not be tagged is logged, and changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from state_backend.calls import AwsError, Call
from state_backend.errors import StateholdError, explain
from state_backend.hub import Hub
from state_backend.policies.session_policy import session_policies
from state_backend.spec import BackendSpec
from state_backend.telemetry import logger

_PERMISSIONS = ("s3:TagResource", "kms:TagResource", "dynamodb:TagResource")

_STATE_TAG = "StateholdState"

_NO_TABLE = "ResourceNotFoundException"


def mirror(spec: BackendSpec, state: str, role_arns: Sequence[str], hub: Hub) -> None:
    """Tags what belongs to the backend with *state*, as one of *role_arns*."""
    try:
        policies = session_policies(spec, _PERMISSIONS)
        session = hub.sessions.open(role_arns, spec.region, policies)
    except (StateholdError, AwsError) as error:
        logger.warning("nothing could be tagged %s: %s", state, error)
        return
    for call in _calls(spec, state):
        try:
            session.invoke(call)
        except AwsError as error:
            if error.code != _NO_TABLE:
                logger.warning("not tagged %s: %s", state, explain(error))


def _calls(spec: BackendSpec, state: str) -> Iterator[Call]:
    tags = [{"Key": _STATE_TAG, "Value": state}]
    bucket = {"AccountId": spec.account, "ResourceArn": spec.bucket_arn, "Tags": tags}
    yield Call("s3control", "tag_resource", bucket)
    if spec.makes_key and spec.key_arn:
        key_tags = [{"TagKey": _STATE_TAG, "TagValue": state}]
        yield Call("kms", "tag_resource", {"KeyId": spec.key_arn, "Tags": key_tags})
    # Whatever the lock mode is today: a table that was made once is kept.
    table = {"ResourceArn": spec.lock_table_arn, "Tags": tags}
    yield Call("dynamodb", "tag_resource", table)
