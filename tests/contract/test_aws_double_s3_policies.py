"""Bucket policies in the double are taken, refused and enforced as by S3."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, deny, policy, refused

MEMBER = "222222222222"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
BREAK_GLASS = f"arn:aws:iam::{MEMBER}:role/BreakGlass"
BUCKET = "some-bucket"
ARN = f"arn:aws:s3:::{BUCKET}"
OBJECTS = f"{ARN}/*"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        double.client("s3", principal=OWNER).create_bucket(Bucket=BUCKET)
        yield double


@pytest.fixture
def s3(aws: AwsDouble) -> Any:
    return aws.client("s3", principal=OWNER, tls=True)


def put(s3: Any, *statements: dict[str, Any]) -> None:
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(*statements))


def everybody(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Principal": "*", **statement}


MALFORMED = {
    "no JSON": "{",
    "no object": "[]",
    "no statement": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "a version of another kind": json.dumps(
        {"Version": "2013-01-01", "Statement": [everybody(deny("s3:GetObject", OBJECTS))]}
    ),
    "an unknown element": policy(everybody(deny("s3:GetObject", OBJECTS, Ressource="*"))),
    "no principal": policy(deny("s3:GetObject", OBJECTS)),
    "a principal that is no ARN": policy(deny("s3:GetObject", OBJECTS, Principal={"AWS": "me"})),
    "a principal with a wildcard": policy(
        deny("s3:GetObject", OBJECTS, Principal={"AWS": f"arn:aws:iam::{MEMBER}:role/*"})
    ),
    "a role that is not there": policy(
        deny("s3:GetObject", OBJECTS, Principal={"AWS": f"arn:aws:iam::{MEMBER}:role/Gone"})
    ),
    "another effect": policy(everybody(allow("s3:GetObject", OBJECTS) | {"Effect": "allow"})),
    "an unknown action": policy(everybody(deny("s3:GetObjekt", OBJECTS))),
    "an action's API name": policy(everybody(deny("s3:PutBucketEncryption", ARN))),
    "another service's action": policy(everybody(deny("kms:Decrypt", OBJECTS))),
    "another bucket": policy(everybody(deny("s3:GetObject", "arn:aws:s3:::another/*"))),
    "any bucket": policy(everybody(deny("s3:GetObject", "*"))),
    "objects for an action on buckets": policy(everybody(deny("s3:ListBucket", OBJECTS))),
    "a bucket for an action on objects": policy(everybody(deny("s3:GetObject", ARN))),
    "an unknown operator": policy(
        everybody(deny("s3:GetObject", OBJECTS, Condition={"StringNotEqual": {"s3:prefix": "a"}}))
    ),
    "a condition that the action cannot have": policy(
        everybody(
            deny(
                ["s3:GetObject", "s3:PutObject"],
                OBJECTS,
                Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}},
            )
        )
    ),
    "the same Sid twice": policy(
        everybody(deny("s3:GetObject", OBJECTS, Sid="One")),
        everybody(deny("s3:PutObject", OBJECTS, Sid="One")),
    ),
    "more than 20 KB": policy(everybody(deny("s3:GetObject", OBJECTS, Sid="A" * 20_481))),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_policy_with_a_mistake_is_refused(s3: Any, what: str) -> None:
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=MALFORMED[what])
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=BUCKET)


def test_a_policy_is_given_back_as_text(s3: Any) -> None:
    text = policy(everybody(deny("s3:DeleteBucket", ARN)))

    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)

    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == text
    status = s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]
    assert status == {"IsPublic": False}


def test_a_public_policy_is_refused_while_public_policies_are_blocked(s3: Any) -> None:
    reading = everybody(allow("s3:GetObject", OBJECTS))
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}

    with refused("AccessDenied", "BlockPublicPolicy"):
        put(s3, reading)
    put(s3, reading | {"Condition": condition})
    s3.delete_public_access_block(Bucket=BUCKET)
    put(s3, reading)
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"]


def test_a_policy_that_locks_out_its_author_must_be_confirmed(s3: Any) -> None:
    locking = policy(everybody(deny("s3:PutBucketPolicy", ARN)))

    with refused("InvalidRequest"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=locking)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=locking, ConfirmRemoveSelfBucketAccess=True)

    with refused("AccessDenied", "explicit deny in a resource-based policy"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=locking)


def test_the_root_of_the_owner_always_gets_the_policy_back(aws: AwsDouble, s3: Any) -> None:
    locking = policy(everybody(deny("s3:*", [ARN, OBJECTS])))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=locking, ConfirmRemoveSelfBucketAccess=True)
    root = aws.client("s3", principal=f"arn:aws:iam::{MEMBER}:root")
    other_root = aws.client("s3", principal="arn:aws:iam::111111111111:root")

    with refused("AccessDenied"):
        other_root.get_bucket_policy(Bucket=BUCKET)
    with refused("AccessDenied"):
        root.get_bucket_tagging(Bucket=BUCKET)
    assert root.get_bucket_policy(Bucket=BUCKET)["Policy"] == locking
    root.put_bucket_policy(Bucket=BUCKET, Policy=locking)
    root.delete_bucket_policy(Bucket=BUCKET)

    s3.list_objects_v2(Bucket=BUCKET)


def test_a_policy_is_no_business_of_other_accounts_even_where_it_allows_them(
    aws: AwsDouble, s3: Any
) -> None:
    stranger = "arn:aws:iam::111111111111:role/Stranger"
    put(s3, allow("s3:GetBucketPolicy", ARN, Principal={"AWS": "arn:aws:iam::111111111111:root"}))

    with refused("MethodNotAllowed"):
        aws.client("s3", principal=stranger).get_bucket_policy(Bucket=BUCKET)
    with refused("AccessDenied"):
        aws.client("s3", principal=stranger).delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("key", "value", "public"),
    [
        ("aws:PrincipalOrgID", "o-1", False),
        ("aws:SourceAccount", MEMBER, False),
        ("aws:PrincipalOrgID", "o-*", True),
        ("aws:SourceArn", "${aws:PrincipalArn}", True),
        ("aws:SecureTransport", "true", True),
    ],
)
def test_only_a_fixed_value_of_certain_keys_makes_an_allow_to_all_non_public(
    s3: Any, key: str, value: str, public: bool
) -> None:
    s3.delete_public_access_block(Bucket=BUCKET)
    condition = {"StringLike" if public else "StringEquals": {key: value}}

    put(s3, everybody(allow("s3:GetObject", OBJECTS, Condition=condition)))

    status = s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]
    assert status == {"IsPublic": public}


def test_a_refusal_is_in_awss_words(s3: Any) -> None:
    put(s3, everybody(deny("s3:PutObject", OBJECTS)))

    with refused(
        "AccessDenied",
        f"User: arn:aws:sts::{MEMBER}:assumed-role/Owner/session is not authorized to perform: "
        f's3:PutObject on resource: "{ARN}/a/b" with an explicit deny in a resource-based policy',
    ):
        s3.put_object(Bucket=BUCKET, Key="a/b", Body=b"")


def test_nobody_but_the_exempt_may_delete(aws: AwsDouble, s3: Any) -> None:
    exempt = {"ArnNotLike": {"aws:PrincipalArn": [BREAK_GLASS]}}
    put(s3, everybody(deny("s3:DeleteBucket", ARN, Condition=exempt)))

    for principal in (OWNER, f"arn:aws:iam::{MEMBER}:user/Ann", f"arn:aws:iam::{MEMBER}:root"):
        with refused("AccessDenied"):
            aws.client("s3", principal=principal).delete_bucket(Bucket=BUCKET)
    aws.client("s3", principal=BREAK_GLASS).delete_bucket(Bucket=BUCKET)


def test_plain_http_is_seen_by_the_policy(aws: AwsDouble, s3: Any) -> None:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    put(s3, everybody(deny("s3:*", [ARN, OBJECTS], Condition=insecure)))

    s3.list_objects_v2(Bucket=BUCKET)
    with refused("AccessDenied"):
        aws.client("s3", principal=OWNER).list_objects_v2(Bucket=BUCKET)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "status"),
    [(ssl.TLSVersion.TLSv1_1, 403), (ssl.TLSVersion.TLSv1_2, 200), (ssl.TLSVersion.TLSv1_3, 200)],
)
def test_the_tls_version_is_seen_by_the_policy(
    aws: AwsDouble, s3: Any, version: ssl.TLSVersion, status: int
) -> None:
    old = {
        "NumericLessThan": {"s3:TlsVersion": "1.2"},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    put(s3, everybody(deny("s3:*", [ARN, OBJECTS], Condition=old)))
    context = ssl.create_default_context(cafile=aws.ca_bundle)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": BUCKET})

    with urllib3.PoolManager(ssl_context=context) as pool:
        response = pool.request("GET", url, retries=False)

    assert response.status == status


def test_a_policy_that_the_double_cannot_judge_is_no_pass(s3: Any) -> None:
    night = {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    put(s3, everybody(deny("s3:GetObject", OBJECTS, Condition=night)))

    with refused("NotModelled", "aws:CurrentTime"):
        s3.get_object(Bucket=BUCKET, Key="k")


def test_a_read_of_what_is_not_there_is_refused_to_who_may_not_list(
    aws: AwsDouble, s3: Any
) -> None:
    reader = aws.client("s3", principal=OWNER, policy=policy(allow("s3:GetObject")))

    with refused("AccessDenied"):
        reader.get_object(Bucket=BUCKET, Key="missing")
    with refused("403"):
        reader.head_object(Bucket=BUCKET, Key="missing")
    with refused("NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key="missing")


ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "head_bucket": ("ListBucket", {}),
    "list_objects_v2": ("ListBucket", {}),
    "list_object_versions": ("ListBucketVersions", {}),
    "list_multipart_uploads": ("ListBucketMultipartUploads", {}),
    "get_bucket_encryption": ("GetEncryptionConfiguration", {}),
    "delete_bucket_encryption": ("PutEncryptionConfiguration", {}),
    "get_public_access_block": ("GetBucketPublicAccessBlock", {}),
    "delete_public_access_block": ("PutBucketPublicAccessBlock", {}),
    "get_bucket_lifecycle_configuration": ("GetLifecycleConfiguration", {}),
    "delete_bucket_lifecycle": ("PutLifecycleConfiguration", {}),
    "delete_bucket_ownership_controls": ("PutBucketOwnershipControls", {}),
    "delete_bucket_replication": ("PutReplicationConfiguration", {}),
    "delete_bucket_tagging": ("PutBucketTagging", {}),
    "delete_bucket_website": ("DeleteBucketWebsite", {}),
    "delete_bucket_cors": ("PutBucketCORS", {}),
    "get_bucket_notification_configuration": ("GetBucketNotification", {}),
    "get_object_lock_configuration": ("GetBucketObjectLockConfiguration", {}),
    "get_bucket_accelerate_configuration": ("GetAccelerateConfiguration", {}),
    "get_object": ("GetObject", {"Key": "k"}),
    "head_object": ("GetObject", {"Key": "k"}),
    "delete_object": ("DeleteObject", {"Key": "k"}),
    "create_multipart_upload": ("PutObject", {"Key": "k"}),
    "put_object_tagging": ("PutObjectTagging", {"Key": "k", "Tagging": {"TagSet": []}}),
    "get_object_acl": ("GetObjectAcl", {"Key": "k"}),
}


@pytest.mark.parametrize("operation", ACTIONS)
def test_an_operation_needs_its_action(aws: AwsDouble, operation: str) -> None:
    action, arguments = ACTIONS[operation]
    everything_else = policy(allow("*"), deny(f"s3:{action}"))
    s3 = aws.client("s3", principal=OWNER, policy=everything_else)

    with refused("403" if operation.startswith("head") else "AccessDenied"):
        getattr(s3, operation)(Bucket=BUCKET, **arguments)
    assert aws.calls[-1].error == "AccessDenied"


def test_a_version_has_actions_of_its_own(aws: AwsDouble, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key="k", Body=b"")["VersionId"]
    guarded = policy(allow("*"), deny(["s3:DeleteObjectVersion", "s3:GetObjectVersion"]))
    guest = aws.client("s3", principal=OWNER, policy=guarded)

    guest.get_object(Bucket=BUCKET, Key="k")
    with refused("AccessDenied", "s3:GetObjectVersion"):
        guest.get_object(Bucket=BUCKET, Key="k", VersionId=version)
    with refused("AccessDenied", "s3:DeleteObjectVersion"):
        guest.delete_object(Bucket=BUCKET, Key="k", VersionId=version)
    assert guest.delete_object(Bucket=BUCKET, Key="k")["DeleteMarker"]


def test_of_many_objects_only_the_allowed_are_deleted(aws: AwsDouble, s3: Any) -> None:
    for key in ("a.tflock", "a.tfstate"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    put(
        s3,
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "Resource": f"{ARN}/*.tfstate",
        },
    )

    keys = [{"Key": "a.tflock"}, {"Key": "a.tfstate"}]
    result = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})

    assert [entry["Key"] for entry in result["Deleted"]] == ["a.tflock"]
    assert [(entry["Key"], entry["Code"]) for entry in result["Errors"]] == [
        ("a.tfstate", "AccessDenied")
    ]


def test_the_prefix_of_a_listing_is_a_condition_key_only_if_it_is_given(
    aws: AwsDouble, s3: Any
) -> None:
    s3.put_object(Bucket=BUCKET, Key="env:/dev/k", Body=b"")
    condition = {"StringLike": {"s3:prefix": "env:/*"}}
    lister = aws.client(
        "s3", principal=OWNER, policy=policy(allow("s3:ListBucket", ARN, Condition=condition))
    )

    assert lister.list_objects_v2(Bucket=BUCKET, Prefix="env:/")["KeyCount"] == 1
    with refused("AccessDenied"):
        lister.list_objects_v2(Bucket=BUCKET)


def test_a_service_comes_with_its_source_and_needs_no_iam(aws: AwsDouble, s3: Any) -> None:
    service = "logging.s3.amazonaws.com"
    condition = {"StringEquals": {"aws:SourceAccount": MEMBER}}
    put(
        s3,
        allow("s3:PutObject", f"{ARN}/logs/*", Principal={"Service": service}, Condition=condition),
    )

    def delivering_for(account: str) -> Any:
        return aws.client("s3", principal=service, source={"aws:SourceAccount": account})

    delivering_for(MEMBER).put_object(Bucket=BUCKET, Key="logs/1", Body=b"")
    with refused("AccessDenied"):
        delivering_for(MEMBER).put_object(Bucket=BUCKET, Key="other", Body=b"")
    with refused("AccessDenied"):
        delivering_for("111111111111").put_object(Bucket=BUCKET, Key="logs/2", Body=b"")
