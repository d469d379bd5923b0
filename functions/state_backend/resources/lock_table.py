"""
The lock table, for clients that lock with DynamoDB. Once made it is kept, whatever the lock mode.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

from __future__ import annotations

from dataclasses import replace

from state_backend.calls import JSON, AwsError, Call, Invoke, Observation, Present, look
from state_backend.errors import NotStabilized, RefusedChange
from state_backend.lock_modes import LOCK_MODES
from state_backend.model import Resource
from state_backend.spec import BackendSpec

_KEY = [{"AttributeName": "LockID", "KeyType": "HASH"}]


def _find(spec: BackendSpec, invoke: Invoke) -> Observation:
    describe = Call("dynamodb", "describe_table", {"TableName": spec.lock_table_name})
    found = look(invoke, describe, frozenset({"ResourceNotFoundException"}))
    if not isinstance(found, Present):
        return found
    table = found.value["Table"]
    if table["KeySchema"] != _KEY:
        raise RefusedChange(
            f"The table {spec.lock_table_name} exists, but its key is not LockID",
            "Choose another LockTableName: this one is not a lock table",
            code="AlreadyExists",
        )
    if table["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        raise NotStabilized(
            f"The table {spec.lock_table_name} is {table['TableStatus']}", "It is tried again"
        )
    return Present({})


def _create(spec: BackendSpec, invoke: Invoke) -> JSON:
    parameters = {
        "TableName": spec.lock_table_name,
        "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
        "KeySchema": _KEY,
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "Tags": [{"Key": key, "Value": value} for key, value in spec.managed_tags.items()],
    }
    try:
        invoke(Call("dynamodb", "create_table", parameters))
    except AwsError as error:
        if error.code != "ResourceInUseException":  # a twin run was faster
            raise
    return {}


RESOURCE = Resource(
    id="lock-table",
    why="Clients that know no lock files lock here.",
    find_permissions=("dynamodb:DescribeTable",),
    create_permissions=(
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
    ),
    find=_find,
    create=_create,
    learn=lambda spec, found: replace(spec, lock_table_found=True),
    planned=lambda spec: {},
    subject=lambda spec: spec.lock_table_name,
    # The clients of an adopted bucket may lock with a table, whatever the mode is to become.
    applies=lambda spec: LOCK_MODES[spec.lock_mode].lock_table or spec.origin == "adopted",
    ours=lambda spec: LOCK_MODES[spec.lock_mode].lock_table or spec.lock_table_found,
    supporting=True,
)
