"""
The AWS double: moto in this process, made as strict as AWS wherever we depend on it.

It is reached as AWS is, over HTTP and TLS, so any client can be tried on it: our functions, the
AWS CLI, Terraform. A call goes this way; each file answers one question:

=====================  ===========================================================================
``server`` ``tls``     sockets and certificates
``wire``               requests and responses, as values
``gate``               the one way of a call, step by step
``protocol``           which operation a request is, how an answer is written
``identity`` ``sts``   who is calling; which roles can be assumed
``faults``             what goes wrong on purpose
``recording``          what was called
``demands``            which permissions a call needs, with ``s3_access s3_actions kms_access``
``authorization``      whether all policies together allow it
``evaluator``          what one kind of policy says of it, with ``conditions``; pure
``policy_grammar``     which policy documents AWS takes
``call``               a call, and the rules around moto
``s3_*`` ``kms_keys`` ``parameters`` ``organizations`` ``tagging`` ``stacks``
                       the rules: each one difference between moto and AWS, closed
``upstream``           moto
``map_runs``           what moto's Step Functions forget of a Distributed Map; for ``deployment``
``world`` ``bucket``   what exists besides moto's own
``double``             all of it together, as tests see it
=====================  ===========================================================================

What it does not know, it refuses with 501 ``NotModelled`` and says what is missing.
"""

from tests.aws_double.double import AwsDouble
from tests.aws_double.errors import Refusal
from tests.aws_double.faults import Fault
from tests.aws_double.recording import RecordedCall

__all__ = ["AwsDouble", "Fault", "RecordedCall", "Refusal"]
