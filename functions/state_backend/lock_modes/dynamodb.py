"""Locking by a conditional write of an item in a DynamoDB table."""

from state_backend.lock_modes.mode import LockMode

LOCK_MODE = LockMode(
    id="dynamodb",
    why="For clients that know no lock files yet.",
    lock_file=False,
    lock_table=True,
)
