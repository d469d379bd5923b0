"""Object ownership: ACLs are off, so policies alone say who may do what."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_ownership_controls", bucket)


def _select(answer: JSON) -> JSON:
    return answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"]


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    # A client of an adopted bucket that sends an ACL would be refused without ACLs.
    return found if spec.observes and found is not None else "BucketOwnerEnforced"


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return (
        bucket_call(
            spec,
            "put_bucket_ownership_controls",
            bucket,
            OwnershipControls={"Rules": [{"ObjectOwnership": desired}]},
        ),
    )


CONTROL = Control(
    id="bucket-ownership",
    on=("bucket", "log-bucket"),
    why="An ACL on one object could give a state away behind the policy's back.",
    satisfies=("FSBP S3.12", "NIST 800-53 AC-3"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html",),
    permissions=("s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls"),
    read=_read,
    absent=frozenset({"OwnershipControlsNotFoundError"}),
    select=_select,
    desired=_desired,
    write=_write,
    set_at_creation=True,
)
