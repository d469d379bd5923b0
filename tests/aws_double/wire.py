"""
What crosses the socket: an HTTP request and an HTTP response, as values.

Nothing here knows AWS. ``server`` makes the requests and writes the responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request as it arrived, its body whole and no longer chunked."""

    method: str
    target: str
    """Path and query, still percent-encoded."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    tls_version: float | None = None
    """1.2, 1.3, …; None over plain HTTP."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query_string(self) -> str:
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        parsed = parse_qs(self.query_string.replace("+", "%2B"), keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}


@dataclass(slots=True, kw_only=True)
class HttpResponse:
    """One response. The server adds Content-Length, so that a cut body can be noticed."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class ConnectionDropped(Exception):
    """The connection ends without an answer; *reset* sends RST instead of a plain close."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("connection dropped")
        self.reset = reset


class BodyCut(Exception):
    """*response* is announced whole and sent in part."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("body cut")
        self.response = response


def without_chunks(body: bytes) -> bytes:
    """
    The payload of an ``aws-chunked`` body, without chunk sizes, signatures and trailers.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """
    payload = bytearray()
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            break
        payload += body[:size]
        body = body[size + 2 :]
    return bytes(payload)
