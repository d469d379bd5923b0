"""What tests of the custom resource start from: a hub, one member account, CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cloudformation_backend import REGION, Setting
from tests.acceptance.stack_set_fleet import Fleet
from tests.aws_double import AwsDouble


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble(region=REGION) as aws:
        yield aws


@pytest.fixture
def it(aws: AwsDouble) -> Iterator[Setting]:
    with Setting(aws) as it:
        yield it


@pytest.fixture
def fleet(it: Setting, tmp_path: Path) -> Fleet:
    """The same with a stack set beside the hub."""
    return Fleet(it, tmp_path)
