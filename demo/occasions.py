"""What makes a backend come to be: an event on the bus, an operation by hand, a stack's request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from demo import drift, inspection, stacks, sweep, vending
from demo.sentences import asked_of, reason, sentence, text_in, told
from demo.stack import Stack
from demo.stage import MEMBER_ACCOUNT, Backend, BadEvent, Stage
from demo.words import expect
from state_backend.calls import JSON
from state_backend.errors import StateholdError
from state_backend.event_sources import parse
from state_backend.event_sources.request import Asked
from tests.deployment.event_patterns import fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why the story happens."""

    title: str
    play: Callable[[], Backend | None]
    """Makes the backend, and tells of it; None if the story ends here."""
    stack: Stack | None = None
    """Whose backend it is, if a stack's."""


def occasion_of(stage: Stage, event: Mapping[str, JSON]) -> Occasion:
    """
    The beginning that *event* is.

    Raises:
        BadEvent: It is none.
    """
    if "RequestType" in event:
        request = stacks.request_of(event)
        asking = stacks.stack_of(stage, request)
        return Occasion(
            title="A request arrives",
            play=lambda: stacks.play(asking, request, event),
            stack=asking,
        )
    if task := sweep.task_of(event):
        return Occasion(title="A sweep", play=lambda: sweep.play(stage, event, task))
    if "operation" in event:
        asked = _operation(event)
        return Occasion(title="Somebody asks by hand", play=lambda: _by_hand(stage, event, asked))
    if not isinstance(event.get("source"), str):
        raise BadEvent(
            "The event has no source, as those of EventBridge have; nor is it an operation, or a "
            "request of CloudFormation."
        )
    seen = asked_of(event) if event["source"] in drift.SOURCES else None
    if seen:
        return Occasion(title="Somebody calls AWS", play=lambda: drift.play(stage, event, seen))
    return Occasion(title="An event arrives", play=lambda: _from_the_bus(stage, event))


def _from_the_bus(stage: Stage, event: Mapping[str, JSON]) -> Backend | None:
    stage.tell.say(sentence(event), colour="bold")
    stage.tell.blank()
    asked = asked_of(event)
    functions = stage.hub.route(event)
    if not functions:
        stage.tell.say(_for_no_function(stage, event, asked))
        return None
    way = f"EventBridge's rule fits it: by way of a queue it reaches {', '.join(functions)}"
    if asked is None or asked.reason:
        stage.tell.say(f"{way}.")
        planned: vending.Reports = ()
    else:
        account = _come(stage, event, asked)
        stage.tell.say(
            f"{way}, which asks Organizations whether the account is ours, and acts there through "
            "a role of fixed name, cut down by a session policy."
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


def _for_no_function(stage: Stage, event: Mapping[str, JSON], asked: Asked | None) -> str:
    if event["source"] != "statehold":
        why = f" ({asked.reason})" if asked and asked.reason else ""
        return (
            f"No rule of the template fits it{why}: EventBridge hands it to nobody, and nothing "
            "is made."
        )
    rules = stage.hub.template.resources("AWS::Events::Rule").values()
    patterns = [stage.hub.template.filled_in(it["Properties"]["EventPattern"]) for it in rules]
    people = (
        "A rule of the template hands it to the topic from which people are told"
        if any(fits(it, event) for it in patterns)
        else "It waits for a rule of yours, such as one that starts a pipeline"
    )
    return (
        "Statehold publishes it itself, on the hub's default bus, so no function of ours takes it. "
        f"{people}. Nothing is made."
    )


def _come(stage: Stage, event: Mapping[str, JSON], asked: Asked) -> str:
    """The units and accounts that are asked for join the organization. Returns the first one."""
    for unit in asked.units:
        stage.unit_comes(unit)
    below = asked.units[0] if asked.units else ""
    accounts = asked.accounts or ((MEMBER_ACCOUNT,) if below else ())
    for account in accounts:
        stage.account_comes(account, name=text_in(event, "account", "accountName"), unit=below)
    if below:
        stage.tell.say(f"Below the unit {below} there is {' and '.join(accounts)}.")
    return accounts[0] if accounts else ""


def _by_hand(stage: Stage, event: Mapping[str, JSON], asked: Asked) -> Backend | None:
    account = asked.accounts[0]
    stage.account_comes(account)
    stage.tell.say(f"Operation {event['operation']} for account {account}.")
    planned = vending.operate(stage, {**event, "operation": "plan"})
    if asked.plan_only:
        report = planned.reports[0]
        expect("changes" in report, told(report))
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
    report, *others = run.reports
    if report["status"] == "IGNORED":
        stage.tell.say(f"It is ignored: {reason(report)}")
        return None
    for it in run.reports:
        expect(it["status"] == "READY", told(it))
    _show_others(stage, others)
    backend = vending.backend_of(report)
    stage.tell.chapter("What is set now, and what goes wrong without it")
    key = inspection.spec_of(stage, backend).key_arn
    vending.show_controls(stage, planned[0], key.rpartition("/")[2])
    stage.tell.blank()
    vending.show_effort(stage, run)
    vending.show_settled(stage, backend)
    return backend


def _show_others(stage: Stage, others: Sequence[Mapping[str, JSON]]) -> None:
    if others:
        accounts = " and ".join(it["accountId"] for it in others)
        stage.tell.say(f"The same becomes of {accounts}; what follows is about the first one.")


def _operation(event: Mapping[str, JSON]) -> Asked:
    try:
        return parse(event)
    except StateholdError as error:
        raise BadEvent(str(error)) from error
