"""
Runs ``sam build``, then ``sam local invoke`` for a sample of each kind on the AWS double, and looks
at what the functions answer.

``python -m tools.sam_local [event ...]``. With events named: those alone, and what they answer.

The functions run in Lambda's own image where a Docker engine answers; else in a stand-in
(``tools/lambda_image.py``) under an engine of our own (``tools/docker_engine.py``). What such a run
needs besides a plain ``sam local invoke`` is put into ``.aws-sam``, where ``samconfig.toml`` names
it under ``double``. ``docs/sam-local.md`` is about all of it.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from state_backend.fleet.places import Place
from tests.aws_double import AwsDouble
from tests.aws_double.server import listening_address
from tests.deployment import Deployment
from tools import docker_engine, lambda_image

ROOT = Path(__file__).resolve().parent.parent
SAM = ROOT / ".tools/sam/bin/sam"
BUILT = ROOT / ".aws-sam/build/template.yaml"
BUILT_FOR_HERE = BUILT.with_name("double.yaml")
GIVEN = ROOT / ".aws-sam/double"

ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
BASE_IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"
STAND_IN = "statehold-stand-in"
IMAGE = "statehold-double"
RAPID_IMAGE = f"{IMAGE}:rapid-{ARCHITECTURE}"
"""What sam makes of it: it puts its emulator in."""
_REMOVING = ("image", "rm", "--force", RAPID_IMAGE, IMAGE)

DOCKERFILE = """FROM {base}
COPY ca.pem /etc/aws-double.pem
ENV AWS_ENDPOINT_URL={url} AWS_CA_BUNDLE=/etc/aws-double.pem
"""
"""sam hands on only variables that the template has, and these have no place there."""

RESOLVED = ("DEAD_LETTER_QUEUE_URL", "REPORT_BUCKET", "RESPONSE_URL_ALLOWED_HOSTS")
"""Variables that sam cannot resolve, since only a deployed stack knows their values."""

EMULATED_ACCOUNT = "012345678912"
"""Where every function is in the word of sam's emulator. Sweeps name it as their bucket's owner."""

ACCOUNT = "222222222222"
MEMBERS = (ACCOUNT, "555555555555", "666666666666")
"""The accounts that samples name."""
CLOUDFORMATION = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/"
OUTCOMES = {
    *("KEPT", "CHANGED", "WOULD_CHANGE", "REFUSED", "FAILED"),
    *("UNSETTLED", "UNKNOWN", "NOT_APPLICABLE"),
}


def main() -> int:
    """Where there is an engine, or can be one."""
    named = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    if named[:1] == ["--apart"]:
        *events, folder = named[1:]
        with docker_engine.started(Path(folder)):
            return run(events, _stand_in("No Docker engine answers, so under one of our own"))
    for event in named:
        sample_of(event)
    lacking, _, remedy = missing().partition(" -> ")
    if lacking:
        sys.exit(f"sam local cannot run here: {lacking}; to enable it: {remedy}")
    _build()
    if docker_engine.answers():
        return run(named, _lambda_image())
    return docker_engine.run_apart([sys.executable, "-m", "tools.sam_local", "--apart", *named])


def missing() -> str:
    """What is missing to run anything here, and what to do about it; empty if nothing is."""
    if not SAM.exists():
        return "the SAM CLI is not here -> make .tools/sam"
    if not docker_engine.answers() and not lambda_image.can_be_laid_out():
        return "Lambda's runtime interface client is not here -> make .tools/lambda"
    return docker_engine.missing()


# ---- what is run, and what it must answer --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one invocation."""

    returned: Any
    heard: Mapping[str, Any]
    """What was sent to CloudFormation; empty if nothing was."""
    writes: int
    """How many calls changed something in AWS."""


class Wrong(Exception):
    """An answer is not what it must be."""


