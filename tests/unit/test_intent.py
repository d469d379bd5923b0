"""What is on record of a key before it is made, and of one that a run has lost sight of."""

from __future__ import annotations

import pytest

from state_backend import outcomes
from state_backend.calls import AwsError
from state_backend.reconcile import Loop
from state_backend.vending import vend
from tests.unit.account import Account
from tests.unit.given import Ticking
from tests.unit.hub import HERE, hub


class TestKeyIntent:
    """CreateKey's answer can be lost, and the tag index does not know a new key at once."""

    def lost(self, through, refuse):
        """A run that lost sight of the key that it made, in an account whose tag index lags."""
        account, ticking = through(Account()), Ticking()
        account.after = lambda call: self._lose(call, refuse)
        account.before = lambda call: self._refuse(call, refuse)
        account._get_resources = lambda call, of: {
            "ResourceTagMappingList": [],
            "PaginationToken": "",
        }
        made, _ = hub(account, ticking=ticking)
        vend(HERE, made)
        account.after = account.before = lambda call: None
        return account, ticking, made

    def _lose(self, call, refuse):
        if refuse == "answer" and call.operation == "create_key":
            raise AwsError(call, "ConnectionError", "lost")

    def _refuse(self, call, refuse):
        if refuse == call.operation:
            raise AwsError(call, "InvalidAliasNameException", "no", status=400)

    def keys(self, account):
        return [name for kind, name in account.things if kind == "key"]

    @pytest.mark.parametrize("refuse", ["answer", "create_alias"])
    def test_a_later_run_waits_instead_of_making_a_second_key(self, through, refuse):
        account, ticking, made = self.lost(through, refuse)
        ticking.time += 60

        report = vend(HERE, made)

        assert len(self.keys(account)) == 1
        assert report.error.code == "NotReady"

    def test_once_the_index_knows_it_it_is_used(self, through):
        account, ticking, made = self.lost(through, "answer")
        ticking.time += 60
        del account._get_resources

        report = vend(HERE, made)

        assert report.status == outcomes.READY
        assert self.keys(account) == [report.spec.key_arn]

    def test_a_key_that_aws_refused_to_make_is_asked_for_again_at_once(self, through):
        account, _, made = self.lost(through, "create_key")

        report = vend(HERE, made)

        assert report.status == outcomes.READY
        assert len(self.keys(account)) == 1

    def test_an_intent_grows_old(self, through):
        account, ticking, made = self.lost(through, "answer")
        ticking.time += 601

        vend(HERE, made)

        assert len(self.keys(account)) == 2

    def test_it_is_recorded_before_the_key_is_created(self, through):
        account, told = through(Account()), []
        made, _ = hub(account)
        account.before = lambda call: (
            call.operation == "create_key" and told.append(made.register.kept.key_intent_at)
        )

        vend(HERE, made)

        assert told == [made.clock.now()]
        assert made.register.kept.key_intent_at == 0.0


def test_an_error_that_a_run_cannot_name_leaves_the_intent_on_record(through):
    """What breaks a run must not make it forget the key that it may have made."""
    account = through(Account())
    made, _ = hub(account)

    def broken(self, spec, *, plan_only=False):
        self.before_creating(frozenset({"kms-key"}))
        raise RuntimeError("broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "run", broken)
        with pytest.raises(RuntimeError):
            vend(HERE, made)

    assert made.register.kept.key_intent_at == made.clock.now()
