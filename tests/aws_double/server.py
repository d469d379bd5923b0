"""
The sockets: HTTP/1.1 on loopback, plain and under TLS, one thread for each connection.

Python's own HTTP server rather than a framework's: faults must be able to cut a body, to reset a
connection, and to see the TLS version of the socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, TypeAlias

from tests.aws_double.errors import Refusal, rendered
from tests.aws_double.tls import version_number
from tests.aws_double.wire import BodyCut, ConnectionDropped, HttpRequest, HttpResponse

Answering: TypeAlias = Callable[[HttpRequest, str], HttpResponse]
LOOPBACK = "127.0.0.1"


def listening_address(address: str) -> str:
    """*address* if it is this machine's; else somebody forwards it to loopback, as Docker does."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return LOOPBACK
    return address


class Server:
    """Answers requests to one port, from ``start`` to ``stop``."""

    def __init__(
        self, answering: Answering, tls: ssl.SSLContext | None = None, *, address: str = LOOPBACK
    ) -> None:
        self._address = address
        self._http = _Threads(answering, tls, listening_address(address))
        self._thread = threading.Thread(target=self._http.accept_connections, daemon=True)

    @property
    def url(self) -> str:
        scheme = "https" if self._http.tls else "http"
        return f"{scheme}://{self._address}:{self._http.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection too, so that no thread outlives a test."""
        self._http.stopping = True
        with contextlib.suppress(OSError):
            socket.create_connection(self._http.socket.getsockname()).close()
        self._thread.join()
        self._http.server_close()
        self._http.end_connections()


class _Threads(HTTPServer):
    """Knows its connections and their threads, to end them: neither outlives the server."""

    request_queue_size = 128

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None, address: str) -> None:
        super().__init__((address, 0), _Connection)
        self.answering = answering
        self.tls = tls
        self.connections: dict[threading.Thread, socket.socket] = {}
        self.stopping = False

    def accept_connections(self) -> None:
        """Until one comes that only wakes us to stop: nothing is polled for."""
        while True:
            connection, address = self.get_request()
            if self.stopping:
                connection.close()
                return
            self.process_request(connection, address)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        self.connections[thread] = request
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # Clients that hang up, or do not like our certificate, are no news.
        finally:
            self.shutdown_request(request)
            self.connections.pop(threading.current_thread(), None)

    def end_connections(self) -> None:
        for thread, connection in list(self.connections.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Threads

    def setup(self) -> None:
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            # The plain socket no longer has the connection.
            self.server.connections[threading.current_thread()] = self.request
        super().setup()

    def finish(self) -> None:
        super().finish()
        if isinstance(self.request, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)
            self.request.close()

    def answer(self) -> None:
        try:
            request = HttpRequest(
                method=self.command,
                target=self.path,
                headers=self._headers(),
                body=self._body(),
                tls_version=self._tls_version(),
            )
            response = self.server.answering(request, self._base_url())
        except ConnectionDropped as dropped:
            self._drop(reset=dropped.reset)
        except BodyCut as cut:
            self._send(cut.response, cut.response.body[: len(cut.response.body) // 2])
            self._drop(reset=False)
        except Exception:  # noqa: BLE001  a failure here must become an answer too
            traceback.print_exc()
            self._send(rendered(Refusal("DoubleFailed", traceback.format_exc(), 501), "rest-xml"))
        else:
            self._send(response)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = answer

    def log_message(self, *args: Any) -> None:
        """The recorder knows more."""

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for written, value in self.headers.items():
            name = written.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        if headers.pop("transfer-encoding", None):
            headers.pop("content-length", None)
        return headers

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(iter(self._chunk, b""))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            raise ConnectionDropped  # who called died while sending: AWS does nothing
        return body

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _tls_version(self) -> float | None:
        return version_number(self.request) if isinstance(self.request, ssl.SSLSocket) else None

    def _base_url(self) -> str:
        scheme = "https" if self.server.tls else "http"
        return f"{scheme}://{self.headers.get('Host', '')}"

    def _send(self, response: HttpResponse, body: bytes | None = None) -> None:
        """*response* under the Content-Length of its whole body, whatever is sent of it."""
        skipped = {"content-length", "transfer-encoding", "connection", "status", "server", "date"}
        head = self.command == "HEAD"
        length = str(len(response.body))
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in skipped:
                self.send_header(name, value)
            elif name.lower() == "content-length" and head:
                length = value
        if response.status != 204:
            self.send_header("Content-Length", length)
        self._headers_buffer.append(b"\r\n")  # type: ignore[attr-defined]
        content = b"" if head else response.body if body is None else body
        self.wfile.write(b"".join(self._headers_buffer) + content)  # type: ignore[attr-defined]
        self._headers_buffer: list[bytes] = []

    def _drop(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Lingering for no time makes the kernel send RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.request.close()
