"""
The key: found by the register's word, else by alias, else by tag; made only if none of them knows.

CreateKey has no client token: sent twice, it makes two keys. So it is never repeated, the intent is
in the register before it is sent (``intent``), its tags travel with it, and CreateAlias,
which succeeds only once, decides between twins. No key is ever deleted: it may have encrypted.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from state_backend.errors import Failed, RefusedChange
from state_backend.model import Resource
from state_backend.policies.document import text_of
from state_backend.policies.key_policy import key_policy
from state_backend.spec import KEY_ALIAS, TO_BE_CREATED, BackendSpec

_NOT_FOUND = frozenset({"NotFoundException"})


def _find(spec: BackendSpec, invoke: Invoke) -> Observation:
    named = spec.kms_key_arn or spec.key_arn
    return _find_named(spec, invoke, named) if named else _find_unnamed(spec, invoke)


def _find_named(spec: BackendSpec, invoke: Invoke, arn: str) -> Observation:
    match look(invoke, _describe(arn), _NOT_FOUND):
        case Present(answer):
            return Present(_usable(spec, answer["KeyMetadata"]))
        case Absent():
            raise Failed(
                f"The key {arn} does not exist",
                "Name an existing key; states under a key that is gone cannot be read any more",
                code="NotFound",
            )
        case Unknown(error) if spec.kms_key_arn and error.code == "AccessDeniedException":
            return Unknown(_said_to_its_owner(spec, error))
        case unknown:
            return unknown


def _find_unnamed(spec: BackendSpec, invoke: Invoke) -> Observation:
    with ThreadPoolExecutor(1) as pool:
        by_tag = pool.submit(_by_tag, spec, invoke)  # beside the alias: one wait, not two
        match look(invoke, _describe(KEY_ALIAS), _NOT_FOUND):
            case Present(answer):
                return Present(_usable(spec, answer["KeyMetadata"]))
            case Absent():
                return by_tag.result()
            case unknown:
                return unknown


def _said_to_its_owner(spec: BackendSpec, error: AwsError) -> AwsError:
    """A key of another account shows itself only if its own policy says so as well."""
    needed = f"the key's own policy must let account {spec.account} call kms:DescribeKey"
    message = f"{error.message}; {needed}"
    return AwsError(error.call, error.code, message, status=error.status)


def _by_tag(spec: BackendSpec, invoke: Invoke) -> Observation:
    """
    A key that a run made and left before it had an alias; the oldest, if there are several.

    One that is going to be deleted comes last: people are told to delete what a twin run made.
    """
    keys = [invoke(_describe(arn))["KeyMetadata"] for arn in sorted(_tagged(spec, invoke))]
    if not keys:
        return Absent()
    return Present(_usable(spec, min(keys, key=_age)))


def _age(key: JSON) -> tuple[bool, str, str]:
    return key["KeyState"] == "PendingDeletion", str(key["CreationDate"]), key["Arn"]


def _tagged(spec: BackendSpec, invoke: Invoke) -> Iterator[str]:
    """The ARNs of the keys with our tag. A page may be empty and yet not be the last."""
    search: dict[str, JSON] = {
        "ResourceTypeFilters": ["kms:key"],
        "TagFilters": [{"Key": "StateholdBackend", "Values": [spec.bucket_name]}],
    }
    while True:
        answer = invoke(Call("resourcegroupstaggingapi", "get_resources", search))
        yield from (item["ResourceARN"] for item in answer["ResourceTagMappingList"])
        if not answer.get("PaginationToken"):
            return
        search = {**search, "PaginationToken": answer["PaginationToken"]}


def _describe(key: str) -> Call:
    return Call("kms", "describe_key", {"KeyId": key})


def _usable(spec: BackendSpec, key: JSON) -> JSON:
    arn, state = key["Arn"], key["KeyState"]
    if state == "PendingDeletion":
        raise Failed(
            f"The key {arn} is going to be deleted on {key.get('DeletionDate', 'a day soon')}, and "
            "with it every state becomes unreadable",
            f"At once: aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key",
            code="ResourceConflict",
        )
    if state != "Enabled":
        raise Failed(
            f"The key {arn} is {state}: no state can be read or written",
            f"Enable it: aws kms enable-key --key-id {arn}",
            code="ResourceConflict",
        )
    if key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        raise RefusedChange(
            f"The key {arn} is of the kind {key['KeySpec']}",
            "S3 encrypts with symmetric keys only; name such a key",
            code="InvalidRequest",
        )
    if key.get("KeyManager", "CUSTOMER") != "CUSTOMER":
        raise RefusedChange(
            f"The key {arn} is managed by AWS",
            "Name a customer managed key, or leave KmsKeyArn out",
            code="InvalidRequest",
        )
    return {"arn": arn}


def _create(spec: BackendSpec, invoke: Invoke) -> JSON:
    tags = [{"TagKey": key, "TagValue": value} for key, value in spec.managed_tags.items()]
    parameters = {
        "Description": f"Encrypts the Terraform/OpenTofu states in {spec.bucket_name}",
        "Policy": text_of(key_policy(spec, None)),
        "Tags": tags,
    }
    answer = invoke(Call("kms", "create_key", parameters, repeatable=False))
    created = answer["KeyMetadata"]["Arn"]
    alias = {"AliasName": KEY_ALIAS, "TargetKeyId": created}
    try:
        invoke(Call("kms", "create_alias", alias))
    except AwsError as error:
        if error.code != "AlreadyExistsException":
            raise
        winner = invoke(_describe(KEY_ALIAS))["KeyMetadata"]
        return _usable(spec, winner) | {"orphan": created if winner["Arn"] != created else ""}
    return {"arn": created}


def _learn(spec: BackendSpec, found: JSON) -> BackendSpec:
    return replace(spec, key_arn=found["arn"])


def _planned(spec: BackendSpec) -> JSON:
    return {"arn": f"arn:{spec.partition}:kms:{spec.region}:{spec.account}:key/{TO_BE_CREATED}"}


RESOURCE = Resource(
    id="kms-key",
    why="One customer managed key encrypts every state, and its policy says who may read them.",
    find_permissions=("kms:DescribeKey",),
    create_permissions=(
        "kms:CreateKey",
        "kms:CreateAlias",
        "kms:TagResource",
        "tag:GetResources",
    ),
    find=_find,
    create=_create,
    learn=_learn,
    planned=_planned,
    subject=lambda spec: spec.key_arn,
    # While an adopted bucket is only observed, its clients keep the key that they have; but a key
    # that was named is checked before anybody relies on it.
    applies=lambda spec: (
        spec.encryption == "aws:kms" and (not spec.observes or bool(spec.kms_key_arn))
    ),
    ours=lambda spec: spec.makes_key,
)
