"""
Whatever goes wrong with a statement of ours, under its Sid, is noticed: by the matrix, since some
request is then answered wrongly, and by the drift check, before any request is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from state_backend.policies.document import says_the_same, statements_of
from tests.aws_double.evaluator import judge
from tests.matrix import double, rules, simulator
from tests.matrix.backends import policy_of
from tests.matrix.cells import (
    AES256,
    FULL,
    GLASS,
    OPEN,
    OPEN_FULL,
    Backend,
    Request,
    bucket_cells,
    key_cells,
)
from tests.matrix.conftest import Recorder
from tests.matrix.mutants import Mutant, mutants_of
from tests.matrix.rules import Answer

BUCKET, KEY = False, True
CLOSED = ((FULL, BUCKET), (GLASS, BUCKET), (AES256, BUCKET), (FULL, KEY))
OPENED = ((OPEN, BUCKET), (OPEN_FULL, BUCKET), (OPEN, KEY))
"""
Where somebody else's statements allow everything: here a mutant counts as noticed only if a
request passes that must not, or the other way round. Only refusals are looked at, as a right that
we give is no loss where others give it too.
"""

EQUIVALENT = {
    "ArnNotEquals for ArnNotLike": "IAM treats the two alike",
    "ArnNotLikeIfExists for ArnNotLike": "a negated operator is true without the key anyway",
    "StringNotEqualsIfExists for StringNotEquals": "as above; and Null says that the key is there",
    "StateholdDenyInsecureTransport: BoolIfExists for Bool": "every request has the key",
    "StateholdDenyOldTls: NumericLessThanIfExists for NumericLessThan": (
        "only clear text comes without a version, and that is refused"
    ),
}
"""What is wrong (with its Sid, or under any) -> why no request can tell."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A mutant, and the first request that it answers wrongly."""

    mutant: Mutant
    backend: Backend
    key: bool
    request: Request | None
    said: Answer | None = None

    @property
    def name(self) -> str:
        return f"{'key' if self.key else 'bucket'}: {self.mutant}"


def _looked_at(backend: Backend, key: bool) -> Iterator[Noticed]:
    document = policy_of(backend, key=key)
    requests = tuple(key_cells() if key else bucket_cells())
    accesses = [double.access_of(request) for request in requests]
    statements = statements_of(document)
    whole = cache(
        lambda index: [judge([{"Statement": [statements[index]]}], it) for it in accesses]
    )
    for mutant in mutants_of(document):
        if backend.foreign and statements[mutant.index]["Effect"] == "Allow":
            continue
        changed = [{"Statement": [mutant.statement] if mutant.statement else []}]
        # Only where the statement now says something else can the policy's answer differ.
        suspects = (
            request
            for request, access, before in zip(requests, accesses, whole(mutant.index), strict=True)
            if judge(changed, access) != before
        )
        yield next(
            (
                Noticed(mutant, backend, key, request, said)
                for request in suspects
                if _differ(
                    said := double.answer(request, mutant.policy(document)),
                    rules.answer(backend, request),
                    two_valued=backend.foreign,
                )
            ),
            Noticed(mutant, backend, key, None),
        )


def _differ(said: Answer, expected: Answer, *, two_valued: bool) -> bool:
    if two_valued:
        return (said is Answer.ALLOWED) is not (expected is Answer.ALLOWED)
    return said is not expected


@pytest.fixture(scope="module")
def closed() -> list[Noticed]:
    return [found for place in CLOSED for found in _looked_at(*place)]


@pytest.fixture(scope="module")
def opened() -> list[Noticed]:
    return [found for place in OPENED for found in _looked_at(*place)]


def _is_equivalent(mutant: Mutant) -> bool:
    return mutant.wrong in EQUIVALENT or str(mutant) in EQUIVALENT


def _unnoticed(found: list[Noticed]) -> set[str]:
    """What no backend notices: a statement may be covered by another in one and not in all."""
    noticed = {it.name for it in found if it.request}
    return {it.name for it in found if not _is_equivalent(it.mutant)} - noticed


def test_the_matrix_notices_whatever_goes_wrong(
    closed: list[Noticed], record_property: Recorder
) -> None:
    record_property("cases", len(closed))
    assert len(closed) > 500
    assert _unnoticed(closed) == set()


def test_every_wrong_refusal_lets_something_through_or_stops_somebody(
    opened: list[Noticed], record_property: Recorder
) -> None:
    record_property("cases", len(opened))
    assert len(opened) > 400
    assert _unnoticed(opened) == set()


def test_what_is_called_equivalent_is_noticed_nowhere(
    closed: list[Noticed], opened: list[Noticed]
) -> None:
    seen = [it for it in (*closed, *opened) if _is_equivalent(it.mutant)]

    assert [it.name for it in seen if it.request] == []
    used = {it.mutant.wrong for it in seen} | {str(it.mutant) for it in seen}
    assert set(EQUIVALENT) <= used


def test_iam_simulate_notices_it_by_the_same_request(
    closed: list[Noticed], opened: list[Noticed]
) -> None:
    """What the double's evaluator notices, an independent one does too."""
    if simulator.MISSING:
        pytest.skip(simulator.MISSING)
    noticed = [it for it in (*closed, *opened) if it.request]
    questions = [
        simulator.Question(it.request, it.mutant.policy(policy_of(it.backend, key=it.key)))
        for it in noticed
        if it.request
    ]

    answers = [judgement.answer for judgement in simulator.judge(questions)]

    assert [
        f"{it.backend}, {it.name}: {it.request}"
        for it, said in zip(noticed, answers, strict=True)
        if said is not it.said
    ] == []


@pytest.mark.parametrize(("backend", "key"), [*CLOSED, *OPENED])
def test_the_drift_check_notices_it_at_once(backend: Backend, key: bool) -> None:
    document = policy_of(backend, key=key)

    unnoticed = [
        str(mutant)
        for mutant in mutants_of(document)
        if says_the_same(document, mutant.policy(document))
    ]

    assert unnoticed == []
