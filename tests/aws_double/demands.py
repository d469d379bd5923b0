"""
What a call needs, and whose resource it is about: one entry for each service.

Services that are not listed need ``<service>:<Operation>`` on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from tests.aws_double import kms_access, s3_access
from tests.aws_double.authorization import Demand
from tests.aws_double.call import Call
from tests.aws_double.conditions import Values

if TYPE_CHECKING:
    from tests.aws_double.world import World

PREFIXES = {
    "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states",
    "s3control": "s3",
}
"""Of a service's IAM actions, where it is not botocore's name."""
NOTHING_NEEDED = frozenset({("sts", "GetCallerIdentity"), ("sts", "AssumeRole")})
"""AssumeRole is judged by its rule, since the role's own policy decides."""

TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


def account_of(call: Call, world: World) -> str:
    """The account that owns what *call* is about; the caller's own if nothing says otherwise."""
    match call.service:
        case "s3":
            return s3_access.owner_of(call, world) or call.principal.account
        case "s3control":
            return str(call.parameters.get("AccountId") or call.principal.account)
        case "kms":
            return kms_access.owner_of(call, world) or call.principal.account
        case _:
            return call.principal.account


def demands_of(call: Call, world: World) -> Iterable[Demand]:
    """
    The permissions that *call* needs.

    Raises:
        Refusal: AWS says no before it looks at permissions, as for a bucket that is not there.
    """
    if (call.service, call.operation) in NOTHING_NEEDED:
        return []
    return _BY_SERVICE.get(call.service, _plain)(call, world)


def _plain(call: Call, world: World) -> Iterable[Demand]:
    return [_demand(call, "*")]


def _demand(call: Call, resource: str, context: Mapping[str, Values] | None = None) -> Demand:
    prefix = PREFIXES.get(call.service, call.service)
    return Demand(
        action=f"{prefix}:{call.operation}",
        resource=resource,
        account=call.account,
        context=context or {},
    )


def _arn(call: Call, rest: str) -> str:
    return f"arn:{call.partition}:{call.service}:{call.region}:{call.account}:{rest}"


def _ssm(call: Call, world: World) -> Iterable[Demand]:
    parameters = call.parameters
    names = parameters.get("Names") or [
        parameters.get("Name") or parameters.get("Path") or parameters.get("ResourceId") or ""
    ]
    context: dict[str, Values] = {}
    if "Overwrite" in parameters:
        context["ssm:overwrite"] = [str(parameters["Overwrite"]).lower()]
    for name in names:
        if name.startswith("arn:"):
            yield _demand(call, name, context)
        elif name:
            yield _demand(call, _arn(call, f"parameter/{name.lstrip('/')}"), context)
        else:
            yield _demand(call, "*", context)
    if call.operation == "PutParameter" and parameters.get("Tags"):
        name = names[0].lstrip("/")
        yield Demand(
            action="ssm:AddTagsToResource",
            resource=_arn(call, f"parameter/{name}"),
            account=call.account,
        )


def _dynamodb(call: Call, world: World) -> Iterable[Demand]:
    parameters = call.parameters
    arn = parameters.get("ResourceArn")
    if arn:
        return [_demand(call, arn)]
    if call.operation.startswith("Transact"):
        return [
            Demand(
                action=f"dynamodb:{TRANSACTED.get(kind, kind)}",
                resource=_table(call, part["TableName"]),
                account=call.account,
            )
            for item in parameters["TransactItems"]
            for kind, part in item.items()
        ]
    tables = list(parameters.get("RequestItems") or {})
    tables += [parameters["TableName"]] if parameters.get("TableName") else []
    demands = [_demand(call, _table(call, name)) for name in tables] or [_demand(call, "*")]
    if call.operation == "CreateTable" and parameters.get("Tags"):
        tagging = Demand(
            action="dynamodb:TagResource", resource=demands[0].resource, account=call.account
        )
        demands.append(tagging)
    return demands


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else _arn(call, f"table/{name}")


def _cloudformation(call: Call, world: World) -> Iterable[Demand]:
    name = call.parameters.get("StackName")
    if not name:
        return [_demand(call, "*")]
    return [_demand(call, name if name.startswith("arn:") else _arn(call, f"stack/{name}/*"))]


def _organizations(call: Call, world: World) -> Iterable[Demand]:
    names = ("AccountId", "ParentId", "ChildId", "ResourceId")
    about = next((it for name in names if (it := call.parameters.get(name))), "")
    kind = {"r": "root", "o": "ou"}.get(about[:1], "account")
    if not about:
        return [_demand(call, "*")]
    prefix = f"arn:{call.partition}:organizations::{world.management_account}"
    return [_demand(call, f"{prefix}:{kind}/{world.organization_id}/{about}")]


def _sqs(call: Call, world: World) -> Iterable[Demand]:
    url = call.parameters.get("QueueUrl") or call.parameters.get("QueueName") or ""
    name = url.rpartition("/")[2]
    return [
        Demand(
            action=f"sqs:{call.operation.removesuffix('Batch')}",  # no batch has an action
            resource=_arn(call, name) if name else "*",
            account=call.account,
        )
    ]


def _events(call: Call, world: World) -> Iterable[Demand]:
    if call.operation != "PutEvents":
        return [_demand(call, "*")]
    return [_event_demand(call, entry) for entry in call.parameters["Entries"]]


def _event_demand(call: Call, entry: Mapping[str, str]) -> Demand:
    bus = entry.get("EventBusName") or "default"
    return Demand(
        action="events:PutEvents",
        resource=bus if bus.startswith("arn:") else _arn(call, f"event-bus/{bus}"),
        account=call.account,
        context={
            "events:source": [entry.get("Source", "")],
            "events:detail-type": [entry.get("DetailType", "")],
        },
    )


_BY_SERVICE: Mapping[str, Callable[[Call, World], Iterable[Demand]]] = {
    "cloudformation": _cloudformation,
    "dynamodb": _dynamodb,
    "events": _events,
    "kms": kms_access.demands_of,
    "organizations": _organizations,
    "s3": s3_access.demands_of,
    "s3control": s3_access.control_demands_of,
    "sqs": _sqs,
    "ssm": _ssm,
}
