"""Every account and Region yields valid names, in AWS's own partitions and Regions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.errors import InvalidRequest
from state_backend.policies.document import text_of
from state_backend.policies.key_policy import key_policy
from state_backend.properties import parse
from state_backend.spec import Defaults, resolve

PARTITIONS = json.loads(
    (Path(botocore.__file__).parent / "data/partitions.json").read_text("utf-8")
)
REGIONS = {
    region: partition["id"]
    for partition in PARTITIONS["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
}
accounts = st.text("0123456789", min_size=12, max_size=12)
prefixes = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,17}\Z")
SOME = settings(max_examples=60, deadline=None, derandomize=True)


def is_bucket_name(name: str) -> bool:
    """S3's rules for general purpose buckets."""
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) is not None
        and ".." not in name
        and re.fullmatch(r"(\d+\.){3}\d+", name) is None
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
    )


@pytest.mark.parametrize("region", sorted(REGIONS))
@settings(max_examples=10, deadline=None, derandomize=True)
@given(account=accounts, prefix=st.sampled_from(["tfstate", "t", "p" * 18]))
def test_every_account_and_region_has_valid_names(region, account, prefix):
    spec = resolve(account, region, {}, Defaults(prefix))

    assert is_bucket_name(spec.bucket_name)
    assert is_bucket_name(spec.log_bucket_name)
    assert spec.bucket_name != spec.log_bucket_name
    assert re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", spec.lock_table_name)
    assert account in spec.bucket_name
    assert region in spec.bucket_name
    assert spec.partition == REGIONS[region]
    assert set(re.findall(r"arn:([a-z-]+):", text_of(key_policy(spec, None)))) == {REGIONS[region]}


@SOME
@given(account=accounts, region=st.sampled_from(sorted(REGIONS)), prefix=prefixes)
def test_a_prefix_gives_a_valid_name_or_is_refused(account, region, prefix):
    try:
        spec = resolve(account, region, {}, Defaults(prefix))
    except InvalidRequest:
        spec = None

    refusable = prefix.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
    assert refusable if spec is None else is_bucket_name(spec.bucket_name)


@SOME
@given(st.text("ab0.-", min_size=1, max_size=20))
def test_whatever_is_taken_for_a_bucket_name_is_one(name):
    try:
        parse({"BucketName": name})
    except InvalidRequest:
        return

    assert is_bucket_name(name)
