"""CloudFormation's response host, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.aws.response_host import ResponseHost, response_host


@pytest.fixture
def host() -> Iterator[ResponseHost]:
    with response_host() as host:
        yield host
