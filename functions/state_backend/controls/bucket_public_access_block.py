"""Public access block: no ACL and no policy can open the bucket to the world."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec

_ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_public_access_block", bucket)


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (
        bucket_call(
            spec, "put_public_access_block", bucket, PublicAccessBlockConfiguration=desired
        ),
    )


CONTROL = Control(
    id="bucket-public-access-block",
    on=("bucket", "log-bucket"),
    why="One careless policy or ACL would show every state to the world.",
    satisfies=("FSBP S3.8", "FSBP S3.2", "FSBP S3.3", "NIST 800-53 AC-3", "CIS AWS 2.1.4"),
    sources=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
    permissions=("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    read=_read,
    absent=frozenset({"NoSuchPublicAccessBlockConfiguration"}),
    select=lambda answer: answer["PublicAccessBlockConfiguration"],
    desired=lambda spec, found: _ALL,
    write=_write,
    set_at_creation=True,
)
