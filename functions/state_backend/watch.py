"""
A call that CloudTrail saw, held against the register before anything is done for it.

Most are about somebody else's bucket or key, and some are our own repairs. One look at the register
tells; nothing is assumed, and a change that was seen never makes a backend.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from state_backend.aws.session import session_arn
from state_backend.drift import Actor
from state_backend.event_sources.request import Asked, Seen
from state_backend.hub import Hub
from state_backend.outputs import PARAMETERS
from state_backend.ownership import Record, on_record
from state_backend.spec import KEY_ALIAS
from state_backend.telemetry import logger


def concerning(asked: Asked, hub: Hub) -> Asked:
    """
    *asked*, with the reason why it concerns no backend where it comes of a call that was seen.

    Raises:
        StateholdError: The register cannot be reached.
    """
    if asked.seen is None:
        return asked
    [account], [region] = asked.accounts, asked.regions
    if asked.seen.by.arn in map(session_arn, hub.settings.role_arns(account)):
        return replace(asked, reason="the call was our own")
    reason = _reason(hub.register.read(account, region), asked.seen)
    if not reason:
        _tell(asked.seen.by, account, region)
    return replace(asked, reason=reason)


def _tell(by: Actor, account: str, region: str) -> None:
    """Logs whose call it was: of a change that no control undoes, nothing else tells."""
    logger.info(
        "%s is about the backend of account %s in %s",
        by.event_name,
        account,
        region,
        extra={"changed_by": asdict(by)},
    )


def _reason(record: Record, seen: Seen) -> str:
    if not record.complete:
        return "no backend is on record there, and a change never makes one"
    if not seen.about & _names(record):
        return f"the call {seen.by.event_name} is about nothing of the backend on record"
    return ""


def _names(record: Record) -> frozenset[str]:
    """What calls name the things of the backend by."""
    spec = on_record(record)
    key = record.key_arn or spec.kms_key_arn
    logs = spec.log_bucket_name if spec.makes_log_bucket else ""
    named = {record.bucket_name, spec.lock_table_name, key.rpartition("/")[2], logs}
    return frozenset({*named, KEY_ALIAS, *PARAMETERS} - {""})
