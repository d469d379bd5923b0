from __future__ import annotations

import pytest

from state_backend.controls.kms_key_rotation import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import KEY, backend


def test_it_asks_the_key():
    assert asked(CONTROL, backend(), KEY) == ("kms:get_key_rotation_status", {"KeyId": KEY})
    assert not CONTROL.applies(backend({"KmsKeyArn": KEY}))


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ({"KeyRotationEnabled": True, "RotationPeriodInDays": 365}, True),
        ({"KeyRotationEnabled": True, "RotationPeriodInDays": 90}, True),
        ({"KeyRotationEnabled": True}, True),
        ({"KeyRotationEnabled": True, "RotationPeriodInDays": 366}, False),
        ({"KeyRotationEnabled": False, "RotationPeriodInDays": 90}, False),
        ({"KeyRotationEnabled": False}, False),
    ],
)
def test_once_a_year_or_more_often_is_enough(answer, enough):
    assert judged(CONTROL, backend(), answer) is enough


def test_it_rotates_once_a_year():
    assert written(CONTROL, backend(), KEY) == (
        "kms:enable_key_rotation",
        {"KeyId": KEY, "RotationPeriodInDays": 365},
    )
