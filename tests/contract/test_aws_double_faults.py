"""The double notes every call, and goes wrong when and as it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.aws_double import AwsDouble, Fault, Refusal
from tests.aws_double.testing import refused

MEMBER = "222222222222"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
BUCKET = "some-bucket"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        double.client("s3", principal=OWNER).create_bucket(Bucket=BUCKET)
        yield double


@pytest.fixture
def s3(aws: AwsDouble) -> Any:
    return aws.client("s3", principal=OWNER)


def enable(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def is_enabled(s3: Any) -> bool:
    return bool(s3.get_bucket_versioning(Bucket=BUCKET).get("Status") == "Enabled")


def test_a_call_is_noted_with_all_that_matters(aws: AwsDouble, s3: Any) -> None:
    since = len(aws.calls)

    enable(s3)
    s3.put_object(Bucket=BUCKET, Key="a/b", Body=b"")
    with refused("NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key="c")

    put, write, read = aws.calls[since:]
    assert (put.service, put.operation, put.account) == ("s3", "PutBucketVersioning", MEMBER)
    assert (put.region, put.principal, put.secure) == ("us-east-1", OWNER, False)
    assert (put.bucket, put.status, put.error, put.write) == (BUCKET, 200, "", True)
    assert put.parameters["VersioningConfiguration"] == {"Status": "Enabled"}
    assert (write.key, write.resource) == ("a/b", BUCKET)
    assert (read.status, read.error, read.write) == (404, "NoSuchKey", False)
    assert put.started <= put.ended <= write.started
    assert aws.writes(since) == [put, write]
    assert aws.writes(since, account="111111111111") == []


def test_depth_is_the_longest_chain_of_calls_that_did_not_overlap(aws: AwsDouble, s3: Any) -> None:
    aws.latency = 0.1
    since = len(aws.calls)

    is_enabled(s3)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: is_enabled(s3), range(4)))
    is_enabled(s3)

    assert len(aws.calls) - since == 6
    assert aws.depth(since) == 3


@pytest.mark.parametrize("kind", ["drop_before", "reset_connection"])
def test_a_connection_lost_before_leaves_nothing_done(aws: AwsDouble, s3: Any, kind: str) -> None:
    aws.faults.add(Fault(operation="PutBucketVersioning", kind=kind))

    with pytest.raises(ConnectionClosedError):
        enable(s3)

    assert not is_enabled(s3)
    assert aws.calls[-2].status == 0


@pytest.mark.parametrize("kind", ["drop_after", "reset_after"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_lost_after_has_done_it_all_the_same(
    aws: AwsDouble, kind: str, tls: bool
) -> None:
    s3 = aws.client("s3", principal=OWNER, tls=tls)
    aws.faults.add(Fault(operation="PutBucketVersioning", kind=kind))

    with pytest.raises(ConnectionClosedError):
        enable(s3)

    assert is_enabled(s3)


@pytest.mark.parametrize(
    ("kind", "code", "done"),
    [
        ("throttle", "SlowDown", False),
        ("500", "InternalError", False),
        ("503", "ServiceUnavailable", False),
        ("conflict_409", "OperationAborted", False),
        ("access_denied", "AccessDenied", False),
        ("500_after", "InternalError", True),
    ],
)
def test_an_error_is_answered_before_or_after_the_deed(
    aws: AwsDouble, s3: Any, kind: str, code: str, done: bool
) -> None:
    aws.faults.add(Fault(operation="PutBucketVersioning", kind=kind))

    with refused(code):
        enable(s3)

    assert is_enabled(s3) is done
    enable(s3)


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("kms", "list_keys", "ThrottlingException"),
        ("ssm", "describe_parameters", "ThrottlingException"),
        ("sts", "get_caller_identity", "Throttling"),
        ("organizations", "list_accounts", "TooManyRequestsException"),
    ],
)
def test_each_service_throttles_in_its_own_words(
    aws: AwsDouble, service: str, operation: str, code: str
) -> None:
    aws.faults.add(Fault(kind="throttle", service=service))

    with refused(code):
        getattr(aws.client(service), operation)()


def test_any_refusal_can_be_given(aws: AwsDouble) -> None:
    error = Refusal("OptInRequired", "The AWS Access Key Id needs a subscription", 403)
    aws.faults.add(Fault(kind="refuse", service="kms", error=error))

    with refused("OptInRequired", "subscription"):
        aws.client("kms").list_keys()


def test_a_fault_strikes_the_nth_call_that_fits_and_so_many_times(aws: AwsDouble, s3: Any) -> None:
    aws.faults.add(
        Fault(
            operation="PutObject",
            kind="503",
            nth=2,
            times=2,
            match=lambda call: call.key.endswith(".tfstate"),
        )
    )
    codes = []
    for key in ("a.tfstate", "a.tflock", "b.tfstate", "c.tfstate", "d.tfstate"):
        try:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
            codes.append("")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    assert codes == ["", "", "ServiceUnavailable", "ServiceUnavailable", ""]


def test_a_cut_answer_is_shorter_than_announced(aws: AwsDouble) -> None:
    kms = aws.client("kms", principal=OWNER)
    kms.create_key()
    aws.faults.add(Fault(operation="ListKeys", kind="truncate"))

    # botocore takes what is no whole JSON for an answer without members: a trap for the careless.
    assert "Keys" not in kms.list_keys()
    assert len(kms.list_keys()["Keys"]) == 1


def test_a_stale_read_answers_what_it_answered_before(aws: AwsDouble, s3: Any) -> None:
    assert not is_enabled(s3)
    enable(s3)
    aws.faults.add(Fault(operation="GetBucketVersioning", kind="stale"))

    assert not is_enabled(s3)
    assert is_enabled(s3)


def test_a_stale_read_can_be_an_absence(aws: AwsDouble) -> None:
    ssm = aws.client("ssm")
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name="/a")
    ssm.put_parameter(Name="/a", Value="b", Type="String")
    aws.faults.add(Fault(operation="GetParameter", kind="stale"))

    with refused("ParameterNotFound"):
        ssm.get_parameter(Name="/a")
    assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "b"


def test_a_delay_makes_clients_give_up(aws: AwsDouble) -> None:
    impatient = Config(read_timeout=0.2, retries={"max_attempts": 0})
    s3 = aws.client("s3", principal=OWNER, config=impatient)
    aws.faults.add(Fault(operation="PutBucketVersioning", kind="delay", seconds=0.5))

    with pytest.raises(ReadTimeoutError):
        enable(s3)

    time.sleep(0.5)
    assert is_enabled(s3)


def test_an_unknown_kind_of_fault_is_no_fault_at_all() -> None:
    with pytest.raises(ValueError, match="drop_before"):
        Fault(kind="explode")


def test_boto3_itself_repeats_what_may_be_repeated(aws: AwsDouble) -> None:
    patient = Config(retries={"max_attempts": 3, "mode": "standard"})
    kms = aws.client("kms", principal=OWNER, config=patient)
    aws.faults.add(Fault(operation="CreateKey", kind="drop_after"))

    kms.create_key()

    assert len(kms.list_keys()["Keys"]) == 2


def test_every_answer_says_how_long_it_is(aws: AwsDouble, s3: Any) -> None:
    lengths = []
    s3.meta.events.register(
        "after-call.s3",
        lambda parsed, **_: lengths.append(
            parsed["ResponseMetadata"]["HTTPHeaders"].get("content-length")
        ),
    )

    s3.put_object(Bucket=BUCKET, Key="k", Body=b"12345")
    s3.list_objects_v2(Bucket=BUCKET)
    s3.head_object(Bucket=BUCKET, Key="k")
    s3.get_object(Bucket=BUCKET, Key="k")["Body"].close()

    assert None not in lengths
    assert lengths[2:] == ["5", "5"]


def test_a_reset_leaves_an_empty_cloud_on_the_same_ports(aws: AwsDouble) -> None:
    url = aws.url
    aws.faults.add(Fault(kind="500"))

    aws.reset()

    assert (aws.url, aws.calls) == (url, [])
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.depth() == 1
    with refused("AccountNotFoundException"):
        aws.client("organizations").describe_account(AccountId=MEMBER)


def test_one_double_runs_at_a_time(aws: AwsDouble) -> None:
    with pytest.raises(RuntimeError, match="another"), AwsDouble():
        pass


def test_the_environment_is_all_that_a_process_needs(aws: AwsDouble) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"

    for tls in (False, True):
        environment = {"PATH": os.environ["PATH"], **aws.environment(tls=tls)}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "arn:aws:sts::111111111111:assumed-role/StateholdHub/session"
    assert aws.calls[-1].secure


def test_the_ca_is_gone_after_the_end() -> None:
    with AwsDouble() as double:
        bundle = Path(double.ca_bundle)
        assert bundle.read_text().startswith("-----BEGIN CERTIFICATE-----")

    assert not bundle.exists()


def test_it_runs_in_the_foreground_and_prints_its_environment() -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws_double", "--region", "eu-central-1"],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(8)]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)

    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert exported["AWS_REGION"] == "eu-central-1"
    assert exported["AWS_ENDPOINT_URL"].startswith("https://127.0.0.1:")
    assert process.returncode == 0
