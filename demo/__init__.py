"""
The whole story of one backend, on an AWS that runs in this process: ``python -m demo [event]``.

* ``words``: how it is told
* ``values``: a setting before and after, in a line
* ``sentences``: an event, and what a function says of it
* ``stage``: the AWS double, the organization, the deployed template, the event
* ``story``: the chapters, in order
* ``occasions``: what makes a backend come to be
* ``vending``: the account gets its backend; each control, before and after
* ``stacks``: or a stack asks for it, and hears an answer
* ``stack``: CloudFormation, as far as a stack's request needs it
* ``drift``: or somebody changes one that is there, and it is set right
* ``sweep``: or a sweep looks at all of them
* ``inspection``: what exists then: the policy in words, what is published
* ``attacks``: an administrator of the account tries to destroy it
* ``terraform``: a real Terraform, or OpenTofu, works on it and meets the same walls
* ``working_copies``: where it does
"""

import sys
from pathlib import Path

_FUNCTIONS = str(Path(__file__).resolve().parent.parent / "functions")
if _FUNCTIONS not in sys.path:  # CodeUri: the functions' modules are at the top
    sys.path.insert(0, _FUNCTIONS)
