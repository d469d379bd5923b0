"""
A bucket that we did not make: what its clients must change before it can be enforced.

Judged from the bucket's configuration alone, never from its objects.
"""

from __future__ import annotations

from state_backend.lock_modes import LOCK_MODES
from state_backend.policies.bucket_policy import is_left_to_its_manager
from state_backend.spec import BackendSpec


def client_changes(spec: BackendSpec) -> tuple[str, ...]:
    """What the clients and managers of the adopted bucket must change, a sentence each."""
    sentences = (
        _contradiction(spec),
        _encryption(spec),
        _acls(spec),
        _locking(spec),
        _readers(spec),
        _workspaces(spec),
        _manager(spec),
        _bootstrapper(spec),
    )
    return tuple(filter(None, sentences))


def gaps(spec: BackendSpec) -> tuple[str, ...]:
    """What stays open in an adopted bucket that is enforced, a sentence each."""
    if not is_left_to_its_manager(spec):
        return ()
    return (
        f"it is managed by {spec.manager}, so its policy has no DenyReconfigure: whoever may set "
        "its policy can take the other statements out",
    )


def _contradiction(spec: BackendSpec) -> str:
    if not spec.contradicted_by:
        return ""
    return (
        f"its own policy ({', '.join(spec.contradicted_by)}) refuses every write as it would have "
        "to be once enforced: remove that statement, or name in KmsKeyArn the key that it asks for"
    )


def _encryption(spec: BackendSpec) -> str:
    algorithm, key = spec.default_encryption
    if spec.encryption == "AES256":
        if algorithm in {"", "AES256"}:
            return ""
        return (
            f"its default encryption is {algorithm}, so enforcing AES256 will be refused as a "
            "weakening: set Encryption to aws:kms"
        )
    if algorithm == "aws:kms" and key and key == spec.key_arn:
        return "clients that set encrypt = true must also set kms_key_id to that key's ARN"
    return (
        f"its default encryption is {algorithm or 'not readable'}"
        + (f" under {key}" if key else "")
        + ": once enforced, a client with encrypt = true and no kms_key_id, or another key, is "
        "refused, and one that takes no lock file only after its apply; " + _before_enforcing(spec)
    )


def _before_enforcing(spec: BackendSpec) -> str:
    if spec.refuses_plain_writes:
        return (
            "its own policy refuses writes without encrypt = true, so take over the published "
            "block now and again as soon as it is enforced"
        )
    if spec.default_encryption[1]:
        return "to keep that key, name it in KmsKeyArn; else drop encrypt and kms_key_id now"
    return "take over the published block now: it leaves encryption to the bucket, before and after"


def _acls(spec: BackendSpec) -> str:
    if not spec.acls_enabled:
        return ""
    return "enforcing turns ACLs off: a client that sets acl must drop it"


def _locking(spec: BackendSpec) -> str:
    if LOCK_MODES[spec.lock_mode].lock_table:
        return ""
    if not spec.lock_table_found:
        return (
            f"there is no lock table {spec.lock_table_name}: if its clients lock with another one, "
            "name it in LockTableName"
        )
    return (
        f"the lock table {spec.lock_table_name} exists: take over the published block, which locks "
        "both ways, in every client before one of them locks with files alone"
    )


def _readers(spec: BackendSpec) -> str:
    listed = spec.state_access_principal_arns
    if not listed:
        return ""
    return f"once enforced, nobody but {', '.join(listed)} may read or write its states"


def _workspaces(spec: BackendSpec) -> str:
    if not spec.prevent_destroy:
        return ""
    return (
        "once enforced, nothing but lock files and what is below WorkspaceKeyPrefix "
        f"({spec.workspace_key_prefix}) can be deleted: if its clients keep workspaces elsewhere, "
        "name that prefix"
    )


def _manager(spec: BackendSpec) -> str:
    if not spec.manager:
        return ""
    return f"it is managed by {spec.manager}, which must stop setting what is set here"


def _bootstrapper(spec: BackendSpec) -> str:
    if not spec.bootstrapped:
        return ""
    return (
        "Terragrunt made it, and would set it back at its next run: set disable_bucket_update = "
        "true in its remote_state before it is enforced"
    )
