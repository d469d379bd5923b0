"""A hub in memory: its register is a notebook, and every role leads into the account at hand."""

from __future__ import annotations

from types import SimpleNamespace

from state_backend.aws.register import Register
from state_backend.calls import Clock
from state_backend.hub import Hub
from state_backend.ownership import Record
from state_backend.settings import settings_from
from state_backend.vending import Request
from tests.unit.given import ACCOUNT, REGION, Ticking

HERE = Request(account=ACCOUNT, region=REGION)


class Notebook(Register):
    """A register in memory, with the lease left out."""

    def __init__(self, record):
        super().__init__(table="t", invoke=lambda call: None, clock=Clock())
        object.__setattr__(self, "kept", record)
        object.__setattr__(self, "saved", [])

    def read(self, account, region):
        return self.kept

    def acquire(self, account, region, holder, until):
        return self.kept

    def save(self, record, holder, *, give_back):
        self.saved.append(record)
        object.__setattr__(self, "kept", record)


class Sessions:
    """Hands out one account under the first role."""

    def __init__(self, account):
        self.account = account

    def open(self, role_arns, region, policies):
        return SimpleNamespace(role_arn=role_arns[0], invoke=self.account)


def hub(account, record=None, ticking=None, **environment):
    ticking = ticking or Ticking()
    events = []

    def bus(call):
        events.append(call)
        return {"FailedEntryCount": 0}

    made = Hub(
        settings=settings_from({"AWS_REGION": REGION, **environment}),
        invoke=bus,
        at_home=bus,
        register=Notebook(record or Record(account=ACCOUNT, region=REGION)),
        clock=ticking.clock,
        deadline=ticking.time + 300,
        give_up_at=ticking.time + 270,
        holder="me",
    )
    return made, events
