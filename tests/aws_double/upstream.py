"""
moto, called in this process: which of its handlers a call goes to, and in whose account.

moto is never given a bucket policy or any other bucket configuration but versioning and Object
Lock, so its own reading of them never comes into play: see ``authorization`` and
``s3_configurations``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import moto.backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.exceptions import ServiceException
from moto.kms import models as kms_models
from moto.organizations import models as organizations_models
from moto.s3 import models as s3_models
from werkzeug.exceptions import HTTPException

from tests.aws_double.call import Call
from tests.aws_double.protocol import as_moto_request, serialized_error
from tests.aws_double.wire import HttpResponse

MOTO_NAMES = {"lambda": "awslambda"}
Send: TypeAlias = Callable[[Call], HttpResponse]
HOSTS = {
    "organizations": "organizations.us-east-1.amazonaws.com",
    "iam": "iam.amazonaws.com",
    "resourcegroupstaggingapi": "tagging.{region}.amazonaws.com",
    "s3control": "{account}.s3-control.{region}.amazonaws.com",
    "stepfunctions": "states.{region}.amazonaws.com",
    "cloudwatch": "monitoring.{region}.amazonaws.com",
}
"""Where not ``<service>.<region>``. Always ``.com``: moto tells the partition by the Region."""


def send(call: Call) -> HttpResponse:
    """moto's answer to *call*, given in the account that owns the resource."""
    host = HOSTS.get(call.service, "{service}.{region}.amazonaws.com").format(
        service=call.service, region=call.region, account=call.account
    )
    told = call.with_headers({"x-moto-account-id": call.account, "host": host})
    request = as_moto_request(told.http, f"https://{host}")
    handler = _handler(call.service, f"https://{host}{call.http.path}")
    try:
        status, headers, body = handler(request, request.raw_url, request.headers)
    except ServiceException as error:
        return serialized_error(call.service, call.parsed, error)
    except HTTPException as error:
        status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
    return HttpResponse(
        status=int(status),
        headers={str(name): str(value) for name, value in dict(headers).items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def reset() -> None:
    """Empties every backend that was used."""
    BackendDict.reset()
    s3_models.s3_backends.bucket_accounts.clear()
    organizations_models.organizations_backends.master_accounts.clear()


@lru_cache(maxsize=1)
def _spare_private_key() -> Any:
    return _generate_private_key("SYMMETRIC_DEFAULT")


_generate_private_key = kms_models.generate_private_key


def _cheap_private_key(key_spec: str) -> Any:
    """
    One RSA key for all symmetric keys, which never use it.

    moto makes one for each, at 50 to 70 ms; nothing that a client can see depends on it.
    """
    if key_spec == "SYMMETRIC_DEFAULT":
        return _spare_private_key()
    return _generate_private_key(key_spec)


def use_cheap_kms_keys() -> None:
    kms_models.generate_private_key = _cheap_private_key


def _handler(service: str, url: str) -> Callable[..., Any]:
    for pattern, handler in _urls(service):
        if pattern.match(url):
            return handler
    raise NotImplementedError(f"moto has no handler for {url}")


@lru_cache(maxsize=64)
def _urls(service: str) -> tuple[tuple[re.Pattern[str], Callable[..., Any]], ...]:
    backends: Any = moto.backends.get_backend(MOTO_NAMES.get(service, service))  # type: ignore[call-overload]
    regions = backends[DEFAULT_ACCOUNT_ID]
    backend = regions["us-east-1"] if "us-east-1" in regions else regions["aws"]
    return tuple((re.compile(url), handler) for url, handler in backend.urls.items())
