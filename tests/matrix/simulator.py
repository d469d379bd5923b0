"""
The answers of iam-simulate, an independent judge of IAM policies, asked in one batch.

What it does not fill in is filled in here: the condition keys that a request has.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.matrix.backends import (
    ACCOUNT,
    KEY,
    OTHER_KEY,
    OUTSIDE,
    REGION,
    ROLES,
    ROOT,
    SERVICE,
    identity_policy,
    resource_of,
)
from tests.matrix.cells import Encryption, Request, Through, Tls, What, Who
from tests.matrix.rules import POLICY_ITSELF, Answer

HERE = Path(__file__).parent
MISSING = (
    None
    if shutil.which("node") and (HERE / "node_modules/@cloud-copilot/iam-simulate").is_dir()
    else "the independent judge of policies -> install Node 20 or newer, "
    "then run: npm ci --prefix tests/matrix"
)
"""Why it cannot be asked; None if it can."""

_ANSWERS = {
    "Allowed": Answer.ALLOWED,
    "ExplicitlyDenied": Answer.REFUSED,
    "ImplicitlyDenied": Answer.NOT_GRANTED,
}
_TLS = {Tls.OLD: "1.1", Tls.CURRENT: "1.2"}
_SSE = "s3:x-amz-server-side-encryption"
_KEY_ID = f"{_SSE}-aws-kms-key-id"
_ENCRYPTION: dict[Encryption, dict[str, str]] = {
    Encryption.UNSAID: {},
    Encryption.OUR_KEY: {_SSE: "aws:kms", _KEY_ID: KEY},
    Encryption.OTHER_KEY: {_SSE: "aws:kms", _KEY_ID: OTHER_KEY},
    Encryption.BARE_ID: {_SSE: "aws:kms", _KEY_ID: KEY.rpartition("/")[2]},
    Encryption.NO_KEY: {_SSE: "aws:kms"},
    Encryption.AES256: {_SSE: "AES256"},
    Encryption.DSSE: {_SSE: "aws:kms:dsse", _KEY_ID: KEY},
    Encryption.CUSTOMER: {f"{_SSE}-customer-algorithm": "AES256"},
}
_VIA = {
    Through.S3: f"s3.{REGION}.amazonaws.com",
    Through.S3_ELSEWHERE: "s3.eu-west-1.amazonaws.com",
    Through.OTHER_SERVICE: f"secretsmanager.{REGION}.amazonaws.com",
}


@dataclass(frozen=True, slots=True)
class Question:
    """*request*, asked where *policy* is that of the bucket or key that it is about."""

    request: Request
    policy: Any
    identity: Any = None
    """What IAM gives the asker; if not said, what it gives everybody in the matrix."""


@dataclass(frozen=True, slots=True)
class Judgement:
    answer: Answer
    ignored: tuple[str, ...]
    """The condition keys that AWS's own lists do not have for the action."""


def judge(questions: Sequence[Question]) -> list[Judgement]:
    """
    The answers to *questions*, in their order.

    Raises:
        ValueError: One of them could not be judged.
    """
    done = subprocess.run(
        ["node", "simulate.mjs"],
        cwd=HERE,
        input="\n".join(json.dumps(line) for line in _lines(questions)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(f"simulate.mjs: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [_judgement(*pair) for pair in zip(questions, answers, strict=True)]


def _judgement(question: Question, said: dict[str, Any]) -> Judgement:
    if said["answer"] not in _ANSWERS:
        raise ValueError(f"{question.request}: {said['answer']}")
    return Judgement(_ANSWERS[said["answer"]], tuple(said["ignored"]))


def _lines(questions: Iterable[Question]) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    for question in questions:
        request = question.request
        told: dict[str, Any] = {"request": _request(question)}
        resource_policy = None if _beyond_policy(request) else question.policy
        identity = question.identity or identity_policy(request.who)
        for kind, policy in (("resourcePolicy", resource_policy), ("identityPolicy", identity)):
            text = json.dumps(policy)
            if policy is not None and text not in names:
                names[text] = f"policy {len(names)}"
                yield {"policy": names[text], "document": policy}
            told[kind] = names.get(text)
        yield told


def _beyond_policy(request: Request) -> bool:
    """
    Whether S3 does not ask the bucket's policy, which iam-simulate does not know of.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """
    return request.who is Who.ROOT and request.action in POLICY_ITSELF


def _request(question: Question) -> dict[str, Any]:
    request = question.request
    return {
        "action": request.action,
        "principal": _principal(request.who),
        "resource": {"resource": resource_of(request), "accountId": ACCOUNT},
        "contextVariables": _context(request),
    }


def _principal(who: Who) -> Any:
    match who:
        case Who.ANONYMOUS:
            return {"type": "Anonymous"}
        case Who.SERVICE:
            return SERVICE
        case Who.ROOT:
            return ROOT
        case _:
            _, _, _, _, account, role = ROLES[who].split(":", 5)
            return f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/session"


def _context(request: Request) -> dict[str, Any]:
    context = {"aws:SecureTransport": str(request.tls is not Tls.NONE).lower()}
    context |= _principal_context(request.who)
    if request.what is What.KEY:
        if "aws:PrincipalAccount" in context:
            context["kms:CallerAccount"] = context["aws:PrincipalAccount"]
        if request.through is not Through.DIRECT:
            context |= {"kms:ViaService": _VIA[request.through], "aws:ViaAWSService": "true"}
        return context
    if request.what is What.TABLE:
        return context
    if request.tls is not Tls.NONE:
        context["s3:TlsVersion"] = _TLS[request.tls]
    return context | _ENCRYPTION[request.encryption]


def _principal_context(who: Who) -> dict[str, str]:
    """An unsigned request has none of these keys; a service's has no ARN."""
    match who:
        case Who.ANONYMOUS:
            return {}
        case Who.SERVICE:
            return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": SERVICE}
        case _:
            return {
                "aws:PrincipalIsAWSService": "false",
                "aws:PrincipalArn": ROLES.get(who, ROOT),
                "aws:PrincipalAccount": OUTSIDE if who is Who.OUTSIDER else ACCOUNT,
            }
