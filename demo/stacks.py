"""What CloudFormation hears: a stack's Create, Update or Delete, as an event has it."""

from __future__ import annotations

from collections.abc import Mapping

from demo.stack import FUNCTION, Stack, show_success
from demo.stage import LOOPBACK, Backend, BadEvent, Stage
from demo.words import expect
from state_backend.aws.cloudformation_response import may_answer
from state_backend.calls import JSON
from state_backend.errors import StateholdError
from state_backend.event_sources import cloudformation
from state_backend.event_sources.cloudformation import StackRequest
from state_backend.spec import Defaults, resolve

REFUSED_URLS = "ResponseUrlsRefused"


def request_of(event: Mapping[str, JSON]) -> StackRequest:
    """
    The request that *event* is.

    Raises:
        BadEvent: CloudFormation sends no such request.
    """
    try:
        return cloudformation.parse(event)
    except StateholdError as error:
        raise BadEvent(f"CloudFormation sends no such request: {error}") from error


def stack_of(stage: Stage, request: StackRequest) -> Stack:
    return Stack(
        stage=stage,
        account=request.account,
        region=request.stack_id.split(":")[3],
        stack_id=request.stack_id,
        logical_id=request.logical_id,
    )


def play(stack: Stack, request: StackRequest, event: Mapping[str, JSON]) -> Backend | None:
    """The backend that the stack has in the end; None if it has none."""
    stack.stage.account_comes(request.account)
    asks = f"asks for {request.kind} of {request.logical_id} in account {request.account}"
    url = str(event.get("ResponseURL"))
    if not may_answer(url, (LOOPBACK,)):
        stack.stage.tell.say(f"Somebody {asks}. Its ResponseURL leads to {url}")
        stack.stage.tell.blank()
        _dropped(stack, event)
        return None
    stack.stage.tell.say(
        f"CloudFormation {asks}. Its ResponseURL leads into AWS, so a host on loopback, as strict "
        "as CloudFormation's, takes the answer instead."
    )
    if _answered(stack, request, event):
        return Backend(account=request.account, region=request.region, bucket=stack.physical_id)
    return None


def _answered(stack: Stack, request: StackRequest, event: Mapping[str, JSON]) -> bool:
    """Whether the stack has a backend when all is answered."""
    wanted = stack.properties(**request.properties)
    if request.kind == "Delete" and request.physical_id != _bucket_of(request):
        _never_made(stack, request.physical_id, wanted)
        return False
    if request.kind != "Create":
        stack.stage.tell.say("Nothing exists here yet, so the stack is created first.")
    if request.kind != "Update":
        stack.stage.tell.blank()
        return _created(stack, wanted)
    given = event.get("OldResourceProperties")
    before = stack.properties(**given) if isinstance(given, dict) else wanted
    if before.get("BucketName", request.physical_id) != request.physical_id:
        stack.stage.tell.say(
            f"The stack keeps {request.physical_id}, and before this Update it asked for "
            f"{before['BucketName']}: so the Update takes back one that was refused. That one "
            "comes first."
        )
        before, wanted = wanted, before
    stack.stage.tell.blank()
    return _created(stack, before) and _updated(stack, before, wanted)


def _created(stack: Stack, wanted: Mapping[str, JSON]) -> bool:
    since = len(stack.stage.aws.calls)
    answer = stack.ask("Create", wanted)
    if answer["Status"] == "SUCCESS":
        show_success(stack, "Create", answer)
        return True
    _show_refusal(stack, "Create", answer, since)
    gone = stack.ask("Delete", wanted, rolling_back=True)
    expect(gone["Status"] == "SUCCESS", f"The rollback is stuck: {gone.get('Reason')}")
    stack.stage.tell.done(
        "Delete", f"SUCCESS, physical id {stack.physical_id}: so the stack can roll back"
    )
    return False


def _updated(stack: Stack, before: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> bool:
    """The stack has its backend whether or not the update was refused."""
    stack.stage.tell.blank()
    since = len(stack.stage.aws.calls)
    answer = stack.ask("Update", wanted)
    if answer["Status"] == "SUCCESS":
        show_success(stack, "Update", answer)
        return True
    _show_refusal(stack, "Update", answer, since)
    back = stack.ask("Update", before, rolling_back=True)
    expect(back["Status"] == "SUCCESS", f"The rollback is stuck: {back.get('Reason')}")
    stack.stage.tell.done(
        "Update", f"SUCCESS: CloudFormation takes it back, and {stack.physical_id} stays"
    )
    return True


def _show_refusal(stack: Stack, kind: str, answer: Mapping[str, JSON], since: int) -> None:
    writes = stack.stage.aws.writes(since, account=stack.account)
    why = "" if writes else "nothing was touched"
    stack.stage.tell.refused(kind, f"FAILED. {answer['Reason']}", why)


def _never_made(stack: Stack, physical_id: str, wanted: Mapping[str, JSON]) -> None:
    stack.stage.tell.say(
        f"The physical id, {physical_id}, is no backend's: the Create failed, or was given up, "
        "before it had one. The stack rolls back."
    )
    stack.stage.tell.blank()
    since = len(stack.stage.aws.calls)
    stack.physical_id = physical_id
    answer = stack.ask("Delete", wanted, rolling_back=True)
    expect(answer["Status"] == "SUCCESS", f"The Delete failed: {answer.get('Reason')}")
    writes = stack.stage.aws.writes(since)
    expect(not writes, f"The Delete wrote: {', '.join(map(str, writes))}.")
    stack.stage.tell.done("Delete", "SUCCESS: nothing had been made, and nothing was touched")


def _bucket_of(request: StackRequest) -> str:
    """The bucket that the stack would have made; empty if nobody could make what it asks for."""
    try:
        spec = resolve(request.account, request.region, request.properties, Defaults())
    except StateholdError:
        return ""
    return spec.bucket_name


def _dropped(stack: Stack, event: Mapping[str, JSON]) -> None:
    """Whoever forged the request hears nothing and gets nothing."""
    since = len(stack.stage.aws.calls)
    invocation = stack.stage.hub.invoke(FUNCTION, event)
    calls = stack.stage.aws.calls[since:]
    expect(not invocation.error, f"The function failed: {invocation.error}")
    expect(not calls, f"Something was done: {', '.join(map(str, calls))}.")
    expect(REFUSED_URLS in invocation.printed, "It was not counted.")
    said = next(line["message"] for line in invocation.logs if "message" in line)
    stack.stage.tell.refused(str(event["RequestType"]), said, "not one call to AWS was made")
    stack.stage.tell.done("counted", f"{REFUSED_URLS}, a metric that an alarm watches")
