"""
All that exists in an account, in a form that can be compared.

Read from the double itself, so that looking takes no call. Ids that differ from run to run, the
account's and its keys', are replaced by words.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.ssm.models import ssm_backends

from tests.aws_double import AwsDouble
from tests.aws_double.world import MANAGED_ALIAS

KEY_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
REGISTER = "StateholdBackendRegister"
_OF_A_RUN = frozenset({"lease_holder", "lease_expires_at", "key_intent_at"})
"""What the register has only while somebody works, or does not know yet."""
_OF_AN_ACCOUNT = frozenset({"wanted"})
"""A digest with the account's and the key's ids in it."""
_OMITTED = _OF_A_RUN | _OF_AN_ACCOUNT


def anonymous(text: str, account: str) -> str:
    """*text* without what differs from account to account and from key to key."""
    return re.sub(KEY_ID, "<key>", text.replace(account, "<account>"))


def state_of(aws: AwsDouble, account: str, region: str) -> dict[str, Any]:
    """Buckets, keys, tables, parameters and the register's word on them, without ids."""
    found = {
        "buckets": _buckets(aws, account, region),
        "keys": sorted(map(_key, keys_of(account, region)), key=str),
        "tables": _tables(account, region),
        "parameters": parameters_of(account, region),
        "record": {k: v for k, v in record_of(aws, account, region).items() if k not in _OMITTED},
    }
    return dict(json.loads(anonymous(json.dumps(found, sort_keys=True, default=str), account)))


def keys_of(account: str, region: str) -> list[Any]:
    """The customer's own keys."""
    keys = kms_backends[account][region].keys.values()
    return [key for key in keys if MANAGED_ALIAS not in key.aliases]


def enabled_keys(account: str, region: str) -> list[str]:
    return [key.arn for key in keys_of(account, region) if key.key_state == "Enabled"]


def doomed_keys(account: str, region: str) -> list[str]:
    return [key.arn for key in keys_of(account, region) if key.key_state == "PendingDeletion"]


def key_of_alias(account: str, region: str) -> str:
    """The ARN behind the backend's alias; empty if there is none."""
    for key in keys_of(account, region):
        if "alias/statehold" in key.aliases:
            return str(key.arn)
    return ""


def key_of_bucket(aws: AwsDouble, bucket: str) -> str:
    """The key of the bucket's default encryption; empty if there is none."""
    found = aws.world.buckets[bucket].configuration("encryption") if bucket else None
    rules = (found or {}).get("Rules") or [{}]
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
    return str(default.get("KMSMasterKeyID", ""))


def parameters_of(account: str, region: str) -> dict[str, str]:
    backend = ssm_backends[account][region]
    return {name: versions[-1].value for name, versions in dict(backend._parameters).items()}


def record_of(aws: AwsDouble, account: str, region: str) -> dict[str, Any]:
    """The register's item."""
    tables = dynamodb_backends[aws.management_account][aws.region].tables
    if REGISTER not in tables:
        return {}
    for item in list(tables[REGISTER].items.values()):
        attributes = item.to_json()["Attributes"]
        if attributes["backend"] == {"S": f"{account}#{region}"}:
            return {name: next(iter(value.values())) for name, value in attributes.items()}
    return {}


def _buckets(aws: AwsDouble, account: str, region: str) -> dict[str, Any]:
    return {
        bucket.name: {
            "namespace": bucket.namespace,
            "tags": bucket.tags,
            "policy": json.loads(bucket.policy) if bucket.policy else None,
            "configurations": {" ".join(k): v for k, v in bucket.configurations.items()},
        }
        for bucket in aws.world.buckets.values()
        if (bucket.account, bucket.region) == (account, region)
    }


def _key(key: Any) -> dict[str, Any]:
    backend = kms_backends[key.account_id][key.region]
    return {
        "state": key.key_state,
        "policy": json.loads(key.policy),
        "aliases": sorted(key.aliases),
        "rotation": key.key_rotation_status,
        "tags": backend.tagger.get_tag_dict_for_resource(key.id),
    }


def _tables(account: str, region: str) -> dict[str, Any]:
    return {
        name: {
            "protected": table.deletion_protection_enabled,
            "recovery": table.continuous_backups["PointInTimeRecoveryDescription"][
                "PointInTimeRecoveryStatus"
            ],
            "tags": table.tags,
        }
        for name, table in dynamodb_backends[account][region].tables.items()
        if name != REGISTER
    }
