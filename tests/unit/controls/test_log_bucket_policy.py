from __future__ import annotations

import json

from state_backend.controls.log_bucket_policy import CONTROL
from state_backend.policies.log_bucket_policy import log_bucket_policy
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, LOG_BUCKET, backend

PLACE = {"Bucket": LOG_BUCKET, "ExpectedBucketOwner": ACCOUNT}
OURS = log_bucket_policy(backend(), None)


def test_it_asks_the_log_bucket():
    assert asked(CONTROL, backend(), LOG_BUCKET) == ("s3:get_bucket_policy", PLACE)
    assert CONTROL.absent == {"NoSuchBucketPolicy"}


def test_only_our_policy_is_enough():
    assert judged(CONTROL, backend(), {"Policy": json.dumps(OURS)})
    assert not judged(CONTROL, backend(), {"Policy": json.dumps({**OURS, "Statement": []})})


def test_it_writes_ours():
    operation, parameters = written(CONTROL, backend(), LOG_BUCKET)

    assert operation == "s3:put_bucket_policy"
    assert json.loads(parameters.pop("Policy")) == OURS
    assert parameters == PLACE
