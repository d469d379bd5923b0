"""
The properties of ``Custom::StateBackend``: what each accepts, and what it means if not given.

One row a property, in ``PROPERTIES``. Every value arrives as text (CloudFormation turns booleans
and numbers into text) or as a list; a wrong one is refused with a sentence that names the property
and lists what is accepted, before anything is touched.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.regions import REGION_PATTERN

PROTOCOL_PROPERTIES = frozenset({"ServiceToken", "ServiceTimeout"})
"""CloudFormation's own, which travel among ours."""

_BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!\.)|\.(?![.-]))*[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


class _Unacceptable(Exception):
    """A value that its property does not accept; the text says what it does."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of values: how one is read, and how it is described to others."""

    parse: Callable[[JSON], JSON]
    schema: Mapping[str, JSON]
    """JSON Schema of the values as a template may state them."""
    type: str = "String"
    """As CloudFormation's reference would call it."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property: what its values look like, and what it is if not given."""

    name: str
    form: Form
    default: str | None
    """As a person would write it; None where the default depends on the account and Region."""
    accepts: str
    """The end of the sentence "<name> must be …"."""


def _text(pattern: str) -> Form:
    compiled = re.compile(pattern)

    def parse(value: JSON) -> str:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            raise _Unacceptable
        return value

    return Form(parse, {"type": "string", "pattern": f"^({pattern}|)$"})


def _one_of(*values: str) -> Form:
    form = _text("|".join(re.escape(value) for value in values))
    return Form(form.parse, {"enum": [*values, ""]})


def _boolean() -> Form:
    text = _one_of("true", "false")
    schema = {"enum": ["true", "false", True, False, ""]}
    return Form(lambda value: text.parse(value) == "true", schema, "Boolean")


def _whole_number(least: int, most: int) -> Form:
    digits = _text(r"[0-9]{1,9}")

    def parse(value: JSON) -> int:
        number = int(digits.parse(value))
        if not least <= number <= most:
            raise _Unacceptable
        return number

    as_text = {"type": "string", "pattern": "^[0-9]{0,9}$"}
    schema = {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, as_text]}
    return Form(parse, schema, "Integer")


_BUCKET_CHARACTERS = _text(r"[a-z0-9.-]{3,63}")


def _bucket_name(value: JSON) -> str:
    name: str = _BUCKET_CHARACTERS.parse(value)
    if (
        _BUCKET_NAME.fullmatch(name) is None
        or _IPV4.fullmatch(name)
        or name.startswith(_RESERVED_PREFIXES)
        or name.endswith(_RESERVED_SUFFIXES)
    ):
        raise _Unacceptable
    return name


_BUCKET = Form(_bucket_name, _BUCKET_CHARACTERS.schema)


def _access_logs(value: JSON) -> str:
    return value if value in ("create", "off") else _bucket_name(value)


def _list(value: JSON) -> tuple[str, ...]:
    if isinstance(value, str):
        value = json.loads(value) if value.startswith("[") else value.split(",")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _Unacceptable
    return tuple(dict.fromkeys(item.strip() for item in value if item.strip()))


def _principals(value: JSON) -> tuple[str, ...]:
    arns = _list(value)
    pattern = re.compile(
        r"arn:[a-z-]+:iam::([0-9]{12}|\*):(root|(role|user)/[\w+=,.@*?/-]{1,512})", re.ASCII
    )
    for arn in arns:
        if pattern.fullmatch(arn) is None:
            raise _Unacceptable(_principal_remedy(arn))
    return arns


def _principal_remedy(arn: str) -> str:
    session = re.fullmatch(r"(arn:[a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.*", arn)
    if session:
        role = f"{session[1]}:iam::{session[2]}:role/{session[3]}"
        return f"for the session {arn} write its role, {role}"
    return ""


def _tags(value: JSON) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str) and not value.startswith("["):
        pairs = [tuple(part.split("=", 1)) for part in value.split(",") if part.strip()]
    else:
        items = json.loads(value) if isinstance(value, str) else value
        if not isinstance(items, list) or not all(_is_tag(item) for item in items):
            raise _Unacceptable
        pairs = [(item["Key"], item["Value"]) for item in items]
    tags = [(_stripped(pair[0]), pair[1]) for pair in pairs if len(pair) == 2]
    if len(tags) != len(pairs) or len({key for key, _ in tags}) != len(tags):
        raise _Unacceptable
    if len(tags) > 40 or not all(_is_allowed_tag(key, text) for key, text in tags):
        raise _Unacceptable
    return tuple(tags)


def _stripped(key: JSON) -> JSON:
    return key.strip() if isinstance(key, str) else key


def _is_tag(item: JSON) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"Key", "Value"}
        and all(isinstance(text, str) for text in item.values())
    )


def _is_allowed_tag(key: JSON, value: JSON) -> bool:
    return (
        isinstance(key, str)
        and isinstance(value, str)
        and 0 < len(key) <= 128
        and len(value) <= 256
        and not key.lower().startswith(("aws:", "statehold"))
        and all(map(_is_allowed_in_a_tag, key + value))
    )


def _is_allowed_in_a_tag(character: str) -> bool:
    """Whether it is a letter, a digit or a space, of any script, or a sign that AWS takes."""
    category = unicodedata.category(character)
    return character in "+-=._:/@" or category[0] in "LN" or category == "Zs"


