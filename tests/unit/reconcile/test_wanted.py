"""Digests of what every control wants."""

from __future__ import annotations

from state_backend.controls import CONTROLS
from state_backend.reconcile import wanted
from tests.unit.given import backend


class TestWanted:
    """Digests by which it is told whether a control wants today what it wanted then."""

    @staticmethod
    def differing(one, other):
        return {name for name, digest in wanted(one).items() if wanted(other).get(name) != digest}

    def test_the_same_is_the_same(self):
        assert wanted(backend()) == wanted(backend({}))
        assert set(wanted(backend())) == {it.id for it in CONTROLS if it.applies(backend())}

    def test_only_of_the_control_that_wants_something_else_is_it_another(self):
        later = backend({"NoncurrentVersionDays": "400"})
        tagged = backend({"Tags": "a=b"})

        assert self.differing(backend(), later) == {"bucket-lifecycle"}
        assert self.differing(backend(), tagged) == {"bucket-tags"}

    def test_what_may_not_be_wanted_is_told_apart_by_its_reason(self):
        readers = [f"arn:aws:iam::222222222222:role/{'x' * 50}{number}" for number in range(400)]
        many, more = (
            backend({"StateAccessPrincipalArns": readers[:number]}) for number in (300, 400)
        )

        assert "bucket-policy" in self.differing(many, more)
