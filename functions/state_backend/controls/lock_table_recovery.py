"""Point-in-time recovery of the lock table: its digests can be put back."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, table: str) -> Call:
    return Call("dynamodb", "describe_continuous_backups", {"TableName": table})


def _select(answer: JSON) -> JSON:
    backups = answer["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    return recovery.get("PointInTimeRecoveryStatus") == "ENABLED"


def _write(spec: BackendSpec, table: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    enabled = {"PointInTimeRecoveryEnabled": desired}
    parameters = {"TableName": table, "PointInTimeRecoverySpecification": enabled}
    return (Call("dynamodb", "update_continuous_backups", parameters),)


CONTROL = Control(
    id="lock-table-recovery",
    on=("lock-table",),
    why="A digest that was lost or overwritten locks every client out of its state.",
    satisfies=("FSBP DynamoDB.2", "NIST 800-53 CP-9"),
    sources=(
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
    ),
    permissions=("dynamodb:DescribeContinuousBackups", "dynamodb:UpdateContinuousBackups"),
    read=_read,
    absent=frozenset(),
    select=_select,
    desired=lambda spec, found: True,
    write=_write,
)
