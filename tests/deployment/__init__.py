"""
What ``sam deploy`` would make of ``template.yaml``, on the AWS double.

Queues, register and environment come from the template itself; the functions run in this process.
So a mistake in the template's wiring shows as it would in AWS: an event reaches nobody, or a
function lacks a setting.

* ``template``: parameters, conditions and intrinsic functions, filled in
* ``event_patterns``: which events a rule's pattern fits
* ``queues``: the queues, and their messages as a function finds them
* ``lambda_runtime``: runs a handler as Lambda does
* ``real_runtime``: runs the built artifact under Lambda's own runtime interface
* ``state_machines``: runs a state machine as Step Functions does
* ``deployed``: all of it together, as tests see it

The functions' modules must be importable: ``functions/`` on ``sys.path``, as CodeUri has it.
"""

from tests.deployment.deployed import Delivery, Deployment
from tests.deployment.lambda_runtime import Invocation

__all__ = ["Delivery", "Deployment", "Invocation"]
