"""Lifecycle: old versions go at last, current states never, and nothing piles up."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.s3 import bucket_call, is_ours, merge_rules, same_rules
from state_backend.spec import BackendSpec

_VERSIONS = "StateholdNoncurrentVersions"
_LEFTOVERS = "StateholdLeftovers"


class Rules(list[JSON]):
    """The rules found, with what a write that does not repeat it would set back to S3's default."""

    smallest_to_move = ""
    """From which size on objects are moved to another storage class, in S3's words."""


def _read(spec: BackendSpec, bucket: str) -> Call:
    return bucket_call(spec, "get_bucket_lifecycle_configuration", bucket)


def _select(answer: JSON) -> JSON:
    rules = Rules(answer["Rules"])
    rules.smallest_to_move = answer.get("TransitionDefaultMinimumObjectSize", "")
    return rules


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    return merge_rules(_ours(spec, found or []), found)


def _ours(spec: BackendSpec, found: list[JSON]) -> list[JSON]:
    rules: list[JSON] = [
        {
            "ID": _LEFTOVERS,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            # A lock taken and released leaves a delete marker; an interrupted upload its parts.
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    if spec.origin != "adopted" or _may_limit_versions(spec, found):
        rules.append(
            {
                "ID": _VERSIONS,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},  # S3 asks for a filter beside NewerNoncurrentVersions
                "NoncurrentVersionExpiration": {
                    "NoncurrentDays": spec.noncurrent_version_days,
                    "NewerNoncurrentVersions": spec.noncurrent_versions_kept,
                },
            }
        )
    return rules


def _may_limit_versions(spec: BackendSpec, found: list[JSON]) -> bool:
    """On an adopted bucket only where stated, and never beside a rule of others on the same."""
    foreign = any("NoncurrentVersionExpiration" in it for it in found if not is_ours(it))
    return spec.limits_versions and not foreign


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    smallest = found.smallest_to_move if isinstance(found, Rules) else ""
    return (
        bucket_call(
            spec,
            "put_bucket_lifecycle_configuration",
            bucket,
            LifecycleConfiguration={"Rules": desired},
            **({"TransitionDefaultMinimumObjectSize": smallest} if smallest else {}),
        ),
    )


CONTROL = Control(
    id="bucket-lifecycle",
    on=("bucket",),
    why="Versions, delete markers of locks and abandoned uploads would pile up without end.",
    satisfies=("FSBP S3.10", "FSBP S3.13", "NIST 800-53 CP-9", "NIST 800-53 SI-12"),
    sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html",),
    permissions=("s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    read=_read,
    absent=frozenset({"NoSuchLifecycleConfiguration"}),
    select=_select,
    desired=_desired,
    satisfied=same_rules,
    write=_write,
)
