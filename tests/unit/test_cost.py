"""What a backend costs, against bills that can be added up by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from state_backend.telemetry import METRICS
from tools import cost
from tools.cost import SETTINGS, Setting, Usage, account, hub, resources_of

NOBODY = Usage(plans=0, applies=0, states=0)
BARE = Setting(name="nothing else", logs=False, sweeps_a_day=0)

TEMPLATE = """\
Resources:
  Key:
    Type: AWS::KMS::Key
  Simple:
    Type: AWS::CloudWatch::Alarm
    Properties:
      MetricName: Errors
  Sum:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - MetricStat:
            Metric: { MetricName: Errors }
        - MetricStat:
            Metric: { MetricName: Throttles }
"""


@pytest.mark.parametrize(("year", "usd"), [(1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0)])
def test_a_key_gets_dearer_by_its_first_two_rotations(year, usd):
    assert sum(account(BARE, year, NOBODY).values()) == pytest.approx(usd)


@pytest.mark.parametrize("key", ["shared", ""])
def test_an_account_without_a_key_of_its_own_that_does_nothing_costs_nothing(key):
    assert sum(account(replace(BARE, key=key), 3, NOBODY).values()) == 0


def test_a_thousand_plans_are_two_thousand_writes_and_three_thousand_reads():
    bill = account(BARE, 1, replace(NOBODY, plans=1_000))

    assert bill["requests for states and lock files"] == pytest.approx(2 * 0.005 + 3 * 0.0004)
    assert bill["requests for the key"] == pytest.approx(2_000 * 0.03 / 10_000)


def test_a_lock_in_a_table_is_two_writes_and_two_reads():
    bill = account(replace(BARE, lock_table=True), 1, replace(NOBODY, plans=1_000_000))

    assert bill["lock table"] == pytest.approx(2 * 0.625 + 2 * 0.125)


def test_a_sweep_an_hour_costs_as_much_as_twenty_four_a_day():
    daily, hourly = (account(replace(BARE, sweeps_a_day=it), 1, NOBODY)["sweep"] for it in (1, 24))

    assert hourly == pytest.approx(24 * daily)


def test_the_hub_pays_for_what_its_template_makes():
    resources = resources_of(TEMPLATE)

    assert resources["metrics of alarms"] == 3
    assert hub(resources, SETTINGS[0], 1) == pytest.approx(1 + 3 * 0.10 + len(METRICS) * 0.30)


def test_a_key_that_all_share_is_the_hubs():
    shared = replace(SETTINGS[0], key="shared")

    own, all_of_it = (hub(resources_of(TEMPLATE), it, 2) for it in (SETTINGS[0], shared))

    assert all_of_it - own == pytest.approx(2.0)


def test_every_price_names_its_page():
    page = cost.page(TEMPLATE)

    for name, price in cost.PRICES.items():
        assert f"| {name} |" in page
        assert f"https://aws.amazon.com/{price.source}/pricing/" in page
