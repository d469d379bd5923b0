"""The loop: observe, plan, apply, verify, against one account in memory."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from state_backend import outcomes
from state_backend.controls import CONTROLS
from state_backend.errors import Contested, NotReady, NotStabilized
from state_backend.model import Outcome
from state_backend.reconcile import Loop, permissions, wanted
from state_backend.resources import RESOURCES
from tests.unit.account import Account, refusal
from tests.unit.given import BUCKET, LOG_BUCKET, TABLE, Ticking, backend

SPECS = {
    "kms": {},
    "both locks": {"LockMode": "both"},
    "table": {"LockMode": "dynamodb"},
    "AES256": {"Encryption": "AES256"},
    "no logs": {"AccessLogs": "off"},
}
EXPLICIT = (
    "AccessDenied: not authorized to perform: x with an explicit deny in a service control policy"
)
SUBJECTS = ("Bucket", "ResourceArn", "KeyId", "TargetKeyId", "TableName", "Name")


def run(account, spec=None, *, plan_only=False, seconds=270.0, ticking=None, **more):
    ticking = ticking or Ticking()
    loop = Loop(invoke=account, clock=ticking.clock, give_up_at=ticking.time + seconds, **more)
    return loop.run(spec or backend(), plan_only=plan_only)


def subject(call):
    name = next((call.parameters[it] for it in SUBJECTS if it in call.parameters), "")
    return name.rpartition(":")[2]


@pytest.mark.parametrize("properties", SPECS.values(), ids=SPECS)
class TestFresh:
    def test_everything_that_applies_is_made(self, properties):
        result = run(Account(), backend(properties))

        assert result.errors == {}
        assert set(result.outcomes.values()) <= {
            Outcome.CHANGED,
            Outcome.KEPT,
            Outcome.NOT_APPLICABLE,
        }
        assert outcomes.report(result, planned=False).status == outcomes.READY

    def test_a_second_pass_writes_nothing_and_keeps_everything(self, properties):
        account = Account()
        run(account, backend(properties))
        account.writes.clear()

        result = run(account, backend(properties))

        assert account.written == []
        assert set(result.outcomes.values()) <= {Outcome.KEPT, Outcome.NOT_APPLICABLE}

    def test_a_plan_writes_nothing_and_tells_each_change(self, properties):
        account = Account()

        result = run(account, backend(properties), plan_only=True)

        assert account.written == []
        assert account.things == {}
        told = {change.control for change in result.changes}
        would = {name for name, it in result.outcomes.items() if it is Outcome.WOULD_CHANGE}
        assert told == would
        assert would == {
            name for name, it in result.outcomes.items() if it is not Outcome.NOT_APPLICABLE
        }
        assert all(
            change.before is None and change.after and change.why for change in result.changes
        )
        json.dumps(outcomes.report(result, planned=True).to_json())

    def test_the_parameters_are_written_last(self, properties):
        account = Account()

        run(account, backend(properties))

        assert account.written[-2:] == ["ssm:put_parameter"] * 2
        assert Counter(account.written)["ssm:put_parameter"] == 2

    def test_the_bucket_policy_is_the_last_word_on_the_bucket(self, properties):
        account = Account()

        run(account, backend(properties))

        on_bucket = [str(call) for call in account.writes if subject(call) == BUCKET]
        assert on_bucket[-1] == "s3:put_bucket_policy"


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


class TestPatience:
    @pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
    def test_a_stale_read_is_looked_at_again_until_aws_shows_it(self, control):
        account, ticking = Account(), Ticking()
        spec = run(account, backend({"LockMode": "both"})).spec
        on = next(it for it in RESOURCES if it.id == control.on[-1])
        damage(account, control, spec, on)
        look = control.read(spec, on.subject(spec)).operation
        account.settle()
        account.after = lambda call: lag(account, call, look)

        result = run(
            account, replace(backend({"LockMode": "both"}), key_arn=spec.key_arn), ticking=ticking
        )

        assert result.errors == {}
        assert sum(ticking.slept) > 0

    def test_what_aws_never_shows_is_unsettled_at_the_deadline(self):
        account, ticking = Account(), Ticking()
        account.stale = {"get_bucket_versioning": 10**6}

        result = run(account, ticking=ticking, seconds=200.0)

        assert result.outcomes["bucket-versioning"] is Outcome.UNSETTLED
        assert isinstance(result.errors["bucket-versioning"], NotStabilized)
        assert 150 < sum(ticking.slept) <= 200
        assert "ssm:put_parameter" not in account.written

    @pytest.mark.parametrize(
        ("seconds", "slept"), [(0.49, []), (0.5, [0.5]), (1.49, [0.5]), (1.5, [0.5, 1.0])]
    )
    def test_it_waits_up_to_the_deadline_and_then_looks_no_more(self, seconds, slept):
        account, ticking = Account(), Ticking()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.settle()
        account.reads.clear()
        account.stale = {"get_bucket_versioning": 10**6}

        run(account, ticking=ticking, seconds=seconds)

        looks = Counter(str(call) for call in account.reads)["s3:get_bucket_versioning"]
        assert ticking.slept == slept
        assert looks == len(("state bucket", "log bucket", "after the write", *slept))

    def test_what_cannot_be_read_back_is_not_taken_for_late(self):
        account, ticking = Account(), Ticking()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}

        def take_away(call):
            if call.operation == "put_bucket_versioning":
                account.refuse = {"get_bucket_versioning": "AccessDenied"}

        account.after = take_away
        result = run(account, ticking=ticking)

        assert result.outcomes["bucket-versioning"] is Outcome.UNKNOWN
        assert result.errors["bucket-versioning"].code == "NotReady"
        assert ticking.slept == []

    def test_a_stale_setting_is_not_written_twice(self):
        account = Account()
        account.stale = {"get_bucket_versioning": 6}

        run(account)

        assert Counter(account.written)["s3:put_bucket_versioning"] == 2  # one a bucket

    def test_a_late_answer_is_waited_for_longer_than_half_a_minute(self):
        account, ticking = Account(), Ticking()
        shown_at = ticking.time + 120
        real = account._setting

        def late(call, verb, kind, of):
            early = ticking.time < shown_at
            if verb == "get" and kind == "bucket_policy" and early and account.written:
                raise refusal(call, "NoSuchBucketPolicy")
            return real(call, verb, kind, of)

        account._setting = late

        result = run(account, ticking=ticking, seconds=600.0)

        assert result.outcomes["bucket-policy"] is Outcome.CHANGED

    @pytest.mark.parametrize(
        ("operation", "code"),
        [
            ("get_bucket_encryption", "NoSuchBucket"),
            ("get_bucket_tagging", "NoSuchBucket"),
            ("get_key_rotation_status", "NotFoundException"),
            ("get_key_policy", "NotFoundException"),
            ("describe_continuous_backups", "TableNotFoundException"),
        ],
    )
    def test_a_thing_just_made_that_aws_does_not_know_yet_is_waited_for(self, operation, code):
        account, left = Account(), [3]

        def unknown_yet(call):
            if call.operation == operation and left[0]:
                left[0] -= 1
                raise refusal(call, code)

        account.before = unknown_yet

        result = run(account, backend({"LockMode": "both"}))

        assert {name: str(error) for name, error in result.errors.items()} == {}

    @pytest.mark.parametrize(
        ("operation", "code"),
        [
            ("put_bucket_versioning", "NoSuchBucket"),
            ("create_alias", "NotFoundException"),
            ("enable_key_rotation", "NotFoundException"),
            ("update_continuous_backups", "TableNotFoundException"),
            ("update_continuous_backups", "ContinuousBackupsUnavailableException"),
        ],
    )
    def test_so_is_one_that_cannot_be_written_yet(self, operation, code):
        account, left = Account(), [2]

        def not_yet(call):
            if call.operation == operation and left[0]:
                left[0] -= 1
                raise refusal(call, code)

        account.before = not_yet

        result = run(account, backend({"LockMode": "both"}))

        assert {name: str(error) for name, error in result.errors.items()} == {}

    def test_what_a_creation_should_have_brought_is_written_if_it_did_not(self):
        account = Account()
        real = account._create_bucket

        def without_tags(call, of):
            real(call, {**of, "CreateBucketConfiguration": {}})

        account._create_bucket = without_tags

        result = run(account)

        assert result.outcomes["bucket-tags"] is Outcome.CHANGED
        assert Counter(account.written)["s3control:tag_resource"] == 2


def lag(account, call, look):
    """After a first write in a run the next two looks are stale."""
    if (
        call.operation.startswith(("put_", "update_", "create_", "enable_", "tag_"))
        and not account.stale
    ):
        account.stale = {look: 2}


def damage(account, control, spec, on):
    kinds = {
        "kms-key-policy": ("key_policy", "{}"),
        "kms-key-rotation": ("key_rotation", None),
        "kms-key-alias": ("alias", account.has_key()),
        "lock-table-recovery": ("table_recovery", False),
        "lock-table-deletion-protection": ("table_protection", False),
        "parameters": ("parameter", "stale"),
        "bucket-public-access-block": ("public_access_block", {}),
        "bucket-ownership": (
            "bucket_ownership_controls",
            {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        ),
        "bucket-versioning": ("bucket_versioning", {"Status": "Suspended"}),
    }
    kind, value = kinds.get(control.id, ("", None))
    name = {"alias": "alias/statehold", "parameter": "/statehold/backend"}.get(
        kind, on.subject(spec)
    )
    if not kind:
        kind = control.read(spec, on.subject(spec)).operation.removeprefix("get_")
        value = {
            "bucket_encryption": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
            "bucket_policy": '{"Version": "2012-10-17", "Statement": []}',
            "bucket_lifecycle_configuration": {"Rules": []},
            "bucket_logging": {},
            "bucket_tagging": {"TagSet": []},
        }[kind]
    account.things[kind, name] = value


class TestOrder:
    def test_writes_on_one_resource_never_overlap(self):
        account, active, overlaps, lock = Account(), Counter(), [], threading.Lock()

        def before(call):
            if call.operation.startswith(("put_bucket", "put_public", "tag_", "create_bucket")):
                with lock:
                    active[subject(call)] += 1
                    if active[subject(call)] > 1:
                        overlaps.append(str(call))
                time.sleep(0.002)

        def after(call):
            if call.operation.startswith(("put_bucket", "put_public", "tag_", "create_bucket")):
                with lock:
                    active[subject(call)] -= 1

        account.before, account.after = before, after

        run(account)

        assert overlaps == []

    def test_settings_of_a_bucket_are_written_in_the_registrys_order(self):
        account = Account()
        account.has_bucket(
            BUCKET,
            public_access_block={},
            bucket_ownership_controls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        )

        run(account, backend({"Adopt": "enforce"}))

        written = [call.operation for call in account.writes if subject(call) == BUCKET]
        assert written[0] == "put_public_access_block"
        assert written.index("put_bucket_ownership_controls") < written.index("put_bucket_policy")
        assert written.index("put_bucket_encryption") < written.index("put_bucket_policy")
        assert written[-1] == "put_bucket_policy"

    def test_logging_waits_for_the_log_buckets_policy(self):
        account = Account()

        run(account)

        order = [(call.operation, subject(call)) for call in account.writes]
        assert order.index(("put_bucket_policy", LOG_BUCKET)) < order.index(
            ("put_bucket_logging", BUCKET)
        )


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


class TestPermissions:
    """What a session needs, before it shows whether a bucket has to be adopted."""

    def test_while_the_origin_is_not_known_they_are_those_of_both(self):
        created, adopted = (permissions(backend(origin=it)) for it in ("created", "adopted"))

        assert permissions(backend()) == created | adopted
        assert "kms:CreateKey" in created - adopted
        assert "dynamodb:DescribeTable" in adopted - created

    def test_without_a_spec_they_are_those_of_any(self):
        every = [permissions(backend(it)) for it in SPECS.values()]

        assert permissions() == frozenset().union(*every)


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


class TestReadBack:
    @pytest.fixture
    def damaged(self):
        """Versioning has to be put, and only it."""
        account = Account()
        run(account)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        account.settle()
        account.writes.clear()
        return account

    def after_the_write(self, account, answer):
        """*answer* in place of the first look after the write."""
        looks = iter([answer])

        def invoke(call):
            if call.operation == "get_bucket_versioning" and account.writes:
                fake = next(looks, None)
                if fake is not None:
                    return fake(call)
            return account(call)

        return invoke

    def test_a_bucket_that_is_not_known_for_a_moment_is_looked_at_again(self, damaged):
        def unknown(call):
            raise refusal(call, "NoSuchBucket")

        result = run(self.after_the_write(damaged, unknown))

        assert result.outcomes["bucket-versioning"] is Outcome.CHANGED
        assert result.errors == {}

    def test_a_cut_answer_leaves_it_unknown(self):
        account = Account()
        run(account)
        account.things.pop(("public_access_block", BUCKET))
        account.writes.clear()

        def cut(call):
            answer = account(call)
            is_cut = call.operation == "get_public_access_block" and account.writes
            return {} if is_cut else answer

        result = run(cut)

        assert result.outcomes["bucket-public-access-block"] is Outcome.UNKNOWN

    def test_a_refusal_is_not_tried_again(self, damaged):
        damaged.refuse = {"put_bucket_versioning": "AccessDenied"}
        ticking = Ticking()

        run(damaged, ticking=ticking)

        assert damaged.written == ["s3:put_bucket_versioning"]
        assert ticking.slept == []

    def test_what_aws_never_knows_is_told_in_the_end(self, damaged):
        damaged.refuse = {"put_bucket_versioning": "NoSuchBucket"}
        ticking = Ticking()

        result = run(damaged, ticking=ticking, seconds=float("inf"))

        assert result.outcomes["bucket-versioning"] is Outcome.FAILED
        assert len(damaged.written) == len(ticking.slept) + 1

    def test_what_leans_on_a_log_bucket_that_is_late_is_not_written(self, damaged):
        damaged.things.pop(("bucket_policy", LOG_BUCKET))
        damaged.things["bucket_logging", BUCKET] = {}
        damaged.refuse = {"put_bucket_policy": "SlowDown"}

        result = run(damaged)

        assert result.outcomes["bucket-logging"] is Outcome.UNSETTLED
        assert "s3:put_bucket_logging" not in damaged.written

    def test_an_alias_that_is_there_but_not_shown_is_waited_for(self, damaged):
        spec = run(damaged).spec
        damaged.things.pop(("alias", "alias/statehold"))
        damaged.refuse = {"create_alias": "AlreadyExistsException"}

        result = run(damaged, replace(backend(), key_arn=spec.key_arn))

        assert isinstance(result.errors["kms-key-alias"], NotStabilized)

    def test_what_a_creation_brings_is_read_and_not_written(self):
        account = Account()
        run(account)

        brought = [it for it in CONTROLS if it.set_at_creation]
        operations = {
            call.operation
            for control in brought
            for on in RESOURCES
            if on.id in control.on
            for call in control.write(
                backend(), "x", control.desired(replace(backend(), key_arn="k"), None), None
            )
        }
        assert {"put_public_access_block", "tag_resource"} <= operations
        operations.remove("create_alias")  # by which the key itself is made
        assert not operations.intersection(call.operation for call in account.writes)


class TestWanted:
    """Digests by which it is told whether a control wants today what it wanted then."""

    @staticmethod
    def differing(one, other):
        return {name for name, digest in wanted(one).items() if wanted(other).get(name) != digest}

    def test_the_same_is_the_same(self):
        assert wanted(backend()) == wanted(backend({}))
        assert set(wanted(backend())) == {it.id for it in CONTROLS if it.applies(backend())}

    def test_only_of_the_control_that_wants_something_else_is_it_another(self):
        later = backend({"NoncurrentVersionDays": "400"})
        tagged = backend({"Tags": "a=b"})

        assert self.differing(backend(), later) == {"bucket-lifecycle"}
        assert self.differing(backend(), tagged) == {"bucket-tags"}

    def test_what_may_not_be_wanted_is_told_apart_by_its_reason(self):
        readers = [f"arn:aws:iam::222222222222:role/{'x' * 50}{number}" for number in range(400)]
        many, more = (
            backend({"StateAccessPrincipalArns": readers[:number]}) for number in (300, 400)
        )

        assert "bucket-policy" in self.differing(many, more)
