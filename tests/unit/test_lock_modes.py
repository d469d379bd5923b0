"""How clients lock."""

from __future__ import annotations

from state_backend.lock_modes import LOCK_MODES
from state_backend.properties import PROPERTIES, parse


def test_every_mode_can_be_asked_for_and_no_other():
    assert list(LOCK_MODES) == ["s3-lockfile", "dynamodb", "both"]
    for mode in LOCK_MODES:
        assert parse({"LockMode": mode}) == {"LockMode": mode}
        assert mode in PROPERTIES["LockMode"].accepts


def test_every_mode_locks_and_says_for_whom():
    for mode in LOCK_MODES.values():
        assert mode.lock_file or mode.lock_table
        assert mode.why
