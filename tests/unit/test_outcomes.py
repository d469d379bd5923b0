"""What became of each control, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from state_backend import outcomes
from state_backend.drift import Actor
from state_backend.errors import AccessDenied, NotReady, NotStabilized
from state_backend.model import Change, Outcome, Reconciled
from tests.unit.given import ACCOUNT, BUCKET, KEY, REGION, TABLE, backend

GOOD = {
    "bucket": Outcome.KEPT,
    "bucket-policy": Outcome.CHANGED,
    "lock-table": Outcome.NOT_APPLICABLE,
}


def result(controls=None, errors=None, changes=(), notes=(), **spec):
    return Reconciled(
        spec=backend(**{"key_arn": KEY, "origin": "created", **spec}),
        outcomes=controls or GOOD,
        errors=errors or {},
        changes=changes,
        notes=notes,
    )


def test_all_well_is_ready():
    report = outcomes.report(result(notes=("by the way",)), planned=False)

    assert report.is_settled
    assert report.changed
    assert not report.needs_attention
    assert report.to_json() == {
        "accountId": ACCOUNT,
        "region": REGION,
        "bucketName": BUCKET,
        "status": "READY",
        "controls": {"bucket": "KEPT", "bucket-policy": "CHANGED", "lock-table": "NOT_APPLICABLE"},
        "notes": ["by the way"],
    }


@pytest.mark.parametrize(
    "bad",
    [Outcome.UNKNOWN, Outcome.UNSETTLED, Outcome.REFUSED, Outcome.FAILED, Outcome.WOULD_CHANGE],
)
def test_one_that_is_not_well_leaves_it_unsettled(bad):
    report = outcomes.report(
        result({**GOOD, "bucket-policy": bad}, {"bucket-policy": NotStabilized("x", "y")}),
        planned=False,
    )

    assert not report.is_settled
    assert report.status != outcomes.READY


@pytest.mark.parametrize(
    "bad", [Outcome.UNKNOWN, Outcome.UNSETTLED, Outcome.REFUSED, Outcome.FAILED]
)
def test_an_outcome_that_is_not_good_is_never_ready_even_without_an_error(bad):
    report = outcomes.report(result({**GOOD, "parameters": bad}), planned=False)

    assert report.status != outcomes.READY


@pytest.mark.parametrize(
    ("errors", "status", "code"),
    [
        ([NotReady("x", "y")], "WAITING", "NotReady"),
        ([AccessDenied("x", "y")], "FAILED", "AccessDenied"),
        ([NotReady("x", "y"), AccessDenied("x", "y")], "FAILED", "AccessDenied"),
    ],
)
def test_a_permanent_error_counts_before_a_transient_one(errors, status, code):
    report = outcomes.report(
        result(errors={str(index): error for index, error in enumerate(errors)}), planned=False
    )

    assert (report.status, report.to_json()["error"]["code"]) == (status, code)
    assert report.to_json()["error"]["remedy"] == "y"
    assert report.needs_attention


def test_a_plan_tells_its_changes_and_that_they_are_to_come():
    change = Change(control="bucket-policy", before=None, after={"a": 1}, why="because")

    report = outcomes.report(
        result({**GOOD, "bucket-policy": Outcome.WOULD_CHANGE}, changes=[change]), planned=True
    )

    assert report.status == outcomes.WAITING
    assert "bucket-policy" in report.error.message
    assert report.to_json()["changes"] == [
        {"control": "bucket-policy", "before": None, "after": {"a": 1}, "why": "because"}
    ]


def test_what_was_repaired_is_told_with_who_had_changed_it():
    change = Change(control="bucket-tags", before=None, after={"a": "b"}, why="because")
    ana = Actor(arn="arn:ana", event_name="DeleteBucketTagging", event_time="t", event_id="i")

    report = outcomes.report(result(), planned=False)
    told = replace(report, repaired=(change,), changed_by=ana).to_json()

    assert told["repaired"] == [
        {"control": "bucket-tags", "before": None, "after": {"a": "b"}, "why": "because"}
    ]
    assert told["changedBy"] == {
        "arn": "arn:ana",
        "eventName": "DeleteBucketTagging",
        "eventTime": "t",
        "eventId": "i",
    }
    assert not {"repaired", "changedBy"} & report.to_json().keys()


def test_a_plan_of_nothing_is_ready_and_has_no_changes():
    report = outcomes.report(result({"bucket": Outcome.KEPT}), planned=True)

    assert (report.status, report.to_json()["changes"]) == (outcomes.READY, [])


def test_an_observed_bucket_waits_for_its_clients_and_needs_nobody():
    report = outcomes.report(result(origin="adopted"), planned=False)

    assert report.status == outcomes.WAITING
    assert "only observed" in report.error.message
    assert not report.needs_attention


@pytest.mark.parametrize(("algorithm", "told"), [("aws:kms", True), ("AES256", False)])
def test_whoever_observes_is_told_that_aes256_will_not_be_enforced_over_a_key(algorithm, told):
    spec = {"origin": "adopted", "encryption": "AES256", "default_encryption": (algorithm, "")}

    report = outcomes.report(result(**spec), planned=False)

    assert ("enforcing AES256 will be refused" in report.error.remedy) is told
    assert any("enforcing AES256 will be refused" in note for note in report.notes) is told


def enforced(**spec):
    return outcomes.report(result(origin="adopted", adopt="enforce", **spec), planned=False)


def test_a_bucket_that_its_manager_may_reconfigure_says_so_for_as_long_as_it_may():
    left_open = enforced(manager="arn:aws:cloudformation:eu-central-1:1:stack/infra/1")

    assert left_open.status == outcomes.READY
    [note] = left_open.notes
    assert "managed by arn:aws:cloudformation:" in note
    assert "no DenyReconfigure" in note
    assert enforced().notes == ()
    named = enforced(manager="Terraform", break_glass_principal_arns=("arn:x:role/Terraform",))
    assert named.notes == ()


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({"state_access_principal_arns": ("arn:ana", "arn:ben")}, "nobody but arn:ana, arn:ben"),
        ({"workspace_key_prefix": "stages"}, "below WorkspaceKeyPrefix (stages)"),
    ],
)
def test_whoever_observes_is_told_whom_enforcing_will_stop(spec, part):
    told = outcomes.report(result(origin="adopted", **spec), planned=False).notes
    untold = outcomes.report(result(origin="adopted", prevent_destroy=False), planned=False).notes

    assert any(part in note for note in told)
    assert not any("once enforced, no" in note for note in untold)


def test_what_came_to_nothing_has_its_error():
    assert outcomes.failure(ACCOUNT, REGION, NotReady("x", "y")).status == outcomes.WAITING
    assert outcomes.failure(ACCOUNT, REGION, AccessDenied("x", "y")).status == outcomes.FAILED
    assert not outcomes.failure(ACCOUNT, REGION, NotReady("x", "y")).is_settled


def test_what_is_none_of_our_business_says_why():
    report = outcomes.ignored(ACCOUNT, REGION, "the account is closed")

    assert report.to_json()["error"]["message"] == "the account is closed"
    assert report.status == outcomes.IGNORED
    assert not report.needs_attention


class TestAttributes:
    def test_they_are_the_contracts_and_text(self):
        found = outcomes.attributes(backend(key_arn=KEY), GOOD)

        assert set(found) == {
            "BucketName",
            "BucketArn",
            "AccountId",
            "Region",
            "KmsKeyArn",
            "LockMode",
            "LockTableName",
            "BackendHcl",
            "ControlsSatisfied",
        }
        assert all(isinstance(value, str) for value in found.values())
        assert found["ControlsSatisfied"] == "2/2"

    def test_the_table_is_named_where_there_is_one(self):
        assert outcomes.attributes(backend(), GOOD)["LockTableName"] == ""
        assert outcomes.attributes(backend(lock_table_found=True), GOOD)["LockTableName"] == TABLE

    def test_the_lock_mode_is_that_of_the_published_block(self):
        """Who reads the attribute and who pastes the block must keep each other out."""
        spec = backend(origin="adopted", lock_table_found=True)

        found = outcomes.attributes(spec, GOOD)

        assert "dynamodb_table" in found["BackendHcl"]
        assert found["LockMode"] == "both"

    @pytest.mark.parametrize(
        ("controls", "text"),
        [
            (GOOD, "2/2"),
            ({**GOOD, "bucket": Outcome.FAILED}, "1/2"),
            ({"bucket": Outcome.NOT_APPLICABLE}, "0/0"),
        ],
    )
    def test_satisfied_counts_what_applies(self, controls, text):
        assert outcomes.controls_satisfied(controls) == text


def test_a_report_is_json():
    told = outcomes.report(result(), planned=True).to_json()

    assert json.loads(json.dumps(told)) == told
