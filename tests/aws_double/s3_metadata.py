"""
S3 Metadata: tables about a bucket's objects, in a table bucket beside it.

A bucket has one configuration, of the older kind (one table, where the caller says) or the newer
(up to three, in the account's own table bucket ``aws-s3``). Deleting it leaves the tables.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-overview.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketMetadataConfiguration.html
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.aws_double.authorization import Demand, demand
from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_access import bucket_of

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

NEWER = "MetadataConfiguration"
OLDER = "MetadataTableConfiguration"
_NEW_TABLE = ("CreateNamespace", "CreateTable", "GetTable", "PutTablePolicy")
_OWN_TABLE = ("CreateTableBucket", *_NEW_TABLE, "PutTableEncryption")
TABLES = {"Annotation": (), "Inventory": _OWN_TABLE, "Journal": ()}
"""Tables that can be updated -> the actions of S3 Tables that it takes."""


@rule("s3", f"CreateBucket{NEWER}")
def create(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    _demand_tables(call, world, (*_OWN_TABLE, "PutTableBucketPolicy"), _own_tables(bucket))
    _keep(bucket, NEWER, call.parameters[NEWER])
    return None


@rule("s3", f"CreateBucket{OLDER}")
def create_older(call: Call, world: World, proceed: Proceed) -> Answer:
    wanted = call.parameters[OLDER]
    tables = wanted["S3TablesDestination"]["TableBucketArn"]
    _demand_tables(call, world, _NEW_TABLE, tables)
    _keep(bucket_of(call, world), OLDER, wanted)
    return None


@rule("s3", f"GetBucket{NEWER}")
def get(call: Call, world: World, proceed: Proceed) -> Answer:
    """New tables are being filled for as long as anybody looks."""
    bucket = bucket_of(call, world)
    wanted = _newer(bucket)
    destination = {
        "TableBucketType": "aws",
        "TableBucketArn": _own_tables(bucket),
        "TableNamespace": f"b_{bucket.name}",
    }
    result: dict[str, Any] = {"DestinationResult": destination}
    for table in TABLES:
        kept = wanted.get(f"{table}TableConfiguration")
        if kept is not None:
            result[f"{table}TableConfigurationResult"] = kept | _status(bucket, table, kept)
    return {"GetBucketMetadataConfigurationResult": {"MetadataConfigurationResult": result}}


@rule("s3", f"DeleteBucket{NEWER}")
def delete(call: Call, world: World, proceed: Proceed) -> Answer:
    """Takes either kind."""
    bucket = bucket_of(call, world)
    kinds = [kind for kind in (NEWER, OLDER) if bucket.configuration(kind) is not None]
    if not kinds:
        raise _missing(bucket)
    for kind in kinds:
        del bucket.configurations[kind, ""]
    return None


@rule("s3", f"DeleteBucket{OLDER}")
def delete_older(call: Call, world: World, proceed: Proceed) -> Answer:
    if bucket_of(call, world).configuration(NEWER) is not None:
        raise Refusal(
            "MethodNotAllowed", "The specified method is not allowed against this resource.", 405
        )
    return delete(call, world, proceed)


def _update(table: str, call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    _demand_tables(call, world, TABLES[table], _own_tables(bucket))
    member = f"{table}TableConfiguration"
    _newer(bucket)[member] = _plain(call.parameters[member])
    return None


for _table in TABLES:
    rule("s3", f"UpdateBucketMetadata{_table}TableConfiguration")(partial(_update, _table))


def _keep(bucket: Bucket, kind: str, wanted: dict[str, Any]) -> None:
    if bucket.configuration(NEWER) or bucket.configuration(OLDER):
        raise NotImplementedError("what S3 says to a second metadata configuration")
    bucket.configurations[kind, ""] = {name: _plain(part) for name, part in wanted.items()}


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    if {"EncryptionConfiguration", "Role"} & table.keys():
        raise NotImplementedError("metadata tables with a key or a role of their own")
    return table


def _newer(bucket: Bucket) -> dict[str, Any]:
    """
    The configuration of the newer kind.

    Raises:
        Refusal: There is none.
    """
    if bucket.configuration(OLDER):
        raise NotImplementedError(f"the newer operations on a {OLDER}")
    configuration = bucket.configuration(NEWER)
    if configuration is None:
        raise _missing(bucket)
    return configuration


def _status(bucket: Bucket, table: str, kept: dict[str, Any]) -> dict[str, str]:
    if kept.get("ConfigurationState") == "DISABLED":
        return {}
    name = table.lower()
    arn = f"{_own_tables(bucket)}/table/{bucket.name}-{name}"
    return {"TableStatus": "CREATING", "TableName": name, "TableArn": arn}


def _missing(bucket: Bucket) -> Refusal:
    return Refusal(
        "MetadataConfigurationNotFound",
        "The metadata configuration does not exist",
        404,
        members={"BucketName": bucket.name},
    )


def _own_tables(bucket: Bucket) -> str:
    """The ARN of the table bucket that S3 makes for the account."""
    partition = bucket.arn.split(":")[1]
    return f"arn:{partition}:s3tables:{bucket.region}:{bucket.account}:bucket/aws-s3"


def _demand_tables(call: Call, world: World, actions: tuple[str, ...], tables: str) -> None:
    for action in actions:
        wanted = Demand(action=f"s3tables:{action}", resource=tables, account=call.account)
        demand(call, world, wanted)
