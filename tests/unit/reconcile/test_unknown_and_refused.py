"""What cannot be looked at, must not be written, or is not ours to write stops the writing."""

from __future__ import annotations

import pytest

from state_backend import outcomes
from state_backend.controls import CONTROLS
from state_backend.errors import NotReady
from state_backend.model import Outcome
from state_backend.resources import RESOURCES
from tests.unit.account import Account
from tests.unit.given import BUCKET, backend
from tests.unit.reconcile.given import run

EXPLICIT = (
    "AccessDenied: not authorized to perform: x with an explicit deny in a service control policy"
)


class TestUnknown:
    @pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
    def test_what_cannot_be_read_is_not_written_and_is_no_success(self, control):
        account, spec = Account(), backend({"LockMode": "both"})
        spec = run(account, spec).spec
        places = [it for it in RESOURCES if it.id in control.on]
        looks = {control.read(spec, it.subject(spec)).operation for it in places}
        writes = {
            call.operation
            for it in places
            for call in control.write(spec, it.subject(spec), control.desired(spec, None), None)
        }
        for kind in ("bucket_policy", "bucket_versioning", "bucket_encryption", "bucket_logging"):
            account.things.pop((kind, BUCKET))
        account.refuse = dict.fromkeys(looks, "AccessDenied")
        account.writes.clear()

        result = run(account, backend({"LockMode": "both"}))

        assert not [call for call in account.writes if call.operation in writes]
        assert outcomes.report(result, planned=False).status != outcomes.READY
        assert "ssm:put_parameter" not in account.written

    @pytest.mark.parametrize("operation", ["head_bucket", "describe_key", "get_resources"])
    def test_nothing_is_created_while_something_cannot_be_looked_at(self, operation):
        account = Account(refuse={operation: "AccessDenied"})

        result = run(account)

        assert account.written == []
        assert outcomes.report(result, planned=False).status == outcomes.WAITING

    def test_a_cut_answer_is_unknown(self):
        account = Account()
        run(account)
        account.writes.clear()
        answers = {
            "get_public_access_block": {},
            "get_bucket_policy": {"Policy": '{"Version": "20'},
        }

        def cut(call):
            return answers[call.operation] if call.operation in answers else account(call)

        result = run(cut)

        assert result.outcomes["bucket-public-access-block"] is Outcome.UNKNOWN
        assert result.outcomes["bucket-policy"] is Outcome.UNKNOWN
        assert account.written == []

    @pytest.mark.parametrize("operation", ["create_key", "create_bucket", "describe_table"])
    def test_an_empty_answer_ends_as_an_outcome(self, operation):
        """Whatever AWS answers, the loop returns."""
        account = Account()

        def empty(call):
            answer = account(call)
            return {} if call.operation == operation else answer

        result = run(empty, backend({"LockMode": "both"}))

        assert set(result.outcomes.values()) <= set(Outcome)

    def test_what_an_unknown_key_is_needed_for_is_not_judged(self):
        account = Account()
        run(account)
        account.refuse = {"describe_key": "AccessDenied"}
        account.writes.clear()

        result = run(account)

        assert result.outcomes["bucket-encryption"] is Outcome.UNKNOWN
        assert result.outcomes["bucket-policy"] is Outcome.UNKNOWN
        assert account.written == []


class TestRefused:
    def test_a_bucket_of_another_account_stops_all_writes(self):
        account = Account()
        account.has_bucket("acme-state", owner="333333333333")

        result = run(account, backend({"BucketName": "acme-state"}))

        assert account.written == []
        assert result.outcomes["bucket"] is Outcome.REFUSED
        assert result.outcomes["bucket-policy"] is Outcome.UNKNOWN
        assert outcomes.report(result, planned=False).error.code == "AlreadyExists"

    def test_a_key_by_default_of_an_adopted_bucket_stops_all_writes(self):
        """Its clients name that key: a policy for AES256 would shut them out."""
        account = Account()
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        account.has_bucket("acme-state", bucket_encryption={"Rules": [rule]})
        asked = {"BucketName": "acme-state", "Encryption": "AES256", "Adopt": "enforce"}

        result = run(account, backend(asked))

        assert account.written == []
        assert outcomes.report(result, planned=False).error.code == "NotUpdatable"

    @pytest.mark.parametrize("origin", ["", "created"])
    def test_a_key_by_default_of_ours_keeps_its_policy(self, origin):
        account = Account()
        run(account)
        policy = account.things["bucket_policy", BUCKET]

        result = run(account, backend({"Encryption": "AES256"}, origin=origin))

        assert account.things["bucket_policy", BUCKET] == policy
        assert result.outcomes["bucket-encryption"] is Outcome.REFUSED
        assert result.outcomes["bucket-policy"] is Outcome.UNKNOWN
        assert outcomes.report(result, planned=False).error.code == "NotUpdatable"

    def test_under_an_encryption_that_cannot_be_read_the_policy_is_left(self):
        account = Account()
        run(account)
        account.things.pop(("bucket_policy", BUCKET))
        account.refuse = {"get_bucket_encryption": "AccessDenied"}

        result = run(account, backend({"Encryption": "AES256"}, origin="created"))

        assert ("bucket_policy", BUCKET) not in account.things
        assert outcomes.report(result, planned=False).status == outcomes.WAITING

    @pytest.mark.parametrize("state", ["PendingDeletion", "Disabled"])
    def test_a_key_that_is_going_away_stops_all_writes(self, state):
        account = Account()
        run(account)
        account.things["key", account.things["alias", "alias/statehold"]]["KeyState"] = state
        account.things.pop(("bucket_policy", BUCKET))
        account.writes.clear()

        result = run(account)

        assert account.written == []
        assert result.outcomes["kms-key"] is Outcome.FAILED

    @pytest.mark.parametrize(
        ("operation", "control"),
        [
            ("put_bucket_versioning", "bucket-versioning"),
            ("put_bucket_policy", "bucket-policy"),
            ("enable_key_rotation", "kms-key-rotation"),
        ],
    )
    def test_a_refused_write_is_told_and_nothing_is_published(self, operation, control):
        account = Account(refuse={operation: EXPLICIT})

        result = run(account)

        assert result.outcomes[control] is Outcome.REFUSED
        assert "ssm:put_parameter" not in account.written
        assert result.outcomes["parameters"] is Outcome.UNSETTLED
        assert outcomes.report(result, planned=False).status == outcomes.FAILED

    def test_what_is_published_already_stays_so(self):
        account = Account()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.refuse = {"put_bucket_versioning": EXPLICIT}

        result = run(account)

        assert result.outcomes["bucket-versioning"] is Outcome.REFUSED
        assert result.outcomes["parameters"] is Outcome.KEPT

    def test_after_a_refused_creation_nothing_is_set(self):
        account = Account(refuse={"create_bucket": "TooManyBuckets"})

        result = run(account)

        assert result.outcomes["bucket"] is Outcome.FAILED
        assert {it for it in account.written if it.startswith("s3:put")} == set()

    def test_who_is_asked_before_creating_can_stop_it(self):
        asked = []

        def no(missing):
            asked.append(missing)
            raise NotReady("not yet", "wait")

        account = Account()

        result = run(account, before_creating=no)

        assert asked == [frozenset({"kms-key", "bucket", "log-bucket"})]
        assert account.written == []
        assert result.outcomes["kms-key"] is Outcome.UNSETTLED

    def test_where_nothing_is_missing_nobody_is_asked(self):
        account, asked = Account(), []
        run(account)

        run(account, before_creating=asked.append)

        assert asked == []
