"""
What every run ends with: the tests that were skipped, and what would enable them.

A skip's reason is ``what is missing -> what to do``. With ``CI=true`` a skip is a failure.
"""

from __future__ import annotations

import gc
import os
from collections import Counter

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Garbage is looked for seldom, and not among what stays: it took a quarter of all time."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if not reasons:
        return
    failure = " (with CI=true: a failure)" if os.environ.get("CI") == "true" else ""
    terminalreporter.section(f"skipped{failure}")
    for reason, count in sorted(reasons.items()):
        missing, _, remedy = reason.partition(" -> ")
        terminalreporter.line(f"{count} {'test' if count == 1 else 'tests'}: {missing}")
        terminalreporter.line(f"  to enable: {remedy or 'its reason does not say'}")
