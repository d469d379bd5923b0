"""
The answers of the AWS double: its own reading of the request, its own evaluator.

No socket and no moto are involved; ``verdict_on`` is what every call to it goes through.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

from tests.aws_double.authorization import Demand, common_context, verdict_on
from tests.aws_double.bucket import Bucket
from tests.aws_double.call import Call
from tests.aws_double.conditions import Access
from tests.aws_double.evaluator import Document, judge
from tests.aws_double.identity import ANONYMOUS, Principal, acting_as
from tests.aws_double.protocol import Parsed
from tests.aws_double.s3_access import demand_on, s3_context
from tests.aws_double.wire import HttpRequest
from tests.aws_double.world import World
from tests.matrix.backends import (
    ACCOUNT,
    BUCKET,
    KEY,
    KEYS,
    OTHER_KEY,
    REGION,
    ROLES,
    ROOT,
    SERVICE,
    identity_policy,
    resource_of,
)
from tests.matrix.cells import Encryption, Request, Through, Tls, What, Who
from tests.matrix.rules import Answer

_WORLD = World("111111111111", REGION)
_NOTHING: Document = {"Version": "2012-10-17", "Statement": []}
_SSE = "x-amz-server-side-encryption"
_HEADERS: dict[Encryption, dict[str, str]] = {
    Encryption.UNSAID: {},
    Encryption.OUR_KEY: {_SSE: "aws:kms", f"{_SSE}-aws-kms-key-id": KEY},
    Encryption.OTHER_KEY: {_SSE: "aws:kms", f"{_SSE}-aws-kms-key-id": OTHER_KEY},
    Encryption.BARE_ID: {_SSE: "aws:kms", f"{_SSE}-aws-kms-key-id": KEY.rpartition("/")[2]},
    Encryption.NO_KEY: {_SSE: "aws:kms"},
    Encryption.AES256: {_SSE: "AES256"},
    Encryption.DSSE: {_SSE: "aws:kms:dsse", f"{_SSE}-aws-kms-key-id": KEY},
    Encryption.CUSTOMER: {f"{_SSE}-customer-algorithm": "AES256"},
}
_TLS = {Tls.NONE: None, Tls.OLD: 1.1, Tls.CURRENT: 1.2}
_VIA = {
    Through.S3: f"s3.{REGION}.amazonaws.com",
    Through.S3_ELSEWHERE: "s3.eu-west-1.amazonaws.com",
    Through.OTHER_SERVICE: f"secretsmanager.{REGION}.amazonaws.com",
}


def answer(request: Request, policy: Document | None, identity: Document | None = None) -> Answer:
    """
    What the double says to *request*.

    Args:
        policy: Of the bucket or key that it is about.
        identity: All that IAM gives the asker; if not said, what it gives everybody in the matrix.
    """
    principal = _principal(request.who)
    if identity is not None:
        principal = replace(principal, policies=(identity,))
    return _answered(*_asked(request, json.dumps(policy or _NOTHING), principal))


def _answered(call: Call, demand: Demand) -> Answer:
    verdict = verdict_on(call, _WORLD, demand)
    if verdict.allowed:
        return Answer.ALLOWED
    # To whom IAM knows nothing of, the double's refusal does not say which kind it is.
    by_word = (
        "explicit deny" in (verdict.reason or "")
        or judge(demand.policies or (), _access(call, demand)).denied
    )
    return Answer.REFUSED if by_word else Answer.NOT_GRANTED


def access_of(request: Request) -> Access:
    """*request* as the double's evaluator sees it."""
    return _access(*_asked(request, json.dumps(_NOTHING), _principal(request.who)))


def _access(call: Call, demand: Demand) -> Access:
    return Access(
        action=demand.action,
        resource=demand.resource,
        caller=call.principal.caller,
        context=common_context(call, _WORLD, demand) | dict(demand.context),
    )


def _asked(request: Request, policy: str, principal: Principal) -> tuple[Call, Demand]:
    service, _, action = request.action.partition(":")
    parameters: dict[str, Any] = {"Key": KEYS.get(request.what, "")}
    call = Call(
        service=service,
        region=REGION,
        principal=principal,
        account=ACCOUNT,
        parsed=Parsed(operation=action, parameters=parameters, protocol="rest-xml"),
        http=HttpRequest(
            method="POST",
            target="/",
            headers=_HEADERS[request.encryption],
            tls_version=_TLS[request.tls],
        ),
        base_url="",
    )
    if request.what is What.KEY:
        return call, _key_demand(request, policy, principal)
    if request.what is What.TABLE:
        return call, Demand(action=request.action, resource=resource_of(request), account=ACCOUNT)
    bucket = Bucket(
        name=BUCKET,
        account=ACCOUNT,
        region=REGION,
        namespace="account-regional",
        policy=policy,
    )
    return call, demand_on(call, bucket, action, s3_context(call))


def _key_demand(request: Request, policy: str, principal: Principal) -> Demand:
    context = {"kms:calleraccount": [principal.account]} if principal.account else {}
    if request.through is not Through.DIRECT:
        context |= {"kms:viaservice": [_VIA[request.through]], "aws:viaawsservice": ["true"]}
    return Demand(
        action=request.action,
        resource=KEY,
        account=ACCOUNT,
        policies=(json.loads(policy),),
        must_be_granted_by_resource=True,
        context=context,
    )


@cache
def _principal(who: Who) -> Principal:
    match who:
        case Who.SERVICE:
            return Principal(service=SERVICE)
        case Who.ANONYMOUS:
            return ANONYMOUS
        case _:
            return acting_as(ROLES.get(who, ROOT), policies=[identity_policy(who) or {}])
