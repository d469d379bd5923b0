from __future__ import annotations

import pytest

from state_backend.hub import Hub
from tests.unit.hub import Sessions


@pytest.fixture
def through(monkeypatch):
    """Lets every session be one on *account*."""

    def use(account):
        monkeypatch.setattr(Hub, "sessions", property(lambda self: Sessions(account)))
        return account

    return use
