"""
Lambda: the last task of a sweep. Reports what became of every account and Region on its list.

Takes what the first task answered, and in ``map`` where the Distributed Map has written.
"""

from __future__ import annotations

import os
from typing import Any

from state_backend.aws.reports import ReportBucket
from state_backend.calls import JSON, Clock
from state_backend.sweeps import finish
from state_backend.telemetry import logger
from state_backend.vending import hub_of


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: Any) -> JSON:
    """Entry point; see the module."""
    hub = hub_of(os.environ, context, Clock())
    account = context.invoked_function_arn.split(":")[4]
    bucket = ReportBucket(name=hub.settings.report_bucket, account=account, invoke=hub.invoke)
    return finish(event, hub, bucket)
