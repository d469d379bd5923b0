"""
Whatever happens to one account, in whatever order: what the model says is what there is.

Events come twice, late, out of order, or never; people reconcile and plan by hand; somebody undoes
settings; stacks ask, change their mind and go; runs are killed; the hub's defaults change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.acceptance.cloudformation import Backend, CloudFormation, Stack
from tests.acceptance.cloudformation_host import ResponseHost
from tests.acceptance.cloudtrail import event_of
from tests.acceptance.organization import ABOUT_AN_ACCOUNT, about_account
from tests.aws_double import Fault
from tests.deployment import Delivery
from tests.fault import state
from tests.fault.damage import DAMAGES
from tests.fault.ground import LEASE_SECONDS, Ground, Site, destructive
from tests.fault.killed import Killed, mortal

EXAMPLES, MANY_EXAMPLES, STEPS = 8, 300, 12
PARTS = 6
"""Of the many, which can be run side by side."""
HOUR, DAY = 3600.0, 86_400.0
DAYS = 365
"""``NoncurrentVersionDays`` where the hub says nothing else."""
HUB = "hub"
FACTS = [
    it
    for it in DAMAGES
    # A table is only there after LockMode both; whoever moves the alias leaves a key behind.
    if it[1] != "lock-table" and it[0] != "kms-key-alias"
]
Properties = Mapping[str, str]
properties = st.sampled_from(
    [
        {},
        {"NoncurrentVersionDays": "30"},
        {"NoncurrentVersionDays": "400"},
        {"PreventDestroy": "false"},
        {"PreventDestroy": "true", "NoncurrentVersionDays": "200"},
    ]
)


class Expected:
    """What was asked for, as far as it was accepted."""

    def __init__(self) -> None:
        self.owner = ""
        self.state = ""
        self.given: Properties = {}
        self.default_days = DAYS
        self.is_orphaned = False
        """Whether its stack is gone and has left it as it was: the next stack may take it."""
        self.hub_days = DAYS
        """The hub's default of today."""

    @property
    def days(self) -> int:
        return int(self.given.get("NoncurrentVersionDays", self.default_days))

    @property
    def protected(self) -> bool:
        return self.given.get("PreventDestroy", "true") == "true"

    def make(self, owner: str, given: Properties) -> None:
        self.owner, self.state, self.given, self.is_orphaned = owner, "LIVE", given, False
        self.default_days = self.hub_days

    def loosens(self, name: str, value: str) -> bool:
        if name == "PreventDestroy":
            return self.protected and value == "false"
        return int(value) < self.days

    def tighten(self, wanted: Properties) -> None:
        """By a stack that reads the hub's backend; what would loosen it is left out."""
        kept = {name: it for name, it in wanted.items() if not self.loosens(name, it)}
        self.given = {**self.given, **kept}


