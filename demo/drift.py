"""Somebody changes what a backend rests on; CloudTrail tells of it, and it is set right."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from demo import inspection, vending
from demo.sentences import reason, sentence, told
from demo.stage import Backend, Stage
from demo.values import in_words
from demo.words import expect
from state_backend import event_sources
from state_backend.aws.session import SESSION_NAME
from state_backend.calls import JSON
from state_backend.event_sources import cloudtrail
from state_backend.event_sources.request import Asked
from state_backend.outputs import PARAMETERS
from state_backend.spec import KEY_ALIAS, BackendSpec
from tests.deployment.deployed import DEFAULT_BUS
from tests.deployment.event_patterns import fits
from tests.deployment.template import load

SOURCES = frozenset(
    source for source, it in event_sources.SOURCES.items() if it is cloudtrail.parse
)
"""Of events that tell of somebody's call."""

RULE = "stacksets/drift-rule.yaml"
_BUS = "statehold"
_KEY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def play(stage: Stage, event: Mapping[str, JSON], asked: Asked) -> None:
    """A backend; the change that *event* reports, made for real; and what becomes of it."""
    [account], [region] = asked.accounts, asked.regions
    stage.account_comes(account)
    if not fits(_pattern(), event):
        _not_let_through(stage, event)
        return
    role = _role(asked, account)
    spec = _vended(stage, account, region, role)
    event = _about_this_key(event, spec)
    asked = cloudtrail.parse(event)
    if not role:
        stage.tell.say("The caller is no role of the account, or ours: nothing is changed here.")
    elif not _names(spec) & (asked.seen.about if asked.seen else frozenset()):
        stage.tell.say("The event is about something else: nothing is changed here.")
    elif not _changed(stage, event, spec, role):
        stage.tell.say("The demo does not know how to make this change: nothing is changed here.")
    stage.tell.chapter("CloudTrail tells of it")
    _show_result(stage, _delivered(stage, event, account), spec)


def _pattern() -> Mapping[str, JSON]:
    """What the rule in a member account lets through; that of the hub's own account is the same."""
    path = Path(__file__).resolve().parent.parent / RULE
    pattern: Mapping[str, JSON] = load(path)["Resources"]["DriftRule"]["Properties"]["EventPattern"]
    return pattern


def _not_let_through(stage: Stage, event: Mapping[str, JSON]) -> None:
    stage.tell.say(sentence(event), colour="bold")
    stage.tell.blank()
    [report] = vending.operate(stage, event).reports
    expect(report["status"] == "IGNORED", told(report))
    stage.tell.say(
        f"The rule of its account ({RULE}) does not let it through, so the hub never hears of it. "
        f"Handed to the function all the same, it is ignored: {reason(report)}"
    )


def _role(asked: Asked, account: str) -> str:
    """The ARN of the account's role that made the call; empty if it was another's, or ours."""
    by = asked.seen.by.arn if asked.seen else ""
    found = re.fullmatch(rf"(arn:[a-z-]+):sts::{account}:assumed-role/(.+)/([^/]+)", by)
    if found is None or found[3] == SESSION_NAME:
        return ""
    return f"{found[1]}:iam::{account}:role/{found[2]}"


def _vended(stage: Stage, account: str, region: str, role: str) -> BackendSpec:
    """The account's backend, with a lock table, on which *role* is break-glass."""
    properties = {"LockMode": "both", "BreakGlassPrincipalArns": role}
    asked = {"operation": "reconcile", "accountId": account, "region": region}
    [report] = vending.operate(stage, {**asked, "properties": properties}).reports
    expect(report["status"] == "READY", told(report))
    backend = vending.backend_of(report)
    stage.tell.say(f"Account {account} has its backend, {backend.bucket}, with a lock table.")
    return inspection.spec_of(stage, backend)


