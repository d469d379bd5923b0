"""Rotation: the key's material is renewed every year; what it once encrypted stays readable."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.spec import BackendSpec

_DAYS = 365


def _read(spec: BackendSpec, key: str) -> Call:
    return Call("kms", "get_key_rotation_status", {"KeyId": key})


def _select(answer: JSON) -> JSON:
    # AWS leaves the period out where it is the default.
    return answer.get("RotationPeriodInDays", _DAYS) if answer["KeyRotationEnabled"] else None


def _satisfied(desired: JSON, found: JSON) -> bool:
    return found is not None and found <= desired


def _write(spec: BackendSpec, key: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    rotation = {"KeyId": key, "RotationPeriodInDays": desired}
    return (Call("kms", "enable_key_rotation", rotation),)


CONTROL = Control(
    id="kms-key-rotation",
    on=("kms-key",),
    why="Key material that never changes gives whoever once got it all later states.",
    satisfies=("FSBP KMS.4", "NIST 800-53 SC-12", "CIS AWS 3.6"),
    sources=("https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",),
    permissions=("kms:GetKeyRotationStatus", "kms:EnableKeyRotation"),
    read=_read,
    absent=frozenset(),
    select=_select,
    desired=lambda spec, found: _DAYS,
    satisfied=_satisfied,
    write=_write,
    applies=lambda spec: spec.makes_key,
)
