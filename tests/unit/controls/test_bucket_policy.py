from __future__ import annotations

import json

from state_backend.controls.bucket_policy import CONTROL
from state_backend.policies.bucket_policy import bucket_policy
from tests.unit.controls.table import asked, judged, written
from tests.unit.given import ACCOUNT, BUCKET, KEY, backend

PLACE = {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
SPEC = backend(key_arn=KEY, origin="created")
FOREIGN = {"Sid": "x", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


def answer(*statements):
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


OURS = bucket_policy(SPEC, None)["Statement"]


def test_it_asks_the_bucket():
    assert asked(CONTROL, SPEC, BUCKET) == ("s3:get_bucket_policy", PLACE)
    assert CONTROL.absent == {"NoSuchBucketPolicy"}
    assert CONTROL.needs == ("kms-key", "bucket-encryption")


def test_ours_and_theirs_in_any_order_are_enough():
    assert judged(CONTROL, SPEC, answer(FOREIGN, *reversed(OURS)))


def test_every_statement_counts():
    for missing in OURS:
        assert not judged(CONTROL, SPEC, answer(*(it for it in OURS if it is not missing)))


def test_it_writes_ours_and_theirs():
    found = {"Version": "2012-10-17", "Statement": [FOREIGN]}

    operation, parameters = written(CONTROL, SPEC, BUCKET, found)

    assert operation == "s3:put_bucket_policy"
    assert json.loads(parameters.pop("Policy"))["Statement"] == [*OURS, FOREIGN]
    assert parameters == PLACE