def planned(answer: Answer) -> str:
    """A plan: what would change, and not a write."""
    report = _report(answer)
    changes = report.get("changes", [])
    _expect(report["status"] == "WAITING" and changes, "a plan waits, with changes", report)
    _expect(answer.writes == 0, f"a plan writes nothing, but {answer.writes} calls did", report)
    return f"WAITING, {len(changes)} changes, nothing was written"


def vended(answer: Answer) -> str:
    """The report on an account that has its backend now."""
    report = _report(answer)
    changed = list(report["controls"].values()).count("CHANGED")
    _expect(report["status"] == "READY" and changed, "it is READY, and was not before", report)
    return f"READY, {report['bucketName']}, {changed} controls changed"


def handled(answer: Answer) -> str:
    """A queue's batch of which no message failed."""
    _expect(answer.returned == {"batchItemFailures": []}, "no message failed", answer.returned)
    _expect(answer.writes, "the account got its backend", answer.returned)
    return "no message of the batch comes again"


def answered(answer: Answer) -> str:
    """A stack's request: the answer goes to CloudFormation, none to the caller."""
    _expect(answer.returned is None, "nothing is returned", answer.returned)
    _expect(answer.heard.get("Status") == "SUCCESS", "CloudFormation hears SUCCESS", answer.heard)
    data = answer.heard["Data"]
    return f"CloudFormation heard SUCCESS, {data['BucketName']}, {data['ControlsSatisfied']}"


def listed(answer: Answer) -> str:
    """A sweep's first task."""
    places = 1 + len(MEMBERS)
    _expect(answer.returned.get("places") == places, f"there are {places} places", answer.returned)
    return f"{answer.returned['places']} places, in {answer.returned['list']}"


def summed_up(answer: Answer) -> str:
    """A sweep's last task, of a sweep that has no results."""
    _expect(answer.returned.get("rows") == 2, "it has a row for each place", answer.returned)
    return str(answer.returned["sentence"])


def _report(answer: Answer) -> Any:
    returned = answer.returned
    _expect(isinstance(returned, list) and len(returned) == 1, "it is one report", returned)
    (report,) = returned
    parts = {"accountId", "region", "bucketName", "status", "controls"}
    _expect(parts <= report.keys(), f"a report has {', '.join(sorted(parts))}", report)
    _expect(report["accountId"] == ACCOUNT, f"it is about {ACCOUNT}", report)
    _expect(set(report["controls"].values()) <= OUTCOMES, "its outcomes are known", report)
    return report


def _expect(held: object, rule: str, found: Any) -> None:
    if not held:
        raise Wrong(f"{rule}; here it is {json.dumps(found)}")


@dataclass(frozen=True, slots=True)
class Sample:
    """An event, and the function that gets it."""

    function: str
    event: str
    check: Callable[[Answer], str]
    """What the answer says, in words for people; raises Wrong."""

    @property
    def command(self) -> list[str]:
        """A request of CloudFormation is sent from a copy, whose ResponseURL leads to us."""
        event = self.event
        if self.function == "CustomResourceFunction":
            event = str((GIVEN / Path(event).name).relative_to(ROOT))
        return ["sam", "local", "invoke", self.function, "-e", event, "--config-env", "double"]


SAMPLES = (
    Sample("AccountVendedFunction", "events/operation.plan.json", planned),
    Sample("AccountVendedFunction", "events/operation.reconcile.json", vended),
    Sample(
        "AccountVendedFunction", "events/controltower.CreateManagedAccount.succeeded.json", vended
    ),
    Sample("AccountVendedFunction", "events/sqs.controltower.CreateManagedAccount.json", handled),
    Sample("CustomResourceFunction", "events/cloudformation.Create.json", answered),
    Sample("FleetSweepFunction", "events/sweep.list.json", listed),
    Sample("FleetSummaryFunction", "events/sweep.summary.json", summed_up),
)


