"""
One account in one Region, in memory. It knows nothing of AWS beyond absent, present, refused.

``things`` is all there is: ``(kind, name)`` -> what was put. A test may put, damage and compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import count
from threading import RLock

from state_backend.calls import JSON, AwsError, Call
from tests.unit.given import ACCOUNT, REGION

PAB, OWNERSHIP = "public_access_block", "bucket_ownership_controls"
SETTINGS: Mapping[str, tuple[str, bool, str]] = {
    PAB: ("PublicAccessBlockConfiguration", False, "NoSuchPublicAccessBlockConfiguration"),
    OWNERSHIP: ("OwnershipControls", False, "OwnershipControlsNotFoundError"),
    "bucket_encryption": (
        "ServerSideEncryptionConfiguration",
        False,
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    "bucket_policy": ("Policy", False, "NoSuchBucketPolicy"),
    "bucket_lifecycle_configuration": (
        "LifecycleConfiguration",
        True,
        "NoSuchLifecycleConfiguration",
    ),
    "bucket_versioning": ("VersioningConfiguration", True, ""),
    "bucket_logging": ("BucketLoggingStatus", True, ""),
    "bucket_tagging": ("Tagging", True, "NoSuchTagSet"),
}
"""Setting -> its parameter, whether its answer is that parameter's content, its word for absent."""

FRESH: Mapping[str, JSON] = {
    PAB: dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    ),
    OWNERSHIP: {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "bucket_encryption": {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BucketKeyEnabled": False,
                "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
            }
        ]
    },
}
"""What AWS sets on a new bucket by itself."""

_STATUS = {"404": 404, "403": 403, "AccessDenied": 403, "InternalError": 500}
_UNANSWERED = {"ConnectionError", "TruncatedAnswer"}


