"""What makes a backend come to be: an event on the bus, an operation by hand, a stack's request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from demo import inspection, stack, vending
from demo.stage import MANAGEMENT_ACCOUNT, Backend, BadEvent, Stage
from demo.words import expect
from state_backend.calls import JSON
from state_backend.errors import StateholdError
from state_backend.event_sources import cloudformation, parse
from state_backend.event_sources.request import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why the story happens."""

    title: str
    play: Callable[[], Backend | None]
    """Makes the backend, and tells of it; None if there was nothing to make."""
    stack: stack.Stack | None = None
    """Whose backend it is, if a stack's."""
    properties: Mapping[str, JSON] = field(default_factory=dict)
    """What that stack asks for."""


def occasion_of(stage: Stage, event: Mapping[str, JSON]) -> Occasion:
    """
    The beginning that *event* is.

    Raises:
        BadEvent: It is none.
    """
    if "RequestType" in event:
        return _stacks(stage, event)
    if "operation" in event:
        asked = _operation(event)
        return Occasion(title="Somebody asks by hand", play=lambda: _by_hand(stage, event, asked))
    return Occasion(title="An event arrives", play=lambda: _from_the_bus(stage, event))


def account_comes(stage: Stage, account: str, name: str | None = None) -> None:
    """*account* joins the organization, with the roles that a vended account has."""
    if account != MANAGEMENT_ACCOUNT:
        stage.aws.add_account(account, name=name)


def _from_the_bus(stage: Stage, event: Mapping[str, JSON]) -> Backend | None:
    stage.tell.say(_sentence(event), colour="bold")
    stage.tell.blank()
    asked = _asked(event)
    functions = stage.hub.route(event)
    if not functions:
        reason = f" ({asked.reason})" if asked and asked.reason else ""
        stage.tell.say(
            f"No rule of the template fits it{reason}: EventBridge hands it to nobody, and "
            "nothing is made."
        )
        return None
    account = asked.accounts[0] if asked and asked.accounts else ""
    for it in asked.accounts if asked else ():
        account_comes(stage, it, _text(event, "account", "accountName") or None)
    stage.tell.say(
        f"EventBridge's rule fits it: by way of a queue it reaches {', '.join(functions)}, which "
        "asks Organizations whether the account is ours, and acts there through a role of fixed "
        "name, cut down by a session policy."
    )
    planned = vending.operate(stage, {"operation": "plan", "accountId": account}).reports
    run = vending.deliver(stage, event)
    if run.set_aside and asked is None:
        stage.tell.say(
            "The function cannot make sense of it, and hands the message to a person: it is in "
            f"the dead-letter queue now, with {run.set_aside}"
        )
        return None
    return _vended(stage, run, planned)


def _by_hand(stage: Stage, event: Mapping[str, JSON], asked: Asked) -> Backend | None:
    account = asked.accounts[0]
    account_comes(stage, account)
    stage.tell.say(f"Operation {event['operation']} for account {account}.")
    planned = vending.operate(stage, {**event, "operation": "plan"})
    if asked.plan_only:
        report = planned.reports[0]
        expect("changes" in report, _told(report))
        stage.tell.blank()
        vending.show_controls(stage, report, None)
        expect(not any(it.write and it.account == account for it in planned.calls), "It wrote.")
        stage.tell.blank()
        stage.tell.say("That is what would be done. A plan makes no write anywhere.")
        return None
    return _vended(stage, vending.operate(stage, event), planned.reports)


def _vended(stage: Stage, run: vending.Run, planned: vending.Reports) -> Backend | None:
    expect(not run.set_aside, f"The message is in the dead-letter queue: {run.set_aside}")
    expect(run.reports, "The function said nothing of any account.")
    report = run.reports[0]
    if report["status"] == "IGNORED":
        stage.tell.say(f"It is ignored: {_told(report)}")
        return None
    expect(report["status"] == "READY", _told(report))
    backend = vending.backend_of(report)
    stage.tell.chapter("What is set now, and what goes wrong without it")
    key = inspection.spec_of(stage, backend).key_arn
    vending.show_controls(stage, planned[0], key.rpartition("/")[2])
    stage.tell.blank()
    vending.show_effort(stage, run)
    vending.show_settled(stage, backend)
    return backend


def _stacks(stage: Stage, event: Mapping[str, JSON]) -> Occasion:
    try:
        request = cloudformation.parse(event)
    except StateholdError as error:
        raise BadEvent(f"CloudFormation sends no such request: {error}") from error
    asking = stack.Stack(
        stage=stage,
        account=request.account,
        region=request.stack_id.split(":")[3],
        stack_id=request.stack_id,
        logical_id=request.logical_id,
    )
    wanted = asking.properties(**request.properties)
    before = event.get("OldResourceProperties")
    first = asking.properties(**before) if isinstance(before, dict) else wanted

    def play() -> Backend | None:
        account_comes(stage, request.account)
        stage.tell.say(
            f"CloudFormation asks for {request.kind} of {request.logical_id} in account "
            f"{request.account}. Its ResponseURL leads into AWS, so a host on loopback, as strict "
            "as CloudFormation's, takes the answer instead."
        )
        if request.kind != "Create":
            stage.tell.say("Nothing exists here yet, so the stack is created first.")
        stage.tell.blank()
        answer = stack.create(asking, first)
        if request.kind == "Update":
            answer = stack.update(asking, wanted)
        stack.show_created(stage, answer)
        return Backend(
            account=request.account, region=request.region, bucket=answer["PhysicalResourceId"]
        )

    return Occasion(title="A stack asks for a backend", play=play, stack=asking, properties=wanted)


def _asked(event: Mapping[str, JSON]) -> Asked | None:
    try:
        return parse(event)
    except StateholdError:
        return None


def _operation(event: Mapping[str, JSON]) -> Asked:
    try:
        return parse(event)
    except StateholdError as error:
        raise BadEvent(str(error)) from error


def _told(report: Mapping[str, JSON]) -> str:
    error = report.get("error") or {}
    words = " ".join(filter(None, (error.get("message"), error.get("remedy"))))
    return f"account {report['accountId']} is {report['status']}: {words}"


def _sentence(event: Mapping[str, JSON]) -> str:
    """*event* as a person would say it, as far as it has what one would say."""
    detail = event.get("detail")
    name = detail.get("eventName") if isinstance(detail, dict) else None
    name = name or event.get("detail-type") or "an event"
    said = f"{event.get('source', 'An unnamed source')}: {name}"
    for part, before, after in (
        (_text(event, "state"), " ", ""),
        (_text(event, "account", "accountId"), " for account ", ""),
        (_text(event, "account", "accountName"), " (", ")"),
        (_text(event, "organizationalUnit", "organizationalUnitName"), " in ", ""),
    ):
        said += f"{before}{part}{after}" if part else ""
    return f"{said}."


def _text(event: Mapping[str, JSON], *path: str) -> str:
    """The text below whatever status the event's details hold; empty if there is none."""
    detail = event.get("detail")
    details = detail.get("serviceEventDetails") if isinstance(detail, dict) else None
    found = next(iter(details.values()), None) if isinstance(details, dict) else None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