def sample_of(path: str) -> Sample:
    """The event in *path*, for the function that such events reach; whatever it answers is told."""
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"The event {path} cannot be read: {error}")
    asks = {
        "RequestType": "CustomResourceFunction",
        "input": "FleetSweepFunction",
        "map": "FleetSummaryFunction",
    }
    function = next((asks[it] for it in asks if it in event), "AccountVendedFunction")
    return Sample(function, path, _told)


def _told(answer: Answer) -> str:
    return json.dumps(answer.heard or answer.returned, indent=2, ensure_ascii=False)


# ---- how it is run -------------------------------------------------------------------------------


def run(events: Sequence[str], base: str) -> int:
    """Each sample on an AWS of its own, in the image *base*; 1 if an answer was wrong."""
    samples = [sample_of(it) for it in events] or SAMPLES
    address = _address_of_this_machine(base)
    with (
        AwsDouble(management_account=EMULATED_ACCOUNT, address=address) as aws,
        _Host(address) as host,
        _image(base, aws),
    ):
        _template_for_here()
        right = [_run(it, aws, host) for it in samples]
    print(f"{sum(right)} of {len(right)} answered as expected. Nothing is left running.")
    return 0 if all(right) else 1


def _run(sample: Sample, aws: AwsDouble, host: _Host) -> bool:
    """Says in a line what came of it; whether that was right."""
    environment = _set_up(sample, aws, host)
    began, since = time.monotonic(), len(aws.calls)
    done = subprocess.run(
        sample.command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    seconds = time.monotonic() - began
    try:
        returned = _returned(done.stdout)
        answer = Answer(returned=returned, heard=host.heard, writes=len(aws.writes(since)))
        print(f"✓ {sample.event}: {sample.check(answer)}  ({seconds:.1f} s)", flush=True)
    except Wrong as error:
        print(f"✗ {shlex.join(sample.command)}: {error}\n{done.stderr}", flush=True)
        return False
    return True


def _returned(printed: str) -> Any:
    """The function's answer: sam prints it and nothing else."""
    try:
        returned = json.loads(printed)
    except ValueError as error:
        raise Wrong(f"sam printed no JSON but {printed!r}") from error
    failed = isinstance(returned, dict) and "errorType" in returned
    _expect(not failed, "the function does not fail", returned)
    return returned


def _set_up(sample: Sample, aws: AwsDouble, host: _Host) -> dict[str, str]:
    """A new AWS with the template deployed, and the environment in which sam takes it for AWS."""
    aws.reset()
    for member in MEMBERS:
        aws.add_account(member)
    host.heard = {}
    hub = Deployment(aws, environment={"RESPONSE_URL_ALLOWED_HOSTS": host.address})
    function = hub.environment_of(sample.function)
    variables = {name: function[name] for name in RESOLVED if name in function}
    _give("variables.json", json.dumps({"Parameters": variables}))
    event = json.loads((ROOT / sample.event).read_text(encoding="utf-8"))
    if sample.function == "CustomResourceFunction":
        url = str(event.get("ResponseURL"))
        ours = {"ResponseURL": host.url if url.startswith(CLOUDFORMATION) else url}
        _give(Path(sample.event).name, json.dumps({**event, **ours}))
    if sample.function == "FleetSummaryFunction":
        _sweep_without_results(event, hub.aws.client("s3", tls=True), function["REPORT_BUCKET"])
    aws_settings = {name: it for name, it in function.items() if name.startswith("AWS_")}
    return _sam_environment() | aws_settings


def _sweep_without_results(event: Any, s3: Any, bucket: str) -> None:
    """What a sweep leaves that has a list of two places, and then ended."""
    places = [Place(account=ACCOUNT, region=it).to_json() for it in ("us-east-1", "us-west-2")]
    manifest: dict[str, Any] = {"ResultFiles": {"SUCCEEDED": [], "FAILED": [], "PENDING": []}}
    written = {event["list"]: places, event["map"]["ResultWriterDetails"]["Key"]: manifest}
    for key, content in written.items():
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content).encode())


