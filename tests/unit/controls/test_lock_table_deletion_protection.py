from __future__ import annotations

from state_backend.controls.lock_table_deletion_protection import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import TABLE, backend


def test_it_asks_the_table():
    assert asked(CONTROL, backend(), TABLE) == ("dynamodb:describe_table", {"TableName": TABLE})


def test_only_protected_is_enough():
    assert judged(CONTROL, backend(), {"Table": {"DeletionProtectionEnabled": True}})
    assert not judged(CONTROL, backend(), {"Table": {"DeletionProtectionEnabled": False}})
    assert not judged(CONTROL, backend(), {"Table": {}})


def test_it_protects():
    assert written(CONTROL, backend(), TABLE) == (
        "dynamodb:update_table",
        {"TableName": TABLE, "DeletionProtectionEnabled": True},
    )
