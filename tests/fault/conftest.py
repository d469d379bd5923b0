"""One double and one hub for all cases of a module: each case has an account of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws_double import AwsDouble
from tests.fault.ground import REGION, Ground, warm


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble(region=REGION) as running, warm():
        yield running


@pytest.fixture(scope="module")
def deployed(aws: AwsDouble) -> Ground:
    return Ground(aws)


@pytest.fixture
def ground(deployed: Ground) -> Iterator[Ground]:
    """Nothing is left of an earlier case but its account."""
    deployed.faults.clear()
    yield deployed
    deployed.faults.clear()
