"""
The one way of a call: read, identified, recorded, struck by a fault, authorized, answered.

Every step is a function elsewhere; here is their order.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from functools import partial

from tests.aws_double import demands, faults, protocol, upstream
from tests.aws_double.authorization import demand
from tests.aws_double.call import RULES, Answer, Call, Rule
from tests.aws_double.errors import NotModelled, Refusal, code_of, rendered
from tests.aws_double.recording import RecordedCall, Recorder, recorded, writes
from tests.aws_double.wire import HttpRequest, HttpResponse, without_chunks
from tests.aws_double.world import World


class Gate:
    """Answers HTTP requests as AWS would."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recorder = Recorder()
        self.faults = faults.Faults()
        self.latency = 0.0

    def answer(self, request: HttpRequest, base_url: str) -> HttpResponse:
        """
        Raises:
            ConnectionDropped, BodyCut: A fault wants the answer lost.
        """
        request = _plain(request)
        head = request.method == "HEAD"
        signature = protocol.signature_of(request, self.world.home_region)
        wire_protocol = "rest-xml"
        try:
            wire_protocol = protocol.protocol_of(signature.service, request)
            call = self._identified(request, signature, base_url)
        except Refusal as refusal:
            return rendered(refusal, wire_protocol, head=head)
        except NotModelled as missing:
            return _not_modelled(missing, wire_protocol)
        record = recorded(call, writes(call.operation))
        self.recorder.add(record)
        try:
            response = self._served(call, record)
            record.status = response.status
            record.error = record.error or code_of(response)
            return response
        finally:
            record.ended = time.monotonic()

    def _identified(
        self, request: HttpRequest, signature: protocol.Signature, base_url: str
    ) -> Call:
        principal = self.world.identities.principal_of(
            signature.access_key, signature.token, signature.service
        )
        call = Call(
            service=signature.service,
            region=signature.region,
            principal=principal,
            account=principal.account,
            parsed=protocol.parse(signature.service, request),
            http=request,
            base_url=base_url,
        )
        return replace(call, account=demands.account_of(call, self.world))

    def _served(self, call: Call, record: RecordedCall) -> HttpResponse:
        """The answer, with whatever fault strikes it; what went wrong is noted in *record*."""
        head = call.http.method == "HEAD"
        fault = self.faults.striking(record)
        if self.latency:
            time.sleep(self.latency)
        try:
            if fault:
                faults.strike_before(fault, record)
                stale = self.faults.stale(record) if fault.kind == "stale" else None
                if stale:
                    return stale
            response = self._carried_out(call, record)
            self.faults.remember(record, response)
            if fault:
                faults.strike_after(fault, response)
            return response
        except Refusal as refusal:
            record.error = refusal.code
            return rendered(refusal, call.parsed.protocol, head=head)
        except NotModelled as missing:
            record.error = "NotModelled"
            return _not_modelled(missing, call.parsed.protocol)
        except NotImplementedError as missing:
            record.error = "NotModelled"
            return _not_modelled(NotModelled(str(missing)), call.parsed.protocol)

    def _carried_out(self, call: Call, record: RecordedCall) -> HttpResponse:
        head = call.http.method == "HEAD"
        with self.world.lock:
            try:
                for wanted in demands.demands_of(call, self.world):
                    demand(call, self.world, wanted)
                response = _ruled(call, self.world)
            except Refusal as refusal:
                record.error = refusal.code
                response = rendered(refusal, call.parsed.protocol, head=head)
        if call.service == "sqs":
            response = _queue_urls_here(call, response)
        return response


def _ruled(call: Call, world: World) -> HttpResponse:
    """The answer of the operation's rules around moto."""
    answer = upstream.send
    for function in reversed(RULES.get((call.service, call.operation), [])):
        answer = partial(_one_rule, function, world, answer)
    return answer(call)


def _one_rule(function: Rule, world: World, inner: upstream.Send, call: Call) -> HttpResponse:
    result: Answer = function(call, world, inner)
    if isinstance(result, HttpResponse):
        return result
    return protocol.serialized(call.service, call.parsed, result or {})


def _plain(request: HttpRequest) -> HttpRequest:
    """*request* without the envelope in which S3's clients stream a body."""
    if not request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return request
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in {"x-amz-trailer", "x-amz-decoded-content-length"}
    }
    encodings = headers.pop("content-encoding", "").split(",")
    kept = ",".join(e.strip() for e in encodings if e.strip() not in {"", "aws-chunked"})
    if kept:
        headers["content-encoding"] = kept
    body = without_chunks(request.body)
    headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    headers["content-length"] = str(len(body))
    return replace(request, headers=headers, body=body)


def _queue_urls_here(call: Call, response: HttpResponse) -> HttpResponse:
    """Queue URLs that lead back to the double."""
    theirs = f"https://sqs.{call.region}.amazonaws.com".encode()
    response.body = response.body.replace(theirs, call.base_url.encode())
    return response


def _not_modelled(missing: NotModelled, wire_protocol: str) -> HttpResponse:
    """A 501, which no client repeats and nobody takes for AWS."""
    text = f"the AWS double does not know: {missing}"
    traceback.print_exc()
    return rendered(Refusal("NotModelled", text, 501), wire_protocol)
