"""What the loop makes of what it found on its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from state_backend.calls import Absent, AwsError, Call, Present, Unknown
from state_backend.controls import CONTROLS
from state_backend.errors import (
    AccessDenied,
    AlreadyExists,
    Failed,
    InvalidRequest,
    NotReady,
    RefusedChange,
    Throttled,
)
from state_backend.model import Outcome
from state_backend.progress import (
    Existence,
    Setting,
    cut_answer,
    outcome_of,
    planned,
    summary,
    unsettled,
)
from state_backend.resources import RESOURCES
from tests.unit.given import KEY, backend

BUCKET = next(it for it in RESOURCES if it.id == "bucket")
KEY_RESOURCE = next(it for it in RESOURCES if it.id == "kms-key")
LOGS = next(it for it in RESOURCES if it.id == "log-bucket")
POLICY = next(it for it in CONTROLS if it.id == "bucket-policy")
PAB = next(it for it in CONTROLS if it.id == "bucket-public-access-block")
CALL = Call("s3", "head_bucket", {})


def summed(existing=(), settings=(), spec=None):
    return summary(spec or backend(), (RESOURCES, CONTROLS), existing, settings)


def test_a_cut_answer_names_the_call_or_the_resource_and_what_was_missing():
    of_call = cut_answer(CALL, KeyError("Rules"))
    of_resource = cut_answer(BUCKET, KeyError("Arn"))

    assert (of_call.call, of_call.code) == (CALL, "TruncatedAnswer")
    assert of_call.message == "the answer is not whole (KeyError('Rules'))"
    assert of_resource.call == Call("bucket", "find", {})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AccessDenied("x"), Outcome.REFUSED),
        (AlreadyExists("x"), Outcome.REFUSED),
        (RefusedChange("x"), Outcome.REFUSED),
        (InvalidRequest("x"), Outcome.REFUSED),
        (Failed("x"), Outcome.FAILED),
        (Throttled("x"), Outcome.UNSETTLED),
        (NotReady("x"), Outcome.UNSETTLED),
    ],
)
def test_an_error_has_its_outcome(error, outcome):
    assert outcome_of(error) is outcome


def test_what_may_not_be_desired_is_refused_with_what_was_found():
    error = RefusedChange("too long")

    def desired(spec, found):
        raise error

    control = replace(POLICY, desired=desired)

    seen = planned(backend(), Setting(control=control, resource=BUCKET), {"Statement": []})

    assert (seen.outcome, seen.error, seen.found) == (Outcome.REFUSED, error, {"Statement": []})
    assert seen.control is control


def test_what_aws_does_not_show_is_told_by_its_control():
    late = unsettled(Setting(control=POLICY, resource=BUCKET))

    assert late.outcome is Outcome.UNSETTLED
    assert late.error is not None
    assert late.error.message == "bucket-policy was written, but AWS does not show it yet"
    assert late.error.remedy == "It is looked at again"


class TestSummary:
    def test_a_resource_is_unknown_missing_kept_or_made(self):
        unseen = AwsError(CALL, "AccessDenied", "no", status=403)
        made = Existence(resource=KEY_RESOURCE, seen=Present({"arn": KEY}), created=True)

        told = summed([Existence(resource=BUCKET, seen=Unknown(unseen)), made])

        assert told.outcomes["bucket"] is Outcome.UNKNOWN
        assert told.errors["bucket"].__cause__ is unseen
        assert told.outcomes["kms-key"] is Outcome.CHANGED
        kept = summed([replace(made, created=False), Existence(resource=BUCKET, seen=Absent())])
        assert kept.outcomes["kms-key"] is Outcome.KEPT
        assert kept.outcomes["bucket"] is Outcome.WOULD_CHANGE
        assert kept.errors == {}

    def test_what_could_not_be_looked_at_is_told_before_what_was_not_made_for_its_sake(self):
        unseen = AwsError(CALL, "AccessDenied", "no", status=403)
        held = Existence(resource=KEY_RESOURCE, seen=Absent(), error=NotReady("later"))

        told = summed([held, Existence(resource=BUCKET, seen=Unknown(unseen))])

        assert list(told.errors) == ["bucket", "kms-key"]

    def test_what_applies_and_was_not_looked_at_is_unknown(self):
        told = summed(spec=backend({"Encryption": "AES256"}))

        assert told.outcomes["bucket"] is Outcome.UNKNOWN
        assert told.outcomes["bucket-policy"] is Outcome.UNKNOWN
        assert told.outcomes["kms-key"] is Outcome.NOT_APPLICABLE
        assert told.outcomes["kms-key-policy"] is Outcome.NOT_APPLICABLE

    @pytest.mark.parametrize("turned", [False, True])
    def test_of_settings_told_as_one_the_worst_counts(self, turned):
        pair = [
            Setting(control=PAB, resource=LOGS, outcome=Outcome.KEPT),
            Setting(control=POLICY, resource=LOGS, outcome=Outcome.FAILED),
        ]
        there = Existence(resource=LOGS, seen=Present({}))

        told = summed([there], pair[::-1] if turned else pair)

        assert told.outcomes["log-bucket"] is Outcome.FAILED

    @pytest.mark.parametrize("turned", [False, True])
    def test_so_it_does_of_a_control_on_two_resources(self, turned):
        pair = [
            Setting(control=PAB, resource=BUCKET, outcome=Outcome.KEPT),
            Setting(control=PAB, resource=KEY_RESOURCE, outcome=Outcome.FAILED),
        ]

        told = summed([], pair[::-1] if turned else pair)

        assert told.outcomes[PAB.id] is Outcome.FAILED

    def test_a_single_good_one_counts_for_more_than_not_having_looked(self):
        told = summed([], [Setting(control=PAB, resource=BUCKET, outcome=Outcome.KEPT)])

        assert told.outcomes[PAB.id] is Outcome.KEPT

    def test_a_twins_key_is_noted_and_no_other(self):
        won = Existence(resource=KEY_RESOURCE, seen=Present({"arn": KEY}))
        lost = Existence(resource=KEY_RESOURCE, seen=Present({"arn": KEY, "orphan": "arn:x"}))

        assert summed([won]).notes == ()
        [note] = summed([lost]).notes
        assert note.startswith("The key arn:x was made at the same moment")
