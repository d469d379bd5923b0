"""The answer to a Delete, row by row of the contract, tried from the top."""

from __future__ import annotations

import pytest

from state_backend.deletion import (
    Evidence,
    Verdict,
    after,
    decide,
    failed_id,
    has_ended,
    is_protected,
    never_made,
    refusal,
    rolls_back,
)
from state_backend.event_sources.cloudformation import parse
from state_backend.ownership import HUB, LIVE, RELEASED, Record
from tests.unit.given import ACCOUNT, BUCKET, OTHER_STACK, REGION, STACK

ID = "StateBackend"
TOUCHES_NOTHING = {Verdict.NOTHING_THERE, Verdict.GONE}


def request(physical_id=BUCKET, logical_id=ID):
    return parse(
        {
            "RequestType": "Delete",
            "RequestId": "r",
            "StackId": STACK,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceProperties": {},
        }
    )


def record(**changes):
    usual = {"owner": STACK, "state": LIVE, "bucket_name": BUCKET}
    return Record(account=ACCOUNT, region=REGION, **{**usual, **changes})


def stack(*statuses):
    """Events of the stack itself; oldest first as they happen, newest first as they are read."""
    return [event(STACK, it, "payments") for it in reversed(statuses)]


def event(physical_id, status, logical_id=ID):
    return {
        "StackId": STACK,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceStatus": status,
    }


CREATED = stack("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS")


def verdict(events=CREATED, *, bucket=True, resources=(), record_=None, request_=None):
    evidence = Evidence(bucket_exists=bucket, events=events, resources=resources)
    return decide(request_ or request(), record_ or record(), evidence)


class TestNeverCompleted:
    @pytest.mark.parametrize(
        "case",
        [
            {"request_": request(failed_id({"LogicalResourceId": ID}))},
            {"request_": request("somebody-elses")},
            {"record_": record(state="")},
            {"record_": Record(account=ACCOUNT, region=REGION)},
            {"bucket": False},
        ],
        ids=["marker", "unknown id", "not complete", "no record", "no bucket"],
    )
    def test_it_is_let_go_and_nothing_is_touched(self, case):
        assert verdict(**case) in TOUCHES_NOTHING

    def test_a_marker_says_so_by_itself(self):
        assert never_made(request(failed_id({"LogicalResourceId": ID})))
        assert not never_made(request("somebody-elses"))

    def test_no_bucket_can_have_the_markers_name(self):
        assert (
            failed_id({"LogicalResourceId": "StateBackend"})
            == "statehold-create-failed-StateBackend"
        )
        assert len(failed_id({"LogicalResourceId": "x" * 255})) == 200


