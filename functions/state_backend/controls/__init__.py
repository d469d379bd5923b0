"""
HOW IT MUST BE SET: one control per file. Their order is that of the writes on one resource;
supporting resources come before all others (``reconcile``).

To add one, write ``<resource>_<setting>.py`` with a ``CONTROL`` and give it a line here. The
documentation, the IAM permissions and the laws under which every control stands walk this list.
"""

from __future__ import annotations

from state_backend.controls import (
    bucket_encryption,
    bucket_lifecycle,
    bucket_logging,
    bucket_ownership,
    bucket_policy,
    bucket_public_access_block,
    bucket_tags,
    bucket_versioning,
    kms_key_alias,
    kms_key_policy,
    kms_key_rotation,
    lock_table_deletion_protection,
    lock_table_recovery,
    log_bucket_encryption,
    log_bucket_lifecycle,
    log_bucket_policy,
    parameters,
)
from state_backend.model import Control

CONTROLS: tuple[Control, ...] = (
    kms_key_policy.CONTROL,  # first: then nobody but us changes the rest of the key
    kms_key_rotation.CONTROL,
    kms_key_alias.CONTROL,
    bucket_public_access_block.CONTROL,  # first on a bucket: no moment in which it could be public
    bucket_ownership.CONTROL,  # before the policy: without ACLs the policy is the whole truth
    bucket_versioning.CONTROL,  # before anything that could let an object be replaced
    bucket_tags.CONTROL,
    bucket_lifecycle.CONTROL,  # needs versioning to mean anything
    bucket_encryption.CONTROL,  # before the policy that insists on it
    log_bucket_encryption.CONTROL,  # S3 delivers no logs into a bucket under a customer key
    log_bucket_lifecycle.CONTROL,
    log_bucket_policy.CONTROL,
    bucket_logging.CONTROL,  # needs the log bucket to let S3 write
    lock_table_recovery.CONTROL,
    lock_table_deletion_protection.CONTROL,
    bucket_policy.CONTROL,  # last on the bucket: its denies bind us too
    parameters.CONTROL,  # last of all: their presence means ready
)
