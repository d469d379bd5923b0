"""
AWS, or somebody in the account, says no: the safe thing is done, or the run stops with a name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.acceptance.peers import Site as PeerSite
from tests.aws_double import Fault, Refusal
from tests.aws_double.testing import deny
from tests.fault.calls import Named
from tests.fault.damage import damaged
from tests.fault.errands import CREATE, undisturbed
from tests.fault.ground import Ground, Site, destructive

PERMISSIONS = {
    "PutBucketVersioning": "s3:PutBucketVersioning",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "PutBucketPolicy": "s3:PutBucketPolicy",
    "PutBucketLogging": "s3:PutBucketLogging",
    "CreateBucket": "s3:CreateBucket",
    "CreateKey": "kms:CreateKey",
    "CreateAlias": "kms:CreateAlias",
    "EnableKeyRotation": "kms:EnableKeyRotation",
    "PutParameter": "ssm:PutParameter",
}
"""The write and the permission that an SCP takes away."""
FOUNDATIONS = {"CreateBucket", "CreateKey", "CreateAlias"}
"""Without these hardly anything else can be done."""


@pytest.fixture
def backend(ground) -> Site:
    site = ground.site()
    assert site.ask()["status"] == "READY"
    return site


def stopped(site: Site, code: str, *texts: str) -> None:
    """The run stops with *code* and says each of *texts*; nothing is made anew, nothing written."""
    since, keys = len(site.aws.calls), len(site.state["keys"])

    report = site.ask()

    assert (report["status"], report["error"]["code"]) == ("FAILED", code), report
    for text in texts:
        assert text in f"{report['error']['message']} {report['error']['remedy']}"
    assert site.writes(since) == []
    assert len(site.state["keys"]) == keys


# ---- the key ------------------------------------------------------------------------------------


def test_a_disabled_key_stops_the_run_with_the_command_that_enables_it(backend):
    key = backend.key
    backend.client("kms", "root").disable_key(KeyId=key)

    stopped(backend, "ResourceConflict", "Disabled", f"aws kms enable-key --key-id {key}")
    backend.client("kms", "root").enable_key(KeyId=key)
    assert backend.ask()["status"] == "READY"


def test_a_key_that_is_about_to_be_deleted_stops_the_run_with_the_way_back(backend):
    key = backend.key
    backend.client("kms", "root").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    stopped(backend, "ResourceConflict", f"aws kms cancel-key-deletion --key-id {key}")
    kms = backend.client("kms", "root")
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert backend.ask()["status"] == "READY"
    assert backend.wrongs() == []


def test_a_moved_alias_comes_back_to_the_key_that_the_states_are_under(backend):
    ours = backend.key
    kms = backend.client("kms", "root")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.update_alias(AliasName="alias/statehold", TargetKeyId=other)

    report = backend.ask()

    assert report["status"] == "READY"
    assert backend.key == ours
    assert other in backend.keys, "and nobody touches theirs"


def test_a_dropped_alias_is_made_again_and_no_key(backend):
    ours = backend.key
    backend.client("kms", "root").delete_alias(AliasName="alias/statehold")

    assert backend.ask()["status"] == "READY"
    assert (backend.key, backend.keys) == (ours, [ours])


def test_rotation_that_was_turned_off_is_turned_on(backend):
    backend.client("kms", "root").disable_key_rotation(KeyId=backend.key)
    since = len(backend.aws.calls)

    assert backend.ask()["controls"]["kms-key-rotation"] == "CHANGED"
    assert [it.partition(" ")[0] for it in backend.writes(since)] == ["kms:EnableKeyRotation"]


def test_a_key_policy_that_locks_us_out_is_reported_and_no_other_key_is_made(backend):
    root = f"arn:aws:iam::{backend.account}:root"
    alone = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    others = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": root}},
    }
    backend.client("kms", "root").put_key_policy(
        KeyId=backend.key,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [alone, others]}),
    )
    keys, since = backend.keys, len(backend.aws.calls)

    report = backend.ask()

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AccessDenied")
    assert "kms:DescribeKey" in report["error"]["remedy"]
    assert backend.keys == keys
    assert destructive([it for it in backend.calls(since) if it.write]) == []


# ---- the bucket's name --------------------------------------------------------------------------


@pytest.fixture
def elsewhere(ground) -> Iterator[Ground]:
    """Buckets have names that anybody can take."""
    with ground.set(BUCKET_NAMESPACE="global"):
        yield ground


def test_a_name_that_another_account_holds_stops_the_run_before_any_write(elsewhere):
    squatter, site = elsewhere.site(), elsewhere.site()
    name = f"tfstate-{site.account}-{site.region}"
    PeerSite(elsewhere.aws, squatter.account, squatter.region).make_bucket(name)
    since = len(elsewhere.aws.calls)

    report = site.ask()

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
    assert name in report["error"]["message"]
    assert site.writes(since) == []
    assert site.keys == []


def test_a_bucket_that_was_deleted_and_taken_by_another_is_not_written_to(elsewhere):
    squatter, site = elsewhere.site(), elsewhere.site()
    assert site.ask()["status"] == "READY"
    name, keys = site.bucket, site.keys
    site.client("s3", "BreakGlass").delete_bucket(Bucket=name)
    PeerSite(elsewhere.aws, squatter.account, squatter.region).make_bucket(name)
    theirs = squatter.state
    since = len(elsewhere.aws.calls)

    report = site.ask()

    assert (report["status"], report["error"]["code"]) == ("FAILED", "AlreadyExists")
    assert squatter.state == theirs
    assert (site.writes(since), site.keys) == ([], keys)


# ---- an account that is not usable yet ----------------------------------------------------------

NOT_YET = {
    "OptInRequired": 403,
    "SubscriptionRequiredException": 400,
    "NotSignedUp": 403,
    "InvalidClientTokenId": 403,
    "UnrecognizedClientException": 400,
    "AuthFailure": 403,
    "InvalidToken": 403,
}
SERVICES = ("s3", "kms", "ssm", "sts", "resourcegroupstaggingapi")


@pytest.mark.parametrize(
    ("service", "code"),
    [(it, code) for number, code in enumerate(NOT_YET) for it in SERVICES[number % 2 :: 2]],
)
def test_a_service_or_region_that_is_not_ready_is_waited_for(code, service, ground):
    site = ground.site()
    refusal = Refusal(code, "The account is not ready for this service", NOT_YET[code])
    fault = ground.faults.add(Fault(service=service, kind="refuse", error=refusal, times=1000))

    report = site.ask()

    assert fault.struck
    assert (report["status"], report["error"]["code"]) == ("WAITING", "NotReady")
    ground.faults.clear()
    ground.time.wait(601)
    assert site.ask()["status"] == "READY"
    assert site.wrongs() == []


def test_a_region_that_is_disabled_is_named(ground):
    site = ground.site()
    refusal = Refusal("RegionDisabledException", "STS is not activated in this region", 403)
    ground.faults.add(Fault(service="sts", kind="refuse", error=refusal, times=1000))

    report = site.ask()

    assert (report["status"], report["error"]["code"]) == ("WAITING", "NotReady")
    assert "Region" in report["error"]["remedy"] or "Region" in report["error"]["message"]


def test_a_role_that_is_not_propagated_yet_is_waited_for(ground):
    account = ground.aws.add_account("333333333333", roles=())
    site = Site(ground=ground, account=account)

    report = site.ask()

    assert (report["status"], report["error"]["code"]) == ("WAITING", "NotReady")
    assert "StateholdProvisioner" in report["error"]["message"]
    assert site.ask()["status"] == "WAITING", "and the lease is free again"
    ground.aws.add_role(account, "StateholdProvisioner")
    assert site.ask()["status"] == "READY"


# ---- a policy of the organization ---------------------------------------------------------------


@pytest.mark.parametrize("operation", PERMISSIONS)
def test_an_scp_against_one_write_is_named_and_the_rest_is_done(operation, ground):
    like = undisturbed(CREATE, ground)
    site, permission = ground.site(), PERMISSIONS[operation]
    ground.aws.service_control_policies[site.account] = [
        {"Version": "2012-10-17", "Statement": [deny(permission)]}
    ]
    since = len(ground.aws.calls)

    report = site.ask()

    refusals = Counter(
        f"{call} {call.principal}" for call in site.calls(since) if call.error and call.write
    )
    assert (report["status"], report["error"]["code"]) == ("FAILED", "AccessDenied")
    assert permission in report["error"]["remedy"]
    assert "service control policy" in report["error"]["remedy"]
    assert refusals
    assert max(refusals.values()) <= 2, "by a role once, and once more to let another one in"
    if operation not in FOUNDATIONS:
        assert _undone(like.calls, site, since) <= {operation, "PutParameter", "PutBucketLogging"}
    del ground.aws.service_control_policies[site.account]
    ground.time.wait(601)
    assert site.ask()["status"] == "READY"
    assert site.wrongs() == []


def _undone(calls: list[Named], site: Site, since: int) -> set[str]:
    """The writes of an undisturbed run that did not succeed in this one."""
    done = {it.operation for it in site.calls(since) if it.write and not it.error}
    return {it.operation for it in calls if it.write} - done - {"UpdateItem", "PutEvents"}


def test_a_backend_with_a_lock_table_survives_the_loss_of_one_permission(ground):
    site = damaged(ground)
    site.client("s3", "BreakGlass").delete_bucket_lifecycle(Bucket=site.bucket)
    site.client("kms", "root").disable_key_rotation(KeyId=site.key)
    ground.aws.service_control_policies[site.account] = [
        {"Version": "2012-10-17", "Statement": [deny("s3:PutLifecycleConfiguration")]}
    ]

    report = site.ask()

    assert report["controls"]["bucket-lifecycle"] == "REFUSED"
    assert report["controls"]["kms-key-rotation"] == "CHANGED"
    del ground.aws.service_control_policies[site.account]
