"""Object Lock in the double: taken at any time, never given back, binding for new versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws_double import AwsDouble
from tests.aws_double.testing import refused

OWNER = "arn:aws:iam::222222222222:role/Owner"
BUCKET = "some-bucket"
RETENTION = {"Mode": "COMPLIANCE", "Days": 30}


@pytest.fixture
def s3() -> Iterator[Any]:
    with AwsDouble() as double:
        double.add_account("222222222222")
        client = double.client("s3", principal=OWNER)
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def versioned(s3: Any) -> Any:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def lock(s3: Any, **retention: Any) -> dict[str, Any]:
    rule = {"Rule": {"DefaultRetention": retention}} if retention else {}
    configuration = {"ObjectLockEnabled": "Enabled", **rule}
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=configuration)
    return configuration


def test_a_bucket_that_holds_objects_can_be_locked_too(versioned: Any) -> None:
    versioned.put_object(Bucket=BUCKET, Key="k", Body=b"")

    configuration = lock(versioned, **RETENTION)

    got = versioned.get_object_lock_configuration(Bucket=BUCKET)
    assert got["ObjectLockConfiguration"] == configuration


def test_a_bucket_without_versions_cannot(s3: Any) -> None:
    with refused("InvalidBucketState", "Versioning must be 'Enabled'"):
        lock(s3)
    with refused("ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=BUCKET)


def test_it_can_be_there_from_the_start(s3: Any) -> None:
    s3.create_bucket(Bucket="locked-bucket", ObjectLockEnabledForBucket=True)

    got = s3.get_object_lock_configuration(Bucket="locked-bucket")
    assert got["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


def test_versioning_cannot_be_suspended_any_more(versioned: Any) -> None:
    lock(versioned)

    with refused("InvalidBucketState", "versioning state cannot be changed"):
        versioned.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        )
    versioned.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert versioned.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_a_default_retention_keeps_new_versions_but_allows_a_delete_marker(versioned: Any) -> None:
    lock(versioned, **RETENTION)
    version = versioned.put_object(Bucket=BUCKET, Key="k", Body=b"")["VersionId"]

    with refused("AccessDenied"):
        versioned.delete_object(Bucket=BUCKET, Key="k", VersionId=version)

    assert versioned.delete_object(Bucket=BUCKET, Key="k")["DeleteMarker"]


def test_without_a_default_retention_versions_can_be_deleted(versioned: Any) -> None:
    lock(versioned, **RETENTION)
    lock(versioned)
    version = versioned.put_object(Bucket=BUCKET, Key="k", Body=b"")["VersionId"]

    versioned.delete_object(Bucket=BUCKET, Key="k", VersionId=version)

    assert "Versions" not in versioned.list_object_versions(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("retention", "code"),
    [
        ({"Mode": "COMPLIANCE"}, "MalformedXML"),
        ({"Mode": "COMPLIANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "FOREVER", "Days": 1}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Days": 1, "DefaultEventHold": {"Days": 1}}, "NotModelled"),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused(
    versioned: Any, retention: dict[str, Any], code: str
) -> None:
    with refused(code):
        lock(versioned, **retention)
    with refused("ObjectLockConfigurationNotFoundError"):
        versioned.get_object_lock_configuration(Bucket=BUCKET)


def test_a_lock_that_is_not_on_is_none(versioned: Any) -> None:
    with refused("MalformedXML"):
        versioned.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={})
