"""Tags: they mirror the register, so that whoever finds the bucket knows whose it is."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_tagging", bucket)


def _select(answer: JSON) -> JSON:
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _satisfied(desired: JSON, found: JSON) -> bool:
    return (desired.items() <= found.items()) if found is not None else not desired


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    # Added one by one: PutBucketTagging would replace the tags of others.
    missing = dict(desired.items() - (found or {}).items())
    return (
        Call(
            "s3control",
            "tag_resource",
            {
                "AccountId": spec.account,
                "ResourceArn": f"arn:{spec.partition}:s3:::{bucket}",
                "Tags": [{"Key": key, "Value": missing[key]} for key in sorted(missing)],
            },
        ),
    )


CONTROL = Control(
    id="bucket-tags",
    on=("bucket", "log-bucket"),
    why="Somebody who cleans up the account would not know what the bucket is.",
    satisfies=("NIST 800-53 CM-6",),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html",),
    permissions=("s3:GetBucketTagging", "s3:TagResource"),
    read=_read,
    absent=frozenset({"NoSuchTagSet"}),
    select=_select,
    desired=lambda spec, found: spec.managed_tags,
    satisfied=_satisfied,
    write=_write,
    set_at_creation=True,
)
