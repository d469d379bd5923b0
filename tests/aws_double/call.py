"""
One API call on its way through the double, and what it meets there.

A *rule* is one difference between moto and AWS, closed: a function that answers the call itself,
refuses it, or lets ``proceed`` answer and looks at the result. Rules of one operation nest in the
order in which they are registered; moto is innermost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.aws_double.identity import Principal
from tests.aws_double.protocol import Parsed
from tests.aws_double.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from tests.aws_double.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An API call as it arrived: by whom, for what, where."""

    service: str
    region: str
    principal: Principal
    account: str
    """Of the resource: the owner of a bucket or key, else the caller's own."""
    parsed: Parsed
    http: HttpRequest
    base_url: str
    """Where the client reached us: what URLs in answers begin with."""

    @property
    def operation(self) -> str:
        return self.parsed.operation

    @property
    def parameters(self) -> dict[str, Any]:
        return self.parsed.parameters

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    def header(self, name: str) -> str | None:
        return self.http.headers.get(name.lower())

    def with_headers(self, headers: Mapping[str, str | None]) -> Call:
        """The call with *headers* set, or dropped where the value is None."""
        merged = {**self.http.headers, **headers}
        kept = {name: value for name, value in merged.items() if value is not None}
        return replace(self, http=replace(self.http, headers=kept))


Answer: TypeAlias = HttpResponse | Mapping[str, Any] | None
"""A response as it is, or the result to be serialized; None is an empty result."""
Proceed: TypeAlias = Callable[[Call], HttpResponse]
Rule: TypeAlias = Callable[[Call, "World", Proceed], Answer]

RULES: dict[tuple[str, str], list[Rule]] = {}


def rule(service: str, *operations: str) -> Callable[[Rule], Rule]:
    """Registers a rule for *operations* of *service*."""

    def register(function: Rule) -> Rule:
        for operation in operations:
            RULES.setdefault((service, operation), []).append(function)
        return function

    return register


def partition_of(region: str) -> str:
    """The partition that *region* belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dns_suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
