"""The chapters, in order."""

from __future__ import annotations

from collections.abc import Mapping

from demo import attacks, inspection, stack, terraform
from demo.occasions import Occasion, account_comes, occasion_of
from demo.stage import Backend, Stage
from demo.words import expect
from state_backend.calls import JSON
from state_backend.outputs import PARAMETERS
from state_backend.spec import BackendSpec


def play(stage: Stage, event: Mapping[str, JSON]) -> None:
    """
    The whole story of *event*; a short one if it vends nothing.

    Raises:
        BadEvent: It is nothing that could be played.
        NotAsTold: Something went otherwise.
    """
    occasion = occasion_of(stage, event)
    stage.tell.chapter(occasion.title)
    backend = occasion.play()
    if backend is None:
        return
    block = _what_exists(stage, backend)
    _destruction(stage, backend)
    _terraform(stage, backend, block)
    _deletion(stage, occasion, backend)


def _what_exists(stage: Stage, backend: Backend) -> str:
    spec = inspection.spec_of(stage, backend)
    stage.tell.chapter(f"What the policy of {backend.bucket} refuses to everybody")
    inspection.show_policy(stage, backend, spec)
    stage.tell.blank()
    stage.tell.say(_exempt(spec))
    stage.tell.chapter("Where the account's people find it")
    return inspection.show_published(stage, backend)


def _destruction(stage: Stage, backend: Backend) -> None:
    stage.tell.chapter("An administrator of the account tries to destroy it")
    spec = inspection.spec_of(stage, backend)
    if not spec.prevent_destroy:
        stage.tell.say("Left out: with PreventDestroy false, an administrator may.")
        return
    attacks.attack(stage, backend, spec.key_arn)


def _terraform(stage: Stage, backend: Backend, block: str) -> None:
    stage.tell.chapter(f"{terraform.name() or 'Terraform'} works on it")
    if not terraform.name():
        stage.tell.say("Left out: neither terraform nor tofu is on PATH.")
        return
    terraform.work(stage, backend, block)


def _deletion(stage: Stage, occasion: Occasion, backend: Backend) -> None:
    stage.tell.chapter("A stack that goes does not take its backend along")
    asking, properties = occasion.stack, occasion.properties
    if asking is None:
        account = "333333333333" if backend.account != "333333333333" else "444444444444"
        account_comes(stage, account)
        asking = stack.Stack(stage=stage, account=account, region=stage.aws.region)
        properties = asking.properties()
        stage.tell.say(
            f"{backend.bucket} is the hub's, and no stack's to delete. So a stack of another "
            f"account, {account}, first asks for a backend of its own (Custom::StateBackend); "
            "the function holds the request against the stack's own events before it acts."
        )
        stage.tell.blank()
        answer = stack.create(asking, properties)
        stack.show_created(stage, answer)
    stack.refuse_delete(asking, properties)
    ssm = stage.client("ssm", asking.account, "Developer", region=stage.aws.region)
    left = ssm.get_parameters(Names=list(PARAMETERS))["Parameters"]
    expect(len(left) == len(PARAMETERS), "The parameters are gone.")
    stage.tell.done("still there", "everything: the refused Delete made no write in the account")


def _exempt(spec: BackendSpec) -> str:
    def names(arns: tuple[str, ...]) -> str:
        return " and ".join(arn.rpartition("/")[2] for arn in arns)

    break_glass = (
        f"For an emergency {names(spec.break_glass_principal_arns)} may do all of it (break-glass)."
        if spec.break_glass_principal_arns
        else "No break-glass principal is named here, so only the account's root user is left, "
        "whom AWS always lets replace a bucket's policy."
    )
    return (
        f"{names(spec.acting_role_arns)} may set what DenyReconfigure guards, in sessions that can "
        f"delete nothing and read no state. {break_glass}"
    )