class Account:
    def __init__(self, refuse: Mapping[str, str] | None = None, region: str = REGION) -> None:
        self.region = region
        self.things: dict[tuple[str, str], JSON] = {}
        self.refuse = dict(refuse or {})
        """Operation -> the code with which it is refused, or ``code: message``."""
        self.stale: dict[str, int] = {}
        """Reading operation -> how many more times it answers as before the last write."""
        self.before: Callable[[Call], None] = lambda call: None
        self.after: Callable[[Call], None] = lambda call: None
        self.reads: list[Call] = []
        self.writes: list[Call] = []
        self._was: dict[tuple[str, str], JSON] = {}
        self._ids = count(1)
        self._lock = RLock()

    def __call__(self, call: Call) -> JSON:
        self.before(call)
        with self._lock:
            reading = call.operation.startswith(("get_", "head_", "describe_", "list_"))
            (self.reads if reading else self.writes).append(call)
            if call.operation in self.refuse:
                code, _, message = self.refuse[call.operation].partition(": ")
                raise refusal(call, code, message)
            answer = deepcopy(self._answer(call, dict(call.parameters)))
        self.after(call)
        return answer

    @property
    def written(self) -> list[str]:
        return [str(call) for call in self.writes]

    def has_bucket(
        self, name: str, owner: str = ACCOUNT, region: str = "", **settings: JSON
    ) -> None:
        """There is a bucket as AWS makes it, but for *settings*."""
        self.things["bucket", name] = {"owner": owner, "region": region or self.region}
        for kind, value in {**FRESH, **settings}.items():
            self._put(kind, name, value)

    def has_key(self, alias: str = "", tags: Mapping[str, str] | None = None, **more: JSON) -> str:
        """There is a key; returns its ARN."""
        number = f"{next(self._ids):08d}-0000-4000-8000-{'0' * 12}"
        arn = f"arn:aws:kms:{self.region}:{ACCOUNT}:key/{number}"
        usual = {"Arn": arn, "KeyState": "Enabled", "KeyManager": "CUSTOMER", "CreationDate": 1.0}
        self.things["key", arn] = {**usual, "KeySpec": "SYMMETRIC_DEFAULT", **more}
        self._put("key_tags", arn, dict(tags or {}))
        self._put("key_policy", arn, "{}")
        if alias:
            self._put("alias", alias, arn)
        return arn

    def settle(self) -> None:
        """What was written until now is shown from now on."""
        self._was.clear()

    def _answer(self, call: Call, of: dict[str, JSON]) -> JSON:
        verb, _, kind = call.operation.partition("_")
        named = hasattr(self, f"_{call.operation}")
        if verb in {"get", "put"} and (kind in SETTINGS or ("Bucket" in of and not named)):
            return self._setting(call, verb, kind, of)
        return getattr(self, f"_{call.operation}")(call, of)

    def _put(self, kind: str, name: str, value: JSON) -> None:
        if value is None:
            self.things.pop((kind, name), None)
            return
        value = deepcopy(value)
        for rule in value["Rules"] if kind == "bucket_encryption" else []:
            rule.setdefault("BucketKeyEnabled", False)
        self._was[kind, name] = self.things.get((kind, name))
        self.things[kind, name] = value

    def _get(self, call: Call, kind: str, name: str, absent: str) -> JSON:
        value = self.things.get((kind, name))
        changed = self._was.get((kind, name), value) != value
        if changed and self.stale.get(call.operation, 0) > 0:
            self.stale[call.operation] -= 1
            value = self._was[kind, name]
        if value is None and absent:
            raise refusal(call, absent)
        return value

    def _setting(self, call: Call, verb: str, kind: str, of: dict[str, JSON]) -> JSON:
        bucket = self._get(call, "bucket", of["Bucket"], "NoSuchBucket")
        if bucket["owner"] != of["ExpectedBucketOwner"]:
            raise refusal(call, "AccessDenied")
        # Of a setting that is not in the table only its form is known: absent is an empty answer.
        content = next((it for it in of if it not in {"Bucket", "ExpectedBucketOwner"}), "")
        parameter, bare, absent = SETTINGS.get(kind, (content, True, ""))
        if verb == "put":
            return self._put(kind, of["Bucket"], of[parameter])
        value = self._get(call, kind, of["Bucket"], absent) or {}
        return value if bare else {parameter: value}

    def _head_bucket(self, call: Call, of: dict[str, JSON]) -> JSON:
        bucket = self._get(call, "bucket", of["Bucket"], "404")
        if bucket["owner"] != of["ExpectedBucketOwner"]:
            raise refusal(call, "403")
        return {"BucketRegion": bucket["region"]}

    def _create_bucket(self, call: Call, of: dict[str, JSON]) -> JSON:
        there = self.things.get(("bucket", of["Bucket"]))
        if there:
            ours = there["owner"] == ACCOUNT
            raise refusal(call, "BucketAlreadyOwnedByYou" if ours else "BucketAlreadyExists")
        tags = {"TagSet": of["CreateBucketConfiguration"].get("Tags", [])}
        self.has_bucket(of["Bucket"], bucket_tagging=tags)

    def _tag_resource(self, call: Call, of: dict[str, JSON]) -> JSON:
        bucket = of["ResourceArn"].rpartition(":")[2]
        found = self.things.get(("bucket_tagging", bucket), {"TagSet": []})["TagSet"]
        tags = {tag["Key"]: tag for tag in (*found, *of["Tags"])}
        self._put("bucket_tagging", bucket, {"TagSet": list(tags.values())})

    def _create_key(self, call: Call, of: dict[str, JSON]) -> JSON:
        arn = self.has_key(tags={tag["TagKey"]: tag["TagValue"] for tag in of["Tags"]})
        self._put("key_policy", arn, of["Policy"])
        return {"KeyMetadata": self.things["key", arn]}

    def _describe_key(self, call: Call, of: dict[str, JSON]) -> JSON:
        name = of["KeyId"]
        if name.startswith("alias/"):
            name = self._get(call, "alias", name, "NotFoundException")
        return {"KeyMetadata": self._get(call, "key", name, "NotFoundException")}

    def _create_alias(self, call: Call, of: dict[str, JSON]) -> JSON:
        if ("alias", of["AliasName"]) in self.things:
            raise refusal(call, "AlreadyExistsException")
        self._put("alias", of["AliasName"], of["TargetKeyId"])

    def _update_alias(self, call: Call, of: dict[str, JSON]) -> JSON:
        self._put("alias", of["AliasName"], of["TargetKeyId"])

    def _get_key_policy(self, call: Call, of: dict[str, JSON]) -> JSON:
        return {"Policy": self._get(call, "key_policy", of["KeyId"], "NotFoundException")}

    def _put_key_policy(self, call: Call, of: dict[str, JSON]) -> JSON:
        self._put("key_policy", of["KeyId"], of["Policy"])

    def _get_key_rotation_status(self, call: Call, of: dict[str, JSON]) -> JSON:
        days = self._get(call, "key_rotation", of["KeyId"], "")
        return {"KeyRotationEnabled": bool(days)} | ({"RotationPeriodInDays": days} if days else {})

    def _enable_key_rotation(self, call: Call, of: dict[str, JSON]) -> JSON:
        self._put("key_rotation", of["KeyId"], of["RotationPeriodInDays"])

    def _get_resources(self, call: Call, of: dict[str, JSON]) -> JSON:
        [wanted] = of["TagFilters"]
        found = [
            {"ResourceARN": name}
            for (kind, name), tags in self.things.items()
            if kind == "key_tags" and tags.get(wanted["Key"]) in wanted["Values"]
        ]
        return {"ResourceTagMappingList": found, "PaginationToken": ""}

    def _create_table(self, call: Call, of: dict[str, JSON]) -> JSON:
        if ("table", of["TableName"]) in self.things:
            raise refusal(call, "ResourceInUseException")
        self.has_table(of["TableName"], of["KeySchema"], of["DeletionProtectionEnabled"])

    def has_table(self, name: str, key: JSON = None, protected: bool = False, **more: JSON) -> None:
        """There is a lock table, or with another *key* some table."""
        lock = [{"AttributeName": "LockID", "KeyType": "HASH"}]
        usual = {"TableStatus": "ACTIVE", "KeySchema": key or lock}
        self._put("table", name, {**usual, **more})
        self._put("table_protection", name, protected)

    def _describe_table(self, call: Call, of: dict[str, JSON]) -> JSON:
        table = self._get(call, "table", of["TableName"], "ResourceNotFoundException")
        protected = self._get(call, "table_protection", of["TableName"], "")
        return {"Table": {**table, "DeletionProtectionEnabled": protected}}

    def _update_table(self, call: Call, of: dict[str, JSON]) -> JSON:
        self._put("table_protection", of["TableName"], of["DeletionProtectionEnabled"])

    def _describe_continuous_backups(self, call: Call, of: dict[str, JSON]) -> JSON:
        on = self._get(call, "table_recovery", of["TableName"], "")
        status = {"PointInTimeRecoveryStatus": "ENABLED" if on else "DISABLED"}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": status}}

    def _update_continuous_backups(self, call: Call, of: dict[str, JSON]) -> JSON:
        wanted = of["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        self._put("table_recovery", of["TableName"], wanted)

    def _get_parameters(self, call: Call, of: dict[str, JSON]) -> JSON:
        values = {name: self._get(call, "parameter", name, "") for name in of["Names"]}
        return {
            "Parameters": [{"Name": name, "Value": it} for name, it in values.items() if it],
            "InvalidParameters": [name for name, it in values.items() if not it],
        }

    def _put_parameter(self, call: Call, of: dict[str, JSON]) -> JSON:
        self._put("parameter", of["Name"], of["Value"])


def refusal(call: Call, code: str, message: str = "") -> AwsError:
    status = None if code in _UNANSWERED else _STATUS.get(code, 400)
    return AwsError(call, code, message or "no", status=status)
