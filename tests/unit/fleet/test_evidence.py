"""Evidence says what was read, and not a word more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.controls import CONTROLS
from state_backend.fleet.evidence import (
    MISSING,
    NO_KMS_KEY,
    NOT_APPLICABLE,
    NOT_APPLICABLE_BECAUSE,
    OBSERVED,
    REPORTED_AS,
    SHOWN,
    evidence,
    requirements,
    verdict,
)
from state_backend.fleet.row import STATUSES, Row
from state_backend.fleet.standards import LIMITS, STANDARDS, TITLES
from state_backend.model import Outcome, always
from state_backend.resources import RESOURCES
from tests.unit.fleet.given import ALL_KEPT, REPORTED, denied, ignored, not_ready, row

SOME = settings(max_examples=30, deadline=None, derandomize=True)

BY_ID = {it.id: it for it in CONTROLS}
ADOPTED = {**ALL_KEPT, **dict.fromkeys([it for it in ALL_KEPT if "kms" in it], "NOT_APPLICABLE")}
"""What a run tells of a bucket that it only observes: it is kept as it was found."""


def with_controls(it: Row | None = None, **outcomes: str) -> Row:
    changed = {name.replace("_", "-"): outcome for name, outcome in outcomes.items()}
    return replace(it or row(), controls={**ALL_KEPT, **changed})


def requirement(rows: list[Row], name: str) -> dict:
    told = evidence(rows)["standards"]
    return next(it for standard in told for it in standard["requirements"] if it["id"] == name)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_was_read_as_it_must_be_is_shown(outcome):
    found = verdict(BY_ID["bucket-versioning"], with_controls(bucket_versioning=outcome))

    if outcome in {Outcome.KEPT, Outcome.CHANGED}:
        assert found == SHOWN
    else:
        assert found == outcome


def test_what_the_run_did_not_come_to_is_missing():
    assert {verdict(it, not_ready(row())) for it in CONTROLS} == {MISSING}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
def test_each_control_is_told_by_a_name_that_a_run_uses(control):
    assert set(REPORTED_AS[control.id]) <= set(REPORTED)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
def test_each_control_of_what_the_bucket_leans_on_always_applies(control):
    """Else one that does not would hide behind the others that are told under the same name."""
    supporting = {it.id for it in RESOURCES if it.supporting}

    assert control.applies is always or not supporting.intersection(control.on)


def test_a_log_bucket_that_is_not_right_is_an_exception_of_what_it_shares():
    it = with_controls(log_bucket="UNKNOWN")

    assert verdict(BY_ID["bucket-public-access-block"], it) == "UNKNOWN"
    assert verdict(BY_ID["bucket-encryption"], it) == SHOWN


class TestLogging:
    CONTROL = BY_ID["bucket-logging"]

    def test_logging_that_was_just_turned_off_is_not_shown(self):
        it = with_controls(bucket_logging="CHANGED", log_bucket="NOT_APPLICABLE")

        assert verdict(self.CONTROL, it) == NOT_APPLICABLE

    def test_logging_that_was_just_turned_on_is(self):
        assert verdict(self.CONTROL, with_controls(bucket_logging="CHANGED")) == SHOWN


class TestEncryption:
    CONTROL = BY_ID["bucket-encryption"]

    def test_encryption_without_a_kms_key_shows_no_kms_encryption(self):
        it = with_controls(
            kms_key="NOT_APPLICABLE",
            kms_key_policy="NOT_APPLICABLE",
            kms_key_rotation="NOT_APPLICABLE",
            kms_key_alias="NOT_APPLICABLE",
        )

        assert verdict(self.CONTROL, it, "FSBP S3.17") == NO_KMS_KEY
        assert verdict(self.CONTROL, it, "NIST 800-53 SC-28") == SHOWN
        assert requirement([it], "FSBP S3.17")["exceptions"] == [it.backend]

    def test_a_shared_key_shows_it(self):
        it = with_controls(kms_key_policy="NOT_APPLICABLE", kms_key_rotation="NOT_APPLICABLE")

        assert verdict(self.CONTROL, it, "FSBP S3.17") == SHOWN

    def test_the_rotation_of_a_shared_key_is_for_its_owner_to_show(self):
        it = with_controls(kms_key_rotation="NOT_APPLICABLE")

        found = requirement([it, row("3" * 12)], "FSBP KMS.4")

        assert (found["shown"], found["notApplicable"], found["of"]) == (1, 1, 2)
        assert found["exceptions"] == []


class TestObserved:
    @pytest.mark.parametrize("control", ["bucket-encryption", "bucket-ownership", "bucket-policy"])
    def test_what_an_observed_bucket_was_left_with_is_not_shown(self, control):
        it = row(status="WAITING", code="NotReady", controls=ADOPTED)

        assert verdict(BY_ID[control], it) == OBSERVED

    def test_what_is_set_even_there_is_shown(self):
        it = row(status="WAITING", code="NotReady", controls=ADOPTED)

        assert verdict(BY_ID["bucket-versioning"], it) == SHOWN

    def test_a_bucket_with_a_key_of_its_own_is_enforced(self):
        assert verdict(BY_ID["bucket-ownership"], denied(row())) == SHOWN

    def test_one_that_is_ready_is_enforced(self):
        assert verdict(BY_ID["bucket-ownership"], row(controls=ADOPTED)) == SHOWN


class TestRequirements:
    def test_each_has_a_title_and_a_standard_and_no_title_is_left_over(self):
        assert set(TITLES) == set(requirements()), "TITLES in fleet/standards.py"
        for it in requirements():
            assert it.startswith(tuple(STANDARDS))

    def test_all_are_told_once(self):
        told = [it["id"] for part in evidence([])["standards"] for it in part["requirements"]]

        assert sorted(told) == sorted(requirements())

    def test_they_are_in_the_order_of_their_numbers(self):
        told = [it for it in requirements() if it.startswith("FSBP S3")]

        assert told.index("FSBP S3.5") < told.index("FSBP S3.10")

    @pytest.mark.parametrize(
        "name",
        [
            *(f"NIST 800-53 {it}" for it in ("SC-28", "AU-2", "CM-6", "CP-9", "SC-8", "SC-12")),
            *("NIST 800-53 SC-13", "NIST 800-53 AC-3"),
            *("FSBP S3.5", "FSBP S3.8", "FSBP S3.9", "FSBP S3.17", "FSBP KMS.4"),
            *("CIS AWS 2.1.1", "CIS AWS 2.1.4", "CIS AWS 3.6"),
        ],
    )
    def test_those_that_are_asked_for_most_are_served(self, name):
        assert requirement([row()], name)["shown"] == 1

    def test_one_is_shown_by_a_backend_only_if_each_of_its_controls_is(self):
        bad = with_controls(row("3" * 12), bucket_policy="REFUSED")

        found = requirement([row(), bad, ignored(row("4" * 12))], "NIST 800-53 AC-3")

        assert (found["shown"], found["of"]) == (1, 2)
        assert found["exceptions"] == [bad.backend]

    def test_one_that_need_not_be_served_anywhere_is_said_to_be_so(self):
        found = requirement([row()], "FSBP DynamoDB.2")

        assert (found["shown"], found["notApplicable"], found["exceptions"]) == (0, 1, [])


class TestControls:
    def test_exceptions_are_told_by_outcome(self):
        bad = with_controls(row("3" * 12), bucket_policy="REFUSED")
        told = evidence([row(), bad, not_ready(row("4" * 12))])["controls"]

        found = next(it for it in told if it["id"] == "bucket-policy")

        assert found["exceptions"] == {
            "REFUSED": [bad.backend],
            "MISSING": ["444444444444/eu-central-1"],
        }
        assert found["readBy"] == "s3:GetBucketPolicy"

    def test_each_says_by_which_permission_it_was_read_and_why_it_need_not_be_there(self):
        for it in evidence([row()])["controls"]:
            assert it["readBy"].partition(":")[2].startswith(("Get", "Describe"))
            assert it["readBy"] in BY_ID[it["id"]].permissions
            assert it["notApplicableBecause"] in NOT_APPLICABLE_BECAUSE.values()


def test_the_limits_name_what_auditors_ask_for_and_we_do_not_show():
    named = {it for limit in LIMITS for it in limit.requirements}

    assert named >= {
        "FSBP S3.1", "FSBP S3.7", "FSBP S3.20", "FSBP S3.22", "FSBP S3.23", "NIST 800-53 SC-28(2)",
    }  # fmt: skip
    assert all(it.why and it.instead for it in LIMITS)
    assert evidence([])["cannotShow"][0]["subject"] == LIMITS[0].subject


@SOME
@given(
    st.lists(
        st.builds(
            row,
            account=st.integers(200_000_000_000, 200_000_000_099).map(str),
            status=st.sampled_from(STATUSES),
            controls=st.dictionaries(st.sampled_from(REPORTED), st.sampled_from(list(Outcome))),
        ),
        unique_by=lambda it: it.account,
        max_size=6,
    )
)
def test_every_backend_in_scope_is_shown_or_excused_or_an_exception(rows):
    told = evidence(rows)
    in_scope = {it.backend for it in rows if it.status != "IGNORED"}

    for standard in told["standards"]:
        for it in standard["requirements"]:
            assert it["shown"] + it["notApplicable"] + len(it["exceptions"]) == it["of"]
            assert set(it["exceptions"]) <= in_scope
    for it in told["controls"]:
        exceptions = [name for names in it["exceptions"].values() for name in names]
        assert it["shown"] + it["notApplicable"] + len(exceptions) == it["of"] == len(in_scope)
