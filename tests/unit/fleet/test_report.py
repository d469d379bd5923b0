"""From what a run answers to a row, and from rows to the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend import outcomes
from state_backend.errors import AccessDenied, InvalidRequest
from state_backend.fleet.report import VERSION, report
from state_backend.fleet.row import row_of
from state_backend.model import Change, Outcome
from tests.unit.fleet.given import (
    ALL_KEPT,
    DAY,
    HOSTILE,
    SWEEP,
    denied,
    ignored,
    not_ready,
    organization,
    repaired,
    row,
)

SOME = settings(max_examples=80, deadline=None, derandomize=True)

ROOT = Path(__file__).parents[3]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/report.schema.json").read_text())
)
ANSWER = {"accountId": "222222222222", "region": "eu-central-1", "status": "READY"}
TOMORROW = replace(
    SWEEP, id="next", started_at=SWEEP.started_at + DAY, finished_at=SWEEP.finished_at + DAY
)


class TestRowOf:
    def test_it_takes_what_a_run_answers(self):
        change = Change(control="bucket-policy", before=None, after={"a": 1}, why="because")
        answer = outcomes.Report(
            account="222222222222",
            region="eu-central-1",
            bucket_name="the-bucket",
            status=outcomes.FAILED,
            controls={"bucket": Outcome.KEPT, "bucket-policy": Outcome.REFUSED},
            error=AccessDenied("it happened", "do that"),
            changes=[change],
            notes=("by the way",),
        ).to_json()

        found = row_of(json.loads(json.dumps(answer)))

        assert (found.account, found.region) == ("222222222222", "eu-central-1")
        assert (found.bucket_name, found.status) == ("the-bucket", "FAILED")
        assert found.controls == {"bucket": "KEPT", "bucket-policy": "REFUSED"}
        assert (found.code, found.message) == ("AccessDenied", "it happened")
        assert (found.remedy, found.notes) == ("do that", ("by the way",))
        assert found.changes == (
            {"control": "bucket-policy", "before": None, "after": {"a": 1}, "why": "because"},
        )

    def test_what_was_repaired_is_in_it(self):
        change = {"control": "bucket-tags", "before": {}, "after": {"a": "b"}, "why": "because"}

        found = row_of({**ANSWER, "repaired": [change]})

        assert found.repaired == (change,)

    @pytest.mark.parametrize(
        "wrong",
        [
            None,
            [],
            {},
            {**ANSWER, "accountId": "22222222222"},
            {**ANSWER, "accountId": ""},
            {**ANSWER, "accountId": "22222222222²"},
            {**ANSWER, "region": ""},
            {**ANSWER, "status": "ready"},
            {**ANSWER, "status": ["READY"]},
            {**ANSWER, "controls": []},
            {**ANSWER, "controls": {"bucket": "FINE"}},
            {**ANSWER, "controls": {"bucket": ["KEPT"]}},
            {**ANSWER, "error": "AccessDenied"},
            {**ANSWER, "error": {"code": 403}},
            {**ANSWER, "notes": "a note"},
            {**ANSWER, "notes": [1]},
            {**ANSWER, "repaired": True},
            {**ANSWER, "repaired": [{"control": "bucket"}]},
            {**ANSWER, "changes": [{"control": 1, "before": 1, "after": 1, "why": ""}]},
        ],
        ids=str,
    )
    def test_an_answer_of_another_form_is_refused(self, wrong):
        with pytest.raises(InvalidRequest, match="cannot be reported"):
            row_of(wrong)

    @SOME
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda it: st.lists(it) | st.dictionaries(st.sampled_from([*ANSWER, "error"]), it),
        )
    )
    def test_nothing_but_a_refusal_is_raised(self, answer):
        try:
            found = row_of(answer)
        except InvalidRequest:
            return

        assert found.account == answer["accountId"]


class TestReport:
    def test_it_is_as_the_schema_says(self):
        rows = list(organization(60))
        first = report(SWEEP, rows)

        second = report(TOMORROW, rows[1:], json.loads(json.dumps(first)))

        SCHEMA.validate(first)
        SCHEMA.validate(second)
        assert first["sinceLast"] is None
        assert second["sinceLast"]["gone"] == [rows[0].backend]

    def test_the_schema_takes_nothing_that_it_does_not_name(self):
        told = report(SWEEP, organization(1))

        with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
            SCHEMA.validate({**told, "more": 1})

    def test_rows_stay_in_order_and_none_is_left_out(self):
        rows = list(organization(60, ("us-east-1", "eu-central-1")))

        told = report(SWEEP, iter(rows))

        assert [(it["account"], it["region"]) for it in told["rows"]] == [
            (it.account, it.region) for it in rows
        ]

    def test_the_same_rows_make_the_same_report(self):
        rows = list(organization(60))

        assert json.dumps(report(SWEEP, rows)) == json.dumps(report(SWEEP, rows))

    def test_a_report_that_is_written_again_is_not_compared_with_itself(self):
        first = report(SWEEP, [denied(row())])

        again = report(SWEEP, [denied(row())], first)

        assert again["sinceLast"] is None
        assert again["rows"] == first["rows"]

    def test_what_is_unready_for_the_first_time_is_so_since_the_sweep_began(self):
        told = report(SWEEP, [not_ready(row())])

        assert told["rows"][0]["unreadySince"] == told["sweep"]["startedAt"]

    def test_what_stays_unready_keeps_its_date_even_for_another_reason(self):
        first = report(SWEEP, [not_ready(row())])

        second = report(TOMORROW, [denied(row())], first)

        assert second["rows"][0]["unreadySince"] == first["sweep"]["startedAt"]
        assert second["coverage"]["oldestUnready"] == {
            "backend": "222222222222/eu-central-1",
            "since": first["sweep"]["startedAt"],
        }

    @pytest.mark.parametrize("well", [lambda it: it, ignored], ids=["ready", "ignored"])
    def test_what_was_well_between_has_a_new_date(self, well):
        first = report(SWEEP, [denied(row())])
        second = report(TOMORROW, [well(row())], first)

        third = report(replace(TOMORROW, started_at=SWEEP.started_at + 2 * DAY), [denied(row())])

        assert second["rows"][0]["unreadySince"] == ""
        assert third["rows"][0]["unreadySince"] == third["sweep"]["startedAt"]

    def test_a_date_that_is_known_already_is_kept(self):
        told = report(SWEEP, [replace(denied(row()), unready_since=1_700_000_000.0)])

        assert told["rows"][0]["unreadySince"] == "2023-11-14T22:13:20Z"

    def test_another_account_or_region_does_not_lend_its_date(self):
        first = report(SWEEP, [denied(row())])

        second = report(TOMORROW, [denied(row(region="us-east-1"))], first)

        assert second["rows"][0]["unreadySince"] == second["sweep"]["startedAt"]

    def test_it_tells_what_has_changed_since(self):
        one, two, three = (row(f"{it}" * 12) for it in "234")
        first = report(SWEEP, [one, denied(two), three])

        told = report(TOMORROW, [denied(one), two, row("5" * 12)], first)["sinceLast"]

        assert told["noLongerReady"] == [one.backend]
        assert told["nowReady"] == [two.backend]
        assert told["gone"] == [three.backend]
        assert told["appeared"] == ["555555555555/eu-central-1"]
        assert (told["accountsCovered"], told["accountsInScope"]) == (2, 3)

    def test_a_report_of_another_form_is_not_relied_on(self):
        told = report(TOMORROW, [denied(row())], {"version": VERSION + 1})

        assert told["sinceLast"] is None
        assert told["rows"][0]["unreadySince"] == told["sweep"]["startedAt"]

    def test_the_same_reason_in_many_accounts_is_told_once(self):
        rows = [denied(row(f"{it}" * 12, name="")) for it in "234"]

        told = report(SWEEP, [*rows, not_ready(row("5" * 12))])["attention"]

        assert [(it["status"], it["code"]) for it in told] == [
            ("FAILED", "AccessDenied"),
            ("WAITING", "NotReady"),
        ]
        assert told[0]["backends"] == [it.backend for it in rows]
        assert "<account>:assumed-role" in told[0]["reason"]
        assert "<bucket>" in told[0]["reason"]

    def test_reasons_that_differ_are_told_by_an_example(self):
        one, two = denied(row()), denied(row("3" * 12))

        told = report(SWEEP, [one, replace(two, message="another one")])["attention"]

        assert len(told) == 1
        assert told[0]["reason"] == f"For example: {one.message}"

    def test_remedies_that_differ_are_not_mixed(self):
        two = replace(denied(row("3" * 12)), remedy="do something else")

        assert len(report(SWEEP, [denied(row()), two])["attention"]) == 2

    def test_a_backend_that_is_well_needs_nobody(self):
        assert report(SWEEP, [row(), ignored(row("3" * 12)), repaired(row())])["attention"] == []

    @SOME
    @given(text=st.text() | st.just(HOSTILE))
    def test_whatever_an_account_is_called_is_told_as_it_is(self, text):
        told = report(SWEEP, [row(name=text, message=text, notes=(text,))])

        found = json.loads(json.dumps(told))["rows"][0]
        assert (found["name"], found["message"], found["notes"]) == (text, text, [text])
        assert found["controls"] == ALL_KEPT


def test_the_documentation_has_every_field_and_every_outcome():
    text = (ROOT / "docs/evidence.md").read_text()
    named = set(re.findall(r"`(\w+)`", text))

    assert fields(SCHEMA.schema) <= named
    assert set(Outcome) <= named


def fields(schema: dict) -> set[str]:
    """The names of all that may be in it."""
    found = set(schema.get("properties", {}))
    for it in schema.values():
        for part in it if isinstance(it, list) else [it]:
            if isinstance(part, dict):
                found |= fields(part)
    return found - {"READY", "WAITING", "FAILED", "IGNORED"}