class Accounts(RuleBasedStateMachine):
    """One account, from the day that it is made."""

    ground: Ground
    host: ResponseHost
    example: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.example()
        self.site: Site = self.ground.site()
        self.expected = Expected()
        self.stacks: dict[str, Stack] = {}
        self.asked: dict[str, Properties] = {}
        """By stack: the properties that it has."""
        self.under_way: list[tuple[dict[str, Any], str]] = []
        """Events, and the bus that they come on."""
        self.leased_until = 0.0
        self.whole = False
        """Whether all is as it was last asked for: nobody has undone anything since."""
        self.since = self.told = len(self.ground.aws.calls)
        self.ground.hub.environment = {"RESPONSE_URL_ALLOWED_HOSTS": "127.0.0.1"}
        self.cloudformation = CloudFormation(self.ground.aws.stacks, self._deliver, self.host)

    def _deliver(self, request: dict[str, Any]) -> object:
        invocation = self.ground.hub.invoke(
            "CustomResourceFunction", request, clock=self.ground.time.clock
        )
        assert not invocation.error, invocation.error
        return invocation

    # ---- what the hub hears of ---------------------------------------------------------------

    @rule(name=st.sampled_from(ABOUT_AN_ACCOUNT))
    def something_is_announced(self, name: str) -> None:
        self.under_way.append((about_account(name, self.site.account), "default"))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), again=st.booleans())
    def an_event_arrives(self, data: st.DataObject, again: bool) -> None:
        """Any of them, and perhaps not for the last time."""
        number = data.draw(st.integers(0, len(self.under_way) - 1))
        event, bus = self.under_way[number] if again else self.under_way.pop(number)
        clock = self.ground.time.clock
        self._heard(self.ground.hub.deliver(event, clock=clock, bus=bus))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def an_event_is_lost(self, data: st.DataObject) -> None:
        self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @rule(seconds=st.sampled_from([60.0, HOUR, DAY]))
    def time_passes(self, seconds: float) -> None:
        self.ground.time.wait(seconds)
        self._heard(self.ground.hub.deliver_again(clock=self.ground.time.clock))

    def _heard(self, delivery: Delivery) -> None:
        for run in delivery.invocations:
            assert not run.error, run.error
            for line in run.logs:
                if line.get("account_id") == self.site.account:
                    self._reported(line["message"].rpartition(" ")[2], None)
        assert delivery.dead == ()

    def _reported(self, status: str, asked: Properties | None) -> None:
        """The hub has worked on the account, of its own accord or with the properties *asked*."""
        assert status in {"READY", "WAITING", "IGNORED", "FAILED"}
        if self.is_leased:
            assert status == "WAITING"
            return
        if asked is None and self.expected.state == "RELEASED":
            assert status == "IGNORED"
            return
        if status == "FAILED":
            # What was undone a third time within a day is left as it is.
            assert self.expected.state == "LIVE"
            assert not self.whole
            return
        assert status == "READY"
        if not self.expected.state or (asked is not None and self.expected.state == "RELEASED"):
            self.expected.make(HUB, asked or {})
        elif asked is not None:
            self.expected.given = asked
        self.whole = True

    # ---- what people do ----------------------------------------------------------------------

    @rule(given=st.none() | properties)
    def somebody_reconciles(self, given: Properties | None) -> None:
        report = self.site.ask(given)

        if given is not None and self._belongs_to_a_stack and not self.is_leased:
            assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
        else:
            self._reported(report["status"], given)

    @rule(given=st.none() | properties)
    def somebody_plans(self, given: Properties | None) -> None:
        since = len(self.ground.aws.calls)

        report = self.site.ask(given, kind="plan")

        assert report["status"] in {"READY", "WAITING", "IGNORED", "FAILED"}, report
        assert self.site.writes(since) == []

    @property
    def _belongs_to_a_stack(self) -> bool:
        return self.expected.state == "LIVE" and self.expected.owner != HUB

    @precondition(lambda self: self.expected.state and self.site.bucket)
    @rule(fact=st.sampled_from(FACTS), seen=st.booleans())
    def a_setting_is_undone(self, fact: tuple[str, str], seen: bool) -> None:
        before = len(self.ground.aws.calls)
        DAMAGES[fact](self.site)
        self.whole = False
        now = self.ground.time.now()
        events = [event_of(call, now) for call in self.ground.aws.calls[before:]]
        self.under_way += [(it, "statehold") for it in events if it and seen]

    @rule(days=st.sampled_from([30, 90, 365]))
    def the_hubs_default_changes(self, days: int) -> None:
        """For backends to come."""
        self.expected.hub_days = days
        environment = {**self.ground.hub.environment, "NONCURRENT_VERSION_DAYS": str(days)}
        self.ground.hub.environment = environment

    # ---- what goes wrong ---------------------------------------------------------------------

    @property
    def is_leased(self) -> bool:
        return self.ground.time.now() < self.leased_until

    @precondition(lambda self: not self.is_leased and self.expected.state != "RELEASED")
    @rule(nth=st.integers(6, 12))
    def a_run_is_killed(self, nth: int) -> None:
        """Behind the call by which it took the lease, and before it gives that back."""
        self.ground.faults.add(
            Fault(kind="kill_after", nth=nth, match=lambda it: it.service != "sqs")
        )
        with pytest.raises(Killed), mortal(self.ground.faults):
            self.site.ask()
        self.ground.faults.clear()
        self.leased_until = self.ground.time.now() + LEASE_SECONDS
        self.whole = False

    # ---- what stacks ask for -----------------------------------------------------------------

    @precondition(lambda self: not self.is_leased)
    @rule(name=st.sampled_from(["payments", "billing"]), given=properties)
    def a_stack_asks(self, name: str, given: Properties) -> None:
        """It creates its resource, or updates it."""
        template = {"StateBackend": Backend(properties=dict(given))}
        stack = self.stacks.get(name)
        if stack is None:
            accepted = self._may(None, given)
            account = self.site.account
            stack = self.cloudformation.create_stack(name, template, account=account)
            assert stack.status == ("CREATE_COMPLETE" if accepted else "ROLLBACK_COMPLETE")
            if accepted:
                self.stacks[name] = stack
                self._took(stack, given)
                self.asked[name] = given
        elif given != self.asked[name]:
            accepted = self._may(stack, given)
            self.cloudformation.update_stack(stack, template)
            done = "UPDATE_COMPLETE" if accepted else "UPDATE_ROLLBACK_COMPLETE"
            assert stack.status == done, stack.reasons
            if accepted:
                self._took(stack, given)
                self.asked[name] = given
            elif self._reads(stack):
                self.expected.tighten(self.asked[name])

    def _reads(self, stack: Stack | None) -> bool:
        return self.expected.state == "LIVE" and self.expected.owner == HUB

    def _may(self, stack: Stack | None, given: Properties) -> bool:
        if self.expected.state != "LIVE" or self.expected.is_orphaned:
            return True
        if stack and self.expected.owner == stack.stack_id:
            return True
        loosens = any(self.expected.loosens(*it) for it in given.items())
        return self.expected.owner == HUB and not loosens

    def _took(self, stack: Stack, given: Properties) -> None:
        if self.expected.state != "LIVE":
            self.expected.make(stack.stack_id, given)
        elif self.expected.owner == HUB:
            self.expected.tighten(given)
        else:
            if self.expected.is_orphaned and self.expected.protected:
                given = {**given, "PreventDestroy": "true"}  # what is new lifts nothing
            self.expected.owner, self.expected.given = stack.stack_id, given
            self.expected.is_orphaned = False
        self.whole = True

    @precondition(lambda self: not self.is_leased and self.stacks)
    @rule(data=st.data())
    def a_stack_goes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.stacks)))
        stack = self.stacks[name]
        owns = self.expected.owner == stack.stack_id
        refused = owns and self.expected.state == "LIVE" and self.expected.protected

        self.cloudformation.delete_stack(stack)

        assert stack.status == ("DELETE_FAILED" if refused else "DELETE_COMPLETE"), stack.reasons
        if refused:
            self.cloudformation.delete_stack(stack, retain=["StateBackend"])
            self.expected.is_orphaned = True
        elif owns:
            self.expected.state = "RELEASED"
        del self.stacks[name]
        del self.asked[name]

    # ---- what must hold ----------------------------------------------------------------------

    @invariant()
    def there_is_one_key_and_it_is_the_buckets(self) -> None:
        keys = [it for it in self.site.state["keys"] if it["tags"]]
        assert len(keys) <= 1
        assert self.site.losses() == []

    @invariant()
    def nothing_is_ever_deleted(self) -> None:
        now = len(self.ground.aws.calls)
        ours = ("StateholdProvisioner", "Statehold")
        calls = [
            it for it in self.site.calls(self.since) if it.principal.rpartition("/")[2] in ours
        ]
        assert destructive([it for it in calls if it.service != "sqs"]) == []
        self.since = now

    @invariant()
    def the_register_says_whose_it_is(self) -> None:
        record = state.record_of(self.ground.aws, self.site.account, self.site.region)
        assert record.get("backend_state", "") == self.expected.state
        if self.expected.state:
            assert record["owner"] == self.expected.owner
        assert self.is_leased or "lease_holder" not in record or self.leased_until

    @invariant()
    def what_was_asked_for_is_there(self) -> None:
        if not self.whole or self.expected.state != "LIVE":
            return
        assert self.site.wrongs() == []
        bucket = self.ground.aws.world.buckets[self.site.bucket]
        rules = (bucket.configuration("lifecycle") or {})["Rules"]
        [days] = [
            it["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for it in rules
            if "NoncurrentVersionExpiration" in it
        ]
        assert days == self.expected.days
        assert ("Destr" in bucket.policy) == self.expected.protected


@contextmanager
def machine(ground: Ground, example: Callable[[], None]) -> Iterator[type[Accounts]]:
    with ResponseHost() as host:
        try:
            given = {"ground": ground, "host": host, "example": staticmethod(example)}
            yield type("Accounts", (Accounts,), given)
        finally:
            ground.hub.environment = {}
        assert host.objections == []


def tried(ground: Ground, example: Callable[[], None], examples: int, *, by_chance: bool) -> None:
    with machine(ground, example) as made:
        run_state_machine_as_test(
            made,
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not by_chance,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.mark.sample
def test_in_whatever_order_things_happen_the_model_is_what_there_is(ground, example):
    tried(ground, example, EXAMPLES, by_chance=False)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_in_many_more_orders(part, ground, example):
    tried(ground, example, MANY_EXAMPLES // PARTS, by_chance=True)
