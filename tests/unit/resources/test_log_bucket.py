"""The log bucket: ours is made; a named one is only looked at."""

from __future__ import annotations

import pytest

from state_backend.calls import Absent, Present, Unknown
from state_backend.errors import InvalidRequest, OwnedByAnotherAccount
from state_backend.resources.log_bucket import RESOURCE
from tests.unit.account import Account
from tests.unit.given import LOG_BUCKET, backend

NAMED = backend({"AccessLogs": "acme-logs"})
KMS = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}


def test_where_there_is_none_ours_is_absent():
    assert RESOURCE.find(backend(), Account()) == Absent()


def test_ours_is_made_under_its_own_name():
    account = Account()

    RESOURCE.create(backend(), account)

    assert account.writes[0].parameters["Bucket"] == LOG_BUCKET


def test_a_named_one_is_found():
    account = Account()
    account.has_bucket("acme-logs")

    assert RESOURCE.find(NAMED, account) == Present({})


def test_a_named_one_without_a_word_on_encryption_is_under_sse_s3():
    account = Account()
    account.has_bucket("acme-logs", bucket_encryption=None)

    assert RESOURCE.find(NAMED, account) == Present({})


def test_a_named_one_whose_encryption_cannot_be_read_is_unknown():
    account = Account(refuse={"get_bucket_encryption": "AccessDenied"})
    account.has_bucket("acme-logs")

    assert isinstance(RESOURCE.find(NAMED, account), Unknown)


def test_a_named_one_that_does_not_exist_is_refused():
    with pytest.raises(InvalidRequest, match="acme-logs, which does not exist"):
        RESOURCE.find(NAMED, Account())


def test_a_named_one_of_somebody_else_is_refused():
    account = Account()
    account.has_bucket("acme-logs", owner="333333333333")

    with pytest.raises(OwnedByAnotherAccount) as refused:
        RESOURCE.find(NAMED, account)

    assert "AccessLogs" in refused.value.remedy


def test_a_named_one_under_a_key_would_get_no_logs():
    account = Account()
    account.has_bucket("acme-logs", bucket_encryption=KMS)

    with pytest.raises(InvalidRequest, match="S3 delivers no logs there"):
        RESOURCE.find(NAMED, account)


def test_only_ours_is_set():
    assert RESOURCE.ours(backend())
    assert not RESOURCE.ours(NAMED)
    assert not RESOURCE.applies(backend({"AccessLogs": "off"}))
