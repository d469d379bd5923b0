"""Which accounts get a backend."""

from __future__ import annotations

import pytest

from state_backend.fleet.scope import EVERYTHING, Scope, reason_out_of_scope

ACCOUNT = "222222222222"
ROOT, OUTER, INNER = "r-a1b2", "ou-a1b2-00000000", "ou-a1b2-11111111"
UNITS = (INNER, OUTER, ROOT)


def scope(**parts):
    return Scope(
        **{name: it if isinstance(it, str) else frozenset(it) for name, it in parts.items()}
    )


@pytest.mark.parametrize(
    "wanted",
    [
        EVERYTHING,
        scope(included_accounts=[ACCOUNT]),
        scope(included_units=[ROOT]),
        scope(included_units=[OUTER]),
        scope(included_units=[INNER], excluded_units=[OUTER]),
        scope(included_accounts=[ACCOUNT], excluded_units=[INNER]),
        scope(included_units=["ou-a1b2-99999999"], included_accounts=[ACCOUNT]),
        scope(excluded_units=["ou-a1b2-99999999"], excluded_accounts=["333333333333"]),
    ],
)
def test_an_account_is_meant(wanted):
    assert reason_out_of_scope(wanted, ACCOUNT, UNITS, {}) == ""


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (scope(excluded_accounts=[ACCOUNT]), "is excluded"),
        (scope(excluded_accounts=[ACCOUNT], included_units=[INNER]), "is excluded"),
        (scope(excluded_units=[INNER]), INNER),
        (scope(excluded_units=[INNER], included_units=[OUTER]), INNER),
        (scope(excluded_units=[ROOT]), ROOT),
        (scope(included_units=["ou-a1b2-99999999"]), "in no unit"),
        (scope(included_accounts=["333333333333"]), "in no unit"),
    ],
)
def test_an_account_is_not_meant_and_the_reason_says_why(wanted, why):
    reason = reason_out_of_scope(wanted, ACCOUNT, UNITS, {})

    assert ACCOUNT in reason
    assert why in reason


class TestOptOut:
    tagged = scope(opt_out_key="statehold", opt_out_value="off", included_units=[INNER])

    def test_a_tag_opts_out_of_a_unit(self):
        reason = reason_out_of_scope(self.tagged, ACCOUNT, UNITS, {"statehold": "off"})

        assert "statehold=off" in reason

    @pytest.mark.parametrize("tags", [{}, {"statehold": "on"}, {"other": "off"}])
    def test_another_tag_does_not(self, tags):
        assert reason_out_of_scope(self.tagged, ACCOUNT, UNITS, tags) == ""

    def test_who_is_included_by_name_stays(self):
        named = scope(opt_out_key="statehold", opt_out_value="off", included_accounts=[ACCOUNT])

        assert reason_out_of_scope(named, ACCOUNT, UNITS, {"statehold": "off"}) == ""
