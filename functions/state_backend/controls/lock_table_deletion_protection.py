"""Deletion protection of the lock table."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, table: str) -> Call:
    return Call("dynamodb", "describe_table", {"TableName": table})


def _write(spec: BackendSpec, table: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    parameters = {"TableName": table, "DeletionProtectionEnabled": desired}
    return (Call("dynamodb", "update_table", parameters),)


CONTROL = Control(
    id="lock-table-deletion-protection",
    on=("lock-table",),
    why="Without the table its clients cannot lock, and two of them write at once.",
    satisfies=("FSBP DynamoDB.6",),
    sources=(
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html",
    ),
    permissions=("dynamodb:DescribeTable", "dynamodb:UpdateTable"),
    read=_read,
    absent=frozenset(),
    select=lambda answer: bool(answer["Table"].get("DeletionProtectionEnabled", False)),
    desired=lambda spec, found: True,
    write=_write,
    set_at_creation=True,
)
