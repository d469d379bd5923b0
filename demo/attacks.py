"""Somebody of the account, who may do anything that IAM can allow, tries to destroy it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from demo.inspection import user_of
from demo.stage import Stage, role_arn
from demo.words import expect
from state_backend.spec import BackendSpec

ADMINISTRATOR = "Administrator"
KEY = "payments/database/terraform.tfstate"
STATE = b'{"version": 4, "serial": 1, "outputs": {"password": {"value": "hunter2"}}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is tried, and which statement has to refuse it."""

    name: str
    call: Callable[[], Any]
    statement: str
    policy: str = "the bucket's policy"


def attack(stage: Stage, spec: BackendSpec) -> None:
    """Every attempt is refused, and the state is still there afterwards."""
    who = user_of(spec, ADMINISTRATOR)
    s3 = stage.client_of("s3", who, region=spec.region)
    may_use = ", and it may use states" if spec.state_access_principal_arns else ""
    stage.tell.say(
        f"IAM allows the role {who.rpartition('/')[2]} everything{may_use}. It writes a state "
        "first, and names no encryption at all: that lands under the bucket's default."
    )
    stage.tell.blank()
    version = s3.put_object(Bucket=spec.bucket_name, Key=KEY, Body=STATE)["VersionId"]
    for attempt in [*_attempts(stage, spec, who, version), *_of_strangers(stage, spec)]:
        _refused(stage, attempt)
    left = s3.get_object(Bucket=spec.bucket_name, Key=KEY)
    expect(left["Body"].read() == STATE, "The state is no longer what it was.")
    expect(left.get("SSEKMSKeyId", "") == spec.key_arn, "The state is not under its key.")
    status = s3.get_bucket_versioning(Bucket=spec.bucket_name).get("Status")
    expect(status == "Enabled", f"Versioning is {status} now.")
    stage.tell.done(
        "still there", "the state as it was written; versioning, policy and key as they were"
    )


def _attempts(stage: Stage, spec: BackendSpec, who: str, version: str) -> list[Attempt]:
    s3 = stage.client_of("s3", who, region=spec.region)
    kms = stage.client_of("kms", who, region=spec.region)
    clear = stage.client_of("s3", who, region=spec.region, tls=False)
    bucket = {"Bucket": spec.bucket_name}
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
    if spec.makes_key:
        attempts.append(
            Attempt(
                name="schedule the key's deletion",
                call=lambda: kms.schedule_key_deletion(KeyId=spec.key_arn, PendingWindowInDays=7),
                statement="StateholdDenyDeletion",
                policy="the key's policy",
            )
        )
    return attempts


def _of_strangers(stage: Stage, spec: BackendSpec) -> list[Attempt]:
    """What somebody tries who is not among those who alone may use states."""
    stranger, listed = role_arn(spec.account, "Stranger"), spec.state_access_principal_arns
    if not listed or any(fnmatchcase(stranger, it) for it in listed):
        return []
    s3 = stage.client_of("s3", stranger, region=spec.region)
    return [
        Attempt(
            name="read it as a stranger",
            call=lambda: s3.get_object(Bucket=spec.bucket_name, Key=KEY),
            statement="StateholdDenyStateAccess",
        )
    ]


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
