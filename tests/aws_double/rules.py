"""
Where all rules are: importing these modules registers them.
"""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "kms_keys",
    "organizations",
    "parameters",
    "s3_buckets",
    "s3_configurations",
    "s3_metadata",
    "s3_object_lock",
    "s3_objects",
    "s3_policies",
    "s3_suspended",
    "stacks",
    "sts",
    "tagging",
)


def load() -> None:
    """Makes every rule known to the gate."""
    for name in MODULES:
        import_module(f"tests.aws_double.{name}")
