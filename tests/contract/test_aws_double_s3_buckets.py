"""Buckets in the double come, go and are reached as in S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.handlers import validate_bucket_name

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, answer, deny, policy, refused

MEMBER = "222222222222"
OTHER = "333333333333"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
REGION = "eu-central-1"
NAME = f"tfstate-{MEMBER}-{REGION}-an"


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        double.add_account(OTHER)
        yield double


@pytest.fixture
def s3(aws: AwsDouble) -> Any:
    return aws.client("s3", principal=OWNER, region=REGION)


def create(s3: Any, name: str = "some-bucket", region: str = REGION, **arguments: Any) -> Any:
    location = {} if region == "us-east-1" else {"LocationConstraint": region}
    location |= arguments.pop("CreateBucketConfiguration", {})
    if location:
        arguments["CreateBucketConfiguration"] = location
    return s3.create_bucket(Bucket=name, **arguments)


def test_a_new_bucket_has_the_defaults_of_today(s3: Any) -> None:
    create(s3)

    encryption = s3.get_bucket_encryption(Bucket="some-bucket")
    assert encryption["ServerSideEncryptionConfiguration"]["Rules"] == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
        }
    ]
    block = s3.get_public_access_block(Bucket="some-bucket")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    controls = s3.get_bucket_ownership_controls(Bucket="some-bucket")["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert answer(s3.get_bucket_versioning(Bucket="some-bucket")) == {}
    with refused("NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="some-bucket")
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="some-bucket")
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="some-bucket")


def test_a_bucket_is_created_with_its_tags_and_ownership(aws: AwsDouble, s3: Any) -> None:
    tags = [{"Key": "Team", "Value": "Platform"}]
    create(s3, ObjectOwnership="ObjectWriter", CreateBucketConfiguration={"Tags": tags})

    assert s3.get_bucket_tagging(Bucket="some-bucket")["TagSet"] == tags
    controls = s3.get_bucket_ownership_controls(Bucket="some-bucket")["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]
    control = aws.client("s3control", principal=OWNER, region=REGION)
    listed = control.list_tags_for_resource(
        AccountId=MEMBER, ResourceArn="arn:aws:s3:::some-bucket"
    )
    assert listed["Tags"] == tags


def test_creating_with_tags_or_ownership_takes_their_permissions_too(aws: AwsDouble) -> None:
    s3 = aws.client("s3", principal=OWNER, region=REGION, policy=policy(allow("s3:CreateBucket")))

    create(s3, "plain-bucket")
    with refused("AccessDenied", "s3:TagResource"):
        create(s3, CreateBucketConfiguration={"Tags": [{"Key": "a", "Value": "b"}]})
    with refused("AccessDenied", "s3:PutBucketOwnershipControls"):
        create(s3, ObjectOwnership="BucketOwnerEnforced")
    with refused("AccessDenied", "s3:PutBucketObjectLockConfiguration"):
        create(s3, ObjectLockEnabledForBucket=True)


# "--x-s3" is left out: botocore takes such a name for a directory bucket's.
@pytest.mark.parametrize(
    "name",
    [
        "Bad_Name",
        "ab",
        "a" * 64,
        "-begins-with-dash",
        "ends-with-dash-",
        "two..dots",
        "192.168.5.4",
        "xn--name",
        "sthree-name",
        "amzn-s3-demo-name",
        "name-s3alias",
        "name--ol-s3",
        "name.mrap",
        "name--table-s3",
        NAME,
    ],
)
def test_a_name_that_s3_does_not_take_is_refused(aws: AwsDouble, s3: Any, name: str) -> None:
    s3.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)

    with refused("InvalidBucketName"):
        create(s3, name)


def test_the_accounts_own_namespace_takes_names_of_its_form_only(s3: Any) -> None:
    created = create(s3, NAME, BucketNamespace="account-regional")

    assert created["BucketArn"] == f"arn:aws:s3:::{NAME}"
    for name in ("some-bucket", f"x-{OTHER}-{REGION}-an", f"x-{MEMBER}-eu-west-1-an"):
        with refused("InvalidNamespaceHeader"):
            create(s3, name, BucketNamespace="account-regional")


def test_the_namespace_is_a_condition_key(aws: AwsDouble) -> None:
    condition = {"StringNotEquals": {"s3:x-amz-bucket-namespace": "account-regional"}}
    only_own = policy(allow("s3:*"), deny("s3:CreateBucket", Condition=condition))
    s3 = aws.client("s3", principal=OWNER, region=REGION, policy=only_own)

    create(s3, NAME, BucketNamespace="account-regional")
    with refused("AccessDenied", "explicit deny in an identity-based policy"):
        create(s3)


def test_creating_a_bucket_again_echoes_in_us_east_1_and_is_refused_elsewhere(
    aws: AwsDouble, s3: Any
) -> None:
    virginia = aws.client("s3", principal=OWNER, region="us-east-1")
    own = f"x-{MEMBER}-us-east-1-an"

    create(virginia, "in-virginia", "us-east-1")
    create(virginia, "in-virginia", "us-east-1")
    create(virginia, own, "us-east-1", BucketNamespace="account-regional")
    with refused("BucketAlreadyOwnedByYou"):
        create(virginia, own, "us-east-1", BucketNamespace="account-regional")
    create(s3)
    with refused("BucketAlreadyOwnedByYou"):
        create(s3)


def test_a_name_that_another_account_has_is_taken(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    other = aws.client("s3", principal=f"arn:aws:iam::{OTHER}:root", region=REGION)

    with refused("BucketAlreadyExists"):
        create(other)
    with refused("403"):
        other.head_bucket(Bucket="some-bucket")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("eu-west-1", "IllegalLocationConstraintException"),
        ("us-east-1", "InvalidLocationConstraint"),
        (None, "IllegalLocationConstraintException"),
    ],
)
def test_the_body_must_name_the_region_of_the_endpoint(
    s3: Any, asked: str | None, code: str
) -> None:
    arguments = {"CreateBucketConfiguration": {"LocationConstraint": asked}} if asked else {}

    with refused(code):
        s3.create_bucket(Bucket="some-bucket", **arguments)


def test_a_head_tells_the_region_and_a_missing_bucket_is_404(s3: Any) -> None:
    create(s3)

    assert s3.head_bucket(Bucket="some-bucket")["BucketRegion"] == REGION
    with refused("404"):
        s3.head_bucket(Bucket="no-such-bucket")
    with refused("NoSuchBucket"):
        s3.get_bucket_versioning(Bucket="no-such-bucket")


@pytest.mark.parametrize("operation", ["head_bucket", "get_bucket_versioning"])
def test_a_refusal_has_s3s_ids_for_clients_to_show(s3: Any, operation: str) -> None:
    with pytest.raises(ClientError) as refusal:
        getattr(s3, operation)(Bucket="no-such-bucket")

    told = refusal.value.response["ResponseMetadata"]
    assert told["RequestId"]
    assert told["HostId"]


def test_a_client_of_another_region_is_sent_to_the_right_one(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    virginia = aws.client("s3", principal=OWNER, region="us-east-1")

    assert virginia.head_bucket(Bucket="some-bucket")["BucketRegion"] == REGION
    assert aws.calls[-2].error == "AuthorizationHeaderMalformed"
    assert answer(virginia.get_bucket_versioning(Bucket="some-bucket")) == {}


def test_the_endpoint_of_another_region_says_where_the_bucket_is(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    ireland = aws.client("s3", principal=OWNER, region="eu-west-1")

    assert ireland.head_bucket(Bucket="some-bucket")["BucketRegion"] == REGION
    assert (aws.calls[-2].status, aws.calls[-2].error) == (301, "PermanentRedirect")
    assert answer(ireland.get_bucket_versioning(Bucket="some-bucket")) == {}


OWNED: dict[str, dict[str, Any]] = {
    "head_bucket": {},
    "get_bucket_policy": {},
    "put_bucket_policy": {"Policy": "{}"},
    "get_bucket_tagging": {},
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "put_object": {"Key": "k", "Body": b""},
    "get_object": {"Key": "k"},
    "list_objects_v2": {},
    "delete_object": {"Key": "k"},
    "put_bucket_abac": {"AbacStatus": {"Status": "Enabled"}},
    "delete_bucket": {},
}


@pytest.mark.parametrize("operation", OWNED)
def test_every_operation_looks_at_the_expected_owner(s3: Any, operation: str) -> None:
    create(s3)
    call = getattr(s3, operation)

    with refused("403" if operation == "head_bucket" else "AccessDenied"):
        call(Bucket="some-bucket", ExpectedBucketOwner=OTHER, **OWNED[operation])


def test_another_account_gets_in_only_where_the_policy_and_its_own_iam_let_it(
    aws: AwsDouble, s3: Any
) -> None:
    create(s3)
    reader = f"arn:aws:iam::{OTHER}:role/Reader"
    other = aws.client("s3", principal=reader, region=REGION)
    powerless = aws.client("s3", principal=reader, region=REGION, policy=policy(allow("ssm:*")))
    with refused(
        "AccessDenied", "because no resource-based policy allows the s3:ListBucket action"
    ):
        other.list_objects_v2(Bucket="some-bucket")

    listing = allow(
        "s3:ListBucket", "arn:aws:s3:::some-bucket", Principal={"AWS": f"arn:aws:iam::{OTHER}:root"}
    )
    s3.put_bucket_policy(Bucket="some-bucket", Policy=policy(listing))

    other.list_objects_v2(Bucket="some-bucket")
    with refused("AccessDenied", "because no identity-based policy allows"):
        powerless.list_objects_v2(Bucket="some-bucket")
    with refused("AccessDenied"):
        other.get_bucket_versioning(Bucket="some-bucket")


def test_nobody_is_let_in_where_public_buckets_are_restricted(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    anonymous = aws.client("s3", principal="anonymous", region=REGION)
    with refused("AccessDenied"):
        anonymous.list_objects_v2(Bucket="some-bucket")

    s3.delete_public_access_block(Bucket="some-bucket")
    public = policy(allow("s3:ListBucket", "arn:aws:s3:::some-bucket", Principal="*"))
    s3.put_bucket_policy(Bucket="some-bucket", Policy=public)
    anonymous.list_objects_v2(Bucket="some-bucket")
    restricted = {"RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket="some-bucket", PublicAccessBlockConfiguration=restricted)

    with refused("AccessDenied"):
        anonymous.list_objects_v2(Bucket="some-bucket")
    s3.list_objects_v2(Bucket="some-bucket")


def test_a_bucket_is_deleted_only_when_no_version_is_left(s3: Any) -> None:
    create(s3)
    s3.put_bucket_versioning(Bucket="some-bucket", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="some-bucket", Key="k", Body=b"")["VersionId"]
    marker = s3.delete_object(Bucket="some-bucket", Key="k")["VersionId"]
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket="some-bucket")

    s3.delete_object(Bucket="some-bucket", Key="k", VersionId=version)
    s3.delete_object(Bucket="some-bucket", Key="k", VersionId=marker)
    s3.delete_bucket(Bucket="some-bucket")

    with refused("404"):
        s3.head_bucket(Bucket="some-bucket")


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_other_partitions_have_their_own_arns(region: str, partition: str) -> None:
    with AwsDouble(region=region) as aws:
        aws.add_account(MEMBER)
        role = f"arn:{partition}:iam::{MEMBER}:role/StateholdProvisioner"
        keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")
        assert keys["AssumedRoleUser"]["Arn"].startswith(f"arn:{partition}:sts::{MEMBER}")
        s3 = aws.client("s3", principal=role)
        create(s3, region=region)
        own = deny("s3:DeleteBucket", f"arn:{partition}:s3:::some-bucket", Principal="*")
        s3.put_bucket_policy(Bucket="some-bucket", Policy=policy(own))
        with refused("AccessDenied", f"arn:{partition}:s3:::some-bucket"):
            s3.delete_bucket(Bucket="some-bucket")
        key = aws.client("kms", principal=role).create_key()["KeyMetadata"]["Arn"]
        assert key.startswith(f"arn:{partition}:kms:{region}:{MEMBER}:key/")


def test_tags_change_through_s3_control_one_by_one(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    control = aws.client("s3control", principal=OWNER, region=REGION)
    bucket = {"AccountId": MEMBER, "ResourceArn": "arn:aws:s3:::some-bucket"}

    control.tag_resource(**bucket, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    control.tag_resource(**bucket, Tags=[{"Key": "b", "Value": "3"}])
    control.untag_resource(**bucket, TagKeys=["a"])

    tags = [{"Key": "b", "Value": "3"}]
    assert control.list_tags_for_resource(**bucket)["Tags"] == tags
    assert s3.get_bucket_tagging(Bucket="some-bucket")["TagSet"] == tags


def test_s3_control_is_judged_by_the_buckets_policy(aws: AwsDouble, s3: Any) -> None:
    create(s3)
    guarded = deny("s3:TagResource", "arn:aws:s3:::some-bucket", Principal="*")
    s3.put_bucket_policy(Bucket="some-bucket", Policy=policy(guarded))
    control = aws.client("s3control", principal=OWNER, region=REGION)
    bucket = {"AccountId": MEMBER, "ResourceArn": "arn:aws:s3:::some-bucket"}

    with refused("AccessDenied", "s3:TagResource", "explicit deny in a resource-based policy"):
        control.tag_resource(**bucket, Tags=[{"Key": "a", "Value": "1"}])
    assert control.list_tags_for_resource(**bucket)["Tags"] == []


def test_while_tags_decide_access_they_are_not_replaced(s3: Any) -> None:
    create(s3)
    s3.put_bucket_abac(Bucket="some-bucket", AbacStatus={"Status": "Enabled"})

    with refused("InvalidRequest"):
        s3.put_bucket_tagging(Bucket="some-bucket", Tagging={"TagSet": []})


def test_tags_of_aws_are_not_given_by_users(s3: Any) -> None:
    create(s3)

    with refused("InvalidTag"):
        tags = {"TagSet": [{"Key": "aws:cloudformation:stack-name", "Value": "mine"}]}
        s3.put_bucket_tagging(Bucket="some-bucket", Tagging=tags)
