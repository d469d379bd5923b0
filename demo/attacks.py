"""An administrator of the account, who may do anything that IAM can allow, tries to destroy it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from demo.stage import Backend, Stage
from demo.words import expect

ADMINISTRATOR = "Administrator"
KEY = "payments/database/terraform.tfstate"
STATE = b'{"version": 4, "serial": 1, "outputs": {"password": {"value": "hunter2"}}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the administrator tries, and which statement has to refuse it."""

    name: str
    call: Callable[[], Any]
    statement: str
    policy: str = "the bucket's policy"


def attack(stage: Stage, backend: Backend, key_arn: str) -> None:
    """Every attempt is refused, and the state is still there afterwards."""
    s3 = stage.client("s3", backend.account, ADMINISTRATOR, region=backend.region)
    stage.tell.say(
        f"IAM allows the role {ADMINISTRATOR} everything. It writes a state first, and names no "
        "encryption at all: that lands under the bucket's default."
    )
    stage.tell.blank()
    version = s3.put_object(Bucket=backend.bucket, Key=KEY, Body=STATE)["VersionId"]
    for attempt in _attempts(stage, backend, key_arn, version):
        _refused(stage, attempt)
    left = s3.get_object(Bucket=backend.bucket, Key=KEY)
    expect(left["Body"].read() == STATE, "The state is no longer what it was.")
    expect(left.get("SSEKMSKeyId", "") == key_arn, "The state is not under the backend's key.")
    status = s3.get_bucket_versioning(Bucket=backend.bucket).get("Status")
    expect(status == "Enabled", f"Versioning is {status} now.")
    stage.tell.done(
        "still there", "the state as it was written; versioning, policy and key as they were"
    )


def _attempts(stage: Stage, backend: Backend, key_arn: str, version: str) -> list[Attempt]:
    s3 = stage.client("s3", backend.account, ADMINISTRATOR, region=backend.region)
    kms = stage.client("kms", backend.account, ADMINISTRATOR, region=backend.region)
    clear = stage.client("s3", backend.account, ADMINISTRATOR, region=backend.region, tls=False)
    bucket = {"Bucket": backend.bucket}
    state = {**bucket, "Key": KEY}
    suspended = {"Status": "Suspended"}
    attempts = [
        Attempt(
            name="drop the policy",
            call=lambda: s3.delete_bucket_policy(**bucket),
            statement="StateholdDenyReconfigure",
        ),
        Attempt(
            name="suspend versioning",
            call=lambda: s3.put_bucket_versioning(**bucket, VersioningConfiguration=suspended),
            statement="StateholdDenyReconfigure",
        ),
        Attempt(
            name="delete the bucket",
            call=lambda: s3.delete_bucket(**bucket),
            statement="StateholdDenyDestroy",
        ),
        Attempt(
            name="delete a state",
            call=lambda: s3.delete_object(**state),
            statement="StateholdDenyDestroyState",
        ),
        Attempt(
            name="delete a version of it",
            call=lambda: s3.delete_object(**state, VersionId=version),
            statement="StateholdDenyDestroy",
        ),
        Attempt(
            name="read it over plain http",
            call=lambda: clear.get_object(**state),
            statement="StateholdDenyInsecureTransport",
        ),
    ]
    if key_arn:
        attempts.append(
            Attempt(
                name="schedule the key's deletion",
                call=lambda: kms.schedule_key_deletion(KeyId=key_arn, PendingWindowInDays=7),
                statement="StateholdDenyDeletion",
                policy="the key's policy",
            )
        )
    return attempts


def _refused(stage: Stage, attempt: Attempt) -> None:
    stage.denials.clear()
    try:
        attempt.call()
    except ClientError as error:
        answer = error.response["Error"]
        expect(
            answer["Code"].startswith("AccessDenied"),
            f"The attempt to {attempt.name} failed, but with {answer['Code']}: {answer['Message']}",
        )
        expect(
            attempt.statement in stage.denials,
            f"The attempt to {attempt.name} was refused, but by {', '.join(stage.denials)}.",
        )
        stage.tell.refused(
            attempt.name, f"{answer['Code']}: {attempt.statement} in {attempt.policy}"
        )
        return
    expect(False, f"The attempt to {attempt.name} succeeded.")
