from __future__ import annotations

import json

from state_backend.controls.kms_key_policy import CONTROL
from state_backend.policies.key_policy import key_policy
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import KEY, backend

OURS = key_policy(backend(), None)


def test_it_asks_the_key():
    assert asked(CONTROL, backend(), KEY) == (
        "kms:get_key_policy",
        {"KeyId": KEY, "PolicyName": "default"},
    )


def test_only_our_policy_is_enough():
    assert judged(CONTROL, backend(), {"Policy": json.dumps(OURS)})
    for missing in OURS["Statement"]:
        rest = {**OURS, "Statement": [it for it in OURS["Statement"] if it is not missing]}
        assert not judged(CONTROL, backend(), {"Policy": json.dumps(rest)})


def test_an_own_keys_policy_is_not_ours():
    assert not CONTROL.applies(backend({"KmsKeyArn": KEY}))
    assert CONTROL.applies(backend())


def test_it_writes_ours():
    operation, parameters = written(CONTROL, backend(), KEY)

    assert operation == "kms:put_key_policy"
    assert json.loads(parameters.pop("Policy")) == OURS
    assert parameters == {"KeyId": KEY, "PolicyName": "default"}
