"""
Lambda: the first task of a sweep. Lists every account and Region to look at.

Takes ``{"id": "…", "input": {"operation": "reconcile" | "plan"}}``, the execution's name and input.
What it raises ends the sweep: a list that is not whole is none.
"""

from __future__ import annotations

import os

from state_backend.calls import JSON, Clock
from state_backend.hub import LambdaContext, hub_of
from state_backend.sweeps import begin, report_bucket
from state_backend.telemetry import logger


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: LambdaContext) -> JSON:
    """Entry point; see the module."""
    hub = hub_of(os.environ, context, Clock())
    return begin(event, hub, report_bucket(hub, context.invoked_function_arn))
