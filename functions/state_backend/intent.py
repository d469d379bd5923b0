"""
The register's word on a run, before it creates anything: whose the backend is to be, and its key.

CreateKey's answer can be lost, and AWS's tag index does not know a new key at once. So a run says
what it is about to do before it looks whether it must; a later run that finds neither key nor
alias, but a young intent, waits instead of making a second key.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from state_backend.calls import AwsError
from state_backend.errors import NotReady
from state_backend.hub import Hub
from state_backend.model import Reconciled
from state_backend.ownership import Claim, Record

_YOUNG_SECONDS = 600.0
"""How long AWS's tag index may not know a key that a run has made and then lost sight of."""


def begun(record: Record, claimed: Claim) -> Record:
    """*record* while a run for *claimed* is at work; new properties count only once all is so."""
    taken_over = record.owner != claimed.owner
    return replace(
        record,
        owner=claimed.owner,
        previous_owner=record.owner if taken_over else record.previous_owner,
        given=record.given if record.complete else claimed.given,
        defaults=claimed.defaults,
        bucket_name=claimed.spec.bucket_name,
    )


class Intent:
    """What one run sets out to do."""

    def __init__(self, record: Record, claimed: Claim, hub: Hub) -> None:
        self._record = record
        self._claimed = claimed
        self._hub = hub
        self._now = hub.clock.now()
        self._creating = False
        self.saved: Future[None] | None = None
        """That it is on record, where it has to be; no key is made before."""

    @property
    def is_needed(self) -> bool:
        makes_key = self._claimed.spec.makes_key and not self._record.key_arn
        return makes_key or not self._record.complete

    def save(self) -> None:
        """
        Puts it on record.

        Raises:
            NotReady: The lease was lost, or the register cannot be reached.
        """
        at = self._record.key_intent_at if self._is_young else self._now
        record = replace(begun(self._record, self._claimed), key_intent_at=at)
        self._hub.register.save(record, self._hub.holder, give_back=False)

    def before_creating(self, missing: frozenset[str]) -> None:
        """
        Lets what is *missing* be created.

        Raises:
            NotReady: It is not on record, or an earlier run may have made the key.
        """
        if self.saved is not None:
            self.saved.result()
        if "kms-key" in missing and self._is_young:
            raise NotReady(
                "A run that set out to create the key did not say how it went, and AWS may not "
                "show that key yet",
                "It is tried again; a second key is never made on a guess",
            )
        self._creating = "kms-key" in missing

    def left_open(self, result: Reconciled) -> float:
        """When the intent was formed that is still open after *result*; 0 if none is."""
        if result.spec.key_arn or not self._claimed.spec.makes_key:
            return 0.0
        if self._creating and not _said_no(result):
            return self._now
        return self._record.key_intent_at if self._is_young else 0.0

    @property
    def _is_young(self) -> bool:
        return self._now - self._record.key_intent_at < _YOUNG_SECONDS


def _said_no(result: Reconciled) -> bool:
    """Whether AWS itself refused to create the key, so that there is none."""
    error = result.errors.get("kms-key")
    cause = error.__cause__ if error is not None else None
    return isinstance(cause, AwsError) and cause.answered and cause.call.operation == "create_key"
