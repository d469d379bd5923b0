"""One run of the loop, against one account in memory."""

from __future__ import annotations

from state_backend.reconcile import Loop
from tests.unit.given import Ticking, backend

SPECS = {
    "kms": {},
    "both locks": {"LockMode": "both"},
    "table": {"LockMode": "dynamodb"},
    "AES256": {"Encryption": "AES256"},
    "no logs": {"AccessLogs": "off"},
}

SUBJECTS = ("Bucket", "ResourceArn", "KeyId", "TargetKeyId", "TableName", "Name")


def run(account, spec=None, *, plan_only=False, seconds=270.0, ticking=None, **more):
    ticking = ticking or Ticking()
    loop = Loop(invoke=account, clock=ticking.clock, give_up_at=ticking.time + seconds, **more)
    return loop.run(spec or backend(), plan_only=plan_only)


def subject(call):
    name = next((call.parameters[it] for it in SUBJECTS if it in call.parameters), "")
    return name.rpartition(":")[2]
