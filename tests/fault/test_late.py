"""
A call takes effect after its client has stopped waiting for the answer, and has sent it again.

What was made then is found and used: no second key, and nothing is undone by what comes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from state_backend.aws import invoke
from tests.fault.calls import Named
from tests.fault.errands import CREATE, undisturbed
from tests.fault.test_every_call import Case, wrongs

CREATIONS = ("CreateKey", "CreateAlias", "CreateBucket", "CreateTable")


@pytest.fixture
def impatient(ground, monkeypatch):
    """A client that waits a second for an answer, which comes later."""
    monkeypatch.setattr(
        invoke, "_CONFIG", invoke._CONFIG.merge(type(invoke._CONFIG)(read_timeout=1))
    )
    return ground


def late(calls: Sequence[Named]) -> list[Case]:
    return [(call, "delay", 1) for call in calls]


@pytest.mark.sample
def test_a_creation_may_take_effect_after_its_client_has_stopped_waiting(impatient, broken):
    like = undisturbed(CREATE, impatient)
    calls = [it for it in like.calls if it.operation in CREATIONS]

    assert broken(late(calls), partial(wrongs, CREATE, impatient, like)) == {}


@pytest.mark.soak
def test_and_so_may_every_call(impatient, broken):
    like = undisturbed(CREATE, impatient)

    assert broken(late(like.calls), partial(wrongs, CREATE, impatient, like)) == {}
