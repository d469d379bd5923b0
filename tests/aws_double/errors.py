"""
How AWS says no: a ``Refusal`` is raised anywhere and written in the protocol of its service.

``NotModelled`` is the double's own way of saying that it does not know: it becomes a 501 whose
text names what is missing, never a silent yes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from tests.aws_double.wire import HttpResponse

REQUEST_ID = "4442587FB7D0A2F9"
IDS = {"x-amz-request-id": REQUEST_ID, "x-amz-id-2": "double"}
"""What S3 sends with every answer, to HEAD as well; clients show it."""


class Refusal(Exception):
    """
    AWS's answer to a call that it does not carry out.

    Args:
        code: As a client sees it in ``response["Error"]["Code"]``.
        status: HTTP status; if not given, what the protocol usually has.
        members: Further elements of the error, such as ``BucketName``.
        headers: Further headers, such as ``x-amz-bucket-region``.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        *,
        members: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class NotModelled(Exception):
    """The double does not know what AWS does here; extend it rather than guess."""


def rendered(refusal: Refusal, protocol: str, *, head: bool = False) -> HttpResponse:
    """*refusal* in *protocol* (botocore's name of it); an answer to HEAD has no body."""
    if head:
        return HttpResponse(status=refusal.status or 400, headers=IDS | refusal.headers)
    match protocol:
        case "rest-xml":
            return _rest_xml(refusal)
        case "query" | "ec2":
            return _query(refusal)
        case _:
            return _json(refusal)


def code_of(response: HttpResponse) -> str:
    """The error code that *response* tells; its status if it has no body, empty if it is none."""
    if response.status < 400:
        return ""
    found = re.search(rb"<Code>([^<]+)</Code>|\"__type\": ?\"([^\"]+)\"", response.body)
    if not found:
        return str(response.status)
    return (found.group(1) or found.group(2)).decode().rpartition("#")[2]


def _rest_xml(refusal: Refusal) -> HttpResponse:
    further = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in refusal.members.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
        f"{further}<RequestId>{REQUEST_ID}</RequestId><HostId>double</HostId></Error>"
    )
    headers = {"Content-Type": "application/xml", **IDS}
    return HttpResponse(
        status=refusal.status or 400, headers=headers | refusal.headers, body=body.encode()
    )


def _query(refusal: Refusal) -> HttpResponse:
    status = refusal.status or (403 if "Denied" in refusal.code else 400)
    kind = "Sender" if status < 500 else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(refusal.code)}</Code>"
        f"<Message>{escape(refusal.message)}</Message></Error>"
        f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )
    headers = {"Content-Type": "text/xml"} | refusal.headers
    return HttpResponse(status=status, headers=headers, body=body.encode())


def _json(refusal: Refusal) -> HttpResponse:
    body = {"__type": refusal.code, "message": refusal.message, "Message": refusal.message}
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "x-amzn-errortype": refusal.code,
        "x-amzn-requestid": REQUEST_ID,
    }
    return HttpResponse(
        status=refusal.status or 400,
        headers=headers | refusal.headers,
        body=json.dumps(body | refusal.members).encode(),
    )
