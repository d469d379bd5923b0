"""
The state bucket: made in the account's own namespace with its tags and without ACLs, in one call.

That it is ours is asked before and after: in us-east-1 CreateBucket also answers 200 for a bucket
of the global namespace that was there already.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from state_backend.calls import (
    JSON,
    Absent,
    AwsError,
    Call,
    Invoke,
    Observation,
    Present,
    Unknown,
    look,
)
from state_backend.errors import (
    AccessDenied,
    NotPermittedYet,
    OwnedByAnotherAccount,
    RefusedChange,
    explain,
)
from state_backend.model import Resource
from state_backend.policies.client_writes import refusing
from state_backend.policies.document import Document, statements_of
from state_backend.s3 import (
    FORBIDDEN,
    NO_BUCKET,
    NO_DEFAULT_ENCRYPTION,
    bucket_call,
    default_encryption,
    encryption_rule,
)
from state_backend.spec import TO_BE_CREATED, BackendSpec, own_namespace

_NOT_PERMITTED = (AccessDenied, NotPermittedYet)
_US_EAST_1 = "us-east-1"  # the one Region that must not be named (CreateBucket)

_GUARD = "StateholdDenyReconfigure"
"""The statement without which anybody may change the bucket whom IAM lets."""


def find_bucket(spec: BackendSpec, invoke: Invoke, name: str, property_name: str) -> Observation:
    """
    Whether the bucket *name* is there and ours.

    Raises:
        OwnedByAnotherAccount: Its name is taken.
    """
    head = bucket_call(spec, "head_bucket", name)
    try:
        answer = invoke(head)
    except AwsError as error:
        if error.code in NO_BUCKET:
            return Absent()
        if error.code in FORBIDDEN and not _in_own_namespace(spec, name):
            raise OwnedByAnotherAccount(
                f"The bucket {name} exists but is not to be reached by account {spec.account} "
                "(403 on HeadBucket): it belongs to another account, or a policy denies looking",
                f"Choose another {property_name}, or lift the policy that denies s3:ListBucket",
            ) from error
        raise
    region = answer.get("BucketRegion", spec.region)
    if region != spec.region:
        raise OwnedByAnotherAccount(
            f"The bucket {name} exists in {region}, not in {spec.region}",
            f"Choose another {property_name}, or the Region {region}",
        )
    return Present({})


def _in_own_namespace(spec: BackendSpec, name: str) -> bool:
    return name.endswith(own_namespace(spec.account, spec.region))


def create_bucket(spec: BackendSpec, invoke: Invoke, name: str, property_name: str) -> JSON:
    """Makes the bucket *name*; one that a twin run made a moment ago will do as well."""
    tags = [{"Key": key, "Value": value} for key, value in spec.managed_tags.items()]
    configuration: dict[str, JSON] = {"Tags": tags}
    if spec.region != _US_EAST_1:
        configuration["LocationConstraint"] = spec.region
    parameters: dict[str, JSON] = {
        "Bucket": name,
        "ObjectOwnership": "BucketOwnerEnforced",
        "CreateBucketConfiguration": configuration,
    }
    if _in_own_namespace(spec, name):
        parameters["BucketNamespace"] = "account-regional"
    try:
        invoke(Call("s3", "create_bucket", parameters))
    except AwsError as error:
        if error.code == "BucketAlreadyExists":
            raise OwnedByAnotherAccount(
                f"The bucket {name} belongs to another account", f"Choose another {property_name}"
            ) from error
        if error.code != "BucketAlreadyOwnedByYou":
            raise
    invoke(bucket_call(spec, "head_bucket", name))
    return {"origin": "created"}


def _find(spec: BackendSpec, invoke: Invoke) -> Observation:
    found = find_bucket(spec, invoke, spec.bucket_name, "BucketName")
    if spec.origin == "created" or not isinstance(found, Present):
        return found
    tagging = bucket_call(spec, "get_bucket_tagging", spec.bucket_name)
    match look(invoke, tagging, frozenset({"NoSuchTagSet"})):
        case Present(answer):
            tags = {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}
        case Absent():
            tags = {}
        case unknown:
            return unknown
    # What is on record counts; the tag was set in the call that made the bucket.
    if not spec.origin and tags.get("StateholdOrigin") == "created":
        return Present({"origin": "created"})
    return Present(_adopted(spec, invoke, tags))


def _adopted(spec: BackendSpec, invoke: Invoke, tags: Mapping[str, str]) -> JSON:
    """
    What the clients of a bucket that we did not make have today.

    Raises:
        RefusedChange: Enforced, nobody could write to it any more, or not as safely.
    """
    policy = _policy(spec, invoke)
    against = refusing(policy, spec.encryption, _key_to_name(spec))
    if against and spec.adopt == "enforce":
        raise RefusedChange(
            f"The policy of the bucket {spec.bucket_name} refuses every write as it would have to "
            f"be once enforced ({', '.join(against)})",
            "Remove that statement, or name in KmsKeyArn the key that it asks for",
            code="ResourceConflict",
        )
    encryption = _default_encryption(spec, invoke)
    algorithm = encryption[0] or "AES256"
    if spec.adopt == "enforce" and spec.encryption == "AES256" and algorithm != "AES256":
        raise RefusedChange(
            f"The bucket {spec.bucket_name} encrypts with {algorithm} by default, and "
            "Encryption is AES256: that would weaken it",
            "Set Encryption to aws:kms; to keep the key that it has, name that in KmsKeyArn",
        )
    peculiar = {
        "bootstrapped": _is_bootstrapped(policy),
        "refuses_plain_writes": bool(refusing(policy)),
        "contradicted_by": against,
        "acls_enabled": _acls_enabled(spec, invoke),
    }
    return {
        "origin": "adopted",
        "manager": manager_of(tags, spec.tags, policy),
        "encryption": encryption,
        **{name: value for name, value in peculiar.items() if value},
    }


def _key_to_name(spec: BackendSpec) -> str:
    if spec.encryption != "aws:kms":
        return ""
    here = f"arn:{spec.partition}:kms:{spec.region}:{spec.account}"
    return spec.key_arn or f"{here}:key/{TO_BE_CREATED}"


def manager_of(
    tags: Mapping[str, str], ours: Sequence[tuple[str, str]], policy: Document | None
) -> str:
    """
    The other tool that manages a bucket with *tags*: a stack, or whoever they name.

    *Ours* name nobody; nor does a tag on a bucket whose *policy* refuses everybody else to change
    it: nobody is let in again for a tag.
    """
    if stack := tags.get("aws:cloudformation:stack-id", ""):
        return stack
    if any(it.get("Sid") == _GUARD for it in statements_of(policy)):
        return ""
    foreign = {key: value for key, value in tags.items() if (key, value) not in ours}
    named = {re.sub(r"[^a-z]", "", key.lower()): value for key, value in foreign.items()}
    return named.get("managedby", "")


def _default_encryption(spec: BackendSpec, invoke: Invoke) -> tuple[str, str]:
    """
    The algorithm and key that clients get today; empty where that cannot be read.

    The control of the default encryption looks again, and says so if it cannot.
    """
    call = bucket_call(spec, "get_bucket_encryption", spec.bucket_name)
    match _shown(invoke, call, NO_DEFAULT_ENCRYPTION):
        case Present(answer):
            return default_encryption(encryption_rule(answer))
        case _:
            return "", ""


def _policy(spec: BackendSpec, invoke: Invoke) -> Document | None:
    """
    The bucket's policy; None where there is none or, while we observe, it is not shown.

    Raises:
        AwsError: It has to be known, and is not.
    """
    call = bucket_call(spec, "get_bucket_policy", spec.bucket_name)
    match _shown(invoke, call, frozenset({"NoSuchBucketPolicy"})):
        case Present(answer):
            document: Document = json.loads(answer["Policy"])
            return document
        case Unknown(error) if spec.adopt == "enforce":
            raise error
        case _:
            return None


def _shown(invoke: Invoke, call: Call, absent: frozenset[str]) -> Observation:
    """
    What *call* finds; ``Unknown`` only where a permission is missing.

    Raises:
        AwsError: There was no whole answer. What the next look shows is not guessed at here.
    """
    found = look(invoke, call, absent)
    if isinstance(found, Unknown) and not isinstance(explain(found.error), _NOT_PERMITTED):
        raise found.error
    return found


def _is_bootstrapped(policy: Document | None) -> bool:
    """Whether Terragrunt made the bucket: it leaves no tag, but statements of these names."""
    names = {statement.get("Sid") for statement in statements_of(policy)}
    return bool(names & {"RootAccess", "EnforcedTLS"})


def _acls_enabled(spec: BackendSpec, invoke: Invoke) -> bool:
    call = bucket_call(spec, "get_bucket_ownership_controls", spec.bucket_name)
    match _shown(invoke, call, frozenset({"OwnershipControlsNotFoundError"})):
        case Present(answer):
            rule = answer["OwnershipControls"]["Rules"][0]
            return bool(rule["ObjectOwnership"] != "BucketOwnerEnforced")
        case Absent():
            return True  # as it was before there were ownership controls
        case _:
            return False


def _learn(spec: BackendSpec, found: JSON) -> BackendSpec:
    if "origin" not in found:
        return spec
    return replace(
        spec,
        origin=found["origin"],
        manager=found.get("manager", ""),
        bootstrapped=found.get("bootstrapped", False),
        default_encryption=found.get("encryption", ("", "")),
        refuses_plain_writes=found.get("refuses_plain_writes", False),
        contradicted_by=found.get("contradicted_by", ()),
        acls_enabled=found.get("acls_enabled", False),
    )


RESOURCE = Resource(
    id="bucket",
    why="It holds the states and their lock files.",
    find_permissions=(
        "s3:ListBucket",
        "s3:GetBucketTagging",
        "s3:GetEncryptionConfiguration",
    ),
    create_permissions=(
        "s3:CreateBucket",
        "s3:GetBucketPolicy",
        "s3:GetBucketOwnershipControls",
        "s3:PutBucketOwnershipControls",
        "s3:TagResource",
    ),
    find=_find,
    create=lambda spec, invoke: create_bucket(spec, invoke, spec.bucket_name, "BucketName"),
    learn=_learn,
    planned=lambda spec: {"origin": "created"},
    subject=lambda spec: spec.bucket_name,
)
