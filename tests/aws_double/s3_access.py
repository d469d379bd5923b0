"""
What S3 checks before it does anything: the bucket is there, in this Region, owned by whom the
client expects, and the policies allow the call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from tests.aws_double.authorization import Demand
from tests.aws_double.call import Call, dns_suffix
from tests.aws_double.conditions import Values
from tests.aws_double.errors import Refusal
from tests.aws_double.evaluator import Document
from tests.aws_double.policy_grammar import is_public
from tests.aws_double.s3_actions import OBJECT_ACTIONS, OF_A_VERSION, actions_of

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

CREATES_AN_OBJECT = {
    "CompleteMultipartUpload": "true",
    "CopyObject": "true",
    "CreateMultipartUpload": "false",
    "PutObject": "true",
    "UploadPart": "false",
    "UploadPartCopy": "false",
}
PARTS = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"})
ROOT_ALWAYS_MAY = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
ENCRYPTION_HEADERS = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)


def owner_of(call: Call, world: World) -> str | None:
    """Whose bucket *call* is about; None if it makes one, or there is none."""
    bucket = world.buckets.get(call.parameters.get("Bucket") or "")
    return bucket.account if bucket and call.operation != "CreateBucket" else None


def demands_of(call: Call, world: World) -> Iterable[Demand]:
    """The permissions that an operation of S3 needs."""
    if call.operation in {"ListBuckets", "CreateBucket"}:
        yield from _without_bucket(call)
        return
    bucket = bucket_of(call, world)
    check_region(call, bucket)
    _check_expected_owner(call.header("x-amz-expected-bucket-owner"), bucket)
    if call.operation == "DeleteObjects":
        return  # Each of its objects is judged for itself, by its rule.
    for action in actions_of(call):
        yield demand_on(call, bucket, action, s3_context(call))
    if call.operation in PARTS:
        yield demand_on(call, bucket, "PutObject", _inherited_context(call, bucket))
    if call.operation in {"CopyObject", "UploadPartCopy"}:
        yield _source_demand(call, world)


def demand_on(
    call: Call,
    bucket: Bucket,
    action: str,
    context: dict[str, Values] | None = None,
    key: str | None = None,
) -> Demand:
    """*action* (without ``s3:``) on *bucket*, or on *key* in it where it is one on objects."""
    key = key if key is not None else str(call.parameters.get("Key") or "")
    return Demand(
        action=f"s3:{action}",
        resource=f"{bucket.arn}/{key}" if action in OBJECT_ACTIONS else bucket.arn,
        account=bucket.account,
        policies=_policies_that_bind(call, bucket),
        context=context or tls_context(call),
    )


def bucket_of(call: Call, world: World) -> Bucket:
    """
    Raises:
        Refusal: There is no such bucket.
    """
    name = str(call.parameters.get("Bucket") or "")
    bucket = world.buckets.get(name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket


def no_such_bucket(name: str) -> Refusal:
    return Refusal(
        "NoSuchBucket", "The specified bucket does not exist", 404, members={"BucketName": name}
    )


def check_region(call: Call, bucket: Bucket) -> None:
    """
    The request must be signed for the bucket's Region.

    Raises:
        Refusal: It is not; the answer names the right Region, which boto3 then uses.
    """
    names_a_region = not call.principal.is_anonymous and "AWSAccessKeyId" not in call.http.query
    if call.region == bucket.region or not names_a_region:
        return
    headers = {"x-amz-bucket-region": bucket.region}
    # The global endpoint, where boto3 goes for us-east-1, finds every bucket and wants another
    # signature; a Region's own knows no others.
    if call.region == "us-east-1":
        raise Refusal(
            "AuthorizationHeaderMalformed",
            f"The authorization header is malformed; the region '{call.region}' is wrong; "
            f"expecting '{bucket.region}'",
            400,
            members={"Region": bucket.region},
            headers=headers,
        )
    raise Refusal(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint.",
        301,
        members={
            "Endpoint": f"{bucket.name}.s3.{bucket.region}.{dns_suffix(bucket.region)}",
            "Bucket": bucket.name,
        },
        headers=headers,
    )


def s3_context(call: Call) -> dict[str, Values]:
    """S3's own condition keys, from the request as it was sent: no default fills anything in."""
    context = tls_context(call)
    for header in (*ENCRYPTION_HEADERS, "x-amz-acl", "if-none-match", "if-match"):
        value = call.header(header)
        if value is not None:
            context[f"s3:{header}"] = [value]
    if "Prefix" in call.parameters:
        context["s3:prefix"] = [call.parameters["Prefix"]]
    if call.parameters.get("VersionId"):
        context["s3:versionid"] = [call.parameters["VersionId"]]
    if call.operation in CREATES_AN_OBJECT:
        context["s3:objectcreationoperation"] = [CREATES_AN_OBJECT[call.operation]]
    return context


