"""
One double and one hub for all cases of a module: each case has an account of its own.

How many cases a test tries is on record as its properties ``cases`` and ``broken``, for
``make soak`` to write it down; a test that records nothing is one case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

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


@pytest.fixture
def broken(record_property: Callable[[str, object], None]) -> Callable[..., dict[str, Any]]:
    """Tries each of some cases; returns those in which something is wrong, and what."""

    def tried(cases: Iterable[Any], wrongs: Callable[[Any], Sequence[object]]) -> dict[str, Any]:
        results = [(case, wrongs(case)) for case in cases]
        found = {_told(case): wrong for case, wrong in results if wrong}
        record_property("cases", len(results))
        record_property("broken", len(found))
        return found

    return tried


def _told(case: Any) -> str:
    return " ".join(map(str, case)) if isinstance(case, tuple) else str(case)


@pytest.fixture
def example(record_property: Callable[[str, object], None]) -> Iterator[Callable[[], None]]:
    """To be called once for each example that Hypothesis makes up."""
    examples = 0

    def tried() -> None:
        nonlocal examples
        examples += 1

    yield tried
    record_property("cases", examples)
