"""
The lease under which one account and Region is changed: taken, and given back whatever happens.
"""

from __future__ import annotations

from state_backend.hub import Hub
from state_backend.ownership import Record

_OUTLASTS_SECONDS = 30.0
"""How long it is held beyond the function's own end: not all clocks are alike."""


class Lease:
    """
    Held from its making on; at the end of its ``with`` block it is given back, if it still is held.

    Raises:
        NotReady: Another run holds it, or the register cannot be reached.
    """

    def __init__(self, account: str, region: str, hub: Hub) -> None:
        self._hub = hub
        until = hub.deadline + _OUTLASTS_SECONDS
        self.record: Record = hub.register.acquire(account, region, hub.holder, until)
        self._held = True

    def conclude(self, record: Record) -> None:
        """
        Records *record* and gives the lease back, in one write.

        Raises:
            NotReady: It was lost to another run, or the register cannot be reached.
        """
        self._held = False
        self._hub.register.save(record, self._hub.holder, give_back=True)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        # What was recorded on the way, such as the intent to create a key, stays.
        if self._held:
            self._hub.register.give_back(self.record, self._hub.holder)
