"""What AWS lists in pages, where each has a ``NextToken`` as long as another follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from state_backend.calls import JSON, Call, Invoke


def items(invoke: Invoke, call: Call, member: str) -> Iterator[JSON]:
    """
    Every item of *member*, page by page as they are asked for.

    A page may be empty and yet not be the last one.
    """
    token: Mapping[str, JSON] = {}
    while True:
        answer = invoke(replace(call, parameters={**call.parameters, **token}))
        yield from answer[member]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
