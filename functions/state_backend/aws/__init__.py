"""
HOW WE REACH AWS: the only boto3, the only sockets.

* ``invoke``: makes a ``Call``, decides about repeating it, and turns errors into ``AwsError``
* ``pages``: what AWS lists in pages
* ``authorities``: the certificate authorities, read once for all connections
* ``session``: the role we act through in an account, cut down by session policies
* ``accounts``: which accounts are ours and where they stand, in Organizations' word
* ``settings_parameter``: the settings document's texts, newest first
* ``register``: the records, and the lease under which one is worked on
* ``reports``: the bucket of the sweeps' lists and reports
* ``stacks``: what CloudFormation says of a stack
* ``announcements``: the events that we publish
* ``queue``: what becomes of a message that failed, or is about several accounts
* ``cloudformation_response``: crhelper, fenced
"""

SERVICES = (
    "cloudformation",
    "dynamodb",
    "events",
    "kms",
    "organizations",
    "resourcegroupstaggingapi",
    "s3",
    "s3control",
    "sqs",
    "ssm",
    "sts",
)
"""The services that we call, by boto3's names: the build ships no other service's model."""
