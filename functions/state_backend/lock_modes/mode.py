"""What a lock mode is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LockMode:
    """One way in which clients keep each other out."""

    id: str
    why: str
    """Whom it is for, one sentence."""
    lock_file: bool
    """Whether clients lock with an object beside the state."""
    lock_table: bool
    """Whether clients lock with an item of a DynamoDB table."""
