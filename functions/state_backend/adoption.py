"""
A bucket that we did not make: what its clients must change before it can be enforced.

Judged from the bucket's configuration alone, never from its objects.
"""

from __future__ import annotations

from state_backend.lock_modes import LOCK_MODES
from state_backend.spec import BackendSpec


def client_changes(spec: BackendSpec) -> tuple[str, ...]:
    """What the clients of the observed bucket must change, a sentence each."""
    return tuple(filter(None, (_encryption(spec), _locking(spec), _manager(spec))))


def _encryption(spec: BackendSpec) -> str:
    algorithm, key = spec.default_encryption
    if spec.encryption == "AES256":
        return ""
    if algorithm == "aws:kms" and key and key == spec.kms_key_arn:
        return "clients that set encrypt = true must also set kms_key_id to that key's ARN"
    return (
        f"its default encryption is {algorithm or 'not readable'}"
        + (f" under {key}" if key else "")
        + ": once enforced, a client with encrypt = true and no kms_key_id, or another key, is "
        "refused; drop encrypt now, and take over the published block after that"
    )


def _locking(spec: BackendSpec) -> str:
    if not spec.lock_table_found or LOCK_MODES[spec.lock_mode].lock_table:
        return ""
    return (
        f"the lock table {spec.lock_table_name} exists: take over the published block, which locks "
        "both ways, in every client before one of them locks with files alone"
    )


def _manager(spec: BackendSpec) -> str:
    if not spec.manager:
        return ""
    return f"it is managed by {spec.manager}, which must stop setting what is set here"
