"""
What the clients of a backend need, and nothing beside: a reader, a planner and an applier, and
whoever takes the backend block from where it is published.

Ready to be attached to a pipeline's role. The bucket's policy gives nobody a right, so IAM has to.
Deleting is granted on lock files and on workspaces' states alone: no client of ours has to delete
the state of a module, a version or the bucket. With the key that we make, an S3 permission is
enough; with another one, the right to use it is here as well, through S3 alone.

What Terraform asks for was tried by taking each permission away in turn. No function calls this: it
makes a page, and is what the tests' clients have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from state_backend.lock_modes import LOCK_MODES
from state_backend.lock_modes.mode import LockMode
from state_backend.policies.document import VERSION, Document, Statement
from state_backend.regions import dns_suffix_of
from state_backend.spec import BACKEND_PARAMETER, HCL_PARAMETER, BackendSpec

EVERY_KEY = "*"


def reader(spec: BackendSpec, keys: str = EVERY_KEY) -> Document:
    """
    For ``output``, ``state pull`` and ``terraform_remote_state``: it sees state, and never locks.

    Args:
        keys: The states that it is about: one ``key`` of a backend block, or a pattern of some. In
            every workspace.
    """
    return _document(
        _list_workspaces(spec),
        _allow("ReadState", ["s3:GetObject"], _in_workspaces_too(spec, keys)),
        *_no_other_module(spec, keys),
        *_table(spec, "ReadDigest", ["dynamodb:GetItem"]),
        *_key(spec, ["kms:Decrypt"]),
    )


def planner(spec: BackendSpec, keys: str = EVERY_KEY) -> Document:
    """
    For ``plan``: it reads state and takes the lock, and writes no state.

    A lock table holds locks and digests alike, and IAM cannot tell them apart there.
    """
    lock_file = _mode(spec).lock_file
    return _document(
        _list_workspaces(spec),
        _allow("ReadState", ["s3:GetObject"], _in_workspaces_too(spec, keys)),
        *_no_other_module(spec, keys),
        *_locks(spec, keys),
        *_key(spec, ["kms:Decrypt", "kms:GenerateDataKey"] if lock_file else ["kms:Decrypt"]),
    )


def applier(spec: BackendSpec, keys: str = EVERY_KEY) -> Document:
    """For ``apply``, ``destroy`` and ``workspace``: it reads, locks and writes state."""
    workspaces = _in_workspaces_too(spec, keys)[1:] or [f"{_workspaces(spec)}/*"]
    return _document(
        _list_workspaces(spec),
        _allow("WriteState", ["s3:GetObject", "s3:PutObject"], _in_workspaces_too(spec, keys)),
        _allow("DeleteWorkspaces", ["s3:DeleteObject"], workspaces),
        *_no_other_module(spec, keys),
        *_locks(spec, keys),
        *_key(spec, ["kms:Decrypt", "kms:GenerateDataKey"]),
    )


CLIENT_POLICIES: dict[str, Callable[..., Document]] = {
    "reader": reader,
    "planner": planner,
    "applier": applier,
}
"""Kind of client -> its policy, for every state of a backend or for those named."""


def published(spec: BackendSpec) -> Document:
    """For a pipeline that takes its backend block from where it is published, beside another."""
    start = f"arn:{spec.partition}:ssm:{spec.region}:{spec.account}:parameter"
    places = [f"{start}{name}" for name in (BACKEND_PARAMETER, HCL_PARAMETER)]
    return _document(_allow("ReadPublished", ["ssm:GetParameter"], places))


def _list_workspaces(spec: BackendSpec) -> Statement:
    # On the whole bucket: without it S3 says of a state that is not there yet that it is forbidden,
    # and that question names no prefix.
    return _allow("ListWorkspaces", ["s3:ListBucket"], [spec.bucket_arn])


def _locks(spec: BackendSpec, keys: str) -> list[Statement]:
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    places = _in_workspaces_too(spec, f"{keys}.tflock")
    files = [_allow("LockWithFiles", actions, places)] if _mode(spec).lock_file else []
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
    return [*files, *_table(spec, "LockWithTable", items)]


def _table(spec: BackendSpec, sid: str, actions: list[str]) -> list[Statement]:
    if not _mode(spec).lock_table:
        return []
    return [_allow(sid, actions, [spec.lock_table_arn])]


def _key(spec: BackendSpec, actions: list[str]) -> list[Statement]:
    """Of a key that we made, its own policy lets whoever comes through S3."""
    key = spec.key_for_clients
    if not key or (spec.makes_key and key == spec.key_arn):
        return []
    hosts = sorted({"amazonaws.com", dns_suffix_of(spec.region)})
    through_s3 = {"kms:ViaService": [f"s3.{spec.region}.{host}" for host in hosts]}
    return [_allow("UseKeyThroughS3", actions, [key]) | {"Condition": {"StringEquals": through_s3}}]


def _in_workspaces_too(spec: BackendSpec, keys: str) -> list[str]:
    """The objects named *keys*: the default workspace's, then all others'."""
    default = f"{spec.bucket_arn}/{keys}"
    # What begins with "*" is in the folder of workspaces already.
    return [default] if keys.startswith("*") else [default, f"{_workspaces(spec)}/*/{keys}"]


def _no_other_module(spec: BackendSpec, keys: str) -> list[Statement]:
    """
    For a single key. The ``*`` for a workspace's name does not end at a slash: it would let in the
    workspaces of every module whose key ends in this one.
    """
    if "*" in keys:
        return []
    deeper = f"{_workspaces(spec)}/*/*/{keys}"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    return [_allow("NoOtherModule", actions, [deeper, f"{deeper}.tflock"]) | {"Effect": "Deny"}]


def _workspaces(spec: BackendSpec) -> str:
    return f"{spec.bucket_arn}/{spec.workspace_key_prefix}"


def _mode(spec: BackendSpec) -> LockMode:
    return LOCK_MODES[spec.lock_mode_for_clients]


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }


def _document(*statements: Statement) -> Document:
    return {"Version": VERSION, "Statement": list(statements)}
