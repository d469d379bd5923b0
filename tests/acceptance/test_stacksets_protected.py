"""Under the service control policy everything goes on, and nobody takes a backend apart."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.cloudformation_backend import ACCOUNT, REGION
from tests.acceptance.stack_set_fleet import THE_STACK, Fleet, vended
from tests.acceptance.stack_sets import CURRENT
from tests.aws_double.testing import refused
from tests.contract.templates import ROOT

SCP = ROOT / "stacksets/scp-protect-statehold.json"


def test_under_the_service_control_policy_everything_goes_on(fleet: Fleet) -> None:
    it = fleet.it
    it.aws.service_control_policies[ACCOUNT] = [json.loads(SCP.read_text())]

    fleet.set.create_instances()  # whereupon a client writes its states
    it.deployment.deliver(vended(), clock=it.time.clock)
    fleet.set.update(NoncurrentVersionDays="730")

    assert (fleet.set.status(ACCOUNT), fleet.owner()) == (CURRENT, THE_STACK)
    assert it.backend() == it.at_first


def test_under_the_service_control_policy_not_even_root_takes_the_backend_apart(
    fleet: Fleet,
) -> None:
    fleet.set.create_instances()
    fleet.it.aws.service_control_policies[ACCOUNT] = [json.loads(SCP.read_text())]
    backend = fleet.it.backend()
    assert backend is not None
    key = backend.key.split()[0]

    for who in ("root", "role/Administrator"):
        s3, kms = (_client_of(fleet, who, service) for service in ("s3", "kms"))
        with refused("AccessDenied", "service control policy"):
            s3.delete_bucket_policy(Bucket=fleet.it.bucket)
        with refused("AccessDeniedException"):
            kms.schedule_key_deletion(KeyId=key)
        with refused("AccessDeniedException"):
            kms.delete_alias(AliasName="alias/statehold")

    assert fleet.it.backend() == fleet.it.at_first


def test_under_the_service_control_policy_nobody_else_marks_a_key_or_a_bucket_as_ours(
    fleet: Fleet,
) -> None:
    ours = fleet.it.bucket
    key = _client_of(fleet, "role/Administrator", "kms").create_key()["KeyMetadata"]["KeyId"]
    fleet.it.aws.service_control_policies[ACCOUNT] = [json.loads(SCP.read_text())]
    mark = [{"TagKey": "StateholdBackend", "TagValue": ours}]
    made = {"LocationConstraint": REGION, "Tags": [{"Key": "StateholdOrigin", "Value": "created"}]}

    for who in ("root", "role/Administrator"):
        s3, kms = (_client_of(fleet, who, service) for service in ("s3", "kms"))
        with refused("AccessDeniedException"):
            kms.create_key(Tags=mark)
        with refused("AccessDeniedException"):
            kms.tag_resource(KeyId=key, Tags=mark)
        with refused("AccessDenied", "s3:TagResource"):
            s3.create_bucket(
                Bucket=ours, CreateBucketConfiguration=made, BucketNamespace="account-regional"
            )
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Team", "TagValue": "payments"}])


def _client_of(fleet: Fleet, who: str, service: str) -> Any:
    principal = f"arn:aws:iam::{ACCOUNT}:{who}"
    return fleet.it.aws.client(service, principal=principal, region=REGION, tls=True)
