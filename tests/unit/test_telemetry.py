"""A metric says what it is measured in, and the log what a repair has restored."""

from __future__ import annotations

import json

import pytest

from state_backend.model import Change
from state_backend.outcomes import READY, Report
from state_backend.telemetry import METRICS, logger, measure, tell
from tests.unit.given import ACCOUNT, REGION


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_no_count_has_another_unit(metric, capsys):
    meaning = METRICS[metric]

    measure(metric, 1.5)

    written = json.loads(capsys.readouterr().out)
    [told] = written["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    units = {"percent": "Percent", "seconds": "Seconds", "hours": "None"}
    assert told == {"Name": metric, "Unit": units.get(meaning.split()[0], "Count")}


def test_the_log_has_what_a_repair_found_and_restored_but_no_long_text_whole(monkeypatch):
    lines = []
    monkeypatch.setattr(logger, "info", lambda *_, extra: lines.append(extra))
    change = Change(control="bucket-tags", before=None, after="x" * 9_000, why="because")
    report = Report(account=ACCOUNT, region=REGION, status=READY, repaired=(change,))

    tell(report)

    [repaired] = lines[0]["repaired"]
    assert (repaired["control"], repaired["before"]) == ("bucket-tags", None)
    assert repaired["after"].startswith("xxx")
    assert len(repaired["after"]) < 2_100
