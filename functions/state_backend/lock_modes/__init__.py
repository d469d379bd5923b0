"""
HOW CLIENTS LOCK: one mode per file.

To add one, write ``<mode>.py`` with a ``LOCK_MODE`` and give it a line here.
"""

from __future__ import annotations

from state_backend.lock_modes import both, dynamodb, s3_lockfile
from state_backend.lock_modes.mode import LockMode

LOCK_MODES: dict[str, LockMode] = {
    mode.id: mode for mode in (s3_lockfile.LOCK_MODE, dynamodb.LOCK_MODE, both.LOCK_MODE)
}
