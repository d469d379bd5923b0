"""
The backends' policies, as they are vended, and the ARNs behind the matrix's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.document import VERSION, Document, statements_of
from state_backend.policies.key_policy import key_policy
from state_backend.spec import BackendSpec, Defaults, resolve
from tests.matrix.cells import Backend, ClientsBackend, Request, What, Who

ACCOUNT = "222222222222"
OUTSIDE = "333333333333"
REGION = "eu-central-1"
BUCKET = "tfstate"
"""Short, as are the keys: iam-simulate takes its time for each letter of an ARN."""
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-1111-4222-8333-444444444444"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-1111-4222-8333-444444444444"
SERVICE = "logging.s3.amazonaws.com"

ROLES = {
    Who.PROVISIONER: f"arn:aws:iam::{ACCOUNT}:role/StateholdProvisioner",
    Who.PREVIOUS: f"arn:aws:iam::{ACCOUNT}:role/AWSControlTowerExecution",
    Who.BREAK_GLASS: f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/BreakGlass_1a2b",
    Who.ADMINISTRATOR: f"arn:aws:iam::{ACCOUNT}:role/Administrator",
    Who.LOOKALIKE: f"arn:aws:iam::{ACCOUNT}:role/team/StateholdProvisioner",
    Who.LISTED: f"arn:aws:iam::{ACCOUNT}:role/pipelines/payments",
    Who.UNLISTED: f"arn:aws:iam::{ACCOUNT}:role/pipeline/payments",
    Who.OUTSIDER: f"arn:aws:iam::{OUTSIDE}:role/StateholdProvisioner",
}
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ONLY_S3 = frozenset({Who.LISTED, Who.UNLISTED})

KEYS = {
    What.STATE: "net/state",
    What.LOCK: "net/state.tflock",
    What.WORKSPACE: "env:/dev/net/state",
}


def identity_policy(who: Who) -> Document | None:
    """What IAM lets *who* do; None for whom IAM knows nothing of."""
    if who in {Who.SERVICE, Who.ANONYMOUS}:
        return None
    return {
        "Version": VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*" if who in ONLY_S3 else "*", "Resource": "*"}
        ],
    }


@cache
def spec_of(backend: Backend) -> BackendSpec:
    properties: dict[str, Any] = {
        "BucketName": BUCKET,
        "Encryption": backend.encryption,
        "Adopt": "enforce",
    }
    if backend.break_glass:
        properties["BreakGlassPrincipalArns"] = (
            "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/BreakGlass_*"
        )
    if backend.listed:
        properties["StateAccessPrincipalArns"] = f"arn:aws:iam::{ACCOUNT}:role/pipelines/*"
    if not backend.prevent_destroy:
        properties["PreventDestroy"] = "false"
    if backend.observed:
        properties["Adopt"] = "observe"
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/state/0a1b2c3d"
    return replace(
        resolve(ACCOUNT, REGION, properties, Defaults()),
        key_arn=KEY if backend.encryption == "aws:kms" else "",
        acting_role_arns=(ROLES[Who.PROVISIONER], ROLES[Who.PREVIOUS]),
        origin="adopted" if backend.observed or backend.managed else "created",
        manager=stack if backend.managed else "",
    )


@cache
def policy_of(backend: Backend, *, key: bool) -> Document:
    """The vended policy of *backend*'s key or bucket."""
    make = key_policy if key else bucket_policy
    return make(spec_of(backend), _foreign(backend, key=key))


def _foreign(backend: Backend, *, key: bool) -> Document | None:
    if not backend.foreign:
        return None
    bucket = spec_of(backend).bucket_arn
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ROOT} if key else "*",
        "Action": "kms:*" if key else "s3:*",
        "Resource": "*" if key else [bucket, f"{bucket}/*"],
    }
    return {"Version": VERSION, "Statement": [statement]}


@cache
def clients_spec_of(backend: ClientsBackend) -> BackendSpec:
    modes = {(True, False): "s3-lockfile", (False, True): "dynamodb", (True, True): "both"}
    mode = modes[backend.lock_file, backend.lock_table]
    properties = {"BucketName": BUCKET, "LockMode": mode}
    if backend.given_key:
        properties["KmsKeyArn"] = KEY
    acting = (ROLES[Who.PROVISIONER], ROLES[Who.PREVIOUS])
    spec = resolve(ACCOUNT, REGION, properties, Defaults())
    return replace(spec, key_arn=KEY, acting_role_arns=acting, origin="created")


@cache
def clients_policy_of(backend: ClientsBackend, what: What) -> Document | None:
    """The policy of the bucket or key; a table has none."""
    match what:
        case What.TABLE:
            return None
        case What.KEY if backend.given_key:
            return {"Version": VERSION, "Statement": [_BY_IAM]}
        case What.KEY:
            return key_policy(clients_spec_of(backend), None)
        case _:
            return bucket_policy(clients_spec_of(backend), None)


_BY_IAM = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
"""What KMS gives a key whose maker says nothing."""


def resource_of(request: Request) -> str:
    """The same bucket, key and table in every backend."""
    spec = clients_spec_of(ClientsBackend())
    match request.what:
        case What.KEY:
            return KEY
        case What.TABLE:
            return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{spec.lock_table_name}"
        case What.BUCKET:
            return spec.bucket_arn
        case _:
            return f"{spec.bucket_arn}/{KEYS[request.what]}"


def each_less_by_one(document: Document) -> Iterator[tuple[str, Document]]:
    """Which action that is granted is taken away, and what is left."""
    statements = statements_of(document)
    for index, statement in enumerate(statements):
        if statement["Effect"] == "Deny":
            continue
        for action in statement["Action"]:
            left = [other for other in statement["Action"] if other != action]
            changed = [{**statement, "Action": left}] if left else []
            rest = [*statements[:index], *changed, *statements[index + 1 :]]
            yield f"{statement['Sid']}: {action}", {**document, "Statement": rest}