_PRINCIPALS_ACCEPT = (
    "a list of IAM role or user ARNs (arn:aws:iam::<account>:role/<name>; '*' and '?' allowed)"
)
_BUCKET_NAME_ACCEPTS = (
    "a bucket name: 3 to 63 of a-z, 0-9, '-' and '.', beginning and ending with a letter or "
    "number, without the prefixes and suffixes that S3 reserves"
)

_PRINCIPALS = Form(
    _principals,
    {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string", "pattern": "^(arn:[a-z-]+:iam::.*|)$"}},
        ]
    },
    "List of String",
)
_TAGS = Form(
    _tags,
    {
        "anyOf": [
            {"type": "string"},
            {
                "type": "array",
                "maxItems": 40,
                "items": {
                    "type": "object",
                    "required": ["Key", "Value"],
                    "additionalProperties": False,
                    "properties": {
                        "Key": {"type": "string", "pattern": "^(?!aws:|[Ss]tatehold).{1,128}$"},
                        "Value": {"type": "string", "maxLength": 256},
                    },
                },
            },
        ]
    },
    "List of Tag",
)

PROPERTIES = {
    row.name: row
    for row in (
        Property("Region", _text(REGION_PATTERN), None, "a Region's name, such as eu-central-1"),
        Property("BucketName", _BUCKET, None, _BUCKET_NAME_ACCEPTS),
        Property(
            "BucketNamespace",
            _one_of("account-regional", "global"),
            None,
            "account-regional or global",
        ),
        Property("Encryption", _one_of("aws:kms", "AES256"), "aws:kms", "aws:kms or AES256"),
        Property(
            "KmsKeyArn",
            _text(r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f-]{36})"),
            None,
            "the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>), no alias or bare id",
        ),
        Property(
            "LockMode",
            _one_of("s3-lockfile", "dynamodb", "both"),
            "s3-lockfile",
            "s3-lockfile, dynamodb or both",
        ),
        Property(
            "LockTableName",
            _text(r"[a-zA-Z0-9_.-]{3,255}"),
            None,
            "a DynamoDB table name: 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-'",
        ),
        Property("PreventDestroy", _boolean(), "true", "true or false"),
        Property("Adopt", _one_of("observe", "enforce"), "observe", "observe or enforce"),
        Property(
            "NoncurrentVersionDays",
            _whole_number(1, 36500),
            "365",
            "a whole number from 1 to 36500",
        ),
        Property(
            "NoncurrentVersionsKept", _whole_number(1, 100), "100", "a whole number from 1 to 100"
        ),
        Property(
            "AccessLogs",
            Form(_access_logs, _BUCKET.schema),
            "create",
            "create, off, or the name of an existing bucket",
        ),
        Property(
            "AccessLogsDays", _whole_number(1, 36500), "365", "a whole number from 1 to 36500"
        ),
        Property(
            "WorkspaceKeyPrefix",
            _text(r"(?!/)[A-Za-z0-9_.:=@+/-]{1,200}(?<!/)"),
            "env:",
            "1 to 200 of letters, digits and '_.:=@+/-', without a '/' at either end",
        ),
        Property("StateAccessPrincipalArns", _PRINCIPALS, "", _PRINCIPALS_ACCEPT),
        Property("BreakGlassPrincipalArns", _PRINCIPALS, "", _PRINCIPALS_ACCEPT),
        Property(
            "Tags",
            _TAGS,
            "",
            "a list of {Key, Value}, or Key=Value,…: at most 40, no key twice, none beginning with "
            "'aws:' or 'Statehold', with letters, digits, spaces and '+-=._:/@' alone",
        ),
    )
}


def parse(given: Mapping[str, JSON]) -> dict[str, JSON]:
    """
    The values of the properties in *given*; an empty text, or a list of nothing else, is not given.

    Raises:
        InvalidRequest: A property is unknown, or its value is not accepted.
    """
    stated = {name: value for name, value in given.items() if name not in PROTOCOL_PROPERTIES}
    for name in stated:
        if name not in PROPERTIES:
            raise InvalidRequest(
                f"Property {str(name)[:100]} is unknown",
                f"Use only: {', '.join(PROPERTIES)}",
            )
    return {
        name: _value(PROPERTIES[name], value)
        for name, value in stated.items()
        if not _is_empty(PROPERTIES[name], value)
    }


def _is_empty(row: Property, value: JSON) -> bool:
    """Whether it is what a parameter with an empty default becomes: for a list ``[""]``."""
    if not row.form.type.startswith("List"):
        return bool(value == "")
    items = value.split(",") if isinstance(value, str) else value
    return isinstance(items, list) and bool(items) and all(map(_is_blank, items))


def _is_blank(item: JSON) -> bool:
    return isinstance(item, str) and not item.strip()


def _value(row: Property, value: JSON) -> JSON:
    try:
        return row.form.parse(value)
    except (_Unacceptable, ValueError, RecursionError) as error:
        remedy = str(error) if isinstance(error, _Unacceptable) else ""
        raise InvalidRequest(
            f"Property {row.name} is {_shown(value)}",
            f"It must be {row.accepts}" + (f"; {remedy}" if remedy else ""),
        ) from error


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 120 else f"{text[:117]}…"
