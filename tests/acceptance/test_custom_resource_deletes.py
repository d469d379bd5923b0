"""
What becomes of a Delete: the page's table, row by row, as CloudFormation plays each situation.

``ROWS`` are the rows of ``docs/custom-resource.md``, and two more. A scenario ends with the stack's
final status, with whose the backend is on record, and with the backend as whole as its clients left
it; then the next deployment has to succeed on that same backend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.acceptance import delete_situations as given
from tests.acceptance.cloudformation import Backend, Stack, Template
from tests.acceptance.cloudformation_backend import (
    ACCOUNT,
    BUCKET,
    HUB,
    REGION,
    Setting,
    without_statements,
)
from tests.acceptance.delete_situations import (
    BOTH_LOCKS,
    NOTHING_ELSE,
    PROTECTED,
    UNPROTECTED,
    deleted_in_vain,
    forbid,
)
from tests.aws_double import Fault, Refusal
from tests.contract.templates import ROOT
from tests.contract.test_docs import cells

NOBODY = ""
THE_STACK = "stack"
LIVE, RELEASED = "LIVE", "RELEASED"


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """A situation, and how it must end."""

    play: Callable[[Setting], Stack]
    ends: str
    """The stack's last status."""
    owner: str = NOBODY
    """``stack``, ``hub``, ``former``, or nobody, who waits for the next."""
    state: str = ""
    whole: bool = True
    """Whether there was a whole backend, which then must still be whole."""
    lifted: bool = False
    """Whether its protection was lifted by an update before."""


