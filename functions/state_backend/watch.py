"""
A call that CloudTrail saw, held against the register before anything is done for it.

Most are about somebody else's bucket or key, and some are our own repairs. One look at the register
tells; nothing is assumed, and a change that was seen never makes a backend.
"""

from __future__ import annotations

from dataclasses import replace

from state_backend.aws.session import SESSION_NAME
from state_backend.event_sources import Asked
from state_backend.event_sources.request import Seen
from state_backend.outputs import PARAMETERS
from state_backend.ownership import Record
from state_backend.regions import partition_of
from state_backend.spec import KEY_ALIAS, resolve
from state_backend.vending import Hub


def concerning(asked: Asked, hub: Hub) -> Asked:
    """
    *asked*, with the reason why it concerns no backend where it comes of a call that was seen.

    Raises:
        StateholdError: The register cannot be reached.
    """
    if asked.seen is None:
        return asked
    [account], [region] = asked.accounts, asked.regions
    if asked.seen.by.arn in _own_sessions(account, region, hub):
        return replace(asked, reason="the call was our own")
    record = hub.register.read(account, region)
    return replace(asked, reason=_reason(record, asked.seen))


def _own_sessions(account: str, region: str, hub: Hub) -> set[str]:
    start = f"arn:{partition_of(region)}:sts::{account}:assumed-role"
    return {f"{start}/{name}/{SESSION_NAME}" for name in hub.settings.execution_role_names}


def _reason(record: Record, seen: Seen) -> str:
    if not record.complete:
        return "no backend is on record there, and a change never makes one"
    if not seen.about & _names(record):
        return f"the call {seen.by.event_name} is about nothing of the backend on record"
    return ""


def _names(record: Record) -> frozenset[str]:
    """What calls name the things of the backend by."""
    spec = resolve(record.account, record.region, record.given, record.defaults)
    key = record.key_arn or spec.kms_key_arn
    logs = spec.log_bucket_name if spec.makes_log_bucket else ""
    named = {record.bucket_name, spec.lock_table_name, key.rpartition("/")[2], logs}
    return frozenset({*named, KEY_ALIAS, *PARAMETERS} - {""})
