from __future__ import annotations

from state_backend.controls.kms_key_alias import CONTROL
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import KEY, backend

SPEC = backend(key_arn=KEY)
OTHER = KEY.replace("0000", "9999")
ALIAS = {"AliasName": "alias/statehold", "TargetKeyId": KEY}


def test_it_asks_where_the_alias_points():
    assert asked(CONTROL, SPEC, KEY) == ("kms:describe_key", {"KeyId": "alias/statehold"})
    assert CONTROL.absent == {"NotFoundException"}
    assert not CONTROL.applies(backend({"KmsKeyArn": KEY}))


def test_it_has_to_point_to_our_key():
    assert judged(CONTROL, SPEC, {"KeyMetadata": {"Arn": KEY}})
    assert not judged(CONTROL, SPEC, {"KeyMetadata": {"Arn": OTHER}})


def test_a_missing_one_is_made_and_another_one_turned():
    assert written(CONTROL, SPEC, KEY) == ("kms:create_alias", ALIAS)
    assert written(CONTROL, SPEC, KEY, OTHER) == ("kms:update_alias", ALIAS)
