"""
What is told of each run: a log line and a metric, with no event, no URL and no state in either.
"""

from __future__ import annotations

from dataclasses import asdict

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from state_backend.aws.announcements import shortened
from state_backend.outcomes import Report

NAMESPACE = "Statehold"

METRICS = {
    "AnswersNotDelivered": "stacks that wait for an answer until their ServiceTimeout",
    "BackendsReady": "accounts and Regions that are as they must be",
    "BackendsWaiting": "accounts and Regions that are tried again, or only observed",
    "BackendsFailed": "accounts and Regions that a person has to look at",
    "BackendsIgnored": "accounts and Regions that get no backend, with a reason in the log",
    "DeletesRefused": "stacks that were refused to take a backend with them",
    "DriftRepaired": "backends that somebody changed and that were set right again",
    "FleetAccounts": "accounts in scope of the last sweep",
    "FleetCoverage": "percent of them that are as they must be",
    "FleetFailed": "accounts and Regions in a sweep that a person has to look at",
    "FleetOldestUnready": "hours since the longest unready one of a sweep was first seen so",
    "FleetRepaired": "backends that a sweep found changed and set right",
    "FleetWaiting": "accounts and Regions in a sweep that are tried again, or only observed",
    "MessageWaited": "seconds for which a message of the queue has been waited for",
    "RequestsUnconfirmed": "requests in a stack's name that the stack knows nothing of",
    "ResponseUrlsRefused": "requests that named another place to answer than CloudFormation's",
    "SettingsRefused": "looks at a settings document that has a mistake",
}
"""What is counted, and what it counts. No dimensions: alarms and the dashboard take all of it."""

_UNITS = {
    "FleetCoverage": MetricUnit.Percent,
    "FleetOldestUnready": MetricUnit.NoUnit,  # CloudWatch knows no hours
    "MessageWaited": MetricUnit.Seconds,
}
"""Those of the metrics that are not counts."""

logger = Logger(service="statehold")


def tell(report: Report) -> None:
    """Logs what became of one account and Region, and counts it."""
    logger.info(
        "account and Region are %s",
        report.status,
        extra={
            "account_id": report.account,
            "backend_region": report.region,
            "bucket": report.bucket_name,
            "controls": dict(report.controls),
            "error": str(report.error) if report.error else "",
            "repaired": [
                {name: shortened(it) for name, it in asdict(change).items()}
                for change in report.repaired
            ],
            "changed_by": asdict(report.changed_by) if report.changed_by else {},
        },
    )
    count(f"Backends{report.status.capitalize()}")
    if report.repaired:
        count("DriftRepaired")


def count(metric: str) -> None:
    """Adds one to *metric* of ``METRICS`` (CloudWatch's embedded format: a log line, no call)."""
    measure(metric, 1)


def measure(metric: str, value: float) -> None:
    """Says that *metric* of ``METRICS`` is *value* now."""
    unit = _UNITS.get(metric, MetricUnit.Count)
    with single_metric(name=metric, unit=unit, value=value, namespace=NAMESPACE):
        pass
