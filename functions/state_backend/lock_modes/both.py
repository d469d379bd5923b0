"""Both locks: a client of either kind is kept out by one that takes both."""

from state_backend.lock_modes.mode import LockMode

LOCK_MODE = LockMode(
    id="both",
    why="For the move from the table to lock files, while clients of both kinds are at work.",
    lock_file=True,
    lock_table=True,
)
