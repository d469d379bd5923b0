"""AWS shows late what was written: looked at again until it shows, and given up in time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from state_backend.controls import CONTROLS
from state_backend.errors import NotStabilized
from state_backend.model import Outcome
from state_backend.resources import RESOURCES
from tests.unit.account import Account, refusal
from tests.unit.given import BUCKET, LOG_BUCKET, Ticking, backend
from tests.unit.reconcile.given import run


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

    def test_a_key_that_was_just_made_may_not_be_usable_for_moments(self):
        account, ticking, refused = Account(), Ticking(), []

        def not_yet(call):
            if call.operation == "create_alias" and len(refused) < 3:
                refused.append(call)
                raise refusal(call, "KMSInvalidStateException", "is pending creation")

        account.before = not_yet

        assert run(account, ticking=ticking).errors == {}
        assert sum(ticking.slept) == 3.5

    def test_one_that_stays_unusable_is_not_waited_for_long(self):
        account, ticking = Account(refuse={"create_alias": "KMSInvalidStateException"}), Ticking()

        result = run(account, ticking=ticking)

        assert result.errors["kms-key"].code == "GeneralServiceException"
        assert sum(ticking.slept) == 7.5

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
