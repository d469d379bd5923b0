"""
Which API call a request is, and how an answer to it is written.

botocore's own service models decide, through moto's router, parsers and serializers, so that every
operation that a client can send is known here by its name: PutBucketAbac never passes for
CreateBucket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from tests.aws_double.errors import NotModelled, Refusal
from tests.aws_double.wire import HttpRequest, HttpResponse

SIGNING_NAMES = {
    "tagging": "resourcegroupstaggingapi",
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
}
"""Name in a signature -> botocore's name, where they differ."""

_SCOPE = re.compile(r"(?P<key>[A-Z0-9]+)/\d{8}/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says of who signed it, for which service and Region."""

    access_key: str | None
    token: str | None
    region: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A request read as an API call."""

    operation: str
    parameters: dict[str, Any]
    protocol: str


def signature_of(request: HttpRequest, default_region: str) -> Signature:
    """Read from the header or, of a pre-signed URL, from the query. Unsigned is for S3 only."""
    query = request.query
    text = request.headers.get("authorization") or query.get("X-Amz-Credential", "")
    token = request.headers.get("x-amz-security-token") or query.get("X-Amz-Security-Token")
    found = _SCOPE.search(text)
    if "AWSAccessKeyId" in query:
        # A URL pre-signed the old way, as boto3 still does for us-east-1. It names no Region.
        return Signature(
            access_key=query["AWSAccessKeyId"],
            token=query.get("x-amz-security-token"),
            region=default_region,
            service="s3",
        )
    if not found:
        return Signature(access_key=None, token=None, region=default_region, service="s3")
    name = found["service"]
    service = SIGNING_NAMES.get(name, name)
    if service == "s3" and request.path.startswith("/v20180820/"):
        service = "s3control"
    return Signature(access_key=found["key"], token=token, region=found["region"], service=service)


def parse(service: str, request: HttpRequest) -> Parsed:
    """
    The operation of *service* that *request* is, and its parameters.

    Raises:
        Refusal: The body is not what the operation takes.
        NotModelled: No operation of the service fits.
    """
    normal = as_moto_request(request, f"https://{service}.amazonaws.com")
    protocol = protocol_of(service, request)
    operation, labels = _operation(service, protocol, request, normal)
    try:
        parameters = PROTOCOL_PARSERS[protocol](operation).parse(
            {
                "method": normal.method,
                "values": normal.values,
                "headers": normal.headers,
                "body": normal.data,
                "url_path": normal.path,
                "url_params": labels,
            }
        )
    except (RequestParserError, UnicodeDecodeError, ValueError) as error:
        if protocol == "rest-xml":
            raise Refusal(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our "
                "published schema",
                400,
            ) from error
        raise Refusal("SerializationException", str(error), 400) from error
    return Parsed(operation=operation.name, parameters=dict(parameters), protocol=protocol)


def protocol_of(service: str, request: HttpRequest) -> str:
    """The wire protocol of *request*; some services speak two."""
    if service in {"s3", "s3control"}:
        return "rest-xml"
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/x-amz-json"):
        return "json"
    if content_type.startswith("application/x-www-form-urlencoded"):
        return "query"
    return str(model_of(service).protocol)


def serialized(service: str, parsed: Parsed, result: Mapping[str, Any]) -> HttpResponse:
    """*result*, as boto3 would return it, in the protocol of the call."""
    serializer = get_serializer_class(service, parsed.protocol)(
        operation_model=model_of(service).operation_model(parsed.operation)
    )
    response = serializer.serialize(dict(result))
    body = response["body"]
    return HttpResponse(
        status=int(response["status_code"]),
        headers={name: str(value) for name, value in response["headers"].items()},
        body=body.encode() if isinstance(body, str) else body,
    )


def serialized_error(service: str, parsed: Parsed, error: ServiceException) -> HttpResponse:
    """An exception of moto's models, written as moto would."""
    serializer = get_serializer_class(service, parsed.protocol)(
        operation_model=model_of(service).operation_model(parsed.operation)
    )
    response = serializer.serialize(error)
    return HttpResponse(
        status=int(response["status_code"]),
        headers={name: str(value) for name, value in response["headers"].items()},
        body=response["body"].encode(),
    )


def as_moto_request(request: HttpRequest, origin: str) -> Request:
    """*request* as moto's code takes one, as if sent to *origin*."""
    return Request.from_primitives(
        request.method, origin + request.target, request.headers, request.body
    )


@lru_cache(maxsize=64)
def model_of(service: str) -> ServiceModel:
    try:
        model: ServiceModel = get_service_model(service)
    except Exception as error:
        raise NotModelled(f"service {service}") from error
    return model


def _operation(
    service: str, protocol: str, request: HttpRequest, normal: Request
) -> tuple[OperationModel, Mapping[str, Any]]:
    if protocol in {"rest-xml", "rest-json"}:
        try:
            operation, labels = get_service_router(service).match(normal)
        except NotFound as error:
            raise NotModelled(f"{service}: {request.method} {request.target}") from error
        return operation, labels
    name = request.headers.get("x-amz-target", "").rpartition(".")[2]
    name = name or normal.values.get("Action", "")
    if not name or name not in model_of(service).operation_names:
        raise NotModelled(f"operation {name!r} of {service}")
    return model_of(service).operation_model(name), {}
