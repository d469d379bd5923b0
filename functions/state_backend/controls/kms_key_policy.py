"""The key's policy: who administers it, who uses it, and what nobody does by accident."""

from __future__ import annotations

import json

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.policies.document import says_the_same, text_of
from state_backend.policies.key_policy import key_policy
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, key: str) -> Call:
    return Call("kms", "get_key_policy", {"KeyId": key, "PolicyName": "default"})


def _write(spec: BackendSpec, key: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    policy = {"KeyId": key, "PolicyName": "default", "Policy": text_of(desired)}
    return (Call("kms", "put_key_policy", policy),)


CONTROL = Control(
    id="kms-key-policy",
    on=("kms-key",),
    why="Whoever can disable or delete the key makes every state unreadable at once.",
    satisfies=("FSBP KMS.5", "NIST 800-53 SC-12", "NIST 800-53 AC-3", "NIST 800-53 CM-5"),
    sources=("https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",),
    permissions=("kms:GetKeyPolicy", "kms:PutKeyPolicy"),
    read=_read,
    absent=frozenset(),
    select=lambda answer: json.loads(answer["Policy"]),
    desired=key_policy,
    satisfied=says_the_same,
    write=_write,
    applies=lambda spec: spec.makes_key,
    set_at_creation=True,
)
