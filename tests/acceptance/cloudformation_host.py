"""
CloudFormation's response host: takes the answers of custom resources, as strictly as the service.

One exchange a request. Its first answer counts; another one is kept apart, and so is one that comes
when nobody listens any more. What CloudFormation would object to is kept in ``objections``.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

_MAY_HAVE = frozenset(
    {
        "Status",
        "Reason",
        "PhysicalResourceId",
        "StackId",
        "RequestId",
        "LogicalResourceId",
        "NoEcho",
        "Data",
    }
)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and what was answered to it."""

    request: dict[str, Any]
    answer: dict[str, Any] | None = None
    """The first one, if it came while somebody listened."""
    further: list[dict[str, Any]] = field(default_factory=list)
    """Those that came after it, while CloudFormation still listened."""
    late: list[dict[str, Any]] = field(default_factory=list)
    """Those that came when it had its answer, or had given up."""
    closed: bool = False


class ResponseHost:
    """A server on loopback, from ``with`` to its end."""

    def __init__(self) -> None:
        self.exchanges: dict[str, Exchange] = {}
        """By the path of the URL."""
        self.objections: list[str] = []
        self.deaf_to = ""
        """The kind of request whose answers all get a 503."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> ResponseHost:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def open(self, request: dict[str, Any]) -> Exchange:
        """An exchange for *request*, which gets its ResponseURL."""
        ids = [request[name] for name in ("StackId", "LogicalResourceId", "RequestId")]
        path = "/" + quote("|".join(ids), safe="")
        port = self._server.server_address[1]
        request["ResponseURL"] = f"http://127.0.0.1:{port}{path}?Signature=S1GN4TURE"
        exchange = Exchange(request=request)
        self.exchanges[path] = exchange
        return exchange

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = host._taken(self.path, self.headers.get("Content-Type"), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                host.objections.append(f"{self.command} instead of PUT")
                self.send_response(405)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_DELETE = do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _taken(self, target: str, content_type: str | None, body: bytes) -> int:
        """The HTTP status; the answer goes where it belongs."""
        path, _, query = target.partition("?")
        exchange = self.exchanges.get(path)
        if exchange is None or query != "Signature=S1GN4TURE" or content_type != "":
            self.objections.append(f"403: the signature does not cover {content_type!r} {target}")
            return 403
        if exchange.request["RequestType"] == self.deaf_to:
            return 503
        answer, found = _read(body, exchange.request)
        if exchange.closed:
            exchange.late.append(answer)
            return 200 if exchange.answer else 403
        self.objections += found
        if exchange.answer is not None:
            exchange.further.append(answer)
        else:
            exchange.answer = answer
        return 200


def _read(body: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The answer in *body*, and what CloudFormation objects to in it."""
    try:
        answer = json.loads(body)
    except ValueError:
        return {}, ["the answer is not JSON"]
    if not isinstance(answer, dict):
        return {}, ["the answer is not an object"]
    found = [] if len(body) <= 4096 else [f"{len(body)} bytes are more than 4096"]
    found += [f"{name} is unknown" for name in answer.keys() - _MAY_HAVE]
    found += [
        f"{name} is {answer.get(name)!r}, not the request's"
        for name in ("StackId", "RequestId", "LogicalResourceId")
        if answer.get(name) != request[name]
    ]
    physical_id = answer.get("PhysicalResourceId")
    if not isinstance(physical_id, str) or not 0 < len(physical_id.encode()) <= 1024:
        found.append(f"Invalid PhysicalResourceId: {physical_id!r}")
    if request["RequestType"] == "Delete" and physical_id != request["PhysicalResourceId"]:
        found.append("a Delete may not change the physical id")
    if answer.get("Status") not in ("SUCCESS", "FAILED"):
        found.append(f"Status is {answer.get('Status')!r}")
    if answer.get("Status") == "FAILED" and not str(answer.get("Reason") or "").strip():
        found.append("FAILED without a Reason")
    data = answer.get("Data") or {}
    if not isinstance(data, dict) or not all(isinstance(it, str) for it in data.values()):
        found.append("Data is not a map of texts")
    return answer, found
