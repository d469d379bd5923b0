"""
What a run is sent for, and the account as it finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.acceptance.peers import Site as PeerSite
from tests.acceptance.peers import seed_b
from tests.fault.calls import Named, named
from tests.fault.ground import Ground, Report, Site

Properties = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Errand:
    """One kind of run."""

    name: str
    prepare: Callable[[Ground], Site]
    properties: Callable[[Site], Properties]

    def run(self, site: Site) -> Report:
        return site.ask(self.properties(site))


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run does, and what it leaves, when nothing goes wrong."""

    calls: list[Named]
    state: dict[str, Any]


def undisturbed(errand: Errand, ground: Ground) -> Undisturbed:
    site = errand.prepare(ground)
    since = len(ground.aws.calls)
    report = errand.run(site)
    assert report["status"] == "READY", report
    assert site.wrongs() == []
    return Undisturbed(named(ground.aws.calls[since:], site.account), site.state)


def own_calls(errand: Errand, ground: Ground) -> list[Named]:
    """The calls of operations that a run makes and a creation does not, under every name once."""
    known = {it.operation for it in undisturbed(CREATE, ground).calls}
    own = {it.name: it for it in undisturbed(errand, ground).calls if it.operation not in known}
    return list(own.values())


def _ready(ground: Ground) -> Site:
    site = ground.site()
    assert site.ask()["status"] == "READY"
    return site


def _unmade(ground: Ground) -> Site:
    """An account with a bucket as a team makes it by hand."""
    site = ground.site()
    seed_b(PeerSite(ground.aws, site.account, site.region), _own_name(site))
    return site


def _own_name(site: Site) -> str:
    return f"acme-state-{site.account}"


def _damaged(ground: Ground) -> Site:
    """A backend whose policy somebody has dropped."""
    site = _ready(ground)
    site.client("s3", "BreakGlass").delete_bucket_policy(Bucket=site.bucket)
    return site


ERRANDS = (
    Errand("create", Ground.site, lambda site: None),
    Errand("adopt", _unmade, lambda site: {"BucketName": _own_name(site), "Adopt": "enforce"}),
    Errand("repair", _damaged, lambda site: None),
    Errand("lock mode", _ready, lambda site: {"LockMode": "both"}),
)
CREATE, ADOPT, REPAIR, LOCK_MODE = ERRANDS
