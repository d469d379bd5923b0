"""
State buckets as others leave them, each built by the calls that its maker documents.

What is in use when we come is left in them as well: states, and versions of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.aws_double import AwsDouble
from tests.aws_double.bucket import Bucket

ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
STATE = "network/terraform.tfstate"
SSE = "s3:x-amz-server-side-encryption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What its maker leaves behind."""

    bucket: str
    properties: Mapping[str, str] = field(default_factory=dict)
    """What a request has to state about it, besides its name."""


@dataclass(frozen=True, slots=True)
class Site:
    """An account and Region with an administrator in it."""

    aws: AwsDouble
    account: str
    region: str

    def client(self, service: str) -> Any:
        administrator = f"arn:aws:iam::{self.account}:role/Administrator"
        return self.aws.client(service, principal=administrator, region=self.region, tls=True)

    def make_bucket(self, name: str, **parameters: Any) -> Bucket:
        place = (
            {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            if self.region != "us-east-1"
            else {}
        )
        self.client("s3").create_bucket(Bucket=name, **place, **parameters)
        return self.aws.world.buckets[name]

    def encrypt(self, bucket: str, algorithm: str, key: str = "", bucket_key: bool = False) -> None:
        default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
        self.client("s3").put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )

    def harden(self, bucket: str) -> None:
        s3 = self.client("s3")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_BLOCKED)

    def tag(self, bucket: str, **tags: str) -> None:
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs})

    def allow(self, bucket: str, *statements: Mapping[str, Any], **more: str) -> None:
        document = {"Version": "2012-10-17", **more, "Statement": list(statements)}
        self.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))

    def make_table(self, name: str, **parameters: Any) -> None:
        self.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **parameters,
        )

    def make_key(self, alias: str) -> str:
        """A key that the account's IAM policies govern, as KMS makes it by default."""
        kms = self.client("kms")
        arn = str(kms.create_key()["KeyMetadata"]["Arn"])
        kms.create_alias(AliasName=alias, TargetKeyId=arn)
        return arn


def seed_b(site: Site, bucket: str = "naxslabs-tf-state") -> Left:
    """The five commands of a team that makes its bucket and its table by hand."""
    site.make_bucket(bucket)
    s3 = site.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    site.encrypt(bucket, "AES256")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_BLOCKED)
    site.make_table(f"{bucket}-lock")
    return Left(bucket=bucket)


def seed_a(site: Site, bucket: str = "acme-tofu-state") -> Left:
    """A bucket under its own key, whose policy insists on that key in every request."""
    key = site.make_key("alias/acme-tofu-state")
    site.make_bucket(bucket)
    site.harden(bucket)
    site.encrypt(bucket, "aws:kms", key, bucket_key=True)
    site.allow(
        bucket,
        _deny(bucket, "DenyInsecureTransport", "s3:*", Bool={"aws:SecureTransport": "false"}),
        _deny(bucket, "DenyNonKmsUploads", "s3:PutObject", StringNotEquals={SSE: "aws:kms"}),
        _deny(
            bucket,
            "DenyWrongKmsKey",
            "s3:PutObject",
            StringNotEquals={f"{SSE}-aws-kms-key-id": key},
        ),
    )
    return Left(bucket=bucket, properties={"KmsKeyArn": key})


def terragrunt(site: Site, bucket: str = "acme-terragrunt-state") -> Left:
    """What ``terragrunt run --backend-bootstrap`` makes of a remote_state with a lock table."""
    site.make_bucket(bucket, ObjectOwnership="ObjectWriter")
    site.harden(bucket)
    site.encrypt(bucket, "aws:kms", bucket_key=True)
    site.tag(bucket, owner="platform team", name="Terraform state")
    site.allow(
        bucket,
        {
            "Sid": "RootAccess",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{site.account}:root"},
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        },
        _deny(bucket, "EnforcedTLS", "s3:*", Bool={"aws:SecureTransport": "false"}),
    )
    site.make_table("acme-locks")
    return Left(bucket=bucket, properties={"LockTableName": "acme-locks"})


def cloudposse(site: Site, bucket: str = "eg-prod-terraform-state") -> Left:
    """Cloud Posse's tfstate-backend module as its README applies it."""
    site.make_bucket(bucket, ObjectOwnership="BucketOwnerEnforced")
    site.harden(bucket)
    site.encrypt(bucket, "AES256")
    site.tag(
        bucket, Name=bucket, Namespace="eg", Stage="prod", Attributes="state", ManagedBy="Terraform"
    )
    site.allow(
        bucket,
        _deny(
            bucket,
            "DenyIncorrectEncryptionHeader",
            "s3:PutObject",
            StringNotEquals={SSE: ["AES256", "aws:kms"]},
        ),
        _deny(bucket, "DenyUnEncryptedObjectUploads", "s3:PutObject", Null={SSE: "true"}),
        _deny(bucket, "EnforceTlsRequestsOnly", "s3:*", Bool={"aws:SecureTransport": "false"}),
    )
    site.make_table(
        f"{bucket}-lock",
        SSESpecification={"Enabled": True},
        Tags=[{"Key": "Namespace", "Value": "eg"}],
    )
    return Left(bucket=bucket)


def cdk(site: Site, bucket: str = "") -> Left:
    """The bucket of a CDK bootstrap stack, with what CloudFormation adds to it."""
    bucket = bucket or f"cdk-hnb659fds-assets-{site.account}-{site.region}"
    key = site.make_key("alias/cdk-hnb659fds-assets-key")
    made = site.make_bucket(bucket)
    site.harden(bucket)
    site.encrypt(bucket, "aws:kms", key)
    site.client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket,
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "CleanupOldVersions",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                },
                {
                    "ID": "AbortIncompleteMultipartUploads",
                    "Status": "Enabled",
                    "Prefix": "",
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                },
            ]
        },
    )
    site.allow(
        bucket,
        _deny(bucket, "AllowSSLRequestsOnly", "s3:*", Bool={"aws:SecureTransport": "false"}),
        Id="AccessControl",
    )
    made.tags.update(  # which nobody but CloudFormation can set
        {
            "aws:cloudformation:stack-name": "CDKToolkit",
            "aws:cloudformation:stack-id": cdk_stack(site),
            "aws:cloudformation:logical-id": "StagingBucket",
        }
    )
    return Left(bucket=bucket, properties={"KmsKeyArn": key})


def cdk_stack(site: Site) -> str:
    start = f"arn:aws:cloudformation:{site.region}:{site.account}:stack"
    return f"{start}/CDKToolkit/0a1b2c3d-0000-11ee-8000-0a1b2c3d4e5f"


PEERS: dict[str, Callable[[Site], Left]] = {
    "seed-a": seed_a,
    "seed-b": seed_b,
    "terragrunt": terragrunt,
    "cloudposse": cloudposse,
    "cdk": cdk,
}


def _deny(bucket: str, sid: str, action: str, **condition: Any) -> dict[str, Any]:
    objects = f"arn:aws:s3:::{bucket}/*"
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{bucket}", objects] if action == "s3:*" else objects,
        "Condition": condition,
    }
