"""Whom we answer: CloudFormation and nobody else, whatever the URL looks like."""

from __future__ import annotations

import pytest

from state_backend.aws.cloudformation_response import UnanswerableRequest, may_answer, respond
from tests.unit.aws.cloudformation_response.given import (
    NAMES,
    THEIRS,
    after,
    answered,
    failed_id,
    keeping,
    raising,
)
from tests.unit.aws.response_host import SIGNED, LambdaContext, ResponseHost, request

CLOUDFORMATION = [
    ("aws", f"https://{THEIRS}/arn%3Aaws%3Acloudformation/x%7Cy?AWSAccessKeyId=A&Signature=b%2B="),
    ("aws", f"https://{THEIRS}:443/x?y"),
    ("aws", "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?y"),
    ("aws", "https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x"),
    ("aws-us-gov", f"https://{THEIRS.replace('eu-central-1', 'us-gov-west-1')}/x?y"),
    ("aws-cn", f"https://{THEIRS.replace('eu-central-1', 'cn-north-1')}.cn/x?y"),
]

STRANGERS = {
    "nothing": "",
    "a space": " ",
    "http": f"http://{THEIRS}/x",
    "upper-case scheme": f"HTTPS://{THEIRS}/x",
    "ftp": f"ftp://{THEIRS}/x",
    "file": "file:///etc/passwd",
    "gopher": f"gopher://{THEIRS}:443/_PUT",
    "no scheme": f"//{THEIRS}/x",
    "one slash": f"https:/{THEIRS}/x",
    "three slashes": f"https:///{THEIRS}/x",
    "instance metadata": "http://169.254.169.254/latest/meta-data/",
    "instance metadata over https": "https://169.254.169.254/latest/meta-data/",
    "metadata as a number": "https://2852039166/",
    "metadata in IPv6": "https://[fd00:ec2::254]/",
    "the runtime's own API": "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "localhost": "https://localhost/x",
    "another host": "https://example.com/x",
    "their name as a path": f"https://example.com/{THEIRS}",
    "their name as a query": f"https://example.com/?{THEIRS}",
    "their name as a fragment": f"https://example.com/#{THEIRS}",
    "their name as user": f"https://{THEIRS}@example.com/x",
    "their name as user and password": f"https://{THEIRS}:443@example.com/x",
    "a user of theirs": f"https://user@{THEIRS}/x",
    "a user and a password of theirs": f"https://user:password@{THEIRS}/x",
    "an empty user": f"https://@{THEIRS}/x",
    "their name as a prefix": f"https://{THEIRS}.example.com/x",
    "their name as a suffix": f"https://example.{THEIRS}/x",
    "their name glued to another": f"https://evil{THEIRS}/x",
    "a trailing dot": f"https://{THEIRS}./x",
    "a doubled dot": f"https://{THEIRS.replace('.s3.', '..s3.')}/x",
    "no bucket suffix": "https://cloudformation-custom-resource-response-.s3.amazonaws.com/x",
    "another bucket": "https://my-bucket.s3.eu-central-1.amazonaws.com/x",
    "a bucket with a dash": f"https://{THEIRS.replace('eucentral1', 'eu-central-1')}/x",
    "path style": "https://s3.amazonaws.com/cloudformation-custom-resource-response-useast1/x",
    "another service": f"https://{THEIRS.replace('.s3.', '.execute-api.')}/x",
    "a dot that is a letter": f"https://{THEIRS.replace('.amazonaws.', 'xamazonaws.')}/x",
    "upper case": f"https://{THEIRS.upper()}/x",
    "another top-level domain": f"https://{THEIRS.removesuffix('.com')}.org/x",
    "China's name elsewhere": f"https://{THEIRS}.cn/x",
    "port 80": f"https://{THEIRS}:80/x",
    "port 8443": f"https://{THEIRS}:8443/x",
    "port 0443": f"https://{THEIRS}:0443/x",
    "an empty port": f"https://{THEIRS}:/x",
    "two ports": f"https://{THEIRS}:443:80/x",
    "a word for a port": f"https://{THEIRS}:https/x",
    "other digits for a port": f"https://{THEIRS}:\u0664\u0664\u0663/x",
    "a leading space": f" https://{THEIRS}/x",
    "a trailing space": f"https://{THEIRS}/x ",
    "a trailing newline": f"https://{THEIRS}/x\n",
    "a newline after the host": f"https://{THEIRS}\n/x",
    "a second request": f"https://{THEIRS}/x HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "a header": f"https://{THEIRS}/x\r\nContent-Type: text/html",
    "a tab in the host": f"https://{THEIRS.replace('s3', 's3' + chr(9))}/x",
    "a NUL": f"https://{THEIRS}\0.example.com/x",
    "a delete character": f"https://{THEIRS}/\x7f",
    "a backslash": f"https://example.com\\@{THEIRS}/x",
    "a backslash after the host": f"https://{THEIRS}\\.example.com/x",
    "a backslash in the path": f"https://{THEIRS}/\\example.com",
    "backslashes for slashes": f"https:\\\\{THEIRS}\\x",
    "an encoded dot": f"https://{THEIRS.replace('.com', '%2ecom')}/x",
    "an encoded slash": f"https://{THEIRS}%2f.example.com/x",
    "a full-width letter": f"https://{THEIRS.replace('amazon', chr(0xFF41) + 'mazon')}/x",
    "a Cyrillic letter": f"https://{THEIRS.replace('amazon', chr(0x0430) + 'mazon')}/x",
    "a Kelvin sign for a k": "https://cloudformation-custom-resource-response-\u212a.s3.amazonaws.com/",
    "an ideographic full stop": f"https://{THEIRS.replace('.com', chr(0x3002) + 'com')}/x",
    "a soft hyphen": f"https://{THEIRS.replace('amazon', 'ama' + chr(0xAD) + 'zon')}/x",
    "punycode": f"https://{THEIRS.replace('amazonaws', 'xn--mazonaws-2fg')}/x",
    "a letter outside ASCII in the path": f"https://{THEIRS}/\u00e9",
    "a semicolon": f"https://{THEIRS};.example.com/x",
    "a query for a path": f"https://{THEIRS}?@example.com/x",
    "a fragment for a path": f"https://{THEIRS}#@example.com/x",
    "a comma": f"https://{THEIRS},example.com/x",
}


