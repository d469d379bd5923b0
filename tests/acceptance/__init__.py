"""
The product as its users meet it: the template's functions on the AWS double, driven from outside.

* ``cloudformation``: plays CloudFormation and StackSets for stacks with custom resources
* ``cloudformation_host``: where the function's answers go, as strict as the service
* ``cloudformation_backend``: what a scenario starts from, and what must still be there after it
"""
