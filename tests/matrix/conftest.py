"""What both files of tests on the matrix start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.matrix import simulator
from tests.matrix.backends import policy_of
from tests.matrix.cells import BACKENDS, Backend, Request, What, cells

Recorder = Callable[[str, object], None]
"""pytest's ``record_property``: a test has as many cases as its property says, or else is one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The cells of one backend, with iam-simulate's answer to each."""

    requests: tuple[Request, ...]
    judgements: tuple[simulator.Judgement, ...]


@pytest.fixture(scope="session")
def judged() -> dict[Backend, Judged]:
    """The whole matrix, judged by iam-simulate in one go."""
    if simulator.MISSING:
        pytest.skip(simulator.MISSING)
    requests = {backend: tuple(cells(backend)) for backend in BACKENDS}
    questions = [
        simulator.Question(request, policy_of(backend, key=request.what is What.KEY))
        for backend in BACKENDS
        for request in requests[backend]
    ]
    answers = iter(simulator.judge(questions))
    return {
        backend: Judged(asked, tuple(next(answers) for _ in asked))
        for backend, asked in requests.items()
    }
