"""What is sent again, and what never is, against a server that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.awsrequest import AWSRequest

from state_backend.aws import invoke as module
from state_backend.aws.invoke import Clients, Invoker, boto_session
from state_backend.calls import AwsError, Call
from tests.unit.given import ACCOUNT, REGION, Ticking

GET_VERSIONING = Call("s3", "get_bucket_versioning", {"Bucket": "b"})
PUT_VERSIONING = Call(
    "s3", "put_bucket_versioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Enabled"}}
)
CREATE_KEY = Call("kms", "create_key", {}, repeatable=False)
DESCRIBE_KEY = Call("kms", "describe_key", {"KeyId": "k"})
CREATE_TABLE = Call(
    "dynamodb",
    "create_table",
    {
        "TableName": "abc",
        "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
)
UPDATE_TABLE = Call(
    "dynamodb", "update_table", {"TableName": "abc", "DeletionProtectionEnabled": True}
)
BACKUPS = Call(
    "dynamodb",
    "update_continuous_backups",
    {"TableName": "abc", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
)
ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
KEY = json.dumps({"KeyMetadata": {"KeyId": "k", "Arn": "arn:key"}}).encode()


def xml(code):
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def js(code):
    return json.dumps({"__type": code, "message": "no"}).encode()


class Server:
    """Answers in turn: ``(status, body)``, ``(status, body, bytes announced)`` or ``"drop"``."""

    def __init__(self) -> None:
        self.script: list[object] = []
        self.requests: list[str] = []
        self.url = ""


@pytest.fixture(scope="module")
def listening() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.requests.append(
                self.headers.get("X-Amz-Target") or f"{self.command} {self.path}"
            )
            step = server.script.pop(0)
            self.close_connection = True
            if step == "drop":
                return
            status, body, *announced = step
            self.send_response(status)
            if announced != ["chunked"]:
                self.send_header("Content-Length", str(announced[0] if announced else len(body)))
            else:
                self.send_header("Transfer-Encoding", "chunked")
                body = b"%x\r\n%s" % (len(body) + 10, body)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no news."""

    http = Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    http.shutdown()
    http.server_close()


@pytest.fixture(scope="module")
def clients(listening: Server) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", listening.url)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        boto_session.cache_clear()
        keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s", "aws_session_token": "t"}
        yield Clients(
            region=REGION,
            credentials=dict.fromkeys(("s3", "kms", "dynamodb", "s3control", "sts"), keys),
        )
    boto_session.cache_clear()


@pytest.fixture
def server(listening: Server) -> Server:
    listening.script.clear()
    listening.requests.clear()
    return listening


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def invoke(clients: Clients, ticking: Ticking) -> Callable[[Call], object]:
    return Invoker(clients=clients, clock=ticking.clock, give_up_at=ticking.time + 600)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(AwsError) as error:
        yield
    assert error.value.code == code


class TestOnce:
    def test_an_answer_is_botocores(self, server, invoke, ticking):
        server.script = [(200, ENABLED)]

        assert invoke(GET_VERSIONING)["Status"] == "Enabled"
        assert ticking.slept == []

    @pytest.mark.parametrize(
        ("call", "step", "code"),
        [
            (GET_VERSIONING, (403, xml("AccessDenied")), "AccessDenied"),
            (GET_VERSIONING, (404, xml("NoSuchBucket")), "NoSuchBucket"),
            (Call("s3", "head_bucket", {"Bucket": "b"}), (404, b""), "404"),
            (Call("s3", "head_bucket", {"Bucket": "b"}), (403, b""), "403"),
            (DESCRIBE_KEY, (400, js("NotFoundException")), "NotFoundException"),
            (DESCRIBE_KEY, (400, js("KMSInvalidStateException")), "KMSInvalidStateException"),
            (CREATE_TABLE, (400, js("ResourceInUseException")), "ResourceInUseException"),
            (
                CREATE_KEY,
                (400, js("MalformedPolicyDocumentException")),
                "MalformedPolicyDocumentException",
            ),
        ],
        ids=str,
    )
    def test_a_no_is_not_asked_again(self, server, invoke, call, step, code):
        server.script = [step]

        with refused(code):
            invoke(call)

        assert len(server.requests) == 1

    def test_what_botocore_would_not_send_is_our_fault_and_said_at_once(self, server, invoke):
        with refused("ParamValidation"):
            invoke(Call("s3", "get_bucket_versioning", {}))

        assert server.requests == []


class TestRepeated:
    @pytest.mark.parametrize(
        ("call", "step", "good"),
        [
            (PUT_VERSIONING, (409, xml("OperationAborted")), b""),
            (PUT_VERSIONING, (503, xml("SlowDown")), b""),
            (PUT_VERSIONING, (500, xml("InternalError")), b""),
            (PUT_VERSIONING, "drop", b""),
            (GET_VERSIONING, (400, xml("RequestTimeout")), ENABLED),
            (DESCRIBE_KEY, (400, js("ThrottlingException")), KEY),
            (DESCRIBE_KEY, (500, js("KMSInternalException")), KEY),
            (DESCRIBE_KEY, (500, js("DependencyTimeoutException")), KEY),
            (DESCRIBE_KEY, "drop", KEY),
            (UPDATE_TABLE, (400, js("ResourceInUseException")), b"{}"),
            (BACKUPS, (400, js("ContinuousBackupsUnavailableException")), b"{}"),
        ],
        ids=str,
    )
    def test_what_may_work_later_is_sent_again(self, server, invoke, ticking, call, step, good):
        server.script = [step, step, (200, good)]

        invoke(call)

        assert len(server.requests) == 3
        assert len(ticking.slept) == 2

    def test_it_is_given_up_after_eight_attempts(self, server, invoke, ticking):
        server.script = [(503, xml("SlowDown"))] * 20

        with refused("SlowDown"):
            invoke(PUT_VERSIONING)

        assert len(server.requests) == 8
        assert len(ticking.slept) == 7

    def test_delays_are_jittered_and_grow_to_twenty_seconds(self, server, invoke, monkeypatch):
        longest = []
        monkeypatch.setattr("random.uniform", lambda low, high: longest.append((low, high)) or high)
        server.script = [(503, xml("SlowDown"))] * 20

        with refused("SlowDown"):
            invoke(PUT_VERSIONING)

        assert longest[:7] == [
            (0, 1.0),
            (0, 2.0),
            (0, 4.0),
            (0, 8.0),
            (0, 16.0),
            (0, 20.0),
            (0, 20.0),
        ]

    def test_near_the_deadline_it_is_given_up(self, server, clients, ticking):
        server.script = [(503, xml("SlowDown"))] * 20
        invoke = Invoker(clients=clients, clock=ticking.clock, give_up_at=ticking.time)

        with refused("SlowDown"):
            invoke(PUT_VERSIONING)

        assert ticking.slept == []


