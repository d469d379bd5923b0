"""What is set on a bucket in the double is checked as S3 checks it and given back as it was put."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, answer, deny, policy, refused

MEMBER = "222222222222"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
KEY = f"arn:aws:kms:us-east-1:{MEMBER}:key/11111111-2222-3333-4444-555555555555"
BUCKET = "some-bucket"
ARN = f"arn:aws:s3:::{BUCKET}"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        yield double


@pytest.fixture
def s3(aws: AwsDouble) -> Any:
    client = aws.client("s3", principal=OWNER)
    client.create_bucket(Bucket=BUCKET)
    return client


def rule(**parts: Any) -> dict[str, Any]:
    return {"ID": "one", "Status": "Enabled", "Filter": {}, **parts}


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "lifecycle_configuration": (
        "LifecycleConfiguration",
        {
            "Rules": [
                rule(
                    NoncurrentVersionExpiration={
                        "NoncurrentDays": 365,
                        "NewerNoncurrentVersions": 100,
                    }
                ),
                rule(
                    ID="two",
                    Filter={"And": {"Prefix": "a/", "ObjectSizeGreaterThan": 5}},
                    Expiration={"ExpiredObjectDeleteMarker": True},
                    AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7},
                ),
                rule(ID="three", Filter={"Prefix": ""}, Expiration={"Days": 1}),
            ],
            "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K",
        },
    ),
    "notification_configuration": (
        "NotificationConfiguration",
        {
            "EventBridgeConfiguration": {},
            "QueueConfigurations": [
                {
                    "Id": "q",
                    "QueueArn": f"arn:aws:sqs:us-east-1:{MEMBER}:q",
                    "Events": ["s3:ObjectCreated:*"],
                }
            ],
        },
    ),
    "website": ("WebsiteConfiguration", {"IndexDocument": {"Suffix": "index.html"}}),
    "cors": (
        "CORSConfiguration",
        {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3}]},
    ),
    "accelerate_configuration": ("AccelerateConfiguration", {"Status": "Enabled"}),
    "request_payment": ("RequestPaymentConfiguration", {"Payer": "Requester"}),
}
WRAPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "bucket_encryption": (
        "ServerSideEncryptionConfiguration",
        {
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": KEY,
                    },
                    "BucketKeyEnabled": True,
                    "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
                }
            ]
        },
    ),
    "bucket_abac": ("AbacStatus", {"Status": "Enabled"}),
    "bucket_ownership_controls": (
        "OwnershipControls",
        {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_was_put_is_what_is_got(s3: Any, name: str) -> None:
    parameter, configuration = KEPT[name]
    put = dict(configuration)
    put.pop("TransitionDefaultMinimumObjectSize", None)

    getattr(s3, f"put_bucket_{name}")(Bucket=BUCKET, **{parameter: put})

    assert answer(getattr(s3, f"get_bucket_{name}")(Bucket=BUCKET)) == configuration


@pytest.mark.parametrize("name", WRAPPED)
def test_what_was_put_is_what_is_got_under_its_name(s3: Any, name: str) -> None:
    parameter, configuration = WRAPPED[name]

    getattr(s3, f"put_{name}")(Bucket=BUCKET, **{parameter: configuration})

    assert getattr(s3, f"get_{name}")(Bucket=BUCKET)[parameter] == configuration


MANY: dict[str, dict[str, Any]] = {
    "analytics": {"Id": "one", "StorageClassAnalysis": {}},
    "metrics": {"Id": "one", "Filter": {"Prefix": "a/"}},
    "intelligent_tiering": {
        "Id": "one",
        "Status": "Enabled",
        "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
    },
    "inventory": {
        "Id": "one",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": {"Bucket": ARN, "Format": "CSV"}},
    },
}


@pytest.mark.parametrize("name", MANY)
def test_configurations_with_an_id_are_kept_side_by_side(s3: Any, name: str) -> None:
    parameter = "".join(part.title() for part in name.split("_")) + "Configuration"
    put = getattr(s3, f"put_bucket_{name}_configuration")
    get = getattr(s3, f"get_bucket_{name}_configuration")

    for one in ("one", "two"):
        put(Bucket=BUCKET, Id=one, **{parameter: MANY[name] | {"Id": one}})
    getattr(s3, f"delete_bucket_{name}_configuration")(Bucket=BUCKET, Id="one")

    assert get(Bucket=BUCKET, Id="two")[parameter] == MANY[name] | {"Id": "two"}
    listed = getattr(s3, f"list_bucket_{name}_configurations")(Bucket=BUCKET)
    assert [entry["Id"] for entry in listed[f"{parameter}List"]] == ["two"]
    with refused("NoSuchConfiguration"):
        get(Bucket=BUCKET, Id="one")


def test_no_configuration_creates_a_bucket(s3: Any) -> None:
    with refused("NoSuchBucket"):
        s3.put_bucket_abac(Bucket="another-bucket", AbacStatus={"Status": "Enabled"})
    with refused("404"):
        s3.head_bucket(Bucket="another-bucket")


def test_versioning_can_be_suspended_but_not_taken_back(s3: Any) -> None:
    def put(status: str) -> None:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})

    put("Enabled")
    assert s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")["VersionId"] != "null"
    put("Suspended")
    assert answer(s3.get_bucket_versioning(Bucket=BUCKET)) == {"Status": "Suspended"}
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"2")
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 2


def test_a_deleted_encryption_is_the_default_of_s3_again(s3: Any) -> None:
    parameter, configuration = WRAPPED["bucket_encryption"]
    s3.put_bucket_encryption(Bucket=BUCKET, **{parameter: configuration})

    s3.delete_bucket_encryption(Bucket=BUCKET)

    rules = s3.get_bucket_encryption(Bucket=BUCKET)[parameter]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_a_switch_of_public_access_that_is_not_named_is_off(s3: Any) -> None:
    s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )

    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert block == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }


@pytest.mark.parametrize(
    ("default", "code"),
    [
        ({"SSEAlgorithm": "rot13"}, "MalformedXML"),
        ({"SSEAlgorithm": "AES256", "KMSMasterKeyID": KEY}, "InvalidArgument"),
    ],
)
def test_a_default_encryption_that_makes_no_sense_is_refused(
    s3: Any, default: dict[str, str], code: str
) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": default}]

    with refused(code):
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})


TAG = {"Tag": {"Key": "a", "Value": "b"}}
NONCURRENT = {"NoncurrentDays": 90, "NewerNoncurrentVersions": 100}
BAD_RULES: list[tuple[list[dict[str, Any]], str]] = [
    ([], "MalformedXML"),
    ([rule()], "InvalidRequest"),
    ([rule(Expiration={"Days": 1}), rule(Expiration={"Days": 2})], "InvalidArgument"),
    ([rule(Status="On", Expiration={"Days": 1})], "MalformedXML"),
    ([rule(Expiration={"Days": 0})], "InvalidArgument"),
    ([rule(Expiration={})], "MalformedXML"),
    ([rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})], "MalformedXML"),
    ([rule(Filter=TAG, Expiration={"ExpiredObjectDeleteMarker": True})], "InvalidRequest"),
    ([rule(NoncurrentVersionExpiration={"NoncurrentDays": 0})], "InvalidArgument"),
    ([rule(NoncurrentVersionExpiration={"NewerNoncurrentVersions": 5})], "MalformedXML"),
    (
        [rule(NoncurrentVersionExpiration=NONCURRENT | {"NewerNoncurrentVersions": 101})],
        "InvalidArgument",
    ),
    (
        [rule(NoncurrentVersionExpiration=NONCURRENT | {"NewerNoncurrentVersions": 0})],
        "InvalidArgument",
    ),
    (
        [
            {
                "ID": "old",
                "Status": "Enabled",
                "Prefix": "",
                "NoncurrentVersionExpiration": NONCURRENT,
            }
        ],
        "InvalidRequest",
    ),
    ([{"ID": "none", "Status": "Enabled", "Expiration": {"Days": 1}}], "MalformedXML"),
    (
        [rule(Filter=TAG, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7})],
        "InvalidRequest",
    ),
    ([rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})], "InvalidArgument"),
]


@pytest.mark.parametrize(("rules", "code"), BAD_RULES)
def test_a_lifecycle_that_s3_would_not_take_is_refused(
    s3: Any, rules: list[dict[str, Any]], code: str
) -> None:
    with refused(code):
        s3.put_bucket_lifecycle_configuration(
            Bucket=BUCKET, LifecycleConfiguration={"Rules": rules}
        )
    with refused("NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)


def test_a_lifecycle_rule_without_an_id_gets_one(s3: Any) -> None:
    rules = [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}]

    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})

    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"][0]["ID"]


class TestLogging:
    @pytest.fixture
    def target(self, s3: Any) -> str:
        s3.create_bucket(Bucket="log-bucket")
        delivery = {"Service": "logging.s3.amazonaws.com"}
        condition = {
            "ArnLike": {"aws:SourceArn": ARN},
            "StringEquals": {"aws:SourceAccount": MEMBER},
        }
        writing = allow(
            "s3:PutObject", "arn:aws:s3:::log-bucket/*", Principal=delivery, Condition=condition
        )
        elsewhere = {"aws:PrincipalArn": "arn:aws:iam::*:role/Nobody"}
        other = deny(
            "s3:DeleteBucket",
            "arn:aws:s3:::log-bucket",
            Principal="*",
            Condition={"ArnLike": elsewhere},
        )
        s3.put_bucket_policy(Bucket="log-bucket", Policy=policy(writing, other))
        return "log-bucket"

    def put(self, s3: Any, target: str) -> dict[str, Any]:
        enabled = {
            "TargetBucket": target,
            "TargetPrefix": f"{BUCKET}/",
            "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
        }
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={"LoggingEnabled": enabled})
        return enabled

    def test_is_kept_with_its_key_format(self, s3: Any, target: str) -> None:
        enabled = self.put(s3, target)

        assert s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"] == enabled
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
        assert answer(s3.get_bucket_logging(Bucket=BUCKET)) == {}

    def test_needs_a_target_that_is_there(self, s3: Any) -> None:
        with refused("InvalidTargetBucketForLogging"):
            self.put(s3, "no-such-bucket")

    def test_needs_a_target_that_lets_s3_write(self, s3: Any, target: str) -> None:
        s3.delete_bucket_policy(Bucket=target)

        with refused("InvalidTargetBucketForLogging", "necessary permissions"):
            self.put(s3, target)

    def test_needs_a_target_of_the_same_region(self, aws: AwsDouble, s3: Any) -> None:
        ireland = aws.client("s3", principal=OWNER, region="eu-west-1")
        ireland.create_bucket(
            Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

        with refused("InvalidTargetBucketForLogging", "location"):
            self.put(s3, "far-away")

    def test_needs_a_target_of_the_same_account(self, aws: AwsDouble, s3: Any) -> None:
        aws.client("s3").create_bucket(Bucket="of-the-hub")

        with refused("InvalidTargetBucketForLogging", "owner"):
            self.put(s3, "of-the-hub")

    def test_needs_a_target_without_kms(self, s3: Any, target: str) -> None:
        parameter, configuration = WRAPPED["bucket_encryption"]
        s3.put_bucket_encryption(Bucket=target, **{parameter: configuration})

        with refused("InvalidTargetBucketForLogging", "SSE-KMS"):
            self.put(s3, target)


def test_replication_needs_versioning_and_is_kept(s3: Any) -> None:
    replication = {
        "Role": f"arn:aws:iam::{MEMBER}:role/Replication",
        "Rules": [
            {
                "ID": "one",
                "Priority": 1,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Enabled"},
                "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
                "Destination": {"Bucket": "arn:aws:s3:::elsewhere"},
            }
        ],
    }
    with refused("InvalidRequest"):
        s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=replication)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=replication)

    got = s3.get_bucket_replication(Bucket=BUCKET)["ReplicationConfiguration"]
    assert got == replication


def test_acls_are_off_where_the_bucket_owner_owns_all(s3: Any) -> None:
    with refused("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=BUCKET, ACL="private")
    with refused("AccessControlListNotSupported"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="bucket-owner-full-control")
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls)

    s3.put_bucket_acl(Bucket=BUCKET, ACL="private")


def test_acls_that_name_others_keep_the_bucket_owner_from_owning_all(s3: Any) -> None:
    def own(ownership: str) -> None:
        controls = {"Rules": [{"ObjectOwnership": ownership}]}
        s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls)

    own("ObjectWriter")
    s3.put_bucket_acl(Bucket=BUCKET, GrantRead=f'id="{"0" * 64}"')

    with refused("InvalidBucketAclWithObjectOwnership"):
        own("BucketOwnerEnforced")
    s3.put_bucket_acl(Bucket=BUCKET, ACL="private")
    own("BucketOwnerEnforced")
