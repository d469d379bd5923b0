"""A metric says what it is measured in."""

from __future__ import annotations

import json

import pytest

from state_backend.telemetry import METRICS, measure


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_no_count_has_another_unit(metric, capsys):
    meaning = METRICS[metric]

    measure(metric, 1.5)

    written = json.loads(capsys.readouterr().out)
    [told] = written["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    units = {"percent": "Percent", "seconds": "Seconds", "hours": "None"}
    assert told == {"Name": metric, "Unit": units.get(meaning.split()[0], "Count")}
