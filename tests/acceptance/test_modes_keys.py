"""
A key or a log bucket that somebody else keeps: looked at, never changed, refused before any write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.acceptance.account_backend import REGION, Backend
from tests.acceptance.peers import Site
from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, policy, refused
from tests.deployment import Deployment

KEEPER = "333333333333"
_ACCOUNTS = count(222_222_100_000)


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        aws.add_account(KEEPER)
        yield Deployment(aws)


@pytest.fixture
def backend(hub: Deployment) -> Backend:
    return Backend(hub=hub, account=hub.aws.add_account(str(next(_ACCOUNTS))))


def keeper(backend: Backend) -> Any:
    return Site(backend.aws, KEEPER, REGION).client("kms")


def shared_key(backend: Backend, *actions: str) -> str:
    """A key of another account, whose policy lets the backend's account do *actions*."""
    root = "arn:aws:iam::{}:root"
    document = policy(
        allow("kms:*", Principal={"AWS": root.format(KEEPER)}),
        allow(list(actions), Principal={"AWS": root.format(backend.account)}),
    )
    return str(keeper(backend).create_key(Policy=document)["KeyMetadata"]["Arn"])


USE = ("kms:DescribeKey", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*")


def ask_with(backend: Backend, key: str, **more: str) -> Any:
    return backend.ask({"KmsKeyArn": key, "AccessLogs": "off", **more})


@pytest.mark.parametrize("whose", ["this account", "another account"])
def test_it_is_used_and_only_looked_at(whose: str, backend: Backend) -> None:
    own = whose == "this account"
    key = backend.site.make_key("alias/theirs") if own else shared_key(backend, *USE)
    since = len(backend.aws.calls)

    report = ask_with(backend, key)

    assert report["status"] == "READY", report
    asked = {it.operation for it in backend.aws.calls[since:] if it.service == "kms"}
    assert asked == {"DescribeKey"}
    assert report["controls"]["kms-key"] == "KEPT"
    assert report["controls"]["kms-key-policy"] == "NOT_APPLICABLE"
    assert report["controls"]["kms-key-rotation"] == "NOT_APPLICABLE"
    assert report["controls"]["kms-key-alias"] == "NOT_APPLICABLE"
    assert backend.put()["SSEKMSKeyId"] == key
    assert f'kms_key_id = "{key}"' in backend.block
    other = backend.site.make_key("alias/other")
    with refused("AccessDenied", "explicit deny"):
        backend.put(ServerSideEncryption="aws:kms", SSEKMSKeyId=other)


def disabled(backend: Backend) -> str:
    key = backend.site.make_key("alias/theirs")
    backend.site.client("kms").disable_key(KeyId=key)
    return key


def to_be_deleted(backend: Backend) -> str:
    key = backend.site.make_key("alias/theirs")
    backend.site.client("kms").schedule_key_deletion(KeyId=key)
    return key


def asymmetric(backend: Backend) -> str:
    kms = backend.site.client("kms")
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    return str(made["KeyMetadata"]["Arn"])


def absent(backend: Backend) -> str:
    return f"{backend.site.make_key('alias/theirs')[:-4]}0000"


def elsewhere(backend: Backend) -> str:
    return backend.site.make_key("alias/theirs").replace(REGION, "eu-west-1")


def of_aws(backend: Backend) -> str:
    return str(backend.aws.world.managed_key(backend.account, REGION).arn)


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (disabled, "ResourceConflict", "enable-key"),
        (to_be_deleted, "ResourceConflict", "cancel-key-deletion"),
        (asymmetric, "InvalidRequest", "symmetric keys only"),
        (absent, "NotFound", "Name an existing key"),
        (elsewhere, "InvalidRequest", "bucket's own Region"),
        (of_aws, "InvalidRequest", "customer managed key"),
    ],
    ids=lambda it: getattr(it, "__name__", None),
)
@pytest.mark.parametrize("kind", ["new", "observed"])
def test_one_that_cannot_be_used_stops_before_the_first_write(
    make: Callable[[Backend], str], code: str, words: str, kind: str, backend: Backend
) -> None:
    name = f"tfstate-old-{backend.account}"
    if kind == "observed":
        backend.site.make_bucket(name)
    key = make(backend)
    since = len(backend.aws.calls)

    report = ask_with(backend, key, BucketName=name)

    assert (report["status"], report["error"]["code"]) == ("FAILED", code), report
    assert words in f"{report['error']['message']} {report['error']['remedy']}"
    assert backend.writes(since) == []


def test_one_of_another_account_that_may_not_be_looked_at_says_what_its_policy_lacks(
    backend: Backend,
) -> None:
    key = shared_key(backend, "kms:Decrypt", "kms:GenerateDataKey*")
    since = len(backend.aws.calls)

    report = ask_with(backend, key)

    assert (report["status"], report["controls"]["kms-key"]) == ("WAITING", "UNKNOWN")
    assert f"must let account {backend.account} call kms:DescribeKey" in report["error"]["message"]
    assert backend.writes(since) == []


