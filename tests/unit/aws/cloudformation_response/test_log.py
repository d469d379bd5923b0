"""Nothing secret is logged, and the loggers stay as they are."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest

from state_backend.aws.cloudformation_response import Answer, put_answer
from tests.unit.aws.cloudformation_response.given import BUCKET, after, answered
from tests.unit.aws.response_host import ResponseHost, out_of_time, request


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete", "Sideways"])
@pytest.mark.parametrize(
    "handler",
    [
        lambda event: Answer(physical_id=BUCKET, data={"X": event["ResponseURL"]}),
        after(out_of_time),
        lambda event: Answer(physical_id=BUCKET, failed=event["ResponseURL"]),
        lambda event: int(event["ResponseURL"]),
        lambda event: event["ResourceProperties"][event["ResourceProperties"]["BucketName"]],
    ],
)
@pytest.mark.parametrize("status", [200, 403, 503, "drop"])
def test_neither_the_url_nor_the_request_is_logged_at_any_level(
    host: ResponseHost,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    request_type: str,
    handler: Any,
    status: int | str,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    host.script = [status] * 9
    event = request(host.url(), request_type)

    answered(event, handler, send=partial(put_answer, sleep=lambda seconds: None))

    assert caplog.records
    written = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    written += "".join(capfd.readouterr())
    for secret in ("S3CR3T", "127.0.0.1", "/response", event["StackId"], event["RequestId"]):
        assert secret not in written


def test_the_levels_of_the_loggers_stay_as_they_are(host: ResponseHost) -> None:
    names = ("", "crhelper", "boto3", "botocore", "urllib3")
    before = [logging.getLogger(name).level for name in names]

    answered(request(host.url()))

    assert [logging.getLogger(name).level for name in names] == before
