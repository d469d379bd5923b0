"""S3 Metadata in the double: one configuration for a bucket, of the older or the newer kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, deny, policy, refused

MEMBER = "222222222222"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
BUCKET = "some-bucket"
NEVER = {"RecordExpiration": {"Expiration": "DISABLED"}}
JOURNAL = {"JournalTableConfiguration": NEVER}
TABLES = f"arn:aws:s3tables:us-east-1:{MEMBER}:bucket/of-ours"
OLDER = {"S3TablesDestination": {"TableBucketArn": TABLES, "TableName": "table"}}
DISABLED = {"ConfigurationState": "DISABLED"}
ENABLED = {"ConfigurationState": "ENABLED"}
WEEK = {"RecordExpiration": {"Expiration": "ENABLED", "Days": 7}}
UPDATES = {"annotation": ENABLED, "inventory": ENABLED, "journal": WEEK}


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


def create(s3: Any, **tables: Any) -> None:
    configuration = JOURNAL | tables
    s3.create_bucket_metadata_configuration(Bucket=BUCKET, MetadataConfiguration=configuration)


def create_older(s3: Any) -> None:
    s3.create_bucket_metadata_table_configuration(Bucket=BUCKET, MetadataTableConfiguration=OLDER)


def update(s3: Any, table: str, wanted: dict[str, Any]) -> None:
    operation = getattr(s3, f"update_bucket_metadata_{table}_table_configuration")
    operation(Bucket=BUCKET, **{f"{table.capitalize()}TableConfiguration": wanted})


def got(s3: Any) -> dict[str, Any]:
    answer = s3.get_bucket_metadata_configuration(Bucket=BUCKET)
    result: dict[str, Any] = answer["GetBucketMetadataConfigurationResult"]
    return dict(result["MetadataConfigurationResult"])


def test_the_tables_are_in_the_accounts_own_table_bucket(s3: Any) -> None:
    create(s3, InventoryTableConfiguration=DISABLED)

    found = got(s3)
    tables = f"arn:aws:s3tables:us-east-1:{MEMBER}:bucket/aws-s3"
    assert found["DestinationResult"] == {
        "TableBucketType": "aws",
        "TableBucketArn": tables,
        "TableNamespace": f"b_{BUCKET}",
    }
    journal = found["JournalTableConfigurationResult"]
    assert journal.pop("TableArn").startswith(f"{tables}/table/")
    assert journal == {**NEVER, "TableStatus": "CREATING", "TableName": "journal"}
    assert found["InventoryTableConfigurationResult"] == DISABLED


@pytest.mark.parametrize("table", UPDATES)
def test_a_table_is_updated_by_itself(s3: Any, table: str) -> None:
    create(s3)

    update(s3, table, UPDATES[table])

    found = got(s3)[f"{table.capitalize()}TableConfigurationResult"]
    assert found.items() >= UPDATES[table].items()


@pytest.mark.parametrize("table", UPDATES)
def test_what_is_not_there_cannot_be_updated(s3: Any, table: str) -> None:
    with refused("MetadataConfigurationNotFound"):
        update(s3, table, UPDATES[table])


def test_a_deleted_configuration_is_gone(s3: Any) -> None:
    create(s3)

    s3.delete_bucket_metadata_configuration(Bucket=BUCKET)

    with refused("MetadataConfigurationNotFound"):
        got(s3)
    with refused("MetadataConfigurationNotFound"):
        s3.delete_bucket_metadata_configuration(Bucket=BUCKET)


def test_the_older_delete_is_not_for_the_newer_kind(s3: Any) -> None:
    create(s3)

    with refused("MethodNotAllowed"):
        s3.delete_bucket_metadata_table_configuration(Bucket=BUCKET)
    assert got(s3)


@pytest.mark.parametrize("kind", ["metadata", "metadata_table"])
def test_either_delete_is_for_the_older_kind(s3: Any, kind: str) -> None:
    create_older(s3)

    getattr(s3, f"delete_bucket_{kind}_configuration")(Bucket=BUCKET)

    create_older(s3)


def test_what_is_not_known_of_s3_is_not_guessed(s3: Any) -> None:
    key = {"EncryptionConfiguration": {"SseAlgorithm": "AES256"}}
    with refused("NotModelled"):
        create(s3, InventoryTableConfiguration=ENABLED | key)
    create_older(s3)
    with refused("NotModelled"):
        create(s3)
    with refused("NotModelled"):
        got(s3)


@pytest.mark.parametrize(
    "action", ["s3:CreateBucketMetadataTableConfiguration", "s3tables:CreateTable"]
)
@pytest.mark.parametrize("creation", [create, create_older])
def test_who_creates_one_may_create_tables_too(
    aws: AwsDouble, s3: Any, creation: Any, action: str
) -> None:
    guest = aws.client("s3", principal=OWNER, policy=policy(allow("*"), deny(action)))

    with refused("AccessDenied", action):
        creation(guest)
    with refused("MetadataConfigurationNotFound"):
        got(s3)
