"""The published parameters: what clients read, and by their presence the word that it is ready."""

from __future__ import annotations

from state_backend.calls import JSON, Call
from state_backend.model import Control
from state_backend.outputs import PARAMETERS
from state_backend.spec import BackendSpec


def _read(spec: BackendSpec, bucket: str) -> Call:
    return Call("ssm", "get_parameters", {"Names": sorted(PARAMETERS)})


def _select(answer: JSON) -> JSON:
    # Both members are required: an answer without them was cut, and says nothing.
    found = {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    return found if answer["InvalidParameters"] is not None and found else None


def _desired(spec: BackendSpec, found: JSON) -> JSON:
    return {name: render(spec) for name, render in PARAMETERS.items()}


def _write(spec: BackendSpec, bucket: str, desired: JSON, found: JSON) -> tuple[Call, ...]:
    return tuple(
        Call(
            "ssm",
            "put_parameter",
            {
                "Name": name,
                "Value": value,
                "Type": "String",
                "Overwrite": True,
                "Description": f"The Terraform/OpenTofu state backend {spec.bucket_name}",
            },
        )
        for name, value in desired.items()
        if (found or {}).get(name) != value
    )


CONTROL = Control(
    id="parameters",
    on=("bucket",),
    why="Clients would have to be told their backend by hand, and would get its key wrong.",
    satisfies=("NIST 800-53 CM-6",),
    sources=(
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html",
    ),
    permissions=("ssm:GetParameters", "ssm:PutParameter"),
    read=_read,
    absent=frozenset(),
    select=_select,
    desired=_desired,
    write=_write,
    last=True,
)
