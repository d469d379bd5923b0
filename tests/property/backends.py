"""The backends over which the laws are tried, and one pass of the loop over an account."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies

from state_backend.calls import JSON, Call
from state_backend.model import Reconciled
from state_backend.reconcile import Loop
from state_backend.spec import BackendSpec
from tests.unit.account import Account
from tests.unit.given import ACCOUNT, BREAK_GLASS, Ticking, backend

READER = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
PROPERTIES: dict[str, dict[str, JSON]] = {
    "defaults": {},
    "both locks": {"LockMode": "both"},
    "table": {"LockMode": "dynamodb", "Adopt": "enforce"},
    "AES256": {"Encryption": "AES256"},
    "no logs": {"AccessLogs": "off"},
    "released": {"PreventDestroy": "false"},
    "principals": {
        "StateAccessPrincipalArns": READER,
        "BreakGlassPrincipalArns": BREAK_GLASS,
        "Tags": "Team=payments",
    },
}
SPECS = {name: backend(properties) for name, properties in PROPERTIES.items()}
specs = strategies.sampled_from(sorted(SPECS)).map(SPECS.__getitem__)

SUBJECTS = ("Bucket", "ResourceArn", "KeyId", "TargetKeyId", "TableName", "Name", "AliasName")


def one_pass(account: Account, spec: BackendSpec, *, plan_only: bool = False) -> Reconciled:
    ticking = Ticking()
    loop = Loop(invoke=account, clock=ticking.clock, give_up_at=ticking.time + 270)
    return loop.run(spec, plan_only=plan_only)


def made(spec: BackendSpec) -> tuple[Account, BackendSpec]:
    """An account after a first pass, and the spec as it is on record then."""
    account = Account()
    result = one_pass(account, spec)
    assert result.errors == {}
    account.reads.clear()
    account.writes.clear()
    account.settle()
    return account, recorded(spec, result)


def recorded(spec: BackendSpec, result: Reconciled) -> BackendSpec:
    key = result.spec.key_arn if spec.makes_key else ""
    return replace(spec, origin=result.spec.origin, key_arn=key)


def identity(call: Call) -> tuple[str, str]:
    """What a call does to what: the order of calls on different things is not fixed."""
    name = next((str(call.parameters[it]) for it in SUBJECTS if it in call.parameters), "")
    return str(call), name.rpartition(":")[2]