class TestCreateKey:
    @pytest.mark.parametrize(
        "step",
        ["drop", (500, js("KMSInternalException")), (200, KEY[:20]), (200, b'{"Key', 500)],
        ids=str,
    )
    def test_after_a_lost_answer_it_is_never_repeated(self, server, invoke, step):
        server.script = [step, (200, KEY)]

        with pytest.raises(AwsError) as lost:
            invoke(CREATE_KEY)

        assert server.requests == ["TrentService.CreateKey"]
        assert not lost.value.answered

    def test_throttled_it_is(self, server, invoke):
        server.script = [(400, js("ThrottlingException")), (200, KEY)]

        assert invoke(CREATE_KEY)["KeyMetadata"]["Arn"] == "arn:key"


class TestCutAnswers:
    """botocore takes a body that was cut short for an empty success."""

    @pytest.mark.parametrize(
        ("call", "step"),
        [
            (GET_VERSIONING, (200, ENABLED[:30], len(ENABLED))),
            (GET_VERSIONING, (200, b"", len(ENABLED))),
            (GET_VERSIONING, (200, ENABLED[:30])),
            (GET_VERSIONING, (200, ENABLED[:30], "chunked")),
            (DESCRIBE_KEY, (200, KEY[:30], len(KEY))),
            (DESCRIBE_KEY, (200, KEY[:30])),
            (DESCRIBE_KEY, (200, b"", len(KEY))),
            (Call("s3", "get_bucket_policy", {"Bucket": "b"}), (200, b'{"Version"', 400)),
        ],
        ids=str,
    )
    def test_one_is_no_answer_and_asked_for_again(self, server, invoke, call, step):
        server.script = [step, (200, KEY if call is DESCRIBE_KEY else ENABLED)]

        invoke(call)

        assert len(server.requests) == 2

    def test_it_is_told_if_it_stays_cut(self, server, invoke):
        server.script = [(200, ENABLED[:30], len(ENABLED))] * 20

        with pytest.raises(AwsError) as cut:
            invoke(GET_VERSIONING)

        assert not cut.value.answered

    def test_a_head_announces_more_than_it_sends(self, server, invoke):
        server.script = [(200, b"", 0)]

        assert invoke(Call("s3", "head_bucket", {"Bucket": "b"}))

    @pytest.mark.parametrize("body", [b"", b"{}"])
    def test_an_empty_answer_to_a_write_is_whole(self, server, invoke, body):
        server.script = [(200, body)]

        invoke(Call("kms", "put_key_policy", {"KeyId": "k", "Policy": "{}"}))

        assert len(server.requests) == 1


def test_s3_control_reaches_a_stand_in_under_its_own_address(server, invoke):
    server.script = [(204, b"")]
    tags = {
        "AccountId": ACCOUNT,
        "ResourceArn": "arn:aws:s3:::b",
        "Tags": [{"Key": "a", "Value": "b"}],
    }

    invoke(Call("s3control", "tag_resource", tags))

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("http://222222222222.localhost:5000/v20180820/x", "http://localhost:5000/v20180820/x"),
        ("http://222222222222.moto:5000/x", "http://moto:5000/x"),
        ("https://222222222222.host.docker.internal/x", "https://host.docker.internal/x"),
        ("http://222222222222.127.0.0.1:5000/x", "http://127.0.0.1:5000/x"),
    ],
)
def test_whatever_stands_in_for_s3_control_is_reached_without_the_account(asked, sent):
    request = AWSRequest(url=asked)

    module._keep_address(request)

    assert request.url == sent


@pytest.mark.parametrize(
    "url",
    [
        "https://222222222222.s3-control.eu-central-1.amazonaws.com/x",
        "https://222222222222.s3-control-fips.dualstack.us-gov-west-1.amazonaws.com/x",
        "https://222222222222.s3-control.cn-north-1.amazonaws.com.cn/x",
        "https://222222222222.s3-control.us-iso-east-1.c2s.ic.gov/x",
        "https://222222222222.control.vpce-1a-2b.s3.eu-central-1.vpce.amazonaws.com/x",
    ],
)
def test_s3_control_itself_is_reached_under_the_account(url):
    request = AWSRequest(url=url)

    module._keep_address(request)

    assert request.url == url


def test_an_answer_that_is_not_awss_is_no_answer(server, invoke):
    """A proxy's page, say."""
    server.script = [(200, b"<html><p>Sign in</html>")] * 10

    with pytest.raises(AwsError, match="not AWS's") as caught:
        invoke(Call("sts", "get_caller_identity", {}))

    assert caught.value.code == "TruncatedAnswer"


def test_a_client_is_made_once_a_service(clients):
    assert clients("s3") is clients("s3")
