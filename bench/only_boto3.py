"""What every import is compared with: a function that only imports boto3 and makes four clients."""

from __future__ import annotations

from typing import Any

import boto3

_SESSION = boto3.Session()
CLIENTS = {name: _SESSION.client(name) for name in ("sts", "s3", "kms", "ssm")}


def handler(event: Any, context: Any) -> list[str]:
    return sorted(CLIENTS)
