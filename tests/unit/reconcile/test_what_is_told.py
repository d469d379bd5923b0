"""Outcomes, changes and errors: of every thing what became of it, and why."""

from __future__ import annotations

from state_backend.errors import Contested, NotReady
from state_backend.model import Outcome
from state_backend.reconcile import Loop
from tests.unit.account import Account
from tests.unit.given import BUCKET, LOG_BUCKET, backend
from tests.unit.reconcile.given import run


class TestOutcomes:
    def test_they_have_the_contracts_names(self):
        result = run(Account())

        assert set(result.outcomes) >= {
            "kms-key",
            "kms-key-policy",
            "kms-key-rotation",
            "kms-key-alias",
            "bucket",
            "bucket-public-access-block",
            "bucket-ownership",
            "bucket-versioning",
            "bucket-encryption",
            "bucket-lifecycle",
            "bucket-logging",
            "bucket-tags",
            "bucket-policy",
            "log-bucket",
            "lock-table",
            "parameters",
        }

    def test_what_a_supporting_resource_is_set_to_counts_as_its_own(self):
        account = Account()
        run(account)
        account.things["public_access_block", LOG_BUCKET]["BlockPublicAcls"] = False

        result = run(account)

        assert result.outcomes["log-bucket"] is Outcome.CHANGED
        assert result.outcomes["bucket-public-access-block"] is Outcome.KEPT
        assert account.things["public_access_block", LOG_BUCKET]["BlockPublicAcls"] is True

    def test_a_damage_is_told_in_a_plan_with_before_after_and_why(self):
        account = Account()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.writes.clear()

        result = run(account, plan_only=True)

        [change] = result.changes
        assert (change.control, change.before, change.after) == (
            "bucket-versioning",
            "Suspended",
            "Enabled",
        )
        assert change.why
        assert account.written == []

    def test_a_repair_tells_the_same_change_as_the_plan_before_it(self):
        account = Account()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        del account.things["bucket_policy", BUCKET]

        planned, repaired, silent = run(account, plan_only=True), run(account), run(account)

        assert [it.control for it in repaired.made] == ["bucket-versioning", "bucket-policy"]
        assert repaired.made == planned.changes
        assert (planned.made, repaired.changes, silent.made) == ((), (), ())

    def test_what_was_made_anew_is_told_by_its_name(self):
        account = Account()
        run(account)
        del account.things["bucket", LOG_BUCKET]

        made = run(account).made

        assert {it.control for it in made} == {"log-bucket"}
        assert (made[0].before, made[0].after) == (None, LOG_BUCKET)

    def test_what_aws_shows_late_is_told_with_what_was_there_before(self):
        account = Account()
        run(account)
        account.settle()
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.stale = {"get_bucket_versioning": 3}

        [change] = run(account).made

        assert (change.before, change.after) == ("Suspended", "Enabled")

    def test_a_twins_key_is_noted(self):
        account = Account()

        def twin(call):
            if (
                call.operation == "create_alias"
                and ("alias", "alias/statehold") not in account.things
            ):
                account.has_key(alias="alias/statehold", tags={"StateholdBackend": BUCKET})

        account.before = twin

        result = run(account)

        assert [note for note in result.notes if "at the same moment" in note]
        assert result.spec.key_arn == account.things["alias", "alias/statehold"]


class TestWhatIsTold:
    """Each failure is an outcome with its error, and no other one."""

    def test_without_a_word_it_writes(self):
        account = Account()

        Loop(invoke=account).run(backend())

        assert "s3:create_bucket" in account.written

    def test_an_answer_without_its_parts_is_unknown(self):
        account = Account()

        result = run(lambda call: {} if call.operation == "describe_key" else account(call))

        assert result.outcomes["kms-key"] is Outcome.UNKNOWN
        assert result.errors["kms-key"].message == (
            "kms-key:find failed with TruncatedAnswer: the answer is not whole "
            "(KeyError('KeyMetadata'))"
        )
        assert account.written == []

    def test_for_whose_sake_nothing_was_created_is_named(self):
        account = Account(refuse={"head_bucket": "AccessDenied"})

        told = run(account).errors["kms-key"]

        assert told.message.startswith("Nothing was created, since s3:head_bucket failed with")
        assert told.remedy == run(account).errors["bucket"].remedy

    def test_who_stops_a_creation_does_not_spoil_what_is_there(self):
        account = Account()
        ours = {"TagSet": [{"Key": "StateholdOrigin", "Value": "created"}]}
        account.has_bucket(BUCKET, bucket_tagging=ours)
        stopped = NotReady("x", "y")

        def stop(missing):
            raise stopped

        result = run(account, before_creating=stop)

        assert result.outcomes["bucket"] is Outcome.KEPT
        assert "bucket" not in result.errors
        assert result.errors["kms-key"] is stopped

    def test_a_name_that_was_taken_in_between_is_refused(self):
        spec = backend({"BucketName": "acme-state", "BucketNamespace": "global"})
        account = Account(refuse={"create_bucket": "BucketAlreadyExists"})

        result = run(account, spec)

        assert result.outcomes["bucket"] is Outcome.REFUSED
        assert result.errors["bucket"].code == "AlreadyExists"

    def test_a_creation_whose_answer_is_cut_is_tried_again(self):
        account = Account()

        result = run(lambda call: {} if call.operation == "create_key" else account(call))

        assert result.outcomes["kms-key"] is Outcome.UNSETTLED
        assert "(KeyError('KeyMetadata'))" in result.errors["kms-key"].message

    def test_what_cannot_be_read_says_why(self):
        account = Account()
        run(account)
        account.refuse = {"get_bucket_logging": "AccessDenied"}

        told = run(account).errors["bucket-logging"]

        assert told.message.startswith("s3:get_bucket_logging failed with AccessDenied")

    def test_a_cut_answer_says_what_it_lacks(self):
        account = Account()
        run(account)

        result = run(lambda call: {} if call.operation == "get_bucket_policy" else account(call))

        assert "s3:get_bucket_policy failed with TruncatedAnswer" in str(
            result.errors["bucket-policy"]
        )
        assert "(KeyError('Policy'))" in str(result.errors["bucket-policy"])

    def test_what_is_left_alone_but_there_is_not_spoilt(self):
        account = Account()
        run(account)
        alone = dict.fromkeys(("log-bucket", "kms-key", "bucket"), Contested("x", "y"))

        result = run(account, left_alone=alone)

        assert result.errors == {}