def tls_context(call: Call) -> dict[str, Values]:
    return {"s3:tlsversion": [str(call.http.tls_version)]} if call.http.tls_version else {}


def _without_bucket(call: Call) -> Iterable[Demand]:
    """Of calls that no bucket's policy can be about."""
    prefix = f"arn:{call.partition}:s3:::"
    name = call.parameters.get("Bucket") or "*"
    context = s3_context(call)
    if call.operation == "CreateBucket":
        namespace = call.parameters.get("BucketNamespace") or "global"
        context["s3:x-amz-bucket-namespace"] = [namespace]
    for action in actions_of(call):
        yield Demand(
            action=f"s3:{action}", resource=prefix + name, account=call.account, context=context
        )


def copy_source(call: Call) -> tuple[str, str, str | None]:
    """Bucket, key and version that *call* copies from."""
    path, _, query = call.parameters["CopySource"].partition("?")
    name, _, key = unquote(path).lstrip("/").partition("/")
    return name, key, parse_qs(query).get("versionId", [None])[0]


def _inherited_context(call: Call, bucket: Bucket) -> dict[str, Values]:
    """
    A part's context if S3 carries the encryption of CreateMultipartUpload over to it.

    Which reading AWS has is not documented; a call passes only under both.
    """
    context = s3_context(call)
    upload = bucket.uploads.get(str(call.parameters.get("UploadId")))
    sent = upload.sent if upload else {}
    return context | {f"s3:{name}": [value] for name, value in sent.items()}


def _source_demand(call: Call, world: World) -> Demand:
    """Reading the source of a copy."""
    name, key, version = copy_source(call)
    source = world.buckets.get(name)
    if source is None:
        raise no_such_bucket(name)
    _check_expected_owner(call.header("x-amz-source-expected-bucket-owner"), source)
    action = OF_A_VERSION["GetObject"] if version else "GetObject"
    return demand_on(call, source, action, key=key)


def _check_expected_owner(expected: str | None, bucket: Bucket) -> None:
    if expected is not None and expected != bucket.account:
        raise Refusal("AccessDenied", "Access Denied", 403)


def _policies_that_bind(call: Call, bucket: Bucket) -> tuple[Document, ...]:
    principal = call.principal
    root_of_owner = principal.is_root and principal.account == bucket.account
    if bucket.policy is None or (root_of_owner and call.operation in ROOT_ALWAYS_MAY):
        return ()
    policy: Document = json.loads(bucket.policy)
    block = bucket.configuration("publicAccessBlock") or {}
    outsider = principal.account != bucket.account and not principal.service
    if outsider and block.get("RestrictPublicBuckets") and is_public(policy):
        return ()
    return (policy,)


def control_demands_of(call: Call, world: World) -> Iterable[Demand]:
    """The permissions that an operation of S3 Control needs."""
    arn = call.parameters.get("ResourceArn") or ""
    if not arn:
        renamed = call.operation.replace("PublicAccessBlock", "AccountPublicAccessBlock")
        action = renamed.replace("DeleteAccount", "PutAccount")
        yield Demand(action=f"s3:{action}", resource="*", account=call.account)
        return
    bucket = tagged_bucket(call, world)
    yield demand_on(call, bucket, call.operation, tls_context(call))


def tagged_bucket(call: Call, world: World) -> Bucket:
    """
    The bucket that the ARN in *call* names.

    Raises:
        Refusal: It is not there, not in this Region, or not this account's.
    """
    name = unquote(call.parameters["ResourceArn"]).rpartition(":")[2]
    bucket = world.buckets.get(name)
    if bucket is None or bucket.region != call.region:
        raise no_such_bucket(name)
    if bucket.account != call.parameters.get("AccountId"):
        raise Refusal("AccessDenied", "Access Denied", 403)
    return bucket
