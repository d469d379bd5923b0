"""
SSM parameters, where moto is milder.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.aws_double.call import Answer, Call, Proceed, rule
from tests.aws_double.errors import Refusal

if TYPE_CHECKING:
    from tests.aws_double.world import World

LARGEST_STANDARD = 4096
"""Bytes."""


@rule("ssm", "PutParameter")
def standard_parameter_has_a_size(call: Call, world: World, proceed: Proceed) -> Answer:
    size = len(call.parameters["Value"].encode())
    if size > LARGEST_STANDARD and call.parameters.get("Tier", "Standard") == "Standard":
        raise Refusal(
            "ValidationException",
            "Standard tier parameters support a maximum parameter value of 4096 characters. To "
            "create a larger parameter value, upgrade the parameter to use the advanced-parameter "
            "tier.",
            400,
        )
    return proceed(call)
