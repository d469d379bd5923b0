"""Every call that the loop can make: accounts from empty to foreign, every kind of spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache

from state_backend.calls import Call
from tests.property.backends import PROPERTIES, made, one_pass
from tests.unit.account import Account
from tests.unit.given import BUCKET, KEY, TABLE, backend

REMOVABLE = (
    "bucket_policy",
    "bucket_tagging",
    "bucket_lifecycle_configuration",
    "alias",
    "parameter",
)
OLD = {
    "public_access_block": {},
    "bucket_ownership_controls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    "bucket_tagging": {"TagSet": [{"Key": "Team", "Value": "x"}]},
    "bucket_logging": {"LoggingEnabled": {"TargetBucket": "elsewhere", "TargetPrefix": ""}},
    "bucket_lifecycle_configuration": {
        "Rules": [
            {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 1}}
        ]
    },
    "bucket_policy": json.dumps({"Version": "2012-10-17", "Statement": []}),
}
MORE = {
    "named log bucket": {"AccessLogs": "acme-logs"},
    "own key": {"KmsKeyArn": KEY},
    "enforced": {"Adopt": "enforce", "LockMode": "both"},
    "global name": {"BucketName": "acme-state"},
}


def _runs() -> Iterator[Account]:
    for properties in (*PROPERTIES.values(), *MORE.values()):
        for region in ("eu-central-1", "us-east-1"):
            if region == "us-east-1" and "KmsKeyArn" in properties:
                continue
            spec = backend(properties, region=region)
            for account in _accounts(spec):
                account.has_bucket("acme-logs")
                account.things["key", KEY] = {"Arn": KEY, "KeyState": "Enabled"}
                one_pass(account, spec)
                yield account


def _accounts(spec) -> Iterator[Account]:
    yield Account(region=spec.region)
    for table in (False, True):
        old = Account(region=spec.region)
        old.has_bucket(spec.bucket_name, **OLD)
        if table:
            old.has_table(spec.lock_table_name)
        yield old


def _repairs() -> Iterator[Account]:
    for properties in PROPERTIES.values():
        account, spec = made(backend(properties))
        sound = deepcopy(account.things)
        for kind, name in sound:
            if kind not in {
                "bucket",
                "key",
                "key_tags",
                "table",
                "key_policy",
                "bucket_encryption",
            }:
                account.things = deepcopy(sound)
                del account.things[kind, name]
                account.settle()
                one_pass(account, spec)
        account.things = deepcopy(sound)
        for kind, name, value in (
            ("key_policy", spec.key_arn, "{}"),
            ("alias", "alias/statehold", KEY),
            (
                "bucket_encryption",
                BUCKET,
                {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
            ),
            ("table_protection", TABLE, False),
        ):
            if (kind, name) in account.things:
                account.things[kind, name] = value
        account.things["key", KEY] = {"Arn": KEY, "KeyState": "Enabled"}
        account.settle()
        one_pass(account, spec)
        yield account


@cache
def every_call() -> tuple[Call, ...]:
    """All different calls, by operation and the names of their parameters and values."""
    calls = [
        call for account in (*_runs(), *_repairs()) for call in (*account.reads, *account.writes)
    ]
    return tuple(
        {(str(call), json.dumps(call.parameters, sort_keys=True)): call for call in calls}.values()
    )


@cache
def operations() -> tuple[str, ...]:
    return tuple(sorted({str(call) for call in every_call()}))
