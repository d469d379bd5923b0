"""Keys, buckets and tables that others made, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from state_backend import outcomes
from state_backend.errors import Contested
from state_backend.model import Outcome
from tests.unit.account import Account
from tests.unit.given import BUCKET, LOG_BUCKET, TABLE, backend
from tests.unit.reconcile.given import run, subject


class TestNotOurs:
    def test_an_own_key_is_used_and_never_written(self):
        account = Account()
        key = account.has_key()
        spec = backend({"KmsKeyArn": key})

        result = run(account, spec)

        assert result.errors == {}
        assert [it for it in account.written if it.startswith("kms:")] == []
        assert result.outcomes["kms-key-policy"] is Outcome.NOT_APPLICABLE
        assert result.outcomes["kms-key"] is Outcome.KEPT

    def test_a_named_log_bucket_is_used_and_never_written(self):
        account = Account()
        account.has_bucket("acme-logs", public_access_block={})

        result = run(account, backend({"AccessLogs": "acme-logs"}))

        assert result.errors == {}
        assert [str(call) for call in account.writes if subject(call) == "acme-logs"] == []
        assert (
            account.things["bucket_logging", BUCKET]["LoggingEnabled"]["TargetBucket"]
            == "acme-logs"
        )

    def test_a_table_once_made_is_kept(self):
        account = Account()
        run(account, backend({"LockMode": "both"}))
        account.writes.clear()

        result = run(account, backend())

        assert ("table", TABLE) in account.things
        assert result.outcomes["lock-table"] is Outcome.NOT_APPLICABLE


class TestAdoption:
    def adopted(self, **settings):
        account = Account()
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
        }
        usual = {"bucket_encryption": {"Rules": [rule]}, "public_access_block": {}}
        account.has_bucket(BUCKET, **{**usual, **settings})
        return account

    @pytest.mark.parametrize("adopt", ["observe", "enforce"])
    def test_our_own_tags_are_not_taken_for_another_tools(self, adopt):
        """Or the second run would read back what the first has written, and drop the guard."""
        account = self.adopted()
        given = {"BucketName": BUCKET, "Adopt": adopt, "Tags": "ManagedBy=platform-team"}
        for _ in range(2):
            run(account, backend(given))

            policy = json.loads(account.things["bucket_policy", BUCKET])
            assert "StateholdDenyReconfigure" in {it["Sid"] for it in policy["Statement"]}

    def test_observed_it_is_hardened_where_no_client_notices_and_waits(self):
        account = self.adopted()

        result = run(account)

        report = outcomes.report(result, planned=False)
        assert (report.status, report.is_settled) == (outcomes.WAITING, True)
        assert "then set Adopt to enforce" in report.error.remedy
        assert "s3:put_bucket_encryption" not in [
            str(call) for call in account.writes if subject(call) == BUCKET
        ]
        sids = {
            it["Sid"] for it in json.loads(account.things["bucket_policy", BUCKET])["Statement"]
        }
        assert "StateholdDenyWrongKey" not in sids
        assert "StateholdDenyDestroy" in sids

    def test_a_second_look_writes_nothing(self):
        account = self.adopted()
        first = run(account)
        account.writes.clear()

        again = run(
            account, replace(backend(), origin=first.spec.origin, key_arn=first.spec.key_arn)
        )

        assert account.written == []
        assert again.errors == {}

    def test_a_table_of_its_clients_is_published_with_both_locks(self):
        account = self.adopted()
        account.has_table(TABLE)

        result = run(account)

        assert result.spec.lock_mode_for_clients == "both"
        assert "dynamodb_table" in account.things["parameter", "/statehold/backend.hcl"]

    def test_without_a_table_none_is_made(self):
        account = self.adopted()

        result = run(account)

        assert "dynamodb:create_table" not in account.written
        assert result.outcomes["lock-table"] is Outcome.NOT_APPLICABLE

    def test_the_manager_is_known_again_in_the_next_run(self):
        tags = {"TagSet": [{"Key": "aws:cloudformation:stack-id", "Value": "arn:stack"}]}
        account = self.adopted(bucket_tagging=tags)
        spec = backend({"Adopt": "enforce"})
        run(account, spec)

        run(account, replace(spec, origin="adopted"))

        assert "StateholdDenyReconfigure" not in account.things["bucket_policy", BUCKET]

    def test_a_plan_names_the_manager(self):
        tags = {"TagSet": [{"Key": "aws:cloudformation:stack-id", "Value": "arn:stack"}]}

        result = run(self.adopted(bucket_tagging=tags), plan_only=True)

        assert "arn:stack" in json.dumps(outcomes.report(result, planned=True).to_json())

    def test_enforced_it_becomes_as_ours_and_keeps_what_is_foreign(self):
        theirs = {
            "Sid": "Theirs",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
        account = self.adopted(bucket_policy=policy)

        result = run(account, backend({"Adopt": "enforce"}))

        assert outcomes.report(result, planned=False).status == outcomes.READY
        assert theirs in json.loads(account.things["bucket_policy", BUCKET])["Statement"]
        [rule] = account.things["bucket_encryption", BUCKET]["Rules"]
        default = rule["ApplyServerSideEncryptionByDefault"]
        assert default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": result.spec.key_arn}


def test_the_key_on_record_is_used_though_its_alias_was_taken():
    account = Account()
    spec = run(account).spec
    account.has_key(alias="alias/statehold")

    result = run(account, replace(backend(), key_arn=spec.key_arn))

    assert result.spec.key_arn == spec.key_arn
    assert account.things["alias", "alias/statehold"] == spec.key_arn


class TestWhatIsLeftAlone:
    WHY = Contested("somebody keeps changing it", "settle it")

    def test_it_is_looked_at_and_not_written_and_all_else_is(self):
        account = Account()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.things["public_access_block", BUCKET]["BlockPublicAcls"] = False
        account.writes.clear()

        result = run(account, left_alone={"bucket-versioning": self.WHY})

        assert account.written == ["s3:put_public_access_block"]
        assert result.errors == {"bucket-versioning": self.WHY}
        assert result.outcomes["bucket-versioning"] is Outcome.FAILED
        assert [it.control for it in result.made] == ["bucket-public-access-block"]
        report = outcomes.report(result, planned=False)
        assert (report.status, report.error) == (outcomes.FAILED, self.WHY)

    def test_where_it_is_as_it_must_be_nothing_is_said(self):
        account = Account()
        run(account)

        result = run(account, left_alone={"bucket-tags": self.WHY})

        assert (result.errors, result.outcomes["bucket-tags"]) == ({}, Outcome.KEPT)

    def test_a_supporting_resource_is_neither_set_nor_made_anew(self):
        account = Account()
        run(account)
        account.things["public_access_block", LOG_BUCKET]["BlockPublicAcls"] = False
        account.writes.clear()

        changed = run(account, left_alone={"log-bucket": self.WHY})
        del account.things["bucket", LOG_BUCKET]
        gone = run(account, left_alone={"log-bucket": self.WHY})

        assert account.written == []
        assert changed.errors == gone.errors == {"log-bucket": self.WHY}
