"""
Lambda: the first task of a sweep. Lists every account and Region to look at.

Takes ``{"id": "…", "input": {"operation": "reconcile" | "plan"}}``, the execution's name and input.
What it raises ends the sweep: a list that is not whole is none.
"""

from __future__ import annotations

import os
from typing import Any

from state_backend.aws.reports import ReportBucket
from state_backend.calls import JSON, Clock
from state_backend.sweeps import begin
from state_backend.telemetry import logger
from state_backend.vending import hub_of


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: Any) -> JSON:
    """Entry point; see the module."""
    hub = hub_of(os.environ, context, Clock())
    account = context.invoked_function_arn.split(":")[4]
    bucket = ReportBucket(name=hub.settings.report_bucket, account=account, invoke=hub.invoke)
    return begin(event, hub, bucket)