def _build() -> None:
    built = subprocess.run(
        ["sam", "build"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=_sam_environment(),
    )
    if built.returncode:
        sys.exit(f"sam build failed:\n{built.stderr}")


def _sam_environment() -> dict[str, str]:
    """
    sam from PATH is the pinned one, writes nothing outside this folder, and asks nobody.

    It gets nothing of whoever runs this that could lead to a real AWS; nor of a `make` that started
    this, since the one within `sam build` is no part of that.
    """
    GIVEN.mkdir(parents=True, exist_ok=True)
    ours = {
        "PATH": os.pathsep.join([str(SAM.parent), os.environ["PATH"]]),
        "TMPDIR": str(GIVEN),
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(GIVEN),
        "SAM_LAYER_CACHE_BASEDIR": str(GIVEN),
    }
    kept = {name: it for name, it in os.environ.items() if not name.startswith(("AWS_", "MAKE"))}
    return {**kept, **ours}


def _lambda_image() -> str:
    """Lambda's image, from AWS unless it is here; the stand-in if there is no way to it."""
    if not _docker("image", "ls", "--quiet", BASE_IMAGE):
        pull = ["docker", "pull", "--quiet", BASE_IMAGE]
        pulled = subprocess.run(pull, check=False, capture_output=True, text=True)
        if pulled.returncode and lambda_image.can_be_laid_out():
            return _stand_in(f"{BASE_IMAGE} cannot be pulled, so")
        if pulled.returncode:
            sys.exit(f"{BASE_IMAGE} cannot be pulled:\n{pulled.stderr}")
    print(f"In Lambda's own image, {BASE_IMAGE}:", flush=True)
    return BASE_IMAGE


def _stand_in(why: str) -> str:
    """The stand-in for Lambda's image, loaded into the engine."""
    print(f"{why} in a stand-in for Lambda's image:", flush=True)
    loading = subprocess.Popen(
        ["docker", "import", "-", STAND_IN], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert loading.stdin
    with loading.stdin as archive:
        lambda_image.write(archive)
    if loading.wait():
        sys.exit("docker import did not take the stand-in for Lambda's image")
    return STAND_IN


def _address_of_this_machine(image: str) -> str:
    """As containers see it. An address and no name: to a name S3's clients prepend the bucket."""
    hosts = _docker(
        *("run", "--rm", "--add-host=host.docker.internal:host-gateway"),
        *("--entrypoint=cat", image, "/etc/hosts"),
    )
    return next(it.split()[0] for it in hosts.splitlines() if "host.docker.internal" in it)


@contextmanager
def _image(base: str, aws: AwsDouble) -> Iterator[None]:
    """*base* with the way to *aws* in it, until the end of the block."""
    url = aws.environment(tls=True)["AWS_ENDPOINT_URL"]
    _give("Dockerfile", DOCKERFILE.format(base=base, url=url))
    _give("ca.pem", Path(aws.ca_bundle).read_text(encoding="utf-8"))
    # First: one of a run that was killed would lead to an AWS that is gone.
    _docker(*_REMOVING)
    _docker("build", "--quiet", "--tag", IMAGE, str(GIVEN))
    try:
        yield
    finally:
        _docker(*_REMOVING, STAND_IN)


def _template_for_here() -> None:
    """The built template for this machine's architecture, which sam has no option for."""
    built = BUILT.read_text(encoding="utf-8")
    BUILT_FOR_HERE.write_text(built.replace("arm64", ARCHITECTURE), encoding="utf-8")


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"docker {shlex.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def _give(name: str, text: str) -> None:
    (GIVEN / name).write_text(text, encoding="utf-8")


class _Host:
    """CloudFormation's end of a custom resource: a server that takes its answer."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: dict[str, Any] = {}
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                host.heard = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((listening_address(address), 0), Handler)
        self.url = f"http://{address}:{self._server.server_port}/answer"

    def __enter__(self) -> _Host:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted; nothing is left running")
