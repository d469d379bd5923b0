"""
What one invocation works with: the hub's settings, its own identity, the register, the time it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from state_backend.aws.invoke import Clients, Invoker
from state_backend.aws.register import Register
from state_backend.aws.session import AccountSessions
from state_backend.calls import Clock, Invoke
from state_backend.settings import Settings, settings_from
from state_backend.spec import Defaults

_RESERVE_SECONDS = 30.0
"""What is kept of the time for recording and answering."""


class LambdaContext(Protocol):
    """What we need of Lambda's context."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What one invocation works with."""

    settings: Settings
    invoke: Invoke
    """The function's own identity, in its own Region."""
    at_home: Invoke
    """The same in the home Region, where the register and the event bus are."""
    register: Register
    clock: Clock
    deadline: float
    """When the function is stopped. Epoch seconds."""
    give_up_at: float
    """When nothing more is begun or waited for. Epoch seconds."""
    holder: str
    """Who holds the lease: this invocation's id."""

    @property
    def defaults(self) -> Defaults:
        return Defaults(self.settings.bucket_name_prefix, self.settings.property_defaults)

    @property
    def sessions(self) -> AccountSessions:
        return AccountSessions(invoke=self.invoke, clock=self.clock, give_up_at=self.give_up_at)


def hub_of(environment: Mapping[str, str], context: LambdaContext, clock: Clock) -> Hub:
    """
    What the invocation described by *context* works with.

    Raises:
        InvalidRequest: A setting in *environment* is wrong.
    """
    settings = settings_from(environment)
    deadline = clock.now() + context.get_remaining_time_in_millis() / 1000
    give_up_at = deadline - _RESERVE_SECONDS
    invokers = {
        region: Invoker(clients=Clients(region=region), clock=clock, give_up_at=give_up_at)
        for region in {settings.region, settings.home_region}
    }
    at_home = invokers[settings.home_region]
    return Hub(
        settings=settings,
        invoke=invokers[settings.region],
        at_home=at_home,
        register=Register(table=settings.backend_register, invoke=at_home, clock=clock),
        clock=clock,
        deadline=deadline,
        give_up_at=give_up_at,
        holder=context.aws_request_id,
    )
