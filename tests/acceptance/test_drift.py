"""
Drift: whatever somebody changes is seen, set right and told with who it was; what cannot be set
right is told; and two tools that disagree do not go on for ever.

Calls are made on the double and told as CloudTrail tells of them: by the rule of a member account,
the hub's bus, its rule and the queue. So are our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from state_backend.drift import DAY_SECONDS, MOST_REPAIRS
from state_backend.policies import bucket_policy, key_policy
from state_backend.resources import RESOURCES
from tests.acceptance.break_glass_calls import (
    ABOUT_OBJECTS,
    CALLS,
    FOR_GOOD,
    IRREVERSIBLE,
    KEY_CALLS,
    PARAMETER_CALLS,
    REFUSED,
    TAKEN_AWAY,
    UNOWNED,
    break_glass,
    s3,
)
from tests.acceptance.cloudtrail import event_name, event_of
from tests.aws_double import AwsDouble, RecordedCall
from tests.aws_double.s3_actions import RENAMED
from tests.aws_double.testing import refused
from tests.deployment import Delivery, Invocation
from tests.deployment.event_patterns import fits
from tests.deployment.template import load
from tests.fault.damage import DAMAGES, place
from tests.fault.ground import REGION, Ground, Site, warm

MEMBERS = Path(__file__).parents[2] / "stacksets/drift-rule.yaml"
BUS = "statehold"
HOUR = 3600.0
_SUPPORTING = {it.id for it in RESOURCES if it.supporting}


@dataclass
class Trail:
    """CloudTrail in all accounts, with the rules that take its events on."""

    ground: Ground
    seen: int = field(init=False)
    pattern: Any = field(init=False)

    def __post_init__(self) -> None:
        self.seen = len(self.ground.aws.calls)
        self.pattern = load(MEMBERS)["Resources"]["DriftRule"]["Properties"]["EventPattern"]

    def skip(self) -> None:
        """Nobody is told of what was done until now."""
        self.seen = len(self.ground.aws.calls)

    def events(self) -> list[dict[str, Any]]:
        """Those of the calls since the last look."""
        calls, self.seen = self.ground.aws.calls[self.seen :], len(self.ground.aws.calls)
        return [it for call in calls if (it := event_of(call, self.ground.time.now()))]

    def tell(self, event: dict[str, Any]) -> Delivery | None:
        """Sends *event* on if the rule of its account lets it through."""
        if not fits(self.pattern, event):
            return None
        return self.ground.hub.deliver(event, clock=self.ground.time.clock, bus=BUS)

    def run(self) -> list[Invocation]:
        """Tells of all calls, those too that this leads to, until there is nothing to tell."""
        told: list[Invocation] = []
        for _ in range(3):
            events = self.events()
            deliveries = [it for event in events if (it := self.tell(event))]
            if not deliveries:
                return told
            told += [run for it in deliveries for run in it.invocations]
        raise AssertionError("our own calls lead to further ones, without end")

    def announced(self, since: int) -> list[tuple[str, dict[str, Any]]]:
        """The kind and detail of the events that we have published from the *since*-th call on."""
        return [
            (entry["DetailType"], json.loads(entry["Detail"]))
            for call in self.ground.aws.calls[since:]
            if call.operation == "PutEvents"
            for entry in call.parameters["Entries"]
        ]


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble(region=REGION) as running, warm():
        yield running


@pytest.fixture(scope="module")
def ground(aws: AwsDouble) -> Ground:
    return Ground(aws)


@pytest.fixture(scope="module")
def backend(ground: Ground) -> Site:
    """A backend with all that can be changed; each case leaves it as it was."""
    site = ground.site()
    assert site.ask({"LockMode": "both"})["status"] == "READY"
    return site


@pytest.fixture
def site(backend: Site, ground: Ground) -> Site:
    """The same, a day later: what was repaired before no longer counts."""
    ground.time.wait(DAY_SECONDS)
    return backend


@pytest.fixture
def trail(ground: Ground, site: Site) -> Trail:
    return Trail(ground)


def lines(runs: Sequence[Invocation]) -> list[dict[str, Any]]:
    """What was logged of accounts."""
    for run in runs:
        assert not run.error, run.error
    return [line for run in runs for line in run.logs if "account_id" in line]


def says(runs: Sequence[Invocation]) -> list[str]:
    return [str(line["message"]).rpartition(" ")[2] for line in lines(runs)]


def told_of(runs: Sequence[Invocation]) -> list[tuple[str, str]]:
    """The calls about a backend that were logged: whose and which."""
    logged = [line for run in runs for line in run.logs if "account_id" not in line]
    made = [line["changed_by"] for line in logged if "changed_by" in line]
    return [(by["arn"].rpartition(":assumed-role/")[2], by["event_name"]) for by in made]


def last_call(site: Site, since: int) -> RecordedCall:
    return [it for it in site.aws.calls[since:] if it.write][-1]


@pytest.mark.parametrize("fact", DAMAGES, ids=place)
def test_a_broken_fact_is_seen_repaired_and_told_with_who_broke_it(fact, site, trail):
    control, on = fact
    since = len(site.aws.calls)

    DAMAGES[fact](site)
    broken_by = last_call(site, since)
    runs = trail.run()

    [(kind, detail)] = trail.announced(since)
    assert kind == "State Backend Drift Repaired"
    assert {it["control"] for it in detail["repaired"]} == {on if on in _SUPPORTING else control}
    assert detail["changedBy"]["arn"] == (broken_by.session or broken_by.principal)
    assert (detail["accountId"], detail["region"]) == (site.account, site.region)
    assert [line["repaired"] for line in lines(runs) if line["repaired"]]
    assert set(says(runs)) <= {"READY", "IGNORED"}
    assert site.wrongs(orphans=[it for it in site.keys if it != site.key]) == []


@pytest.mark.parametrize(
    ("operation", "change", "control"),
    [*CALLS, *KEY_CALLS, *PARAMETER_CALLS],
    ids=[
        *(f"s3:{it[0]}" for it in CALLS),
        *(f"kms:{it[0]}" for it in KEY_CALLS),
        *(f"ssm:{it[0]}" for it in PARAMETER_CALLS),
    ],
)
def test_what_break_glass_may_do_is_looked_at_and_set_right_where_it_weakens_the_backend(
    operation, change, control, site, trail
):
    since = len(site.aws.calls)

    change(site)
    assert last_call(site, since).operation == operation
    runs = trail.run()

    announced = trail.announced(since)
    assert says(runs) == ["READY"]
    assert told_of(runs) == [("BreakGlass/ana", event_name(operation))]
    assert [it["control"] for _, detail in announced for it in detail["repaired"]] == (
        [control] if control else []
    )
    for _, detail in announced:
        assert detail["changedBy"]["arn"].endswith(":assumed-role/BreakGlass/ana")


def test_no_action_of_deny_reconfigure_is_left_out():
    refused_ones = [it[0] for it in REFUSED]
    made = {*(it[0] for it in CALLS), *refused_ones, IRREVERSIBLE}
    made_on_keys = {*(it[0] for it in (*KEY_CALLS, *TAKEN_AWAY)), *refused_ones}

    actions = {f"s3:{RENAMED.get(it, it)}" for it in made}
    assert set(bucket_policy.CONFIGURATION_ACTIONS) - actions == ABOUT_OBJECTS
    on_keys = {*key_policy.CONFIGURATION_ACTIONS, *key_policy.DELETION_ACTIONS}
    assert on_keys <= {f"kms:{it}" for it in made_on_keys}


@pytest.mark.parametrize(("operation", "change", "code"), REFUSED, ids=[it[0] for it in REFUSED])
def test_what_aws_refuses_even_break_glass_reaches_nobody(operation, change, code, site, trail):
    since = len(site.aws.calls)

    with refused(code):
        change(site)

    [event] = trail.events()
    assert (event["detail"]["eventName"], event["detail"]["errorCode"]) == (operation, code)
    assert trail.tell(event) is None
    assert trail.announced(since) == []


class TestWhatIsOnlyReported:
    """No role of ours may enable a key, or cancel its deletion: a person has to."""

    @pytest.mark.parametrize(("operation", "change"), TAKEN_AWAY)
    def test_a_key_that_is_taken_away(self, operation, change, ground):
        site = ground.site()
        assert site.ask()["status"] == "READY"
        trail, since = Trail(ground), len(site.aws.calls)

        change(site)
        runs = trail.run()

        [(kind, detail)] = trail.announced(since)
        assert (says(runs), kind) == (["FAILED"], "State Backend Failed")
        assert detail["changedBy"]["arn"].endswith(":assumed-role/BreakGlass/ana")
        assert detail["error"]["code"] == "ResourceConflict"
        assert "repaired" not in detail
        assert [it.operation for it in site.aws.writes(since, account=site.account)] == [operation]

    def test_object_lock_which_nobody_can_take_back(self, ground):
        """Clients lock, write and unlock on: no version is needed to be deleted."""
        site = ground.site()
        assert site.ask()["status"] == "READY"
        trail, since = Trail(ground), len(site.aws.calls)

        s3("put_object_lock_configuration", ObjectLockConfiguration=FOR_GOOD)(site)
        runs = trail.run()

        assert told_of(runs) == [("BreakGlass/ana", IRREVERSIBLE)]
        assert (says(runs), trail.announced(since), len(site.writes(since))) == (["READY"], [], 1)
        client = site.client("s3", "Deployer")
        for _ in range(2):
            client.put_object(Bucket=site.bucket, Key="a.tflock", Body=b"", IfNoneMatch="*")
            client.put_object(Bucket=site.bucket, Key="a", Body=b"")
            client.delete_object(Bucket=site.bucket, Key="a.tflock")

    def test_an_acl_that_was_put_while_they_were_on(self, ground):
        """S3 turns ACLs off only where none names others, and none of our roles may put one."""
        site = ground.site()
        assert site.ask()["status"] == "READY"
        trail, since = Trail(ground), len(site.aws.calls)

        s3("put_bucket_ownership_controls", OwnershipControls=UNOWNED)(site)
        s3("put_bucket_acl", GrantRead=f'id="{"0" * 64}"')(site)
        runs = trail.run()

        assert [it[1] for it in told_of(runs)] == ["PutBucketOwnershipControls", "PutBucketAcl"]
        assert says(runs) == ["FAILED", "FAILED"]
        for kind, detail in trail.announced(since):
            assert kind == "State Backend Failed"
            assert detail["changedBy"]["arn"].endswith(":assumed-role/BreakGlass/ana")
            assert "InvalidBucketAclWithObjectOwnership" in detail["error"]["message"]
        s3("put_bucket_acl", ACL="private")(site)
        assert says(trail.run()) == ["READY"]

    def test_a_backend_that_was_released(self, ground):
        site = ground.site()
        assert site.ask()["status"] == "READY"
        release(site)
        trail, since = Trail(ground), len(site.aws.calls)

        break_glass(site).delete_bucket_policy(Bucket=site.bucket)
        runs = trail.run()

        assert says(runs) == ["IGNORED"]
        assert "released" in lines(runs)[0]["error"]
        assert told_of(runs) == [("BreakGlass/ana", "DeleteBucketPolicy")]
        assert len(site.writes(since)) == 1

    def test_a_lock_table_that_is_gone_is_made_anew_once(self, site, trail):
        since = len(site.aws.calls)
        dynamodb, table = site.client("dynamodb", "Administrator"), f"{site.bucket}-lock"

        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)
        runs = trail.run()

        [(_, detail)] = trail.announced(since)
        assert says(runs) == ["READY", "READY"]
        assert {it["control"] for it in detail["repaired"]} == {"lock-table"}


def release(site: Site) -> None:
    """The register says that the backend was let go."""
    key = {"backend": {"S": f"{site.account}#{site.region}"}}
    site.aws.client("dynamodb", tls=True).update_item(
        TableName="StateholdBackendRegister",
        Key=key,
        UpdateExpression="SET backend_state = :released",
        ExpressionAttributeValues={":released": {"S": "RELEASED"}},
    )


class TestWhatIsIgnored:
    def costs(self, site: Site, since: int) -> list[str]:
        """What the hub called because of what it was told."""
        hub = f":{site.aws.management_account}:"
        calls = site.aws.calls[since:]
        return [it.operation for it in calls if hub in it.principal and it.service != "sqs"]

    def test_what_is_no_backends_costs_one_look_at_the_register(self, site, trail):
        s3 = site.client("s3", "Administrator")
        place_ = {"LocationConstraint": site.region}
        s3.create_bucket(Bucket=f"another-{site.account}", CreateBucketConfiguration=place_)
        s3.put_bucket_versioning(
            Bucket=f"another-{site.account}", VersioningConfiguration={"Status": "Enabled"}
        )
        since = len(site.aws.calls)

        runs = trail.run()

        assert says(runs) == ["IGNORED"]
        assert self.costs(site, since) == ["GetItem"]

    def test_a_change_never_makes_a_backend(self, ground):
        """Not even where a bucket has the name that a backend would have."""
        site = ground.site()
        bucket = f"tfstate-{site.account}-{site.region}-an"
        trail = Trail(ground)
        s3 = site.client("s3", "Administrator")
        s3.create_bucket(
            Bucket=bucket,
            BucketNamespace="account-regional",
            CreateBucketConfiguration={"LocationConstraint": site.region},
        )
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        since = len(site.aws.calls)

        runs = trail.run()

        assert says(runs) == ["IGNORED"]
        assert "no backend is on record" in lines(runs)[0]["error"]
        assert site.writes(since) == []

    def test_what_aws_refused_reaches_nobody(self, site, trail):
        with refused("AccessDenied"):
            site.client("s3", "Administrator").delete_bucket_policy(Bucket=site.bucket)

        assert trail.run() == []

    def test_reading_reaches_nobody(self, site, trail):
        site.client("s3", "Administrator").get_bucket_policy(Bucket=site.bucket)

        assert trail.run() == []


class TestOurOwnCalls:
    def test_through_another_role_they_are_told_and_ignored(self, ground):
        site = ground.site()
        site.aws.remove_role(site.account, "StateholdProvisioner")
        trail = Trail(ground)
        assert site.ask()["status"] == "READY"
        since = len(site.aws.calls)

        runs = trail.run()

        assert set(says(runs)) == {"IGNORED"}
        assert {line["error"].split(".")[0] for line in lines(runs)} == {"the call was our own"}
        assert site.writes(since) == []

    def test_who_only_takes_our_sessions_name_is_not_us(self, site, trail):
        since = len(site.aws.calls)

        break_glass(site, session="statehold").delete_bucket_policy(Bucket=site.bucket)
        trail.run()

        [(_, detail)] = trail.announced(since)
        assert detail["changedBy"]["arn"].endswith(":assumed-role/BreakGlass/statehold")

    def test_who_has_a_role_of_our_name_in_another_account_is_not_us(self, site, ground, trail):
        since = len(site.aws.calls)
        break_glass(site).delete_bucket_policy(Bucket=site.bucket)
        [event] = trail.events()
        theirs = "arn:aws:sts::999999999999:assumed-role/AWSControlTowerExecution/statehold"
        event["detail"]["userIdentity"]["arn"] = theirs

        trail.tell(event)

        [(_, detail)] = trail.announced(since)
        assert detail["changedBy"]["arn"] == theirs


def test_an_event_that_names_another_account_repairs_nothing_there(site, ground, trail):
    mine, other = ground.site(), site
    assert mine.ask()["status"] == "READY"
    trail.skip()
    break_glass(other).delete_bucket_policy(Bucket=other.bucket)
    [event] = trail.events()
    since = len(site.aws.calls)

    forged = event | {"account": mine.account}
    delivery = trail.tell(forged)

    assert says(delivery.invocations) == ["IGNORED"]
    assert other.writes(since) == mine.writes(since) == []
    trail.tell(event)
    assert [it for it in other.writes(since) if "PutBucketPolicy" in it]


def test_the_hubs_own_account_tells_on_its_default_bus(ground):
    site = Site(ground=ground, account=ground.aws.management_account)
    assert site.ask()["status"] == "READY"
    trail, since = Trail(ground), len(site.aws.calls)

    bucket = f"tfstate-{site.account}-{site.region}-an"
    break_glass(site).delete_bucket_policy(Bucket=bucket)
    [event] = [it for it in trail.events() if it["source"] == "aws.s3"]
    delivery = ground.hub.deliver(event, clock=ground.time.clock)

    assert says(delivery.invocations) == ["READY"]
    [(kind, _)] = trail.announced(since)
    assert kind == "State Backend Drift Repaired"


@pytest.mark.slow
def test_a_tool_that_changes_a_fact_every_two_hours_is_given_way_to_by_name(ground):
    """Three repairs a day, then people are told who it is; and nothing goes on for ever."""
    site = ground.site()
    # As few calls a run as a backend can have: there are many runs.
    assert site.ask({"AccessLogs": "off", "Encryption": "AES256"})["status"] == "READY"
    trail, since = Trail(ground), len(site.aws.calls)
    tool, told = break_glass(site, session="nightly"), []
    days = 3
    changes = 12 * days

    for _ in range(changes):
        tool.put_bucket_versioning(
            Bucket=site.bucket, VersioningConfiguration={"Status": "Suspended"}
        )
        told.append(says(trail.run()))
        ground.time.wait(2 * HOUR)

    announced = trail.announced(since)
    repaired = [detail for kind, detail in announced if kind == "State Backend Drift Repaired"]
    failed = [detail for kind, detail in announced if kind == "State Backend Failed"]
    ours = [
        it for it in site.aws.writes(since, account=site.account) if "Break" not in it.principal
    ]
    assert len(repaired) == MOST_REPAIRS * days
    assert len(failed) == changes - MOST_REPAIRS * days
    assert told[:4] == [["READY"]] * MOST_REPAIRS + [["FAILED"]]
    assert [len(it) for it in told] == [1] * changes
    assert [it.operation for it in ours] == ["PutBucketVersioning"] * len(repaired)
    for detail in failed:
        assert detail["error"]["code"] == "ResourceConflict"
        assert "bucket-versioning" in detail["error"]["message"]
        assert "/BreakGlass/nightly" in detail["error"]["message"]

    # Settled: who asks by hand is obeyed, and from then on it is repaired again.
    assert site.ask()["controls"]["bucket-versioning"] == "CHANGED"
    trail.skip()
    break_glass(site).put_bucket_versioning(
        Bucket=site.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    assert says(trail.run()) == ["READY"]
