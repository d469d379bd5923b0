"""The permissions that a run may need."""

from __future__ import annotations

from state_backend.reconcile import permissions
from tests.unit.given import backend
from tests.unit.reconcile.given import SPECS


class TestPermissions:
    """What a session needs, before it shows whether a bucket has to be adopted."""

    def test_while_the_origin_is_not_known_they_are_those_of_both(self):
        created, adopted = (permissions(backend(origin=it)) for it in ("created", "adopted"))

        assert permissions(backend()) == created | adopted
        assert "kms:CreateKey" in created - adopted
        assert "dynamodb:DescribeTable" in adopted - created

    def test_without_a_spec_they_are_those_of_any(self):
        every = [permissions(backend(it)) for it in SPECS.values()]

        assert permissions() == frozenset().union(*every)
