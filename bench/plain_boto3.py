"""
The same backend by a plain script, as a careful engineer would write it: look first, one step after
another, every setting stated.

``python bench/plain_boto3.py END_STATE.json``. It knows nothing of lost answers, of clients that a
bucket has already, of twin runs, or of what others changed meanwhile, and reads nothing back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError


def main(wanted: Any) -> None:
    session = boto3.Session()
    kms, s3, ssm = (session.client(name) for name in ("kms", "s3", "ssm"))
    account = session.client("sts").get_caller_identity()["Account"]
    if account != wanted["account"]:
        sys.exit(f"these are credentials of account {account}, not of {wanted['account']}")
    key = _key(kms, wanted)
    _bucket(s3, wanted)
    _settings(s3, wanted, key)
    for name, text in wanted["parameters"].items():
        ssm.put_parameter(
            Name=name, Value=text.replace("KEY_ARN", key), Type="String", Overwrite=True
        )


def _key(kms: Any, wanted: Any) -> str:
    try:
        return str(kms.describe_key(KeyId="alias/statehold")["KeyMetadata"]["Arn"])
    except kms.exceptions.NotFoundException:
        pass
    tags = [{"TagKey": name, "TagValue": value} for name, value in wanted["tags"].items()]
    key = str(kms.create_key(Policy=wanted["key_policy"], Tags=tags)["KeyMetadata"]["Arn"])
    kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)
    kms.enable_key_rotation(KeyId=key)
    return key


def _bucket(s3: Any, wanted: Any) -> None:
    try:
        s3.head_bucket(Bucket=wanted["bucket"], ExpectedBucketOwner=wanted["account"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        s3.create_bucket(
            Bucket=wanted["bucket"],
            BucketNamespace="account-regional",
            ObjectOwnership="BucketOwnerEnforced",
        )


def _settings(s3: Any, wanted: Any, key: str) -> None:
    bucket = {"Bucket": wanted["bucket"], "ExpectedBucketOwner": wanted["account"]}
    s3.put_public_access_block(
        **bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    tags = [{"Key": name, "Value": value} for name, value in wanted["tags"].items()]
    s3.put_bucket_tagging(**bucket, Tagging={"TagSet": tags})
    s3.put_bucket_lifecycle_configuration(
        **bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "leftovers",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "Expiration": {"ExpiredObjectDeleteMarker": True},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                },
                {
                    "ID": "versions",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {
                        "NoncurrentDays": 365,
                        "NewerNoncurrentVersions": 100,
                    },
                },
            ]
        },
    )
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": True,
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(**bucket, Policy=wanted["bucket_policy"].replace("KEY_ARN", key))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
