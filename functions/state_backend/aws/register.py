"""
The register: the truth about what is wanted and protected, and the lease under which it is changed.

One item per account and Region in a DynamoDB table of the hub. Every write asks for the lease in
its condition, so a run that lost it cannot overwrite what its successor recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from state_backend.calls import JSON, AwsError, Call, Clock, Invoke
from state_backend.drift import Repairs
from state_backend.errors import NotReady
from state_backend.ownership import Record
from state_backend.spec import Defaults

_CONDITION_FAILED = "ConditionalCheckFailedException"

KEY = "backend"
"""The table's key attribute: ``<account>#<region>``."""

_OTHER_RUN = "Another run works on this account and Region, or one was cut off a moment ago"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The records of one hub. Without a table (single local runs) there is nothing on record."""

    table: str
    invoke: Invoke
    clock: Clock

    def read(self, account: str, region: str) -> Record:
        """What is on record, without taking the lease."""
        if not self.table:
            return Record(account=account, region=region)
        item = self._call("get_item", {"Key": _key(account, region), "ConsistentRead": True}).get(
            "Item", {}
        )
        return _record(account, region, item)

    def backends(self) -> Iterator[Record]:
        """
        All that is on record and has been complete, with owner and state and nothing else.

        A record of what was never complete is about no backend: nobody has to look after it.
        """
        if not self.table:
            return
        names = {"#k": KEY, "#o": "owner", "#s": "backend_state"}
        page: Mapping[str, JSON] = {}
        while True:
            answer = self._call(
                "scan",
                {
                    "ProjectionExpression": ", ".join(names),
                    "ExpressionAttributeNames": names,
                    "ConsistentRead": True,
                    **page,
                },
            )
            for item in answer["Items"]:
                account, region = item[KEY]["S"].split("#")
                record = _record(account, region, item)
                if record.complete:
                    yield record
            if not answer.get("LastEvaluatedKey"):
                return
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def acquire(self, account: str, region: str, holder: str, until: float) -> Record:
        """
        What is on record, under a lease for *holder*.

        Args:
            until: When the lease may be taken over. Epoch seconds.

        Raises:
            NotReady: Another run holds it.
        """
        if not self.table:
            return Record(account=account, region=region)
        try:
            answer = self._call(
                "update_item",
                {
                    "Key": _key(account, region),
                    "UpdateExpression": "SET lease_holder = :me, lease_expires_at = :until",
                    "ConditionExpression": "attribute_not_exists(lease_holder)"
                    " OR lease_expires_at < :now OR lease_holder = :me",
                    "ExpressionAttributeValues": {
                        ":me": {"S": holder},
                        ":until": {"N": f"{until:.3f}"},
                        ":now": {"N": f"{self.clock.now():.3f}"},
                    },
                    "ReturnValues": "ALL_NEW",
                },
            )
        except AwsError as error:
            if error.code == _CONDITION_FAILED:
                raise NotReady(
                    f"{_OTHER_RUN}: {account} in {region}", "It is tried again"
                ) from error
            raise
        return _record(account, region, answer["Attributes"])

    def save(self, record: Record, holder: str, *, give_back: bool) -> None:
        """
        Records *record*, and gives the lease back if *give_back*.

        Raises:
            NotReady: The lease was lost to another run.
        """
        if not self.table:
            return
        fields = _fields(record)
        names = {f"#f{index}": name for index, name in enumerate(fields)}
        values = {f":f{index}": value for index, value in enumerate(fields.values())}
        setting = ", ".join(f"{name} = :f{index}" for index, name in enumerate(names))
        mine = "lease_holder = :me"
        if give_back:
            # Sent again after its answer was lost, it finds that it was carried out.
            setting += ", last_holder = :me REMOVE lease_holder, lease_expires_at"
            mine += " OR (attribute_not_exists(lease_holder) AND last_holder = :me)"
        try:
            self._call(
                "update_item",
                {
                    "Key": _key(record.account, record.region),
                    "UpdateExpression": f"SET {setting}",
                    "ConditionExpression": mine,
                    "ExpressionAttributeNames": names,
                    "ExpressionAttributeValues": {**values, ":me": {"S": holder}},
                },
            )
        except AwsError as error:
            if error.code == _CONDITION_FAILED:
                raise NotReady(
                    f"{_OTHER_RUN}: the lease on {record.account} in {record.region} was lost",
                    "It is tried again",
                ) from error
            raise

    def give_back(self, record: Record, holder: str) -> None:
        """Gives the lease back if it still is *holder*'s; all else on record stays as it is."""
        if not self.table:
            return
        removal = {
            "Key": _key(record.account, record.region),
            "UpdateExpression": "REMOVE lease_holder, lease_expires_at",
            "ConditionExpression": "lease_holder = :me",
            "ExpressionAttributeValues": {":me": {"S": holder}},
        }
        try:
            self._call("update_item", removal)
        except AwsError as error:
            # It was given back already, in an attempt whose answer was lost, or taken over.
            if error.code != _CONDITION_FAILED:
                raise

    def _call(self, operation: str, parameters: Mapping[str, JSON]) -> JSON:
        try:
            return self.invoke(Call("dynamodb", operation, {"TableName": self.table, **parameters}))
        except AwsError as error:
            if error.code == _CONDITION_FAILED:
                raise
            # Without the register nobody knows what is wanted and protected: never go on.
            raise NotReady(
                f"The register {self.table} could not be reached ({error.code}: {error.message})",
                "It is tried again; if that lasts, look at the table and the function's role",
            ) from error


def _key(account: str, region: str) -> JSON:
    return {KEY: {"S": f"{account}#{region}"}}


def _fields(record: Record) -> dict[str, JSON]:
    """The attributes of *record*; given properties and defaults as JSON texts."""
    return {
        "owner": {"S": record.owner},
        "previous_owner": {"S": record.previous_owner},
        "backend_state": {"S": record.state},
        "bucket_name": {"S": record.bucket_name},
        "given": {"S": json.dumps(record.given, sort_keys=True)},
        "defaults": {"S": json.dumps(asdict(record.defaults), sort_keys=True)},
        "role_arn": {"S": record.role_arn},
        "previous_role_arn": {"S": record.previous_role_arn},
        "key_arn": {"S": record.key_arn},
        "origin": {"S": record.origin},
        "wanted": {"S": json.dumps(record.wanted)},
        "key_intent_at": {"N": f"{record.key_intent_at:.3f}"},
        "repairs": {"S": json.dumps({name: asdict(it) for name, it in record.repairs.items()})},
    }


def _record(account: str, region: str, item: Mapping[str, Mapping[str, str]]) -> Record:
    def text(name: str) -> str:
        return item.get(name, {}).get("S", "")

    defaults = json.loads(text("defaults") or "{}")
    return Record(
        account=account,
        region=region,
        owner=text("owner"),
        previous_owner=text("previous_owner"),
        state=text("backend_state"),
        bucket_name=text("bucket_name"),
        given=json.loads(text("given") or "{}"),
        defaults=Defaults(**defaults),
        role_arn=text("role_arn"),
        previous_role_arn=text("previous_role_arn"),
        key_arn=text("key_arn"),
        origin=text("origin"),
        wanted=json.loads(text("wanted") or "{}"),
        key_intent_at=float(item.get("key_intent_at", {}).get("N", "0")),
        repairs={
            name: Repairs(tuple(it["times"]), it["actor"])
            for name, it in json.loads(text("repairs") or "{}").items()
        },
    )
