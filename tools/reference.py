"""
``Custom::StateBackend`` for those who write templates: the generated parts of its page, and the
JSON Schema of its properties. Both come from the table by which the function itself reads them.
"""

from __future__ import annotations

import json

from state_backend.calls import JSON
from state_backend.ownership import FIXED
from state_backend.properties import PROPERTIES
from tools.marked import with_part

_FUNCTION = "arn:aws:lambda:eu-central-1:111111111111:function:StateholdCustomResource"
_TIMEOUT = 660

MEANINGS = {
    "Region": "Where bucket and key live.",
    "BucketName": "The full name. `tfstate` is the hub's `BucketNamePrefix`.",
    "BucketNamespace": (
        "`account-regional` or `global`. Names that end in `-<account>-<region>-an` belong to the "
        "account alone; nobody else can take them."
    ),
    "Encryption": "Or `AES256`. From `aws:kms` to `AES256` is refused.",
    "KmsKeyArn": (
        "The full ARN of a key of your own, in the same Region. It is looked at and never changed: "
        "its policy must let your clients use it."
    ),
    "LockMode": "Or `dynamodb`, or `both` while clients move over. A table, once made, is kept.",
    "LockTableName": "The DynamoDB table.",
    "PreventDestroy": (
        "`false` takes the destruction guards out of the policies and lets a Delete succeed. "
        "Leaving the property out does not lift the protection."
    ),
    "Adopt": (
        "For a bucket that was there before: see [adoption](adoption.md). What is enforced stays "
        "so."
    ),
    "NoncurrentVersionDays": "Days for which a replaced version is kept at least, 1 to 36500.",
    "NoncurrentVersionsKept": (
        "Replaced versions that are kept however old, 1 to 100. A version goes only when both are "
        "exceeded."
    ),
    "AccessLogs": (
        "`create` makes a log bucket, `off` logs nothing, any other value names an existing "
        "bucket, which is looked at and never changed."
    ),
    "AccessLogsDays": "Days for which access logs are kept in a log bucket that we made.",
    "WorkspaceKeyPrefix": (
        "`workspace_key_prefix` of the clients. Below it a state may be deleted, as `terraform "
        "workspace delete` does; its versions stay."
    ),
    "StateAccessPrincipalArns": (
        "IAM roles or users of the account (`*` allowed) that alone may read and write states. "
        "Empty: whoever IAM lets."
    ),
    "BreakGlassPrincipalArns": (
        "IAM roles or users that may do what the policies refuse to everybody else."
    ),
    "Tags": ("Tags for what is made: at most 40, no key that begins with `aws:` or `Statehold`."),
}
"""What each property is for, in words for the page and for editors."""

_DEPENDS = {
    "Region": "the stack's",
    "BucketName": "`tfstate-<account>-<region>-an`",
    "BucketNamespace": "what the name implies",
    "KmsKeyArn": "a key is made",
    "LockTableName": "`<BucketName>-lock`",
    "Tags": "none",
}
"""Defaults that are no text of their own."""


def with_reference(page: str) -> str:
    """*page* with its generated parts written anew."""
    for name, text in (("syntax", _syntax()), ("properties", _properties())):
        page = with_part(page, f"generated {name}", text)
    return page


def schema() -> str:
    """The JSON Schema of ``Properties`` of a ``Custom::StateBackend``."""
    properties: dict[str, JSON] = {
        "ServiceToken": {
            "description": "Output ServiceToken of the hub's stack in the same Region.",
            "type": ["string", "object"],
        },
        "ServiceTimeout": {
            "description": f"Seconds that CloudFormation waits; {_TIMEOUT} suits the function.",
            "type": ["integer", "string"],
        },
    }
    for name, row in PROPERTIES.items():
        described = {"description": f"{MEANINGS[name]} Must be {row.accepts}."}
        # An object is an intrinsic function, whose value only CloudFormation knows.
        properties[name] = described | {"anyOf": [row.form.schema, {"type": "object"}]}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Properties of Custom::StateBackend",
        "type": "object",
        "required": ["ServiceToken"],
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _syntax() -> str:
    shapes = {"List of String": "[String]", "List of Tag": "[{ Key: String, Value: String }]"}
    lines = [f"  {name}: {shapes.get(row.form.type, row.form.type)}" for name, row in _ROWS]
    as_json: dict[str, JSON] = {
        "List of String": ["String"],
        "List of Tag": [{"Key": "String", "Value": "String"}],
    }
    stated = {name: as_json.get(row.form.type, row.form.type) for name, row in _ROWS}
    resource = {
        "Type": "Custom::StateBackend",
        "Properties": {"ServiceToken": _FUNCTION, "ServiceTimeout": _TIMEOUT, **stated},
    }
    return "\n".join(
        [
            "```yaml",
            "Type: Custom::StateBackend",
            "Properties:",
            f"  ServiceToken: {_FUNCTION}",
            f"  ServiceTimeout: {_TIMEOUT}",
            *lines,
            "```",
            "",
            "```json",
            json.dumps(resource, indent=2),
            "```",
        ]
    )


def _properties() -> str:
    rows = [
        "| property | type | default | on update | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in _ROWS:
        default = _DEPENDS.get(name) or (f"`{row.default}`" if row.default else "empty")
        update = "refused" if name in FIXED else "in place"
        rows.append(f"| `{name}` | {row.form.type} | {default} | {update} | {MEANINGS[name]} |")
    return "\n".join(rows)


_ROWS = list(PROPERTIES.items())
