"""
The calls of an undisturbed run, named so that the same call is found again in another run.

Runs side by side arrive in any order, so a call is known by what it does to what, and by how many
of the same came before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.aws_double import Fault, RecordedCall
from tests.fault.state import anonymous

OBSERVED_SERVICES = frozenset(
    {"dynamodb", "events", "kms", "organizations", "resourcegroupstaggingapi", "s3", "s3control"}
    | {"sqs", "ssm", "sts"}
)


@dataclass(frozen=True, slots=True)
class Named:
    """One call of a run."""

    name: str
    """``s3:PutBucketPolicy tfstate-<account>-…``"""
    nth: int
    """The how many-th of this name."""
    write: bool

    def __str__(self) -> str:
        return f"{self.name} #{self.nth}" if self.nth > 1 else self.name

    @property
    def service(self) -> str:
        return self.name.partition(":")[0]

    @property
    def operation(self) -> str:
        return self.name.partition(":")[2].partition(" ")[0]

    def fault(self, account: str, kind: str, **options: Any) -> Fault:
        """A fault that strikes this call in a run on *account*."""
        options = {"nth": self.nth, **options}
        return Fault(kind=kind, match=lambda it: name_of(it, account) == self.name, **options)


def name_of(call: RecordedCall, account: str) -> str:
    return anonymous(f"{call.service}:{call.operation} {call.resource}".rstrip(), account)


def named(calls: Sequence[RecordedCall], account: str) -> list[Named]:
    seen: Counter[str] = Counter()
    found = []
    for call in calls:
        name = name_of(call, account)
        seen[name] += 1
        found.append(Named(name, seen[name], call.write))
    return found