def test_one_that_is_disabled_later_is_reported_and_left_to_its_owner(backend: Backend) -> None:
    key = shared_key(backend, *USE)
    ask_with(backend, key)
    keeper(backend).disable_key(KeyId=key)
    since = len(backend.aws.calls)

    report = ask_with(backend, key)

    assert report["status"] == "FAILED"
    assert f"aws kms enable-key --key-id {key}" in report["error"]["remedy"]
    assert backend.writes(since) == []


# ---- a named log bucket ------------------------------------------------------------------------


def foreign(backend: Backend, name: str) -> None:
    Site(backend.aws, KEEPER, REGION).make_bucket(name)


def in_another_region(backend: Backend, name: str) -> None:
    Site(backend.aws, backend.account, "eu-west-1").make_bucket(name)


def under_kms(backend: Backend, name: str) -> None:
    backend.site.make_bucket(name)
    backend.site.encrypt(name, "aws:kms", backend.site.make_key("alias/logs"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda *_: None, "does not exist"),
        (foreign, "belongs to another account"),
        (in_another_region, "exists in eu-west-1"),
        (under_kms, "S3 delivers no logs there"),
    ],
    ids=["absent", "foreign", "elsewhere", "under-kms"],
)
def test_a_log_bucket_that_cannot_take_logs_stops_before_the_first_write(
    make: Callable[[Backend, str], None], words: str, backend: Backend
) -> None:
    make(backend, f"logs-{backend.account}")
    since = len(backend.aws.calls)

    report = backend.ask({"AccessLogs": f"logs-{backend.account}"})

    assert report["status"] == "FAILED", report
    assert words in report["error"]["message"]
    assert "AccessLogs" in report["error"]["message"] + report["error"]["remedy"]
    assert backend.writes(since) == []


def test_one_that_does_not_let_s3_deliver_is_never_ready_and_never_changed(
    backend: Backend,
) -> None:
    name = f"logs-{backend.account}"
    backend.site.make_bucket(name)
    since = len(backend.aws.calls)

    report = backend.ask({"AccessLogs": name})

    assert (report["status"], report["controls"]["bucket-logging"]) == ("FAILED", "FAILED")
    assert "permissions to the logging service" in report["error"]["message"]
    assert not [it for it in backend.aws.writes(since) if it.bucket == name]


def test_the_state_bucket_does_not_log_to_itself(backend: Backend) -> None:
    report = backend.ask({"BucketName": "acme-state-x", "AccessLogs": "acme-state-x"})

    assert report["error"]["code"] == "InvalidRequest"
    assert "the state bucket acme-state-x itself" in report["error"]["message"]


# ---- whose name it is --------------------------------------------------------------------------


def test_a_bucket_that_was_deleted_and_taken_by_another_account_stops_with_its_own_error(
    backend: Backend,
) -> None:
    """The states would go to whoever took the name."""
    name = f"acme-state-{backend.account}"
    asked = {"BucketName": name, "AccessLogs": "off", "PreventDestroy": "false"}
    assert backend.ask(asked)["status"] == "READY"
    backend.site.client("s3").delete_bucket(Bucket=name)
    foreign(backend, name)
    since = len(backend.aws.calls)

    for report in (backend.ask(asked), backend.ask(asked, "plan")):
        assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
        assert "belongs to another account" in report["error"]["message"]
        assert "BucketName" in report["error"]["remedy"]
    assert backend.writes(since) == []


def test_a_bucket_of_another_account_is_left_alone(backend: Backend) -> None:
    name = f"taken-{backend.account}"
    foreign(backend, name)
    since = len(backend.aws.calls)

    report = backend.ask({"BucketName": name, "Adopt": "enforce"})

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
    assert backend.writes(since) == []


def test_a_bucket_of_another_region_is_left_alone(backend: Backend) -> None:
    name = f"far-{backend.account}"
    in_another_region(backend, name)
    since = len(backend.aws.calls)

    report = backend.ask({"BucketName": name})

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
    assert "exists in eu-west-1, not in eu-central-1" in report["error"]["message"]
    assert backend.writes(since) == []


def test_a_table_that_is_no_lock_table_is_left_alone(backend: Backend) -> None:
    backend.site.client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    since = len(backend.aws.calls)

    report = backend.ask({"LockMode": "both", "LockTableName": "orders"})

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
    assert "its key is not LockID" in report["error"]["message"]
    assert backend.writes(since) == []


def test_a_policy_that_would_be_too_long_is_refused_with_its_size(backend: Backend) -> None:
    many = [f"arn:aws:iam::{backend.account}:role/{'r' * 200}{number}" for number in range(120)]

    report = backend.ask({"StateAccessPrincipalArns": json.dumps(many), "AccessLogs": "off"})

    assert (report["status"], report["controls"]["bucket-policy"]) == ("FAILED", "REFUSED")
    assert "and AWS takes 20480" in report["error"]["message"]
    assert report["error"]["remedy"].startswith("Shorten the lists of principals")
    assert report["controls"]["parameters"] != "CHANGED"