@pytest.mark.parametrize(("partition", "url"), CLOUDFORMATION)
def test_cloudformation_is_answered(partition: str, url: str) -> None:
    assert may_answer(url, partition=partition)


@pytest.mark.parametrize("url", STRANGERS.values(), ids=STRANGERS)
def test_nobody_else_is_answered(url: str) -> None:
    assert not may_answer(url)


@pytest.mark.parametrize("url", STRANGERS.values(), ids=STRANGERS)
def test_a_request_of_a_stranger_reaches_no_handler_and_no_socket(url: str) -> None:
    called: list[object] = []

    with pytest.raises(UnanswerableRequest):
        respond(
            request(url),
            LambdaContext(),
            create=after(called.append),
            update=raising(AssertionError()),
            delete=raising(AssertionError()),
            failed_id=failed_id,
            send=keeping(called),
        )

    assert called == []


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_china_is_answered_from_china_only(partition: str) -> None:
    assert not may_answer(f"https://{THEIRS}.cn/x", partition=partition)
    assert not may_answer(f"https://{THEIRS}/x", partition="aws-cn")


GOV = "cloudformation-custom-resource-response-usgovwest1.s3-us-gov-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", GOV),
        ("aws", GOV.replace("s3-us-gov-west-1", "s3")),
        ("aws-us-gov", THEIRS),
        ("aws-us-gov", GOV.replace("s3-us-gov-west-1", "s3-us-west-1")),
        ("aws-iso", THEIRS),
        ("aws-iso", GOV),
    ],
)
def test_each_partition_is_answered_from_there_only(partition: str, host: str) -> None:
    assert not may_answer(f"https://{host}/x", partition=partition)


LOCAL = ("localhost", "host.docker.internal")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/x",
        "https://localhost/x",
        "http://host.docker.internal:1",
        "http://localhost",
    ],
)
def test_an_allowed_host_is_answered_on_any_port_and_over_http(url: str) -> None:
    assert may_answer(url, LOCAL)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.example.com/x",
        "http://localhost@example.com/x",
        "http://user@localhost/x",
        "http://localhost:70000/x",
        "http://localhost:8080:80/x",
        "http://sub.localhost/x",
        "http://LOCALHOST/x",
        "http://docker.internal/x",
        "http:///x",
        "ftp://localhost/x",
        f"http://{THEIRS}/x",
    ],
)
def test_an_allowed_host_lets_no_other_in(url: str) -> None:
    assert not may_answer(url, LOCAL)


def test_the_refusal_names_scheme_and_host_and_no_more_of_the_url() -> None:
    with pytest.raises(UnanswerableRequest) as refused:
        answered(request(f"https://example.com/path?{SIGNED}"))

    assert str(refused.value).endswith("https://example.com.")


def test_the_refusal_of_a_url_that_is_none_repeats_nothing_of_it() -> None:
    with pytest.raises(UnanswerableRequest) as refused:
        answered(request(f"https://user:pass@example.com/path?{SIGNED}"))

    assert str(refused.value).endswith("not even a plain URL.")


@pytest.mark.parametrize("wrong", [None, "", 7, True, [], {}, ["x"]], ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_cannot_be_matched_or_reached_is_not_answered(
    host: ResponseHost, name: str, wrong: object
) -> None:
    answered(request(host.url()))

    with pytest.raises(UnanswerableRequest, match=name):
        answered(request(host.url()) | {name: wrong})

    assert len(host.puts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_request_with_a_part_missing_is_not_answered(host: ResponseHost, name: str) -> None:
    event = request(host.url())
    del event[name]

    with pytest.raises(UnanswerableRequest, match=name):
        answered(event)

    assert host.puts == []


@pytest.mark.parametrize("event", [None, [], "text", 7, True, [{}], {}], ids=repr)
def test_what_is_no_request_is_not_answered(event: object) -> None:
    with pytest.raises(UnanswerableRequest):
        answered(event)


def test_ids_that_leave_no_room_for_an_answer_are_refused(host: ResponseHost) -> None:
    with pytest.raises(UnanswerableRequest, match="ids"):
        answered(request(host.url(), StackId="x" * 3000))
