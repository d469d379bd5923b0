"""Coverage as one number, that never says more than is so."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.fleet.coverage import coverage
from state_backend.fleet.row import STATUSES, Row
from tests.unit.fleet.given import denied, ignored, not_ready, repaired, row

SOME = settings(max_examples=80, deadline=None, derandomize=True)


def many(number: int, start: int = 100_000_000_000) -> list[Row]:
    return [row(str(start + it)) for it in range(number)]


def test_an_account_is_covered_if_all_its_regions_are_ready():
    rows = [row(), denied(row(region="us-east-1")), row("3" * 12), row("3" * 12, "us-east-1")]

    found = coverage(rows)

    assert (found.accounts_covered, found.accounts_in_scope) == (1, 2)
    assert found.backends_in_scope == 4
    assert found.percent == 50.0


def test_what_is_ignored_is_out_of_scope():
    rows = [row(), ignored(row(region="us-east-1")), ignored(row("3" * 12))]

    found = coverage(rows)

    assert (found.accounts_covered, found.accounts_in_scope) == (1, 1)
    assert found.by_status == {"READY": 1, "WAITING": 0, "FAILED": 0, "IGNORED": 2}
    assert found.percent == 100.0


@pytest.mark.parametrize(
    ("bad", "of", "percent"),
    [(1, 5_000, 99.9), (1, 100_000, 99.9), (13, 5_000, 99.7), (1, 3, 66.6), (3, 3, 0.0)],
)
def test_the_percentage_is_rounded_down(bad, of, percent):
    rows = many(of)
    rows[:bad] = map(denied, rows[:bad])

    assert coverage(rows).percent == percent


def test_nothing_in_scope_is_no_success():
    found = coverage([ignored(row())])

    assert found.percent == 0.0
    assert found.sentence == "No account is in scope."
    assert coverage([]).percent == 0.0


def test_the_sentence_tells_the_number_and_why():
    rows = many(5_000)
    rows[:8] = map(denied, rows[:8])
    rows[8:13] = map(not_ready, rows[8:13])

    assert coverage(rows).sentence == (
        "4,987 of 5,000 accounts have every control in place; 13 do not: "
        "8 AccessDenied, 5 NotReady."
    )


def test_the_sentence_is_good_for_one():
    assert coverage([row()]).sentence == "1 of 1 account has every control in place."
    assert coverage([row(), denied(row("3" * 12))]).sentence == (
        "1 of 2 accounts has every control in place; 1 does not: 1 AccessDenied."
    )


def test_an_account_counts_once_among_the_reasons():
    rows = [denied(row()), not_ready(row(region="us-east-1"))]

    assert coverage(rows).reasons == {"AccessDenied": 1}


def test_the_oldest_is_the_one_that_has_waited_longest():
    rows = [
        row(),
        denied(row("3" * 12, unready_since=200.0)),
        denied(row("4" * 12, unready_since=100.0)),
    ]

    oldest = coverage(rows).oldest_unready

    assert oldest is not None
    assert oldest.account == "4" * 12
    assert coverage([row()]).oldest_unready is None


def test_backends_that_were_repaired_are_counted():
    assert coverage([row(), repaired(row("3" * 12))]).repaired == 1


@SOME
@given(
    st.lists(
        st.builds(
            row,
            account=st.sampled_from(["2" * 12, "3" * 12, "4" * 12]),
            region=st.sampled_from(["eu-central-1", "us-east-1"]),
            status=st.sampled_from(STATUSES),
            code=st.sampled_from(["", "NotReady"]),
        )
    )
)
def test_a_hundred_is_said_only_where_every_account_in_scope_is_covered(rows):
    found = coverage(rows)
    in_scope = [it for it in rows if it.status != "IGNORED"]

    assert (found.percent == 100.0) == (
        bool(in_scope) and all(it.status == "READY" for it in in_scope)
    )
    assert found.accounts_covered <= found.accounts_in_scope
    assert sum(found.by_status.values()) == len(rows)
    assert sum(found.reasons.values()) == found.accounts_uncovered
