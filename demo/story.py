"""The chapters, in order."""

from __future__ import annotations

from collections.abc import Mapping

from demo import attacks, inspection, stack, terraform
from demo.occasions import occasion_of
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
    spec = inspection.spec_of(stage, backend)
    block = _what_exists(stage, backend, spec)
    _destruction(stage, spec)
    _terraform(stage, spec, block)
    _deletion(stage, occasion.stack, backend)


def _what_exists(stage: Stage, backend: Backend, spec: BackendSpec) -> str:
    stage.tell.chapter(f"What the policy of {backend.bucket} refuses to everybody")
    inspection.show_policy(stage, backend, spec)
    stage.tell.blank()
    stage.tell.say(_exempt(spec))
    stage.tell.chapter("Where the account's people find it")
    return inspection.show_published(stage, backend)


def _destruction(stage: Stage, spec: BackendSpec) -> None:
    stage.tell.chapter("An administrator of the account tries to destroy it")
    if not spec.prevent_destroy:
        stage.tell.say("Left out: with PreventDestroy false, an administrator may.")
        return
    attacks.attack(stage, spec)


def _terraform(stage: Stage, spec: BackendSpec, block: str) -> None:
    stage.tell.chapter(f"{terraform.name() or 'Terraform'} works on it")
    if not terraform.name():
        stage.tell.say("Left out: neither terraform nor tofu is on PATH.")
        return
    terraform.work(stage, spec, block)


def _deletion(stage: Stage, asking: stack.Stack | None, backend: Backend) -> None:
    stage.tell.chapter("A stack that goes does not take its backend along")
    if asking is None:
        asking = _another_stack(stage, backend)
        backend = Backend(account=asking.account, region=asking.region, bucket=asking.physical_id)
    if inspection.spec_of(stage, backend).prevent_destroy:
        stack.refuse_delete(asking)
        left = "everything: the refused Delete made no write in the account"
    else:
        stack.release(asking)
        state = inspection.record_of(stage, backend).state
        expect(state == "RELEASED", f"The register says {state}.")
        left = "everything, for people to remove; the register and the tags say RELEASED"
    s3 = stage.client("s3", backend.account, "Developer", region=backend.region)
    s3.head_bucket(Bucket=backend.bucket)  # raises where it is gone
    ssm = stage.client("ssm", backend.account, "Developer", region=backend.region)
    found = ssm.get_parameters(Names=list(PARAMETERS))["Parameters"]
    expect(len(found) == len(PARAMETERS), "The parameters are gone.")
    stage.tell.done("still there", left)


def _another_stack(stage: Stage, backend: Backend) -> stack.Stack:
    """A stack that has a backend of its own, in another account than *backend*'s."""
    account = "333333333333" if backend.account != "333333333333" else "444444444444"
    stage.account_comes(account)
    asking = stack.Stack(stage=stage, account=account, region=stage.aws.region)
    stage.tell.say(
        f"{backend.bucket} is the hub's, and no stack's to delete. So a stack of another "
        f"account, {account}, first asks for a backend of its own (Custom::StateBackend); "
        "the function holds the request against the stack's own events before it acts."
    )
    stage.tell.blank()
    stack.create(asking, asking.properties())
    stage.tell.blank()
    return asking


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
