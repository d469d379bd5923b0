"""What exists now, looked at: what is on record, the policy in words, what is published."""

from __future__ import annotations

import json
from dataclasses import replace

from demo.stage import Backend, Stage, role_arn
from demo.words import expect
from state_backend.aws.register import Register
from state_backend.calls import JSON, Call, Clock
from state_backend.outputs import PARAMETERS
from state_backend.ownership import HUB, Record, claim
from state_backend.policies.bucket_policy import STATEMENTS
from state_backend.policies.document import SID_PREFIX, meaning, statements_of
from state_backend.spec import BackendSpec, Defaults
from tools.policies import in_words


def record_of(stage: Stage, backend: Backend) -> Record:
    """What the hub's register knows of *backend*."""
    dynamodb = stage.aws.client("dynamodb", tls=True)

    def invoke(call: Call) -> JSON:
        return getattr(dynamodb, call.operation)(**call.parameters)

    table = stage.hub.template.references["BackendRegister"]
    register = Register(table=table, invoke=invoke, clock=Clock())
    return register.read(backend.account, backend.region)


def spec_of(stage: Stage, backend: Backend) -> BackendSpec:
    """The spec on record: what the hub's register says is wanted."""
    record = record_of(stage, backend)
    expect(record.state == "LIVE", f"The register has no live backend {backend.bucket}.")
    roles = tuple(filter(None, (record.role_arn, record.previous_role_arn)))
    return replace(claim(record, HUB, None, Defaults()).spec, acting_role_arns=roles)


def user_of(spec: BackendSpec, role: str) -> str:
    """The ARN of the account's *role*; where only some may use states, of the first of these."""
    listed = spec.state_access_principal_arns
    return listed[0].replace("*", role) if listed else role_arn(spec.account, role)


def show_policy(stage: Stage, backend: Backend, spec: BackendSpec) -> None:
    """
    The bucket's policy as it is in AWS now, each statement in the words of the function that makes
    it.

    A statement is found by its meaning, so no word can be about another statement than that.
    """
    s3 = stage.client("s3", backend.account, "Administrator", region=backend.region)
    policy = json.loads(s3.get_bucket_policy(Bucket=backend.bucket)["Policy"])
    sids = {meaning(it): str(it.get("Sid")) for it in statements_of(policy)}
    for statement in STATEMENTS:
        for made, words in in_words(statement, spec):
            name = sids.pop(meaning(made), "").removeprefix(SID_PREFIX)
            expect(name, f"The bucket's policy lacks what {statement.__name__} says.")
            stage.tell.done(name, words[0].replace("`", ""))
    expect(not sids, f"The bucket's policy has statements of unknown origin: {sids.values()}.")


def show_published(stage: Stage, backend: Backend) -> str:
    """The SSM parameters, read back by somebody of the account; the block to paste."""
    ssm = stage.client("ssm", backend.account, "Developer", region=backend.region)
    found = {
        it["Name"]: it["Value"] for it in ssm.get_parameters(Names=list(PARAMETERS))["Parameters"]
    }
    expect(set(found) == set(PARAMETERS), f"Published is only {', '.join(found) or 'nothing'}.")
    for name in PARAMETERS:
        form = "JSON, for pipelines" if found[name].startswith("{") else "the block below"
        stage.tell.done(name, f"SSM parameter in {backend.account}, {backend.region}: {form}")
    block = str(found["/statehold/backend.hcl"])
    stage.tell.blank()
    stage.tell.code(block)
    return block
