"""``make sam-local``, run for real; what it would object to; and the page about it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws_double import AwsDouble
from tests.deployment.template import load
from tools import docker_engine
from tools.sam_local import (
    ARCHITECTURE,
    DOCKERFILE,
    RESOLVED,
    ROOT,
    SAMPLES,
    Answer,
    Wrong,
    answered,
    handled,
    missing,
    planned,
    sample_of,
    vended,
)

MISSING = missing()
PAGE = (ROOT / "docs/sam-local.md").read_text()
REPORT = {
    "accountId": "222222222222",
    "region": "us-east-1",
    "bucketName": "tfstate-222222222222-us-east-1-an",
    "status": "READY",
    "controls": {"bucket": "CHANGED"},
}
PLAN = {**REPORT, "status": "WAITING", "controls": {}, "changes": [{"control": "bucket"}]}
SUCCESS = {"Status": "SUCCESS", "Data": {"BucketName": "b", "ControlsSatisfied": "15/15"}}


def answer(returned=None, heard=None, writes=1) -> Answer:
    return Answer(returned=returned, heard=heard or {}, writes=writes)


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_every_sample_is_answered_under_sam_as_it_must_and_nothing_is_left(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tools.sam_local"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "functions", "TMPDIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for sample in SAMPLES:
        assert f"✓ {sample.event}: " in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert not running(str(tmp_path))


def running(folder: str) -> list[str]:
    """The commands of processes that name *folder*, as an engine of ours does."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended meanwhile
    return [line for line in lines if "dockerd" in line and folder in line]


class TestWhatItObjectsTo:
    @pytest.mark.parametrize(
        ("check", "given"),
        [
            (planned, answer([PLAN], writes=0)),
            (vended, answer([REPORT])),
            (handled, answer({"batchItemFailures": []})),
            (answered, answer(heard=SUCCESS)),
        ],
        ids=lambda it: getattr(it, "__name__", ""),
    )
    def test_not_to_what_must_be(self, check, given):
        assert check(given)

    @pytest.mark.parametrize(
        ("check", "given"),
        [
            (planned, answer([PLAN], writes=1)),
            (planned, answer([{**PLAN, "changes": []}], writes=0)),
            (vended, answer([{**REPORT, "status": "FAILED"}])),
            (vended, answer([{**REPORT, "controls": {"bucket": "KEPT"}}])),
            (vended, answer([{**REPORT, "controls": {"bucket": "CHANGED", "x": "DONE"}}])),
            (vended, answer([{**REPORT, "accountId": "333333333333"}])),
            (vended, answer([REPORT, REPORT])),
            (vended, answer([{"status": "READY"}])),
            (handled, answer({"batchItemFailures": [{"itemIdentifier": "1"}]})),
            (handled, answer({"batchItemFailures": []}, writes=0)),
            (answered, answer()),
            (answered, answer(heard={"Status": "FAILED", "Reason": "no"})),
        ],
        ids=lambda it: getattr(it, "__name__", ""),
    )
    def test_to_anything_else(self, check, given):
        with pytest.raises(Wrong):
            check(given)


def test_there_is_a_sample_for_every_function():
    functions = {
        name
        for name, it in load(ROOT / "template.yaml")["Resources"].items()
        if it["Type"] == "AWS::Serverless::Function"
    }

    assert {it.function for it in SAMPLES} == functions


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda it: it.event)
def test_an_event_that_is_named_goes_to_the_function_that_it_is_for(sample):
    assert sample_of(str(ROOT / sample.event)).function == sample.function


def test_what_sam_cannot_resolve_are_variables_of_the_template():
    resources = load(ROOT / "template.yaml")
    variables = json.dumps(resources, default=str)

    assert all(f'"{name}"' in variables for name in RESOLVED)


def test_without_an_engine_or_means_for_one_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(docker_engine, "_path", lambda: str(tmp_path))

    lacking, _, remedy = docker_engine.missing().partition(" -> ")

    assert "no Docker engine answers" in lacking
    assert remedy == "apt-get install docker.io iptables iproute2 util-linux"


def test_the_double_is_reached_over_tls_at_the_address_that_containers_know():
    with AwsDouble(address="127.0.0.2") as aws:
        assert aws.tls_url.startswith("https://127.0.0.2:")
        assert aws.client("sts", tls=True).get_caller_identity()["Account"] == "111111111111"


def test_what_an_engine_forwards_comes_in_at_loopback_under_the_address_it_was_sent_to():
    with AwsDouble(address="192.0.2.1") as aws:
        trusting = ssl.create_default_context(cafile=aws.ca_bundle)
        port = int(aws.tls_url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            trusting.wrap_socket(connection, server_hostname="192.0.2.1") as secure,
        ):
            assert secure.version()


class TestThePage:
    def test_it_shows_the_commands_that_are_run(self):
        (shown,) = [it for it in re.findall(r"```text\n(.*?)```", PAGE, re.S) if "double" in it]

        assert [shlex.split(line) for line in shown.splitlines()] == [
            ["sam", "build"],
            *(it.command for it in SAMPLES),
        ]

    def test_it_has_every_sample(self):
        listed = re.findall(r"^\| `([a-zA-Z.-]+)` \|", PAGE.partition("## The samples")[2], re.M)

        files = {it.stem for it in (ROOT / "events").glob("*.json")}
        assert set(listed) - {"AccountVendedFunction", "CustomResourceFunction"} == files

    def test_it_shows_how_the_image_is_made(self):
        (shown,) = re.findall(r"```dockerfile\n(.*?)```", PAGE, re.S)

        base = re.search(r"FROM (\S+)", shown)[1]
        url = re.search(r"AWS_ENDPOINT_URL=(\S+)", shown)[1]
        assert shown == DOCKERFILE.format(base=base, url=url)
        assert base.rpartition("-")[0] == "public.ecr.aws/lambda/python:3.13"
        assert ARCHITECTURE in {"arm64", "x86_64"}

    def test_the_readme_shows_what_it_shows(self):
        (shown,) = re.findall(r"sam local invoke [^`\n]+", (ROOT / "README.md").read_text())

        assert shown in PAGE
