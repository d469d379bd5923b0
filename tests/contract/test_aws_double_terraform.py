"""A real Terraform finds in the double the S3 backend that it would find in AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.aws_double import AwsDouble

ACCOUNT = "222222222222"
REGION = "eu-central-1"
BUCKET = f"tfstate-{ACCOUNT}-{REGION}-an"
DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/Deployer"

pytestmark = pytest.mark.skipif(
    not shutil.which("terraform"),
    reason="terraform is not on PATH -> install Terraform 1.11 or newer",
)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(ACCOUNT)
        yield double


@pytest.fixture(scope="module")
def key(aws: AwsDouble) -> str:
    """A hardened bucket's key, whose only users are those who come through S3."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "NotAction": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": f"s3.{REGION}.amazonaws.com",
                        "kms:CallerAccount": ACCOUNT,
                    }
                },
            },
        ],
    }
    owner = f"arn:aws:iam::{ACCOUNT}:role/Owner"
    kms = aws.client("kms", principal=owner, region=REGION, tls=True)
    arn = str(kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"])
    s3 = aws.client("s3", principal=owner, region=REGION, tls=True)
    s3.create_bucket(
        Bucket=BUCKET,
        BucketNamespace="account-regional",
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy(arn)))
    return arn


def bucket_policy(key: str) -> dict[str, object]:
    """Refuses old or no TLS, other algorithms, other keys, and the end of anything but locks."""
    everything = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    sse = "s3:x-amz-server-side-encryption"
    key_id = f"{sse}-aws-kms-key-id"

    def deny(actions: str | list[str], resources: object, **conditions: object) -> object:
        return {
            "Effect": "Deny",
            "Principal": "*",
            "Action": actions,
            "Resource": resources,
            "Condition": conditions,
        }

    objects = f"arn:aws:s3:::{BUCKET}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            deny("s3:*", everything, Bool={"aws:SecureTransport": "false"}),
            deny(
                "s3:*",
                everything,
                NumericLessThan={"s3:TlsVersion": "1.2"},
                Bool={"aws:PrincipalIsAWSService": "false"},
            ),
            deny("s3:PutObject", objects, Null={sse: "false"}, StringNotEquals={sse: "aws:kms"}),
            deny("s3:PutObject", objects, StringEquals={sse: "aws:kms"}, Null={key_id: "true"}),
            deny("s3:PutObject", objects, Null={key_id: "false"}, StringNotEquals={key_id: key}),
            deny("s3:PutObject", objects, Null={f"{sse}-customer-algorithm": "false"}),
            deny(
                ["s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:PutEncryptionConfiguration"],
                everything,
                ArnNotLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/Owner"},
            ),
        ],
    }


class Project:
    """A Terraform configuration whose only resource needs no provider."""

    def __init__(self, folder: Path, aws: AwsDouble, backend: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            **aws.environment(tls=True, principal=DEPLOYER),
            "AWS_REGION": REGION,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        self.environment.pop("TF_CLI_CONFIG_FILE", None)
        folder.joinpath("main.tf").write_text(
            dedent(
                f"""
                terraform {{
                  backend "s3" {{
                    bucket           = "{BUCKET}"
                    region           = "{REGION}"
                    key              = "{folder.name}/terraform.tfstate"
                    use_lockfile     = true
                    use_path_style   = true
                    custom_ca_bundle = "{aws.ca_bundle}"
                    {backend}
                  }}
                }}
                variable "blob" {{ default = "x" }}
                variable "pause" {{ default = "0" }}
                resource "terraform_data" "one" {{
                  input = var.blob
                  provisioner "local-exec" {{ command = "sleep ${{var.pause}}" }}
                }}
                """
            )
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


@pytest.fixture
def project(tmp_path: Path, aws: AwsDouble, key: str) -> Project:
    return Project(tmp_path, aws, f'encrypt = true\nkms_key_id = "{key}"')


def test_terraform_works_on_a_hardened_backend(aws: AwsDouble, key: str, project: Project) -> None:
    since = len(aws.calls)

    for arguments in (["init"], ["plan"], ["apply", "-auto-approve"], ["destroy", "-auto-approve"]):
        code, output = project.run(*arguments)
        assert code == 0, output

    calls = aws.calls[since:]
    states = [c for c in calls if c.operation == "PutObject" and c.key.endswith(".tfstate")]
    assert [call.status for call in states] == [200, 200]
    assert {c.error for c in calls} - {""} <= {"404"}, "only the state that is not there yet"
    s3 = aws.client("s3", principal=DEPLOYER, region=REGION, tls=True)
    assert s3.head_object(Bucket=BUCKET, Key=states[0].key)["SSEKMSKeyId"] == key


def test_a_state_of_several_parts_is_stored_under_the_key(
    aws: AwsDouble, key: str, project: Project
) -> None:
    project.folder.joinpath("terraform.tfvars.json").write_text(
        json.dumps({"blob": "y" * 6_000_000})
    )

    assert project.run("init")[0] == 0
    code, output = project.run("apply", "-auto-approve")

    assert code == 0, output
    name = f"{project.folder.name}/terraform.tfstate"
    s3 = aws.client("s3", principal=DEPLOYER, region=REGION, tls=True)
    stored = s3.get_object(Bucket=BUCKET, Key=name)
    assert stored["SSEKMSKeyId"] == key
    assert len(stored["Body"].read()) > 12_000_000
    assert "UploadPart" in {call.operation for call in aws.calls if call.key == name}


def test_a_second_writer_is_refused_while_the_first_holds_the_lock(
    aws: AwsDouble, project: Project
) -> None:
    assert project.run("init")[0] == 0
    first = project.start("apply", "-auto-approve", "-var", "pause=8")
    lock = f"{project.folder.name}/terraform.tfstate.tflock"
    _wait_for(lambda: any(c.key == lock and c.operation == "PutObject" for c in aws.calls))

    code, output = project.run("plan")

    assert code == 1
    assert "Error acquiring the state lock" in output
    assert "StatusCode: 412" in output
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_encryption_without_a_key_is_refused_in_awss_words(
    tmp_path: Path, aws: AwsDouble, key: str
) -> None:
    project = Project(tmp_path, aws, "encrypt = true")
    assert project.run("init")[0] == 0

    code, output = project.run("plan")

    assert code == 1
    words = " ".join(output.replace("│", " ").split())
    assert "is not authorized to perform: s3:PutObject on resource" in words
    assert "with an explicit deny in a resource-based policy" in words


def test_a_wrong_key_is_refused(tmp_path: Path, aws: AwsDouble, key: str) -> None:
    kms = aws.client("kms", principal=DEPLOYER, region=REGION, tls=True)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    project = Project(tmp_path, aws, f'encrypt = true\nkms_key_id = "{other}"')
    assert project.run("init")[0] == 0

    code, output = project.run("plan")

    assert code == 1
    assert "AccessDenied" in output


def _wait_for(condition: object) -> None:
    assert callable(condition)
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
