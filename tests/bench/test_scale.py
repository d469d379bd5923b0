"""The simulation of a sweep, against cases that can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scale import (
    ELSEWHERE,
    ITSELF,
    PARAMETERS,
    ROLES,
    STARTS,
    Quotas,
    Run,
    TokenBucket,
    sweep,
)

EVEN = Run(seconds=1.0, spread=0.0, cold_seconds=0.0, roles=0)
"""Every account takes one second."""

OPEN = Quotas(starts=(1e9, 1), roles=(1e9, 1), parameters=(1e9, 1), page_seconds=0.0)
"""No quota is ever met."""


class TestTokenBucket:
    def test_a_burst_is_served_at_once_and_the_rest_as_it_refills(self):
        bucket = TokenBucket(capacity=3, refill=2)

        assert [bucket.take(0.0) for _ in range(6)] == [0, 0, 0, 0.5, 1.0, 1.5]

    def test_it_refills_while_nobody_asks_but_not_above_its_capacity(self):
        bucket = TokenBucket(capacity=2, refill=1)
        assert [bucket.take(0.0), bucket.take(0.0)] == [0, 0]

        assert [bucket.take(100.0) for _ in range(3)] == [100, 100, 101]

    def test_several_tokens_are_waited_for_together(self):
        bucket = TokenBucket(capacity=1, refill=1)

        assert bucket.take(0.0, 3) == 2.0

    def test_who_comes_while_others_wait_comes_after_them(self):
        bucket = TokenBucket(capacity=1, refill=1)
        bucket.take(0.0)
        bucket.take(0.0)  # until 1.0

        assert bucket.take(0.5) == 2.0

    def test_nothing_asked_for_is_had_at_once(self):
        bucket = TokenBucket(capacity=1, refill=1)
        bucket.take(0.0)

        assert bucket.take(0.0, 0) == 0.0


@pytest.mark.parametrize(
    ("accounts", "concurrency", "finished"), [(1, 40, 1), (40, 40, 1), (41, 40, 2), (120, 40, 3)]
)
def test_without_quotas_accounts_go_through_in_rounds(accounts, concurrency, finished):
    result = sweep(accounts, concurrency, OPEN, EVEN)

    assert result.finished == pytest.approx(finished)
    assert result.binds == ITSELF


def test_listing_is_serial_and_comes_first():
    result = sweep(41, 41, replace(OPEN, page_seconds=0.15), EVEN)

    assert result.listed == pytest.approx(0.45)
    assert result.finished == pytest.approx(1.45)


def test_an_environments_first_run_takes_longer():
    result = sweep(4, 2, OPEN, replace(EVEN, cold_seconds=3.0))

    assert result.finished == pytest.approx(5.0)


def test_lambdas_concurrency_limits_what_is_set():
    result = sweep(20, 500, replace(OPEN, concurrent=10), EVEN)

    assert result.finished == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("quota", "quotas", "run"),
    [
        (STARTS, replace(OPEN, starts=(10, 5)), EVEN),
        (ROLES, replace(OPEN, roles=(20, 10)), replace(EVEN, roles=2)),
        (PARAMETERS, replace(OPEN, parameters=(10, 5)), replace(EVEN, parameters=1)),
    ],
)
def test_the_last_account_waits_for_the_quota_that_binds(quota, quotas, run):
    """Of 30 accounts 10 go at once, the others 5 a second: the last one starts after 4 seconds."""
    result = sweep(30, 1000, quotas, run)

    assert result.finished == pytest.approx(5.0)
    assert result.waited[quota] == pytest.approx(sum(it / 5 for it in range(1, 21)) / 30)
    assert result.binds == quota


def test_the_same_seed_gives_the_same_sweep():
    assert sweep(1000, 40) == sweep(1000, 40)
    assert sweep(1000, 40) != sweep(1000, 40, seed=2)


@pytest.mark.parametrize("quotas", [Quotas(), ELSEWHERE])
def test_the_default_setting_meets_no_quota_however_many_accounts_there_are(quotas):
    assert sweep(10_000, 40, quotas).binds == ITSELF
