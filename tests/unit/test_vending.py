"""One account and Region, from what is asked to what is recorded of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from state_backend import outcomes
from state_backend.aws.register import Register
from state_backend.calls import AwsError
from state_backend.drift import Actor
from state_backend.errors import InvalidRequest
from state_backend.ownership import LIVE, RELEASED, Record
from state_backend.vending import Request, vend
from tests.unit.account import Account
from tests.unit.given import ACCOUNT, BUCKET, OTHER_STACK, REGION, ROLE, STACK, Ticking
from tests.unit.hub import HERE, hub

ALREADY_RECORDED = f"arn:aws:iam::{ACCOUNT}:role/Before"


class TestRecords:
    def test_a_complete_backend_is_recorded_as_live(self, through):
        made, events = hub(through(Account()))

        report = vend(HERE, made)

        assert report.status == outcomes.READY
        record = made.register.kept
        assert (record.state, record.owner, record.bucket_name) == (LIVE, "hub", BUCKET)
        assert (record.role_arn, record.origin) == (ROLE, "created")
        assert record.key_arn == report.spec.key_arn
        assert [it.parameters["Entries"][0]["DetailType"] for it in events] == [
            "State Backend Ready"
        ]

    def test_a_second_run_writes_nothing_and_tells_nobody(self, through):
        account = through(Account())
        made, events = hub(account)
        vend(HERE, made)
        account.writes.clear()
        events.clear()

        vend(HERE, made)

        assert (account.written, events) == ([], [])

    def test_a_half_made_one_is_not_live(self, through):
        made, _ = hub(through(Account(refuse={"put_bucket_versioning": "InternalError"})))

        report = vend(HERE, made)

        assert report.status == outcomes.WAITING
        assert made.register.kept.state == ""

    def test_a_change_that_did_not_come_about_is_not_recorded(self, through):
        account = through(Account())
        made, _ = hub(account)
        ask = Request(account=ACCOUNT, region=REGION, requester=STACK, properties={})
        vend(ask, made)
        account.refuse = {"put_bucket_policy": "InternalError"}

        vend(
            Request(
                account=ACCOUNT,
                region=REGION,
                requester=STACK,
                properties={"PreventDestroy": "false"},
            ),
            made,
        )

        assert made.register.kept.given == {}

    def test_a_bucket_that_is_under_a_key_by_now_is_recorded_so_and_a_rollback_keeps_it(
        self, through
    ):
        account = through(Account())
        made, _ = hub(account)
        ask = Request(
            account=ACCOUNT, region=REGION, requester=STACK, properties={"Encryption": "AES256"}
        )
        vend(ask, made)
        account.refuse = {"put_parameter": "InternalError"}

        vend(replace(ask, properties={}), made)

        assert made.register.kept.given == {"Encryption": "aws:kms"}
        account.refuse = {}

        report = vend(replace(ask, rolling_back=True), made)

        assert report.status == outcomes.READY
        assert report.spec.encryption == "aws:kms"

    def test_a_bucket_that_is_only_observed_is_under_no_key_yet(self, through):
        account = through(Account())
        account.has_bucket(BUCKET)
        made, _ = hub(account)
        ask = Request(
            account=ACCOUNT, region=REGION, requester=STACK, properties={"Encryption": "AES256"}
        )
        vend(ask, made)
        assert made.register.kept.state == LIVE
        account.refuse = {"put_parameter": "InternalError"}

        vend(replace(ask, properties={"LockMode": "both"}), made)

        assert made.register.kept.given == {"Encryption": "AES256"}

    def test_other_defaults_of_the_hub_do_not_stop_an_update_of_what_is_there(self, through):
        account = through(Account())
        key = account.has_key()
        made, _ = hub(account)
        ask = Request(
            account=ACCOUNT, region=REGION, requester=STACK, properties={"KmsKeyArn": key}
        )
        assert vend(ask, made).status == outcomes.READY

        other, _ = hub(account, made.register.kept, ENCRYPTION="AES256")

        assert vend(ask, other).status == outcomes.READY

    def test_a_failure_is_told_to_the_bus_also_where_nothing_was_looked_at(self, through):
        made, events = hub(through(Account()), Record(account=ACCOUNT, region=REGION))
        vend(Request(account=ACCOUNT, region=REGION, requester=STACK, properties={}), made)
        events.clear()

        report = vend(
            Request(account=ACCOUNT, region=REGION, properties={"LockMode": "both"}), made
        )

        assert report.error.code == "AlreadyExists"
        [told] = [it.parameters["Entries"][0]["DetailType"] for it in events]
        assert told == "State Backend Failed"

    def test_a_released_backend_is_reported_and_never_repaired(self, through):
        account = through(Account())
        record = Record(
            account=ACCOUNT, region=REGION, owner=STACK, state=RELEASED, bucket_name=BUCKET
        )

        report = vend(HERE, hub(account, record)[0])

        assert report.status == outcomes.IGNORED
        assert account.written == []

    def test_who_takes_over_a_released_backend_is_recorded_with_who_had_it(self, through):
        """A Delete in a rollback makes the previous owner the owner again."""
        record = Record(
            account=ACCOUNT, region=REGION, owner="arn:old", state=RELEASED, bucket_name=BUCKET
        )
        made, _ = hub(through(Account()), record)

        vend(Request(account=ACCOUNT, region=REGION, requester=STACK, properties={}), made)

        assert made.register.kept.owner == STACK
        assert made.register.kept.previous_owner == "arn:old"

    def test_one_that_waits_for_its_next_owner_is_looked_after_and_left_to_it(self, through):
        """The creation of its stack was rolled back; a sweep comes before the next one."""
        account = through(Account())
        made, events = hub(account)
        vend(Request(account=ACCOUNT, region=REGION, requester=STACK, properties={}), made)
        made.register.save(replace(made.register.kept, owner=""), "me", give_back=True)
        account.writes.clear()
        events.clear()

        report = vend(HERE, made)

        assert (report.status, account.written, events) == (outcomes.READY, [], [])
        assert (made.register.kept.owner, made.register.kept.previous_owner) == ("", "")

        vend(Request(account=ACCOUNT, region=REGION, requester=OTHER_STACK, properties={}), made)

        assert made.register.kept.owner == OTHER_STACK

    def test_a_manager_is_known_again_in_the_next_run(self, through):
        account = through(Account())
        tags = {"TagSet": [{"Key": "aws:cloudformation:stack-id", "Value": "arn:stack"}]}
        account.has_bucket(BUCKET, bucket_tagging=tags)
        made, _ = hub(account, ADOPT="enforce")
        vend(HERE, made)

        vend(HERE, made)

        assert made.register.kept.origin == "adopted"
        assert "StateholdDenyReconfigure" not in account.things["bucket_policy", BUCKET]

    def test_the_role_before_ours_may_still_repair(self, through):
        account = through(Account())
        record = Record(account=ACCOUNT, region=REGION, role_arn=ALREADY_RECORDED)

        vend(HERE, hub(account, record)[0])

        assert ALREADY_RECORDED in account.things["bucket_policy", BUCKET]


class TestPlan:
    @pytest.mark.parametrize("environment", [{}, {"MODE": "plan"}])
    def test_it_writes_nothing_anywhere(self, through, environment):
        account = through(Account())
        made, events = hub(account, **environment)

        report = vend(Request(account=ACCOUNT, region=REGION, plan_only=not environment), made)

        assert (account.written, made.register.saved, events) == ([], [], [])
        assert report.changes


class TestRefusals:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"account": "1"},
            {"region": "nowhere"},
            {"properties": {"LockMode": "none"}},
            {"properties": {"Nmae": "x"}},
        ],
    )
    def test_what_is_wrong_in_itself_is_no_request(self, wrong):
        with pytest.raises(InvalidRequest):
            Request(**{"account": ACCOUNT, "region": REGION, **wrong})

    def test_a_register_out_of_reach_means_not_ready(self, through):
        def refusing(call):
            raise AwsError(call, "ConnectionError", "no")

        made, _ = hub(through(Account()))
        object.__setattr__(made, "register", Register(table="t", invoke=refusing, clock=made.clock))

        report = vend(HERE, made)

        assert report.error.code == "NotReady"


ANA = Actor(arn="arn:ana", event_name="DeleteBucketTagging", event_time="t", event_id="i")
SEEN = replace(HERE, changed_by=ANA)


def untagged(account):
    """Somebody takes the bucket's tags away."""
    account.things["bucket_tagging", BUCKET] = {"TagSet": []}


