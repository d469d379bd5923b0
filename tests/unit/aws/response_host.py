"""
CloudFormation's response host, as strict as CloudFormation, on loopback.

Every PUT is kept as it came, with what CloudFormation would object to. ``script`` says what it
answers, in turn: a status, ``"drop"`` (hang up without a word), ``"babble"`` (answer, but not in
HTTP) or a function to call first.
"""

from __future__ import annotations

import atexit
import json
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SIGNED = "Signature=S3CR3T-SIGNATURE"


@dataclass
class Put:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.body)
        return answer

    @property
    def objections(self) -> list[str]:
        return objections(self.body) + [
            f"{name} is not {wanted!r}"
            for name, wanted in (("Content-Type", ""), ("Content-Length", str(len(self.body))))
            if self.headers.get(name.lower()) != wanted
        ]


def objections(body: bytes) -> list[str]:
    """What CloudFormation would not take about *body*."""
    answer = json.loads(body)
    found = [] if len(body) <= 4096 else [f"{len(body)} bytes are more than 4096"]
    found += [
        f"no {name}"
        for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")
        if not isinstance(answer.get(name), str) or not answer[name]
    ]
    if len(str(answer.get("PhysicalResourceId")).encode("utf-8", "replace")) > 1024:
        found.append("Invalid PhysicalResourceId")
    if answer.get("Status") not in ("SUCCESS", "FAILED"):
        found.append("no Status")
    if answer.get("Status") == "FAILED" and not answer.get("Reason"):
        found.append("no Reason")
    if not all(isinstance(value, str) for value in answer.get("Data", {}).values()):
        found.append("Data is not text")
    return found


@dataclass
class ResponseHost:
    scheme: str
    port: int
    puts: list[Put] = field(default_factory=list)
    script: list[int | str | Callable[[], None]] = field(default_factory=list)

    def url(self, path: str = "/response") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}?{SIGNED}"

    @property
    def answer(self) -> dict[str, Any]:
        """The one answer; it is an error if there is none, another, or an objection to it."""
        [put] = self.puts
        assert put.objections == []
        return put.answer


@contextmanager
def response_host(*, tls: bool = False) -> Iterator[ResponseHost]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            host.puts.append(Put(self.path, headers, body))
            step = host.script.pop(0) if host.script else 200
            if callable(step):
                step()
                step = 200
            if step == "babble":
                self.wfile.write(b"what?\r\n\r\n")
            if isinstance(step, int):
                self.send_response(step)
                if step in (301, 302, 307, 308):
                    self.send_header("Location", host.url("/elsewhere"))
                self.send_header("Content-Length", "15")
                self.end_headers()
                self.wfile.write(b"<Error>no</Err>")

        do_GET = do_POST = do_PUT

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate())
        server.socket = context.wrap_socket(server.socket, server_side=True)
    host = ResponseHost("https" if tls else "http", server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def certificate() -> str:
    """A file with a key and its self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(private + certificate.public_bytes(serialization.Encoding.PEM))
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return file.name


@dataclass
class LambdaContext:
    """What is left of a function's time: always the same, so that no test waits."""

    seconds: float = 900

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def request(url: str, request_type: object = "Create", **changes: object) -> dict[str, Any]:
    """A request as CloudFormation sends it, with *changes*."""
    event: dict[str, Any] = {
        "RequestType": request_type,
        "RequestId": "b7c1f1a0-1111-4222-8333-444455556666",
        "ResponseURL": url,
        "ResourceType": "Custom::StateBackend",
        "LogicalResourceId": "StateBackend",
        "StackId": "arn:aws:cloudformation:eu-central-1:222222222222:stack/payments/0a1b2c3d",
        "ServiceToken": "arn:aws:lambda:eu-central-1:111111111111:function:statehold",
        "ResourceProperties": {"BucketName": "S3CR3T-PROPERTY"},
    }
    if request_type in ("Update", "Delete"):
        event["PhysicalResourceId"] = "tfstate-222222222222-eu-central-1-an"
    return event | changes


def the_timer() -> threading.Timer:
    """The one deadline timer that is set now; a cancelled one may still be ending."""
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    [timer] = [one for one in timers if not one.finished.is_set()]
    return timer


def out_of_time(*_: object) -> None:
    """What the timer does when it fires, now."""
    timer = the_timer()
    timer.function(*timer.args, **timer.kwargs)
