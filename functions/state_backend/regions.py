"""
What depends on the Region alone: its partition, host names, and which bucket names it knows.

Source: https://docs.aws.amazon.com/general/latest/gr/rande.html
"""

from __future__ import annotations

import re

REGION_PATTERN = r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}"

WITHOUT_ACCOUNT_REGIONAL_NAMESPACE = frozenset({"me-south-1", "me-central-1"})
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html"""

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}

_DNS_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}


def is_region(text: str) -> bool:
    return re.fullmatch(REGION_PATTERN, text) is not None


def partition_of(region: str) -> str:
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def dns_suffix_of(region: str) -> str:
    """The end of AWS's host names there."""
    return _DNS_SUFFIXES.get(partition_of(region), "amazonaws.com")
