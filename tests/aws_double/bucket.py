"""
A bucket, as far as moto does not hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.aws_double.call import partition_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A multipart upload under way."""

    sent: Mapping[str, str]
    """Encryption headers of CreateMultipartUpload, as they were sent."""
    bucket_key: bool
    """Whether its object is to use the bucket's key."""


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A bucket, with all its configurations as they were put."""

    name: str
    account: str
    region: str
    namespace: str
    configurations: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """(configuration, its id or "") -> what was put."""
    tags: dict[str, str] = field(default_factory=dict)
    policy: str | None = None
    uploads: dict[str, Upload] = field(default_factory=dict)
    """By id."""
    customer_keys: dict[str, str] = field(default_factory=dict)
    """Key and version of an SSE-C object -> MD5 of its key."""

    @property
    def arn(self) -> str:
        return f"arn:{partition_of(self.region)}:s3:::{self.name}"

    def configuration(self, kind: str, name: str = "") -> dict[str, Any] | None:
        return self.configurations.get((kind, name))