class TestDrift:
    @pytest.fixture
    def account(self, through):
        return through(Account())

    @pytest.fixture
    def ticking(self):
        return Ticking()

    @pytest.fixture
    def made(self, account, ticking):
        made, events = hub(account, ticking=ticking)
        vend(HERE, made)
        events.clear()
        self.events = events
        return made

    def change(self, account, made, ask=SEEN):
        untagged(account)
        account.writes.clear()
        self.events.clear()
        return vend(ask, made)

    def told(self):
        [entry] = [it.parameters["Entries"][0] for it in self.events]
        return entry["DetailType"], json.loads(entry["Detail"])

    def test_it_is_repaired_and_told_with_who_it_was(self, account, made):
        report = self.change(account, made)

        kind, detail = self.told()
        assert (report.status, kind) == (outcomes.READY, "State Backend Drift Repaired")
        assert [it["control"] for it in detail["repaired"]] == ["bucket-tags"]
        assert detail["changedBy"]["arn"] == "arn:ana"
        assert made.register.kept.repairs["bucket-tags"].actor == "arn:ana"

    def test_where_nothing_had_changed_nobody_is_blamed(self, account, made):
        report = vend(SEEN, made)

        assert (report.changed_by, report.repaired, self.events) == (None, (), [])

    def test_a_new_backend_was_not_repaired(self, through):
        made, _ = hub(through(Account()))

        report = vend(SEEN, made)

        assert (report.repaired, report.changed_by, made.register.kept.repairs) == ((), None, {})

    def test_what_we_want_otherwise_now_is_no_drift(self, account, made):
        """As after a new release of ours, or once another role acts."""
        kept = made.register.kept
        yesterday = replace(kept, wanted={**kept.wanted, "bucket-tags": "another"})
        made.register.save(yesterday, "me", give_back=True)

        report = self.change(account, made)

        assert (report.status, report.changed, report.repaired) == (outcomes.READY, True, ())
        assert made.register.kept.repairs == {}
        assert self.change(account, made).repaired

    def test_the_fourth_time_within_a_day_it_is_left_to_people(self, account, made):
        for _ in range(3):
            assert self.change(account, made).status == outcomes.READY

        report = self.change(account, made)

        kind, detail = self.told()
        assert account.written == []
        assert (report.status, report.error.code) == (outcomes.FAILED, "ResourceConflict")
        assert (kind, detail["changedBy"]["arn"]) == ("State Backend Failed", "arn:ana")
        assert "bucket-tags" in detail["error"]["message"]
        assert "arn:ana" in detail["error"]["message"]
        assert made.register.kept.state == LIVE

    def test_a_sweep_leaves_it_alone_too(self, account, made):
        for _ in range(3):
            self.change(account, made)

        report = self.change(account, made, HERE)

        assert (account.written, report.error.code) == ([], "ResourceConflict")
        assert "arn:ana" in report.error.message

    def test_what_else_has_changed_is_repaired_all_the_same(self, account, made):
        for _ in range(3):
            self.change(account, made)
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}

        report = self.change(account, made)

        assert account.written == ["s3:put_bucket_versioning"]
        assert report.error.code == "ResourceConflict"

    def test_what_clients_read_is_kept_right_meanwhile(self, account, made):
        for _ in range(3):
            self.change(account, made)
        account.things["parameter", "/statehold/backend"] = "{}"

        report = self.change(account, made)

        assert account.written == ["ssm:put_parameter"]
        assert BUCKET in account.things["parameter", "/statehold/backend"]
        assert report.error.code == "ResourceConflict"

    def test_after_a_day_it_is_repaired_again(self, account, ticking, made):
        for _ in range(3):
            self.change(account, made)
        ticking.time += 86_400

        assert self.change(account, made).status == outcomes.READY
        assert len(made.register.kept.repairs["bucket-tags"].times) == 1

    @pytest.mark.parametrize("ask", [replace(HERE, by_hand=True), replace(HERE, properties={})])
    def test_a_person_who_asks_is_obeyed(self, account, made, ask):
        for _ in range(3):
            self.change(account, made)

        assert self.change(account, made, ask).status == outcomes.READY
        assert account.written == ["s3control:tag_resource"]

    def test_and_has_settled_it(self, account, made):
        for _ in range(3):
            self.change(account, made)
        vend(replace(HERE, by_hand=True), made)

        assert made.register.kept.repairs == {}
        assert self.change(account, made).status == outcomes.READY

    def test_what_is_stricter_than_ours_is_no_drift(self, account, made):
        """Only tightening is automatic: nothing is ever taken back to a weaker setting."""
        key = made.register.kept.key_arn
        account.things["key_rotation", key] = 90
        account.things["bucket_tagging", BUCKET]["TagSet"].append({"Key": "a", "Value": "b"})
        policy = json.loads(account.things["bucket_policy", BUCKET])
        policy["Statement"].append({"Sid": "Theirs", "Effect": "Deny", "Action": "s3:*"})
        account.things["bucket_policy", BUCKET] = json.dumps(policy)
        account.writes.clear()

        report = vend(SEEN, made)

        assert (account.written, report.repaired, self.events) == ([], (), [])

    @pytest.mark.parametrize("times", [1, 1_000])
    def test_repairs_are_told_through_whichever_role_they_were_made(self, account, made, times):
        """Each role repairs something before it is stopped, the last one for good or not."""
        account.things["bucket_versioning", BUCKET] = {"Status": "Suspended"}
        del account.things["bucket_policy", BUCKET]
        denied, stopped = "AccessDenied: with an explicit deny in a service control policy", []

        def stop(call):
            first = not stopped
            if call.operation == "put_bucket_policy":
                stopped.append(call)
            refused = {"put_bucket_policy": denied} if len(stopped) <= times else {}
            account.refuse = refused | ({"put_bucket_versioning": denied} if first else {})

        account.before = stop

        report = vend(SEEN, made)

        assert report.error is None or report.error.code == "AccessDenied"
        assert (report.status == outcomes.READY) is (times == 1)
        assert [it.control for it in report.repaired].count("bucket-versioning") == 1
