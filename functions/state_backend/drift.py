"""
Drift: who changed a backend, how often a fact of it was set right, and when people have to.

Two tools that disagree about a setting would change it in turn for ever. So after three repairs
within a day a fact is left as it is, and people are told who keeps changing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from state_backend.errors import Contested

MOST_REPAIRS = 3
"""Of one fact within a day: once may be a mistake, twice a habit, and then it is a second tool."""

DAY_SECONDS = 86_400.0

NEVER_LEFT_ALONE = frozenset({"parameters"})
"""
What no other tool has a reason to set, and no policy of ours guards: whoever may put a parameter
could otherwise make us tire of it, and lead clients to a backend of their own.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who made a call, in CloudTrail's word."""

    arn: str
    """Of the session, where it is one; what else tells who it was where there is no ARN."""
    event_name: str
    event_time: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Repairs:
    """When a fact was set right within the last day. Epoch seconds."""

    times: tuple[float, ...] = ()
    actor: str = ""
    """Who had changed it last, as far as CloudTrail told."""


def counted(
    before: Mapping[str, Repairs], repaired: Iterable[str], actor: Actor | None, now: float
) -> dict[str, Repairs]:
    """The repairs of the last day with those of *repaired*, the ids of controls."""
    recent = {name: Repairs(_recent(it, now), it.actor) for name, it in before.items()}
    kept = {name: it for name, it in recent.items() if it.times}
    for name in dict.fromkeys(repaired):
        earlier = kept.get(name, Repairs())
        kept[name] = Repairs((*earlier.times, now), actor.arn if actor else earlier.actor)
    return kept


def contested(
    before: Mapping[str, Repairs], actor: Actor | None, now: float
) -> dict[str, Contested]:
    """
    What is left as it is, by the id of its control, and why.

    Args:
        actor: Whose call led here. Who is on record counts for more: that call may be about
            something else.
    """
    return {
        name: _left_to_people(name, it.actor or (actor.arn if actor else ""))
        for name, it in before.items()
        if len(_recent(it, now)) >= MOST_REPAIRS and name not in NEVER_LEFT_ALONE
    }


def _recent(it: Repairs, now: float) -> tuple[float, ...]:
    return tuple(time for time in it.times if now - time < DAY_SECONDS)


def _left_to_people(name: str, who: str) -> Contested:
    whom = who or "somebody whom CloudTrail did not name"
    return Contested(
        f"{name} was repaired {MOST_REPAIRS} times within a day and is changed again: {whom} "
        "keeps changing it, so it is left as it is",
        f"Settle with {who or 'whoever it is'} how it must be, then run the operation reconcile by "
        "hand; otherwise it is repaired again once the first of these repairs is a day old",
    )
