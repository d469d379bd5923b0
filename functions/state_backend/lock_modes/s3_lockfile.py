"""Locking by a conditional write of ``<key>.tflock`` beside the state."""

from state_backend.lock_modes.mode import LockMode

LOCK_MODE = LockMode(
    id="s3-lockfile",
    why="For Terraform 1.10 and OpenTofu 1.10 or newer: nothing beside the bucket is needed.",
    lock_file=True,
    lock_table=False,
)
