"""
The tagging API over what the double keeps: buckets have their tags here, all else in moto.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.aws_double.call import Answer, Call, Proceed, rule

if TYPE_CHECKING:
    from tests.aws_double.world import World


@rule("resourcegroupstaggingapi", "GetResources")
def get_resources(call: Call, world: World, proceed: Proceed) -> Answer:
    """Of the caller's account and Region only, as everywhere."""
    response = proceed(call)
    if response.status != 200:
        return response
    answer = json.loads(response.body)
    others = [m for m in answer["ResourceTagMappingList"] if ":s3:::" not in m["ResourceARN"]]
    first_page = not call.parameters.get("PaginationToken")
    buckets = _buckets(call, world) if first_page and _wants_buckets(call) else []
    answer["ResourceTagMappingList"] = buckets + others
    response.body = json.dumps(answer).encode()
    response.headers.pop("content-length", None)
    return response


def _buckets(call: Call, world: World) -> list[dict[str, Any]]:
    return [
        {
            "ResourceARN": bucket.arn,
            "Tags": [{"Key": name, "Value": value} for name, value in bucket.tags.items()],
        }
        for bucket in world.buckets.values()
        if (bucket.account, bucket.region) == (call.account, call.region)
        and bucket.tags
        and _fits(bucket.tags, call.parameters.get("TagFilters") or [])
    ]


def _wants_buckets(call: Call) -> bool:
    kinds = call.parameters.get("ResourceTypeFilters") or []
    arns = call.parameters.get("ResourceARNList") or []
    return not arns and (not kinds or bool({"s3", "s3:bucket"} & set(kinds)))


def _fits(tags: dict[str, str], filters: list[dict[str, Any]]) -> bool:
    return all(
        wanted["Key"] in tags
        and (not wanted.get("Values") or tags[wanted["Key"]] in wanted["Values"])
        for wanted in filters
    )
