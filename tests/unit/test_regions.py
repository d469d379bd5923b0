"""What depends on the Region alone, held against botocore's own list of partitions."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest

from state_backend.regions import dns_suffix_of, is_region, partition_of

PARTITIONS = json.loads(
    (Path(botocore.__file__).parent / "data/partitions.json").read_text("utf-8")
)["partitions"]
REGIONS = [
    pytest.param(partition["id"], partition["outputs"]["dnsSuffix"], region, id=region)
    for partition in PARTITIONS
    for region in partition["regions"]
    if not region.endswith("-global")
]


@pytest.mark.parametrize(("partition", "suffix", "region"), REGIONS)
def test_every_region_of_aws_is_known_with_its_partition(partition, suffix, region):
    assert is_region(region)
    assert partition_of(region) == partition


@pytest.mark.parametrize(("partition", "suffix", "region"), REGIONS)
def test_every_region_has_the_host_names_of_its_partition(partition, suffix, region):
    assert dns_suffix_of(region) == suffix


@pytest.mark.parametrize("text", ["", "eu", "eu-central", "eu-central-1a", "EU-CENTRAL-1", "a/b-1"])
def test_nothing_else_is_a_region(text):
    assert not is_region(text)
