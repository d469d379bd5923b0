"""
What tests of the double, and on it, say often.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code: str, *texts: str) -> Iterator[None]:
    """AWS refuses what is done inside with *code*, and its message contains each of *texts*."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, caught.value
    for text in texts:
        assert text in error["Message"], error["Message"]


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy document as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: Any, resources: Any = "*", **further: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **further}


def deny(actions: Any, resources: Any = "*", **further: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **further}


def answer(response: Mapping[str, Any]) -> dict[str, Any]:
    """*response* without boto3's metadata."""
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}
