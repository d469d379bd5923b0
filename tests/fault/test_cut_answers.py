"""What an answer that broke off, or that never came, must not be taken for."""

from __future__ import annotations

import pytest

from tests.acceptance.peers import Site as PeerSite
from tests.acceptance.peers import seed_a
from tests.aws_double import Fault, Refusal
from tests.fault.errands import CREATE
from tests.fault.ground import YOUNG_SECONDS


def test_a_refusal_that_was_cut_short_is_asked_again_and_is_no_failure(ground):
    """``NotFoundException`` without its end is neither absence nor anybody's mistake."""
    site = ground.site()
    fault = ground.faults.add(Fault(operation="DescribeKey", kind="truncate"))

    report = CREATE.run(site)

    assert fault.struck == 1
    assert report["status"] == "READY"
    assert site.wrongs() == []


def test_what_leans_on_a_late_log_bucket_waits_for_it(ground):
    """PutBucketLogging is refused for good where the log bucket's policy is still missing."""
    site = ground.site()
    ground.faults.add(
        Fault(
            operation="PutBucketPolicy",
            kind="500",
            times=1000,
            match=lambda call: call.bucket == site.log_bucket,
        )
    )

    report = CREATE.run(site)

    assert report["status"] == "WAITING"
    assert report["controls"]["bucket-logging"] == "UNSETTLED"
    assert report["controls"]["parameters"] == "UNSETTLED"
    ground.faults.clear()
    assert CREATE.run(site)["status"] == "READY"
    assert site.wrongs() == []


def test_a_policy_that_could_not_be_read_is_not_taken_for_none(ground):
    """Enforced over a policy that asks for another key, nobody could write any more."""
    site = ground.site()
    left = seed_a(PeerSite(ground.aws, site.account, site.region), f"acme-state-{site.account}")
    asked = {"BucketName": left.bucket, "Adopt": "enforce"}
    before = site.state["buckets"]
    # As often as one look is tried again: the next look finds it.
    fault = ground.faults.add(Fault(operation="GetBucketPolicy", kind="500", times=8))

    report = site.ask(asked)

    assert fault.struck == 8
    assert report["status"] == "WAITING"
    assert site.state["buckets"]["acme-state-<account>"] == before["acme-state-<account>"]
    assert site.ask(asked)["error"]["code"] == "ResourceConflict"


def test_a_key_whose_answer_was_lost_is_found_and_not_made_again(ground):
    """And while AWS's tag index does not know it, nothing is made on a guess."""
    site = ground.site()
    assert "error" not in ground.site().ask()
    ground.faults.add(Fault(operation="CreateKey", kind="drop_after"))
    assert CREATE.run(site)["status"] == "WAITING"
    [made] = site.keys

    ground.faults.add(
        Fault(operation="GetResources", kind="stale", times=1000, account=site.account)
    )
    ground.time.wait(60)
    report = CREATE.run(site)

    assert (report["status"], report["error"]["code"]) == ("WAITING", "NotReady")
    assert site.keys == [made]
    ground.faults.clear()
    ground.time.wait(YOUNG_SECONDS)
    assert CREATE.run(site)["status"] == "READY"
    assert (site.keys, site.key) == ([made], made)
    assert site.wrongs() == []


@pytest.mark.parametrize("status", ["conflict_409", "expired"])
def test_an_answer_to_head_that_has_but_a_status_is_tried_again(status, ground):
    """S3 at work on the bucket, or a token that ran out: nobody's mistake, and no absence."""
    site = ground.site()
    expired = Refusal("ExpiredToken", "The provided token has expired.", 400)
    kind = {"kind": "refuse", "error": expired} if status == "expired" else {"kind": status}
    fault = ground.faults.add(Fault(operation="HeadBucket", times=2, **kind))

    first = CREATE.run(site)
    ground.faults.clear()
    ground.time.wait(YOUNG_SECONDS)

    assert fault.struck == 2
    assert first["status"] in {"READY", "WAITING"}, first
    assert CREATE.run(site)["status"] == "READY"
    assert site.wrongs() == []