class TestRolledBackCreation:
    @pytest.mark.parametrize(
        "statuses",
        [
            ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
            ("CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS"),
            ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
        ],
        ids=["rollback", "OnFailure=DELETE", "by change set"],
    )
    def test_everything_stays_and_the_next_create_adopts_it(self, statuses):
        assert verdict(stack(*statuses)) is Verdict.HANDED_BACK

    @pytest.mark.parametrize(
        "statuses",
        [
            ("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"),
            ("REVIEW_IN_PROGRESS", "IMPORT_IN_PROGRESS", "IMPORT_COMPLETE", "DELETE_IN_PROGRESS"),
            ("DELETE_IN_PROGRESS",),
            ("UPDATE_COMPLETE", "DELETE_IN_PROGRESS"),
            ("CREATE_COMPLETE", "DELETE_IN_PROGRESS"),
            ("ROLLBACK_IN_PROGRESS",),
            (),
        ],
        ids=str,
    )
    def test_a_stack_whose_beginning_is_not_seen_counts_as_created(self, statuses):
        assert verdict(stack(*statuses)) is Verdict.REFUSED

    def test_a_creation_mended_by_an_update_counts_as_created(self):
        statuses = ("CREATE_IN_PROGRESS", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

        assert verdict(stack(*statuses, "DELETE_IN_PROGRESS")) is Verdict.REFUSED

    def test_only_the_stacks_own_events_count(self):
        events = [
            event(BUCKET, "CREATE_COMPLETE"),
            *stack("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
        ]

        assert verdict(events) is Verdict.HANDED_BACK

    def test_a_nested_stack_is_not_the_stack(self):
        nested = event("arn:aws:cloudformation:x:y:stack/nested/1", "CREATE_IN_PROGRESS", "Nested")

        assert verdict([nested]) is Verdict.REFUSED


class TestRolledBackUpdate:
    def events(self, resource, now="UPDATE_ROLLBACK_IN_PROGRESS"):
        begun = stack("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS")
        return [*stack(now), *resource, *begun]

    @pytest.mark.parametrize(
        "now", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
    )
    def test_what_was_new_in_it_goes_back(self, now):
        new = [event(BUCKET, "CREATE_COMPLETE"), event("", "CREATE_IN_PROGRESS")]

        assert verdict(self.events(new, now)) is Verdict.HANDED_BACK

    def test_what_was_there_before_is_protected(self):
        changed = [event(BUCKET, "UPDATE_COMPLETE"), event(BUCKET, "UPDATE_IN_PROGRESS")]

        assert verdict(self.events(changed)) is Verdict.REFUSED

    def test_a_creation_before_the_update_does_not_count(self):
        begun = stack("UPDATE_IN_PROGRESS")
        older = [event("", "CREATE_IN_PROGRESS"), *stack("CREATE_IN_PROGRESS", "CREATE_COMPLETE")]

        assert verdict([*stack("UPDATE_ROLLBACK_IN_PROGRESS"), *begun, *older]) is Verdict.REFUSED

    def again(self, *older):
        """Dropped, then added anew by the update that rolls back; *older* is before that update."""
        new = [event(BUCKET, "CREATE_COMPLETE"), event("", "CREATE_IN_PROGRESS")]
        now = stack("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
        return [now[0], *new, now[1], *older]

    def test_what_the_stack_had_before_is_not_handed_back_to_another(self):
        had = [event(BUCKET, "CREATE_COMPLETE"), *stack("CREATE_IN_PROGRESS", "CREATE_COMPLETE")]

        assert verdict(self.again(*had)) is Verdict.NOTHING_THERE

    def test_what_another_resource_had_before_is(self):
        other = [event("x", "CREATE_COMPLETE", "Topic"), *stack("CREATE_IN_PROGRESS")]

        assert verdict(self.again(*other)) is Verdict.HANDED_BACK

    @pytest.mark.parametrize(
        "older",
        [
            stack("CREATE_COMPLETE"),
            [event("x", "CREATE_IN_PROGRESS", "Topic")],
        ],
        ids=["its beginning", "but that of a resource"],
    )
    def test_what_cannot_be_seen_to_its_beginning_may_have_been_the_stacks(self, older):
        assert verdict(self.again(*older)) is Verdict.NOTHING_THERE

    def test_an_update_that_went_well_is_not_rolling_back(self):
        new = [event(BUCKET, "CREATE_COMPLETE"), event("", "CREATE_IN_PROGRESS")]

        assert verdict(self.events(new, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")) is Verdict.REFUSED


class TestRenamed:
    def holding(self, logical_id="Backend", status="CREATE_COMPLETE", physical_id=BUCKET):
        return [
            {
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": status,
            }
        ]

    def test_an_id_that_another_resource_holds_is_let_go(self):
        assert verdict(resources=self.holding()) is Verdict.NOTHING_THERE

    @pytest.mark.parametrize(
        "other", [{"logical_id": ID}, {"status": "DELETE_COMPLETE"}, {"physical_id": "x"}], ids=str
    )
    def test_one_that_does_not_hold_it_protects_nothing(self, other):
        assert verdict(resources=self.holding(**other)) is Verdict.REFUSED


class TestReader:
    @pytest.mark.parametrize("owner", [HUB, OTHER_STACK, ""])
    def test_who_does_not_own_it_touches_nothing(self, owner):
        assert verdict(record_=record(owner=owner)) is Verdict.NOTHING_THERE


class TestLive:
    def test_protected_on_record_it_is_refused(self):
        assert verdict() is Verdict.REFUSED

    def test_what_the_request_says_does_not_count(self):
        asking = request()
        object.__setattr__(asking, "properties", {"PreventDestroy": "false"})

        assert verdict(request_=asking) is Verdict.REFUSED

    def test_released_on_record_it_is_let_go(self):
        assert verdict(record_=record(given={"PreventDestroy": "false"})) is Verdict.RELEASED

    def test_released_once_it_stays_released(self):
        assert verdict(record_=record(state=RELEASED)) is Verdict.RELEASED

    def test_the_reason_says_what_is_protected_and_how_to_release_it(self):
        text = refusal(request(), record())

        assert BUCKET in text
        assert "PreventDestroy: 'false'" in text
        assert ID in text

    @pytest.mark.parametrize(
        ("given", "protected"), [({}, True), ({"PreventDestroy": "false"}, False)]
    )
    def test_protection_is_what_is_recorded(self, given, protected):
        assert is_protected(record(given=given)) is protected


HAD = {"previous_owner": OTHER_STACK}


class TestRecordAfterwards:
    def test_a_released_backend_is_on_record_as_such_and_goes_back_to_nobody(self):
        changed = after(record(**HAD), Verdict.RELEASED)

        assert changed == record(state=RELEASED)

    def test_one_that_is_handed_back_is_the_hubs_again(self):
        changed = after(record(previous_owner=HUB), Verdict.HANDED_BACK)

        assert changed == record(owner=HUB)

    def test_one_that_is_handed_back_to_nobody_waits_for_the_next(self):
        assert after(record(), Verdict.HANDED_BACK) == record(owner="")

    def test_what_a_stack_had_taken_over_released_is_released_again(self):
        changed = after(record(**HAD), Verdict.HANDED_BACK)

        assert changed == record(owner=OTHER_STACK, state=RELEASED)

    def test_of_one_that_is_gone_nothing_is_claimed(self):
        assert after(record(**HAD), Verdict.GONE) == record(owner="", state="")

    @pytest.mark.parametrize("kept", [Verdict.REFUSED, Verdict.NOTHING_THERE])
    def test_otherwise_it_stays_as_it_is(self, kept):
        assert after(record(**HAD), kept) == record(**HAD)


class TestTheStackItself:
    @pytest.mark.parametrize("end", ["DELETE_COMPLETE", "ROLLBACK_COMPLETE"])
    def test_it_has_ended_if_that_is_its_newest_event(self, end):
        assert has_ended(stack("CREATE_IN_PROGRESS", end))
        assert not has_ended(stack(end, "CREATE_IN_PROGRESS"))

    def test_it_has_not_if_only_a_resource_has(self):
        events = [event(BUCKET, "DELETE_COMPLETE"), *stack("UPDATE_COMPLETE")]

        assert not has_ended(events)

    @pytest.mark.parametrize(
        "status",
        ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"],
    )
    def test_it_rolls_back_if_that_is_its_newest_event(self, status):
        assert rolls_back(stack("UPDATE_IN_PROGRESS", status))
        assert not rolls_back(stack(status, "UPDATE_IN_PROGRESS"))
        assert not rolls_back([event(BUCKET, status), *stack("UPDATE_IN_PROGRESS")])

    def test_one_without_events_has_neither_ended_nor_rolls_back(self):
        assert not has_ended([])
        assert not rolls_back([])


def test_rows_are_tried_from_the_top():
    rollback = stack("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
    held = TestRenamed().holding()
    released = record(given={"PreventDestroy": "false"})

    assert verdict(rollback, bucket=False, record_=released) in TOUCHES_NOTHING
    assert verdict(rollback, resources=held, record_=released) is Verdict.HANDED_BACK
    assert verdict(resources=held, record_=released) is Verdict.NOTHING_THERE
