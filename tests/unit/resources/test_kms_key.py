"""The key: never two where one will do, never one that is about to vanish."""

from __future__ import annotations

import json

import pytest

from state_backend.calls import Absent, AwsError, Present, Unknown
from state_backend.errors import Failed, PermanentError
from state_backend.policies.key_policy import key_policy
from state_backend.resources.kms_key import RESOURCE
from tests.unit.account import Account
from tests.unit.given import BUCKET, KEY, backend

ALIAS = "alias/statehold"
OURS = {"StateholdBackend": BUCKET}


class TestFind:
    def test_where_there_is_none_it_is_absent(self):
        assert RESOURCE.find(backend(), Account()) == Absent()

    def test_it_is_found_by_alias(self):
        account = Account()
        arn = account.has_key(alias=ALIAS)

        assert RESOURCE.find(backend(), account) == Present({"arn": arn})

    def test_one_that_lost_its_alias_or_never_had_one_is_found_by_tag(self):
        account = Account()
        arn = account.has_key(tags=OURS)

        assert RESOURCE.find(backend(), account) == Present({"arn": arn})

    def test_the_key_of_another_backend_is_not_found_by_tag(self):
        account = Account()
        account.has_key(tags={"StateholdBackend": "another"})

        assert RESOURCE.find(backend(), account) == Absent()

    def test_of_several_the_oldest_is_taken(self):
        account = Account()
        account.has_key(tags=OURS, CreationDate=3.0)
        oldest = account.has_key(tags=OURS, CreationDate=2.0)

        assert RESOURCE.find(backend(), account) == Present({"arn": oldest})

    def test_an_orphan_that_somebody_is_deleting_is_not_in_the_way(self):
        """A report tells people to schedule its deletion; the living key must be found then."""
        account = Account()
        account.has_key(tags=OURS, CreationDate=1.0, KeyState="PendingDeletion")
        alive = account.has_key(tags=OURS, CreationDate=2.0)

        assert RESOURCE.find(backend(), account) == Present({"arn": alive})

    def test_further_pages_of_the_tag_index_are_read(self):
        """A page may be empty and yet not be the last."""
        account = Account()
        arn = account.has_key(tags=OURS)

        def paged(call):
            if call.operation == "get_resources" and not call.parameters.get("PaginationToken"):
                return {"ResourceTagMappingList": [], "PaginationToken": "more"}
            return account(call)

        assert RESOURCE.find(backend(), paged) == Present({"arn": arn})

    def test_the_registers_word_comes_before_the_alias(self):
        account = Account()
        recorded = account.has_key()
        account.has_key(alias=ALIAS)

        assert RESOURCE.find(backend(key_arn=recorded), account) == Present({"arn": recorded})

    @pytest.mark.parametrize("operation", ["describe_key", "get_resources"])
    @pytest.mark.parametrize("code", ["AccessDeniedException", "ConnectionError"])
    def test_what_cannot_be_looked_at_is_not_absent(self, operation, code):
        account = Account(refuse={operation: code})
        try:
            found = RESOURCE.find(backend(), account)
        except AwsError:
            return
        assert isinstance(found, Unknown)

    @pytest.mark.parametrize("given", [{"key_arn": KEY}, {"kms_key_arn": KEY, "key_arn": KEY}])
    def test_a_named_key_that_is_gone_is_not_replaced(self, given):
        with pytest.raises(Failed) as refused:
            RESOURCE.find(backend(**given), Account())

        assert refused.value.code == "NotFound"

    @pytest.mark.parametrize(
        ("state", "remedy"),
        [
            ({"KeyState": "PendingDeletion"}, "cancel-key-deletion"),
            ({"KeyState": "Disabled"}, "enable-key"),
            ({"KeyState": "PendingImport"}, "enable-key"),
            ({"KeySpec": "RSA_2048"}, "symmetric"),
            ({"KeySpec": "HMAC_256"}, "symmetric"),
            ({"KeyManager": "AWS"}, "customer managed"),
        ],
    )
    @pytest.mark.parametrize("alias", [ALIAS, ""])
    def test_a_key_that_cannot_be_used_stops_everything(self, state, remedy, alias):
        account = Account()
        account.has_key(alias=alias, tags=OURS, **state)

        with pytest.raises(PermanentError) as refused:
            RESOURCE.find(backend(), account)

        assert remedy in refused.value.remedy


class TestCreate:
    def test_policy_and_tags_travel_with_it_and_its_alias_follows(self):
        account = Account()

        made = RESOURCE.create(backend(), account)

        create, alias = account.writes
        assert not create.repeatable
        assert json.loads(create.parameters["Policy"]) == key_policy(backend(), None)
        assert {"TagKey": "StateholdBackend", "TagValue": BUCKET} in create.parameters["Tags"]
        assert alias.parameters == {"AliasName": ALIAS, "TargetKeyId": made["arn"]}

    def test_of_twins_the_one_with_the_alias_wins_and_the_other_is_told_of(self):
        account = Account()
        winner = account.has_key(alias=ALIAS)

        made = RESOURCE.create(backend(), account)

        assert made["arn"] == winner
        assert made["orphan"] not in {"", winner}
        assert ("key", made["orphan"]) in account.things

    def test_an_alias_whose_answer_was_lost_makes_no_orphan(self):
        account = Account()

        def losing(call):
            answer = account(call)
            return account(call) if call.operation == "create_alias" else answer

        made = RESOURCE.create(backend(), losing)

        assert made["orphan"] == ""

    def test_a_winner_that_cannot_be_used_stops_everything(self):
        account = Account()
        account.has_key(alias=ALIAS, KeyState="Disabled")

        with pytest.raises(PermanentError):
            RESOURCE.create(backend(), account)

    def test_no_key_is_made_twice_after_a_lost_answer(self):
        account = Account(refuse={"create_key": "ConnectionError"})

        with pytest.raises(AwsError):
            RESOURCE.create(backend(), account)

        assert account.written == ["kms:create_key"]


def test_it_applies_with_kms_alone():
    assert RESOURCE.applies(backend())
    assert not RESOURCE.applies(backend({"Encryption": "AES256"}))


def test_an_own_key_is_only_looked_at():
    assert not RESOURCE.ours(backend({"KmsKeyArn": KEY}))
