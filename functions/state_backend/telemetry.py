"""
What is told of each run: a log line and a metric, with no event, no URL and no state in either.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from state_backend.outcomes import Report

NAMESPACE = "Statehold"

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
        },
    )
    count(f"Backends{report.status.capitalize()}")


def count(metric: str) -> None:
    """Adds one to *metric* (CloudWatch's embedded format: a log line, no call)."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=1, namespace=NAMESPACE):
        pass
