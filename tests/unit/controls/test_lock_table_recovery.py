from __future__ import annotations

import pytest

from state_backend.controls.lock_table_recovery import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import TABLE, backend


def status(value):
    description = {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": value}}
    return {"ContinuousBackupsDescription": description}


def test_it_asks_the_table():
    assert asked(CONTROL, backend(), TABLE) == (
        "dynamodb:describe_continuous_backups",
        {"TableName": TABLE},
    )


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        (status("ENABLED"), True),
        (status("DISABLED"), False),
        ({"ContinuousBackupsDescription": {}}, False),
    ],
)
def test_only_enabled_is_enough(answer, enough):
    assert judged(CONTROL, backend(), answer) is enough


def test_it_enables():
    specification = {"PointInTimeRecoveryEnabled": True}

    assert written(CONTROL, backend(), TABLE) == (
        "dynamodb:update_continuous_backups",
        {"TableName": TABLE, "PointInTimeRecoverySpecification": specification},
    )
