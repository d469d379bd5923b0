"""
Stack sets across the organization: accounts that come, move and go, and instances that fail.

``ROWS`` is the table of ``docs/stacksets.md``. A situation ends with the instance and the owner
that the page names, with the backend as whole as its clients left it, and with the way out that
the page gives leading out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.acceptance.cloudformation_backend import ACCOUNT
from tests.acceptance.stack_set_fleet import (
    A_RETAINED_STACK,
    AN_ENDED_STACK,
    HUBS,
    LATE,
    NO_RECORD,
    THE_STACK,
    Fleet,
    said_of_it,
    with_policy,
    without_the_function,
)
from tests.acceptance.stack_sets import CURRENT, GONE, INOPERABLE, OUTDATED, SKIPPED
from tests.contract.templates import ROOT
from tests.contract.test_docs import cells

# ---- the situations ------------------------------------------------------------------------------


def comes(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.aws.add_account(LATE, parent=fleet.organization.units["sandbox"])
    fleet.set.auto_deploy()
    assert fleet.set.status(LATE) == CURRENT
    assert fleet.it.is_on_record(LATE)


def comes_after_the_hub(fleet: Fleet) -> None:
    assert fleet.it.vend()["status"] == "READY"
    fleet.set.create_instances()


def moves_below_the_target(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.move("sandbox")
    assert len(fleet.it.cloudformation.sent) == 1


def moves_between_targets(fleet: Fleet) -> None:
    fleet.set = fleet.a_set("production", "sandbox")
    fleet.set.create_instances()
    fleet.move("sandbox")


def a_reader_moves_between_targets(fleet: Fleet) -> None:
    assert fleet.it.vend()["status"] == "READY"
    moves_between_targets(fleet)


def moves_out(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.move("elsewhere")


def comes_back(fleet: Fleet) -> None:
    moves_out(fleet)
    fleet.move("production")


def leaves_the_organization(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.organization.remove(ACCOUNT)
    fleet.set.auto_deploy()
    assert said_of_it(fleet) == "IGNORED"


def is_suspended(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.aws.set_account_state(ACCOUNT, "SUSPENDED")
    fleet.set.update(NoncurrentVersionDays="730")
    assert len(fleet.it.cloudformation.sent) == 1
    assert said_of_it(fleet) == "IGNORED"
    fleet.it.aws.set_account_state(ACCOUNT, "ACTIVE")  # so that it can be looked into
    assert fleet.it.backend() == fleet.it.at_first
    fleet.it.aws.set_account_state(ACCOUNT, "SUSPENDED")


def cannot_be_created(fleet: Fleet) -> None:
    fleet.refuse("s3:PutBucketPolicy")
    fleet.set.create_instances()


def cannot_call_the_function(fleet: Fleet) -> None:
    without_the_function(fleet, fleet.set.create_instances)


def is_created_but_the_answer_is_lost(fleet: Fleet) -> None:
    fleet.it.host.deaf_to = "Create"
    fleet.set.create_instances()
    fleet.it.host.deaf_to = ""


def is_updated(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.update(NoncurrentVersionDays="730")
    assert fleet.it.record().given["NoncurrentVersionDays"] == "730"


def cannot_be_updated(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.refuse("s3:PutLifecycleConfiguration")
    fleet.set.update(NoncurrentVersionDays="730")


def instances_are_deleted(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)
    assert [it.request["RequestType"] for it in fleet.it.cloudformation.sent] == ["Create"]


def instances_are_deleted_and_stacks_retained(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=True)


def instances_of_a_template_that_does_not_retain_are_deleted(fleet: Fleet) -> None:
    fleet.set = with_policy(fleet, "Delete")
    fleet.set.create_instances()
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)


def the_hub_gets_new_defaults(fleet: Fleet) -> None:
    fleet.set.create_instances()
    fleet.it.set_hub(NONCURRENT_VERSION_DAYS="30", LOCK_MODE="dynamodb")
    assert fleet.it.vend()["status"] == "READY"


def the_hub_is_removed(fleet: Fleet) -> None:
    fleet.set.create_instances()
    without_the_function(fleet, fleet.set.auto_deploy)


def is_updated_without_the_hub(fleet: Fleet) -> None:
    fleet.set.create_instances()
    without_the_function(fleet, lambda: fleet.set.update(NoncurrentVersionDays="730"))
    assert fleet.set.stack(ACCOUNT).status == "UPDATE_ROLLBACK_FAILED"


def the_hub_is_removed_and_the_instances_too(fleet: Fleet) -> None:
    fleet.set.create_instances()
    without_the_function(fleet, lambda: fleet.set.delete_instances(ACCOUNT, retain_stacks=False))


# ---- the ways out --------------------------------------------------------------------------------


def nothing(fleet: Fleet) -> None:
    """There is nothing to clear."""


def create_again(fleet: Fleet) -> None:
    fleet.it.aws.service_control_policies.clear()
    fleet.set.create_instances()
    assert fleet.set.status(ACCOUNT) == CURRENT


def update_again(fleet: Fleet) -> None:
    fleet.it.aws.service_control_policies.clear()
    fleet.set.update()
    assert fleet.set.status(ACCOUNT) == CURRENT


def delete_the_retained_stack_and_create_again(fleet: Fleet) -> None:
    for stack in fleet.set.retained:
        fleet.it.cloudformation.delete_stack(stack)
        assert stack.status == "DELETE_COMPLETE"
    create_again(fleet)


def delete_the_instances_and_create_again(fleet: Fleet) -> None:
    fleet.set.delete_instances(ACCOUNT, retain_stacks=False)
    assert fleet.set.status(ACCOUNT) == GONE
    create_again(fleet)


def retain_the_stack_and_the_resource(fleet: Fleet) -> None:
    stack = fleet.set.stack(ACCOUNT)
    fleet.set.delete_instances(ACCOUNT, retain_stacks=True)
    assert fleet.set.status(ACCOUNT) == GONE
    fleet.it.cloudformation.delete_stack(stack, retain=["StateBackend"])
    assert stack.status == "DELETE_COMPLETE"
    fleet.set = fleet.a_set()
    create_again(fleet)


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """A situation, how it must end, and the way out of it."""

    play: Callable[[Fleet], None]
    instance: str
    owner: str
    way_out: Callable[[Fleet], None] = nothing
    whole: bool = True
    """Whether there was a whole backend, which then must still be whole."""


ROWS = {
    "an account is created in the target, or moves into it": Row(
        play=comes, instance=CURRENT, owner=THE_STACK
    ),
    "the same, after the hub made its backend": Row(
        play=comes_after_the_hub, instance=CURRENT, owner=HUBS
    ),
    "it moves between units below one target": Row(
        play=moves_below_the_target, instance=CURRENT, owner=THE_STACK
    ),
    "it moves from one target to another": Row(
        play=moves_between_targets,
        instance=OUTDATED,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "the same, where the hub made its backend": Row(
        play=a_reader_moves_between_targets, instance=CURRENT, owner=HUBS
    ),
    "it moves out of every target": Row(play=moves_out, instance=GONE, owner=A_RETAINED_STACK),
    "it comes back": Row(
        play=comes_back,
        instance=OUTDATED,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "it leaves the organization": Row(
        play=leaves_the_organization, instance=GONE, owner=A_RETAINED_STACK
    ),
    "it is suspended or closed": Row(
        play=is_suspended, instance=SKIPPED, owner=THE_STACK, whole=False
    ),
    "its backend cannot be made": Row(
        play=cannot_be_created,
        instance=OUTDATED,
        owner=AN_ENDED_STACK,
        way_out=create_again,
        whole=False,
    ),
    "the function cannot be called": Row(
        play=cannot_call_the_function,
        instance=OUTDATED,
        owner=NO_RECORD,
        way_out=create_again,
        whole=False,
    ),
    "the answer gets lost": Row(
        play=is_created_but_the_answer_is_lost,
        instance=OUTDATED,
        owner=AN_ENDED_STACK,
        way_out=create_again,
    ),
    "a parameter is changed": Row(play=is_updated, instance=CURRENT, owner=THE_STACK),
    "a change is refused or fails": Row(
        play=cannot_be_updated, instance=OUTDATED, owner=THE_STACK, way_out=update_again
    ),
    "instances are deleted": Row(
        play=instances_are_deleted, instance=GONE, owner=AN_ENDED_STACK, way_out=create_again
    ),
    "instances are deleted with `--retain-stacks`": Row(
        play=instances_are_deleted_and_stacks_retained,
        instance=GONE,
        owner=A_RETAINED_STACK,
        way_out=delete_the_retained_stack_and_create_again,
    ),
    "instances of a template without `DeletionPolicy` are deleted": Row(
        play=instances_of_a_template_that_does_not_retain_are_deleted,
        instance=INOPERABLE,
        owner=THE_STACK,
        way_out=retain_the_stack_and_the_resource,
    ),
    "the hub gets other defaults, or a newer version": Row(
        play=the_hub_gets_new_defaults, instance=CURRENT, owner=THE_STACK
    ),
    "the hub is removed": Row(play=the_hub_is_removed, instance=CURRENT, owner=THE_STACK),
    "the hub is removed, then a parameter is changed": Row(
        play=is_updated_without_the_hub,
        instance=OUTDATED,
        owner=THE_STACK,
        way_out=delete_the_instances_and_create_again,
    ),
    "the hub is removed, then the instances": Row(
        play=the_hub_is_removed_and_the_instances_too,
        instance=GONE,
        owner=AN_ENDED_STACK,
        way_out=create_again,
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_it_ends_as_the_page_says_and_the_way_out_leads_out(fleet: Fleet, row: Row) -> None:
    row.play(fleet)

    assert fleet.set.status(ACCOUNT) == row.instance
    assert fleet.owner() == row.owner
    before = fleet.it.at_first
    if row.whole:
        assert fleet.it.backend() == before

    row.way_out(fleet)

    if row.way_out is not nothing:
        assert fleet.owner() == THE_STACK
        after = fleet.it.backend()
        assert after is not None
        assert after.keys_in_account == 1
        if row.whole:
            assert after == before


def test_the_page_has_these_rows_in_this_order() -> None:
    text = (ROOT / "docs/stacksets.md").read_text()
    table = text.partition("\n## When accounts come, move and go\n")[2].partition("\n## ")[0]
    found = [cells(line) for line in table.splitlines() if line.startswith("| ")][2:]

    shown = {row[0]: (row[1].strip("`"), row[2]) for row in found}

    assert shown == {name: (row.instance or "gone", row.owner) for name, row in ROWS.items()}
    assert list(shown) == list(ROWS)
