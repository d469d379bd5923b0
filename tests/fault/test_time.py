"""
The function's clock is not AWS's, and credentials that end in the middle of a run.

Either the run goes on, or what it says can be tried again; there is never a half state that the
next run does not make whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from tests.aws_double import Fault, RecordedCall, Refusal
from tests.fault.calls import Named
from tests.fault.errands import CREATE, Undisturbed, undisturbed
from tests.fault.ground import YOUNG_SECONDS, Ground, destructive
from tests.fault.test_every_call import FOR_GOOD, told

LATE = "Signature expired: 20270115T080000Z is now earlier than 20270115T081500Z"
EARLY = "Signature not yet current: 20270115T082000Z is still later than 20270115T081500Z"
"""A clock that is twenty minutes slow, and one that is twenty minutes fast."""


def skewed(service: str, how: str) -> Refusal:
    match service:
        case "s3" | "s3control":
            return Refusal(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                403,
            )
        case "sts":
            return Refusal("SignatureDoesNotMatch", how, 403)
        case _:
            return Refusal("InvalidSignatureException", how, 400)


def ended(service: str) -> Refusal:
    code = "ExpiredToken" if service in {"s3", "s3control"} else "ExpiredTokenException"
    return Refusal(code, "The security token included in the request is expired", 400)


SERVICES = ("s3", "s3control", "sts", "kms", "ssm", "dynamodb", "resourcegroupstaggingapi")
SERVICES += ("organizations", "events")
OWN_CREDENTIALS = frozenset({"sts", "organizations", "events"})
"""What the function calls as itself: Lambda renews those credentials before they end."""


def wrongs(ground: Ground, like: Undisturbed, faults: Callable[[str], Sequence[Fault]]) -> Any:
    """What is wrong after a run that *faults* strike, from an account on, and after the next."""
    site = ground.site()
    since = len(ground.aws.calls)
    armed = [ground.faults.add(it) for it in faults(site.account)]
    first = CREATE.run(site)
    ground.faults.clear()
    found = [] if any(it.struck for it in armed) else ["nothing was struck"]
    found += told(first)
    if first["status"] != "READY":
        ground.time.wait(YOUNG_SECONDS)
        second = CREATE.run(site)
        found += [] if second["status"] == "READY" else [f"the next: {second}"]
    if site.state != like.state:
        found.append("another end state")
    return found + site.wrongs() + destructive(site.calls(since))


@pytest.mark.parametrize("how", [LATE, EARLY], ids=["slow", "fast"])
@pytest.mark.parametrize("times", [1, FOR_GOOD], ids=["put right", "for the whole run"])
def test_a_clock_that_is_twenty_minutes_off_is_told_as_that(how, times, ground):
    """Put right, as after a function has slept: the call is signed anew, and the run goes on."""
    like = undisturbed(CREATE, ground)

    def faults(account: str) -> list[Fault]:
        return [
            Fault(kind="refuse", service=it, times=times, error=skewed(it, how)) for it in SERVICES
        ]

    assert wrongs(ground, like, faults) == []


def in_account(calls: Sequence[Named]) -> list[Named]:
    return [
        it
        for it in calls
        if it.service not in OWN_CREDENTIALS and "StateholdBackendRegister" not in it.name
    ]


def from_then_on(call: Named, account: str) -> list[Fault]:
    """The credentials of the account's session end at *call*; every later call has that answer."""
    struck = call.fault(account, "refuse", error=ended(call.service))

    def is_later(it: RecordedCall) -> bool:
        return bool(struck.struck) and f":{account}:" in it.principal

    return [
        struck,
        *(
            Fault(kind="refuse", service=it, times=FOR_GOOD, match=is_later, error=ended(it))
            for it in sorted(set(SERVICES) - OWN_CREDENTIALS)
        ),
    ]


def wrongs_from(ground: Ground, like: Undisturbed, call: Named) -> Any:
    return wrongs(ground, like, partial(from_then_on, call))


@pytest.mark.sample
def test_credentials_may_end_before_any_write_of_a_creation(ground, broken):
    like = undisturbed(CREATE, ground)
    writes = [it for it in in_account(like.calls) if it.write]

    assert broken(writes, partial(wrongs_from, ground, like)) == {}


@pytest.mark.soak
def test_and_before_any_call(ground, broken):
    like = undisturbed(CREATE, ground)

    assert broken(in_account(like.calls), partial(wrongs_from, ground, like)) == {}
