"""
WHAT MUST EXIST: one resource per file.

To add one, write ``<resource>.py`` with a ``RESOURCE`` and give it a line here.
"""

from __future__ import annotations

from state_backend.model import Resource
from state_backend.resources import bucket, kms_key, lock_table, log_bucket

RESOURCES: tuple[Resource, ...] = (
    kms_key.RESOURCE,
    bucket.RESOURCE,
    log_bucket.RESOURCE,
    lock_table.RESOURCE,
)