def _about_this_key(event: Mapping[str, JSON], spec: BackendSpec) -> Mapping[str, JSON]:
    """*event* with the backend's key in place of the one that it names as changed."""
    given = event["detail"].get("requestParameters")
    found = _KEY_ID.search(str(given.get("keyId"))) if isinstance(given, dict) else None
    if found is None:
        return event
    key_id = spec.key_arn.rpartition("/")[2]
    replaced: Mapping[str, JSON] = json.loads(json.dumps(event).replace(found[0], key_id))
    return replaced


def _names(spec: BackendSpec) -> set[str]:
    key_id = spec.key_arn.rpartition("/")[2]
    return {spec.bucket_name, spec.lock_table_name, key_id, KEY_ALIAS, *PARAMETERS}


def _changed(stage: Stage, event: Mapping[str, JSON], spec: BackendSpec, role: str) -> bool:
    """Makes the call that *event* reports, as *role*; whether it is one of those known here."""
    name, given = event["detail"]["eventName"], event["detail"].get("requestParameters")
    service = event["source"].removeprefix("aws.")
    client = stage.client_of(service, role, region=spec.region)
    match name, given:
        case "PutBucketPolicy", {"bucketPolicy": dict(policy)}:
            client.put_bucket_policy(Bucket=spec.bucket_name, Policy=json.dumps(policy))
        case "DisableKey", _:
            client.disable_key(KeyId=spec.key_arn)
        case "UpdateAlias", _:
            other = client.create_key()["KeyMetadata"]["KeyId"]
            client.update_alias(AliasName=KEY_ALIAS, TargetKeyId=other)
        case "UpdateTable", {"deletionProtectionEnabled": bool(on)}:
            client.update_table(TableName=spec.lock_table_name, DeletionProtectionEnabled=on)
        case "DeleteParameter", {"name": str(parameter)}:
            client.delete_parameter(Name=parameter)
        case "DeleteParameters", {"names": list(parameters)}:
            client.delete_parameters(Names=parameters)
        case _:
            return False
    stage.tell.say(
        f"{role.rpartition('/')[2]}, which is break-glass there, makes the call that the event "
        f"reports: {name}."
    )
    return True


def _delivered(stage: Stage, event: Mapping[str, JSON], account: str) -> vending.Run:
    stage.tell.say(sentence(event), colour="bold")
    stage.tell.blank()
    at_home = account == stage.hub_account
    way = (
        "The hub's rule lets it through"
        if at_home
        else f"The rule of its account ({RULE}) lets it through, to the hub's bus {_BUS}"
    )
    stage.tell.say(
        f"{way}. By way of a queue it reaches {vending.VENDED}, which asks the register whether it "
        "is about a backend, and only then looks at what is set there."
    )
    stage.tell.blank()
    return vending.deliver(stage, event, bus=DEFAULT_BUS if at_home else _BUS)


def _show_result(stage: Stage, run: vending.Run, spec: BackendSpec) -> None:
    expect(run.reports, f"The function said nothing of the account. {run.set_aside}")
    [report] = run.reports
    published = [
        entry
        for call in run.calls
        if call.operation == "PutEvents"
        for entry in call.parameters["Entries"]
    ]
    if report["status"] == "IGNORED":
        stage.tell.say(f"It is ignored: {reason(report)}")
    elif report["status"] == "FAILED":
        stage.tell.note("left to people", reason(report))
    for entry in published:
        detail = json.loads(entry["Detail"])
        for it in detail.get("repaired", ()):
            name = vending.name_of(it)
            before, after = (in_words(name, it[when]) for when in ("before", "after"))
            stage.tell.done(name, f"{before} → {after}", it["why"])
        stage.tell.blank()
        stage.tell.say(
            f"Published as “{entry['DetailType']}”, with who it was: {detail['changedBy']['arn']}."
        )
    if report["status"] == "READY":
        if not published:
            stage.tell.say("All is as it is on record: nothing had to be set right.")
        backend = Backend(account=spec.account, region=spec.region, bucket=spec.bucket_name)
        vending.show_settled(stage, backend)