ROWS = {
    "a reader of the hub's backend: SUCCESS": (
        Row(
            play=given.a_reader_of_the_hubs_backend, ends="DELETE_COMPLETE", owner="hub", state=LIVE
        ),
        Row(
            play=given.a_reader_that_says_it_may_go, ends="DELETE_COMPLETE", owner="hub", state=LIVE
        ),
    ),
    "a backend that was never completed: SUCCESS": (
        Row(
            play=given.a_create_that_failed, ends="ROLLBACK_COMPLETE", owner=THE_STACK, whole=False
        ),
        Row(
            play=given.a_create_that_failed_in_a_stack_set,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            whole=False,
        ),
        Row(play=given.a_create_that_was_never_answered, ends="ROLLBACK_COMPLETE", whole=False),
        Row(
            play=given.a_create_with_a_property_that_does_not_exist,
            ends="ROLLBACK_COMPLETE",
            whole=False,
        ),
        Row(
            play=given.an_added_resource_that_failed,
            ends="UPDATE_ROLLBACK_COMPLETE",
            owner=THE_STACK,
            whole=False,
        ),
    ),
    "a backend whose bucket is gone: SUCCESS": (
        Row(play=given.a_bucket_that_a_person_has_removed, ends="DELETE_COMPLETE", whole=False),
    ),
    "a completed backend while its stack's creation rolls back: SUCCESS": (
        Row(
            play=given.another_resource_fails_in_the_creation, ends="ROLLBACK_COMPLETE", state=LIVE
        ),
        Row(play=given.the_same_in_a_creation_by_change_set, ends="ROLLBACK_COMPLETE", state=LIVE),
        Row(play=given.the_same_in_a_stack_set, ends="DELETE_COMPLETE", state=LIVE),
        Row(play=given.the_same_with_many_pages_of_events, ends="ROLLBACK_COMPLETE", state=LIVE),
        Row(
            play=given.the_same_though_its_bucket_cannot_be_looked_at,
            ends="ROLLBACK_COMPLETE",
            state=LIVE,
        ),
        Row(
            play=given.the_same_after_taking_over_a_released_backend,
            ends="ROLLBACK_COMPLETE",
            owner="former",
            state=RELEASED,
        ),
        Row(
            play=given.the_same_after_another_stacks_create_had_failed,
            ends="ROLLBACK_COMPLETE",
            state=LIVE,
        ),
        Row(
            play=given.the_same_with_two_resources_for_one_backend,
            ends="ROLLBACK_COMPLETE",
            state=LIVE,
        ),
        Row(
            play=given.a_kept_backend_although_it_is_to_be_kept_only_after_creation,
            ends="ROLLBACK_COMPLETE",
            state=LIVE,
        ),
    ),
    "a resource that was new in an update which rolls back: SUCCESS": (
        Row(
            play=given.a_new_resource_in_an_update_that_fails_elsewhere,
            ends="UPDATE_ROLLBACK_COMPLETE",
            state=LIVE,
        ),
        Row(
            play=given.a_renamed_resource_in_an_update_that_fails_elsewhere,
            ends="UPDATE_ROLLBACK_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_resource_added_anew_in_an_update_that_fails_elsewhere,
            ends="UPDATE_ROLLBACK_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
    ),
    "a resource that was renamed in the template: SUCCESS": (
        Row(play=given.a_renamed_resource, ends="UPDATE_COMPLETE", owner=THE_STACK, state=LIVE),
        Row(
            play=given.a_renamed_resource_in_a_stack_with_many_pages,
            ends="UPDATE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
    ),
    "a live backend that is not protected: SUCCESS": (
        Row(
            play=given.a_released_backend,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            state=RELEASED,
            lifted=True,
        ),
        Row(
            play=given.a_backend_that_was_never_protected,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            state=RELEASED,
        ),
        Row(
            play=given.a_released_resource_that_the_template_lost,
            ends="UPDATE_COMPLETE",
            owner=THE_STACK,
            state=RELEASED,
            lifted=True,
        ),
    ),
    "a live backend that is protected: FAILED": (
        Row(play=given.the_stack_is_deleted, ends="DELETE_FAILED", owner=THE_STACK, state=LIVE),
        Row(
            play=given.a_stack_made_by_change_set_is_deleted,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_stack_whose_beginning_is_forgotten_is_deleted,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_stack_whose_failed_creation_an_update_has_mended,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_resource_that_the_template_lost,
            ends="UPDATE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_property_that_the_template_lost,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_property_that_the_template_lost_where_the_hub_protects_nothing,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.an_update_that_would_release_it_but_fails,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.instances_of_a_stack_set_are_deleted,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.the_account_leaves_the_stack_sets_unit,
            ends="DELETE_FAILED",
            owner=THE_STACK,
            state=LIVE,
        ),
    ),
    "kept by the stack's own means: no Delete that matters": (
        Row(
            play=given.the_account_leaves_a_unit_whose_stack_set_retains,
            ends="CREATE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.the_refused_resource_is_retained,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.the_stack_is_deleted_by_force,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(play=given.a_policy_retains_it, ends="DELETE_COMPLETE", owner=THE_STACK, state=LIVE),
        Row(
            play=given.a_replacement_would_be_retained,
            ends="UPDATE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.termination_protection_refuses_the_deletion,
            ends="CREATE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
        Row(
            play=given.a_policy_retains_it_except_on_create,
            ends="DELETE_COMPLETE",
            owner=THE_STACK,
            state=LIVE,
        ),
    ),
    "not to be looked at: FAILED": tuple(
        Row(play=play, ends="DELETE_FAILED", owner=THE_STACK, state=LIVE)
        for play in (
            given.the_stack_cannot_be_looked_at,
            given.the_stacks_resources_cannot_be_looked_at,
            given.the_register_cannot_be_read,
            given.the_register_cannot_be_written,
            given.the_role_is_gone,
            given.the_hubs_mode_is_plan,
        )
    ),
}

EACH = {
    f"{title.partition(':')[0]}-{row.play.__name__}".replace(" ", "_"): (title, row)
    for title, rows in ROWS.items()
    for row in rows
}


@pytest.mark.parametrize(("title", "row"), EACH.values(), ids=EACH)
def test_a_delete_ends_as_the_table_says_and_the_next_deployment_has_the_same_backend(
    it: Setting, title: str, row: Row
) -> None:
    stack = row.play(it)

    deletes = [it for it in it.cloudformation.sent if it.request["RequestType"] == "Delete"]
    answers = [(exchange.answer or {}).get("Status") for exchange in deletes]
    if "SUCCESS" in title:
        assert answers[-1] == "SUCCESS"
    if "FAILED" in title:
        assert answers[-1] == "FAILED"

    owners = {THE_STACK: stack.stack_id, "hub": "hub", NOBODY: NOBODY}
    if it.former is not None:
        owners["former"] = it.former.stack_id
    assert stack.status == row.ends, stack.reasons
    assert (it.record().owner, it.record().state) == (owners[row.owner], row.state)
    if row.whole:
        _is_whole(it, row)

    before = it.backend()
    following = _deploy_again(it, stack)

    assert following.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, following.reasons
    assert it.record().state == LIVE
    assert it.record().owner == ("hub" if row.owner == "hub" else following.stack_id)
    after = it.backend()
    assert after is not None
    assert after.keys_in_account == 1
    if before is not None and row.whole:
        assert (after.states, after.key) == (before.states, before.key)


def test_the_page_has_these_rows_in_this_order() -> None:
    text = (ROOT / "docs/custom-resource.md").read_text()
    table = text.partition("\n## Delete\n")[2].partition("\n## ")[0]
    found = [cells(line) for line in table.splitlines() if line.startswith("| ")][2:]

    shown = [f"{case.partition(',')[0]}: {answer}" for case, answer, _ in found]

    assert [*shown, *list(ROWS)[-2:]] == list(ROWS)


def _is_whole(it: Setting, row: Row) -> None:
    """As its clients left it; only what an update has lifted before may be missing."""
    assert it.at_first is not None
    lifted = ("StateholdDenyDestroy", "StateholdDenyDestroyState") if row.lifted else ()
    wanted = without_statements(it.at_first, *lifted)
    found = it.backend()
    assert found is not None
    if row.owner == "former":  # its protection was lifted, and the stack that took over put it back
        wanted, found = replace(it.at_first, statements=()), replace(found, statements=())
    assert found == wanted


def _deploy_again(it: Setting, stack: Stack) -> Stack:
    """The next deployment: of the same stack if it still is one, else of a new one."""
    template = {**PROTECTED, **NOTHING_ELSE}
    if stack.status == "DELETE_FAILED":
        it.cloudformation.delete_stack(stack, retain=list(stack.resources))
    if stack.status in {"DELETE_COMPLETE", "ROLLBACK_COMPLETE"}:
        return it.cloudformation.create_stack("payments", template, account=ACCOUNT)
    return it.cloudformation.update_stack(stack, template)


def test_the_hub_too_makes_a_backend_anew_whose_bucket_is_gone(it: Setting) -> None:
    given.a_bucket_that_a_person_has_removed(it)

    assert it.vend()["status"] == "READY"

    made = it.backend()
    assert made is not None
    assert (made.keys_in_account, it.record().owner) == (1, "hub")


# ---- what the answers and the tags say -----------------------------------------------------------


def test_the_reason_of_a_refusal_says_what_is_protected_and_how_to_release_it(
    it: Setting,
) -> None:
    stack = given.the_stack_is_deleted(it)

    reason = stack.reasons[-1]
    assert BUCKET in reason
    assert "protected" in reason
    assert "PreventDestroy: 'false' on StateBackend" in reason


def test_a_refusal_is_announced_on_the_hubs_bus(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    before = len(it.aws.calls)

    it.cloudformation.delete_stack(stack)

    calls = [it for it in it.aws.calls[before:] if it.operation == "PutEvents"]
    entries = [entry for call in calls for entry in call.parameters["Entries"]]
    assert [call.account for call in calls] == [HUB]
    assert [entry["DetailType"] for entry in entries] == ["State Backend Delete Refused"]
    assert stack.stack_id in entries[0]["Detail"]


def test_a_release_is_told_by_the_tags_of_bucket_key_and_table(it: Setting) -> None:
    given.a_released_backend(it)

    assert it.state_tags() == dict.fromkeys(("bucket", "key", "table"), "RELEASED")


def test_whoever_takes_a_released_backend_over_corrects_the_tags(it: Setting) -> None:
    given.a_released_backend(it)

    it.cloudformation.create_stack("payments", BOTH_LOCKS, account=ACCOUNT)

    assert it.state_tags() == dict.fromkeys(("bucket", "key", "table"), "LIVE")


def test_tags_that_cannot_be_written_do_not_hold_a_release_up(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    refused = Refusal("AccessDenied", "not authorized", 403)
    it.aws.faults.add(Fault(operation="TagResource", kind="refuse", error=refused, times=99))

    it.cloudformation.delete_stack(stack)

    assert (stack.status, it.record().state) == ("DELETE_COMPLETE", RELEASED)


def test_a_released_backend_is_reported_and_not_repaired(it: Setting) -> None:
    given.a_released_backend(it)

    reports: list[Any] = []
    writes = it.writes_by(lambda: reports.append(it.vend()))

    assert reports[0]["status"] == "IGNORED"
    assert [write for write in writes if f"in {ACCOUNT}" in write] == []


def test_a_table_from_before_the_clients_moved_is_tagged_as_well(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", BOTH_LOCKS, account=ACCOUNT)
    it.cloudformation.update_stack(stack, UNPROTECTED)

    it.cloudformation.delete_stack(stack)

    assert it.state_tags() == dict.fromkeys(("bucket", "key", "table"), "RELEASED")


def test_a_release_without_a_table_says_nothing_of_one(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)

    it.cloudformation.delete_stack(stack)

    assert it.state_tags() == dict.fromkeys(("bucket", "key"), "RELEASED")
    assert "not tagged" not in it.invocations[-1].printed


def a_name_that_another_account_has_taken(it: Setting) -> Stack:
    """A global name: its backend was removed by hand, and somebody was quick."""
    template: Template = {"StateBackend": Backend(properties={"BucketName": "payments-states"})}
    it.bucket = "payments-states"
    stack = it.cloudformation.create_stack("payments", template, account=ACCOUNT)
    it.aws.world.buckets["payments-states"].policy = None
    root = it.aws.client("s3", principal=f"arn:aws:iam::{ACCOUNT}:root", region=REGION, tls=True)
    for version in root.list_object_versions(Bucket=it.bucket)["Versions"]:
        root.delete_object(Bucket=it.bucket, Key=version["Key"], VersionId=version["VersionId"])
    root.delete_bucket(Bucket=it.bucket)
    quick = it.aws.client("s3", principal="arn:aws:iam::999999999999:role/Quick", region=REGION)
    where = {"LocationConstraint": REGION}
    quick.create_bucket(Bucket=it.bucket, CreateBucketConfiguration=where)
    return stack


def test_a_stack_whose_buckets_name_another_account_has_taken_can_be_deleted(it: Setting) -> None:
    stack = a_name_that_another_account_has_taken(it)

    it.cloudformation.delete_stack(stack)

    assert stack.status == "DELETE_COMPLETE", stack.reasons
    assert (it.record().owner, it.record().state) == (NOBODY, "")


@pytest.mark.parametrize("unreadable", ["HeadBucket", "HeadBucket ListBuckets"])
def test_a_bucket_that_must_not_be_looked_at_counts_as_there(it: Setting, unreadable: str) -> None:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    for operation in unreadable.split():
        forbid(it, operation)

    deleted_in_vain(it, stack)

    assert stack.status == "DELETE_FAILED"
    assert it.record().state == LIVE


def test_what_cannot_be_listed_is_not_taken_for_another_accounts(it: Setting) -> None:
    stack = a_name_that_another_account_has_taken(it)
    forbid(it, "ListBuckets")

    deleted_in_vain(it, stack)

    assert stack.status == "DELETE_FAILED"


def test_a_delete_looks_at_its_stack_through_one_session_and_at_the_bucket_through_another(
    it: Setting,
) -> None:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)

    calls = it.calls_by(lambda: it.cloudformation.delete_stack(stack))

    assert len([call for call in calls if "AssumeRole" in call]) == 2


def test_a_local_run_refuses_a_delete_without_asking_a_stack(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.set_hub(AWS_SAM_LOCAL="true")

    calls = it.calls_by(lambda: it.cloudformation.delete_stack(stack))

    assert stack.status == "DELETE_FAILED"
    assert "protected" in stack.reasons[-1]
    assert not any("Stack" in call for call in calls)


def test_another_stack_does_not_get_a_backend_whose_owner_is_alive(it: Setting) -> None:
    first = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)

    second = it.cloudformation.create_stack("orders", PROTECTED, account=ACCOUNT)

    assert second.status == "ROLLBACK_COMPLETE"
    assert first.stack_id in second.reasons[0]
    assert it.record().owner == first.stack_id


def test_a_backend_that_a_stack_dropped_stays_that_stacks(it: Setting) -> None:
    stack = given.a_resource_that_the_template_lost(it)

    second = it.cloudformation.create_stack("orders", PROTECTED, account=ACCOUNT)

    assert second.status == "ROLLBACK_COMPLETE"
    assert (it.record().owner, stack.orphans) == (stack.stack_id, [BUCKET])
