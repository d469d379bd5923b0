"""
Lambda: the last task of a sweep. Reports what became of every account and Region on its list.

Takes what the first task answered, and in ``map`` where the Distributed Map has written.
"""

from __future__ import annotations

import os

from state_backend.calls import JSON, Clock
from state_backend.hub import LambdaContext, hub_of
from state_backend.sweeps import finish, report_bucket
from state_backend.telemetry import logger


@logger.inject_lambda_context(log_event=False)
def handler(event: JSON, context: LambdaContext) -> JSON:
    """Entry point; see the module."""
    hub = hub_of(os.environ, context, Clock())
    return finish(event, hub, report_bucket(hub, context.invoked_function_arn))
