"""The alias: by its name the key is found again, by people and by the next run."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.spec import KEY_ALIAS, BackendSpec


def _read(spec: BackendSpec, key: str) -> Call:
    return Call("kms", "describe_key", {"KeyId": KEY_ALIAS})


def _write(spec: BackendSpec, key: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    alias = {"AliasName": KEY_ALIAS, "TargetKeyId": desired}
    return (Call("kms", "create_alias" if found is None else "update_alias", alias),)


CONTROL = Control(
    id="kms-key-alias",
    on=("kms-key",),
    why="Without it a key without a name looks abandoned, and is one deletion away from data loss.",
    satisfies=("NIST 800-53 SC-12",),
    sources=("https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",),
    permissions=("kms:DescribeKey", "kms:CreateAlias", "kms:UpdateAlias"),
    read=_read,
    absent=frozenset({"NotFoundException"}),
    select=lambda answer: answer["KeyMetadata"]["Arn"],
    desired=lambda spec, found: spec.key_arn,
    write=_write,
    applies=lambda spec: spec.makes_key,
    set_at_creation=True,
)
