"""
Bucket policies, ACLs and tags: which of them S3 takes, and what it answers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.aws_double.authorization import Demand, verdict_on
from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.evaluator import Document
from tests.aws_double.policy_grammar import (
    Malformed,
    check_bucket_policy,
    is_public,
    parsed_policy,
    principals_of,
)
from tests.aws_double.s3_access import bucket_of, demand_on, tagged_bucket

if TYPE_CHECKING:
    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

LARGEST_POLICY = 20 * 1024


@rule("s3", "DeleteBucketPolicy", "GetBucketPolicy", "PutBucketPolicy")
def only_the_owners_account(call: Call, world: World, proceed: Proceed) -> Answer:
    """Whatever the policy allows to others: this they may not."""
    if call.principal.account != bucket_of(call, world).account:
        raise Refusal(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            405,
        )
    return proceed(call)


@rule("s3", "PutBucketPolicy")
def put_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    text = str(call.parameters.get("Policy") or "")
    try:
        document = parsed_policy(text, largest=LARGEST_POLICY)
        check_bucket_policy(document, bucket.arn)
        check_principals_exist(world, document)
    except Malformed as error:
        raise Refusal("MalformedPolicy", str(error), 400) from error
    block = bucket.configuration("publicAccessBlock") or {}
    if block.get("BlockPublicPolicy") and is_public(document):
        raise _blocked(call, bucket)
    if not call.parameters.get("ConfirmRemoveSelfBucketAccess"):
        _check_lockout(call, world, bucket, document)
    bucket.policy = text
    return None


@rule("s3", "GetBucketPolicy")
def get_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    return {"Policy": _policy_text(bucket_of(call, world))}


@rule("s3", "DeleteBucketPolicy")
def delete_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket_of(call, world).policy = None
    return None


@rule("s3", "GetBucketPolicyStatus")
def get_policy_status(call: Call, world: World, proceed: Proceed) -> Answer:
    document = json.loads(_policy_text(bucket_of(call, world)))
    return {"PolicyStatus": {"IsPublic": is_public(document)}}


@rule("s3", "PutBucketAcl", "PutObjectAcl")
def put_acl(call: Call, world: World, proceed: Proceed) -> Answer:
    check_acl(bucket_of(call, world), "anything")
    return proceed(call)


@rule("s3", "PutBucketTagging")
def put_tagging(call: Call, world: World, proceed: Proceed) -> Answer:
    """Replaces all tags; not while access is decided by tags."""
    bucket = bucket_of(call, world)
    _check_tags_are_plain(bucket)
    pairs = [(tag["Key"], tag.get("Value", "")) for tag in call.parameters["Tagging"]["TagSet"]]
    _check_tag_names([name for name, _ in pairs])
    bucket.tags = {**_aws_tags(bucket), **dict(pairs)}
    return None


@rule("s3", "DeleteBucketTagging")
def delete_tagging(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    _check_tags_are_plain(bucket)
    bucket.tags = _aws_tags(bucket)
    return None


@rule("s3", "GetBucketTagging")
def get_tagging(call: Call, world: World, proceed: Proceed) -> Answer:
    tags = bucket_of(call, world).tags
    if not tags:
        raise Refusal("NoSuchTagSet", "The TagSet does not exist", 404)
    return {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}


@rule("s3control", "TagResource")
def tag_resource(call: Call, world: World, proceed: Proceed) -> Answer:
    pairs = {tag["Key"]: tag.get("Value", "") for tag in call.parameters["Tags"]}
    _check_tag_names(list(pairs))
    tagged_bucket(call, world).tags.update(pairs)
    return None


@rule("s3control", "UntagResource")
def untag_resource(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = tagged_bucket(call, world)
    _check_tag_names(call.parameters["TagKeys"])
    for name in call.parameters["TagKeys"]:
        bucket.tags.pop(name, None)
    return None


@rule("s3control", "ListTagsForResource")
def list_tags(call: Call, world: World, proceed: Proceed) -> Answer:
    tags = tagged_bucket(call, world).tags
    return {"Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}


def check_acl(bucket: Bucket, acl: str | None) -> None:
    """
    Raises:
        Refusal: *acl* is given although ACLs are off.
    """
    if acl in {None, "bucket-owner-full-control"}:
        return
    ownership = bucket.configuration("ownershipControls") or {"Rules": []}
    if {"ObjectOwnership": "BucketOwnerEnforced"} in ownership["Rules"]:
        raise Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def check_principals_exist(world: World, document: Document) -> None:
    """
    AWS resolves the principals that a policy names; of our accounts we know the roles.

    Raises:
        Malformed: A role is not there.
    """
    for name in principals_of(document):
        account = name.split(":")[4] if name.startswith("arn:") else name
        if ":role/" in name and account in world.accounts and name not in world.identities.roles:
            raise Malformed("Invalid principal in policy")


def _policy_text(bucket: Bucket) -> str:
    if bucket.policy is None:
        raise Refusal(
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
            404,
            members={"BucketName": bucket.name},
        )
    return bucket.policy


def _blocked(call: Call, bucket: Bucket) -> Refusal:
    return Refusal(
        "AccessDenied",
        f"User: {call.principal.name} is not authorized to perform: s3:PutBucketPolicy on "
        f'resource: "{bucket.arn}" because public policies are prevented by the '
        "BlockPublicPolicy setting in S3 Block Public Access.",
        403,
    )


def _check_lockout(call: Call, world: World, bucket: Bucket, document: Document) -> None:
    """The caller must be able to change the policy again. Root always can."""
    if call.principal.is_root and call.principal.account == bucket.account:
        return
    wanted: Demand = replace(demand_on(call, bucket, "PutBucketPolicy"), policies=(document,))
    if not verdict_on(call, world, wanted).allowed:
        raise Refusal(
            "InvalidRequest",
            "The policy would remove your own access to change it; confirm with "
            "x-amz-confirm-remove-self-bucket-access",
            400,
        )


def _check_tags_are_plain(bucket: Bucket) -> None:
    if (bucket.configuration("abac") or {}).get("Status") == "Enabled":
        raise Refusal(
            "InvalidRequest",
            "Bucket tagging is not allowed while attribute based access control is enabled; use "
            "TagResource and UntagResource",
            400,
        )


def _check_tag_names(names: list[str]) -> None:
    if any(name.lower().startswith("aws:") for name in names):
        raise Refusal("InvalidTag", "System tags cannot be added/updated by requester", 400)
    if len(names) != len(set(names)) or len(names) > 50:
        raise Refusal("InvalidTag", "Cannot provide multiple Tags with the same key", 400)


def _aws_tags(bucket: Bucket) -> dict[str, str]:
    return {name: value for name, value in bucket.tags.items() if name.startswith("aws:")}
