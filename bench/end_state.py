"""
What the others have to reach too: our own end state as plain documents, for one account.

The policies admit the administrator who runs them, as ours admit the role that we act through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from state_backend.outputs import PARAMETERS
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.key_policy import key_policy
from state_backend.spec import Defaults, resolve

KEY_ARN = "KEY_ARN"
"""Stands in the documents for what is known only when the key is there."""

STANDARD = {"AccessLogs": "off"}
"""The budgets' standard: every default, without the log bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndState:
    """One backend, as a person would write it down."""

    account: str
    region: str
    bucket: str
    bucket_policy: str
    key_policy: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def administrator(account: str) -> str:
    return f"arn:aws:iam::{account}:role/Administrator"


def end_state(account: str, region: str, *, bucket: str = "") -> EndState:
    """The standard backend of *account* in *region*, in another *bucket* than ours if named."""
    named = {"BucketName": bucket} if bucket else {}
    spec = replace(
        resolve(account, region, STANDARD | named, Defaults()),
        key_arn=KEY_ARN,
        acting_role_arns=(administrator(account),),
        origin="created",
    )
    return EndState(
        account=account,
        region=region,
        bucket=spec.bucket_name,
        bucket_policy=json.dumps(bucket_policy(spec, None)),
        key_policy=json.dumps(key_policy(spec, None)),
        parameters={name: render(spec) for name, render in PARAMETERS.items()},
        tags=spec.managed_tags,
    )
