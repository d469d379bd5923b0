"""The report bucket: what is read of it is whole, or an error."""

from __future__ import annotations

import io
import json

import pytest
from botocore.response import StreamingBody

from state_backend.aws.reports import ReportBucket, array_items
from state_backend.calls import AwsError, Call

ITEMS = [{"a": "]}{[", "b": [1, {"c": None}]}, {}, {"ä": "ö" * 50}]
TEXT = json.dumps(ITEMS, ensure_ascii=False, indent=1)


class Bucket:
    """S3, as far as it is needed: keys and what is in them, or how much of it arrives."""

    def __init__(self, **content):
        self.content = content
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        if call.operation == "put_object":
            return {}
        body = self.content.get(call.parameters["Key"])
        if body is None:
            raise AwsError(call, "NoSuchKey", "no", status=404)
        if isinstance(body, str):
            raise AwsError(call, body, "no", status=403)
        whole, arriving = body if isinstance(body, tuple) else (body, body)
        return {"Body": StreamingBody(io.BytesIO(arriving), len(whole))}


def bucket(**content):
    return ReportBucket(name="reports", account="1" * 12, invoke=Bucket(**content))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("text", [TEXT, json.dumps(ITEMS, separators=(",", ":")), f" {TEXT}\n"])
def test_an_array_comes_item_by_item_however_it_is_cut(text, size):
    chunks = [text[at : at + size] for at in range(0, len(text), size)]

    assert list(array_items(chunks)) == ITEMS


@pytest.mark.parametrize("text", ["[]", " [ ] "])
def test_an_empty_array_has_no_items(text):
    assert list(array_items([text])) == []


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    "text",
    ["", "[", '[{"a": 1}', '[{"a": 1},', '[{"a"', '[{"a": 1}] x', "{}", "x", "7", '[{"a": 1} 5]'],
)
def test_what_is_no_whole_array_is_an_error(text, size):
    with pytest.raises(ValueError, match="array"):
        list(array_items(text[at : at + size] for at in range(0, len(text), size)))


def test_what_is_not_there_is_nothing():
    assert bucket().read("gone") is None


def test_what_may_not_be_read_is_not_taken_for_absent():
    with pytest.raises(AwsError):
        bucket(it="AccessDenied").read("it")


@pytest.mark.parametrize("read", ["read", "items"])
def test_a_body_that_was_cut_short_is_an_error(read):
    whole = json.dumps([{}]).encode()

    with pytest.raises(AwsError) as cut:
        list(getattr(bucket(it=(whole + b" " * 10, whole)), read)("it"))

    assert cut.value.code == "TruncatedAnswer"


def test_a_list_that_breaks_off_names_its_call():
    with pytest.raises(AwsError, match="s3:get_object"):
        list(bucket(it=b"[{}").items("it"))


def test_a_list_that_is_not_there_is_not_an_empty_one():
    with pytest.raises(AwsError):
        list(bucket().items("gone"))


def test_every_call_says_whose_bucket_it_must_be():
    reports = bucket(it=b"{}")

    reports.write("it", "ä", "text/csv")
    reports.read("it")

    written, read = reports.invoke.calls
    assert written == Call(
        "s3",
        "put_object",
        {
            "Bucket": "reports",
            "Key": "it",
            "ExpectedBucketOwner": "1" * 12,
            "Body": "ä".encode(),
            "ContentType": "text/csv; charset=utf-8",
        },
    )
    assert read.parameters["ExpectedBucketOwner"] == "1" * 12
