"""Situations in which CloudFormation sends a Delete, each played to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.acceptance.cloudformation import Backend, Other, Stack, StackSet, Template
from tests.acceptance.cloudformation_backend import ACCOUNT, BUCKET, REGION, Setting
from tests.aws_double import Fault, Refusal
from tests.aws_double.testing import deny

PROTECTED: Template = {"StateBackend": Backend()}
BOTH_LOCKS: Template = {"StateBackend": Backend(properties={"LockMode": "both"})}
UNPROTECTED: Template = {"StateBackend": Backend(properties={"PreventDestroy": False})}
NOTHING_ELSE: Template = {"Topic": Other()}
FAILING = Other(fails=frozenset({"Create"}))


# ---- a backend that was never completed ----------------------------------------------------------


def a_create_that_failed(it: Setting) -> Stack:
    it.aws.service_control_policies[ACCOUNT] = [_policy(deny("s3:PutBucketPolicy"))]
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.aws.service_control_policies.clear()
    return stack


def a_create_that_failed_in_a_stack_set(it: Setting) -> Stack:
    it.aws.service_control_policies[ACCOUNT] = [_policy(deny("s3:PutBucketPolicy"))]
    stack = StackSet(it.cloudformation, "backends", PROTECTED).create_instance(ACCOUNT)
    it.aws.service_control_policies.clear()
    return stack


def a_create_that_was_never_answered(it: Setting) -> Stack:
    it.cloudformation.loses = "Create"
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.cloudformation.loses = ""
    return stack


def a_create_with_a_property_that_does_not_exist(it: Setting) -> Stack:
    template = {"StateBackend": Backend(properties={"Versioning": True})}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


def an_added_resource_that_failed(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", NOTHING_ELSE, account=ACCOUNT)
    it.aws.service_control_policies[ACCOUNT] = [_policy(deny("s3:PutBucketPolicy"))]
    it.cloudformation.update_stack(stack, {**NOTHING_ELSE, **PROTECTED})
    it.aws.service_control_policies.clear()
    return stack


# ---- its bucket is gone --------------------------------------------------------------------------


def a_bucket_that_a_person_has_removed(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    person = it.aws.client(
        "s3", principal=f"arn:aws:iam::{ACCOUNT}:role/Person", region=REGION, tls=True
    )
    for key, versions in it.at_first.states.items() if it.at_first else ():
        for version in versions:
            person.delete_object(Bucket=BUCKET, Key=key, VersionId=version)
    person.delete_bucket(Bucket=BUCKET)
    it.at_first = None
    return it.cloudformation.delete_stack(stack)


# ---- the stack's creation rolls back -------------------------------------------------------------


def another_resource_fails_in_the_creation(it: Setting) -> Stack:
    template = {**PROTECTED, "Topic": FAILING}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


def the_same_in_a_creation_by_change_set(it: Setting) -> Stack:
    template = {**PROTECTED, "Topic": FAILING}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT, change_set=True)


def the_same_in_a_stack_set(it: Setting) -> Stack:
    template = {**PROTECTED, "Topic": FAILING}
    return StackSet(it.cloudformation, "backends", template).create_instance(ACCOUNT)


def the_same_with_many_pages_of_events(it: Setting) -> Stack:
    it.stacks.page_size = 3
    return another_resource_fails_in_the_creation(it)


def the_same_though_its_bucket_cannot_be_looked_at(it: Setting) -> Stack:
    it.aws.faults.add(
        Fault(
            operation="HeadBucket",
            kind="access_denied",
            times=99,
            match=lambda call: call.status == 0 and it.at_first is not None,
        )
    )
    stack = another_resource_fails_in_the_creation(it)
    it.aws.faults.clear()
    return stack


def the_same_after_taking_over_a_released_backend(it: Setting) -> Stack:
    it.former = a_released_backend(it)
    return another_resource_fails_in_the_creation(it)


def the_same_with_two_resources_for_one_backend(it: Setting) -> Stack:
    template: Template = {"One": Backend(), "Two": Backend(), "Topic": FAILING}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


def the_same_after_another_stacks_create_had_failed(it: Setting) -> Stack:
    a_create_that_failed(it)
    return another_resource_fails_in_the_creation(it)


def a_kept_backend_although_it_is_to_be_kept_only_after_creation(it: Setting) -> Stack:
    policy = Backend(deletion_policy="RetainExceptOnCreate")
    template: Template = {"StateBackend": policy, "Topic": FAILING}
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


# ---- an update rolls back ------------------------------------------------------------------------


def a_new_resource_in_an_update_that_fails_elsewhere(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", NOTHING_ELSE, account=ACCOUNT)
    return it.cloudformation.update_stack(stack, {**NOTHING_ELSE, **PROTECTED, "More": FAILING})


def a_renamed_resource_in_an_update_that_fails_elsewhere(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    return it.cloudformation.update_stack(stack, {"Renamed": Backend(), "Topic": FAILING})


def a_resource_added_anew_in_an_update_that_fails_elsewhere(it: Setting) -> Stack:
    stack = a_resource_that_the_template_lost(it)
    return it.cloudformation.update_stack(stack, {**PROTECTED, "More": FAILING})


# ---- another resource holds it, or another owner -------------------------------------------------


def a_renamed_resource(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    return it.cloudformation.update_stack(stack, {"Renamed": Backend()})


def a_renamed_resource_in_a_stack_with_many_pages(it: Setting) -> Stack:
    it.stacks.page_size = 1
    return a_renamed_resource(it)


def a_reader_of_the_hubs_backend(it: Setting) -> Stack:
    assert it.vend()["status"] == "READY"
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    return it.cloudformation.delete_stack(stack)


def a_reader_that_says_it_may_go(it: Setting) -> Stack:
    assert it.vend(properties={"PreventDestroy": "false"})["status"] == "READY"
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    return it.cloudformation.delete_stack(stack)


# ---- live and protected --------------------------------------------------------------------------


def the_stack_is_deleted(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", BOTH_LOCKS, account=ACCOUNT)
    return it.cloudformation.delete_stack(stack)


def a_stack_made_by_change_set_is_deleted(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT, change_set=True)
    return it.cloudformation.delete_stack(stack)


def a_stack_whose_beginning_is_forgotten_is_deleted(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.cloudformation.update_stack(stack, {**PROTECTED, **NOTHING_ELSE})
    events = it.stacks.by_id[stack.stack_id].events
    del events[: next(i for i, e in enumerate(events) if e["ResourceStatus"].startswith("UPDATE"))]
    return it.cloudformation.delete_stack(stack)


def a_stack_whose_failed_creation_an_update_has_mended(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack(
        "payments", {**PROTECTED, "Topic": FAILING}, account=ACCOUNT, on_failure="DO_NOTHING"
    )
    it.cloudformation.update_stack(stack, {**PROTECTED, **NOTHING_ELSE})
    return it.cloudformation.delete_stack(stack)


def a_resource_that_the_template_lost(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    return it.cloudformation.update_stack(stack, NOTHING_ELSE)


def a_property_that_the_template_lost(it: Setting) -> Stack:
    said = {"StateBackend": Backend(properties={"PreventDestroy": True})}
    stack = it.cloudformation.create_stack("payments", said, account=ACCOUNT)
    it.cloudformation.update_stack(stack, PROTECTED)
    return it.cloudformation.delete_stack(stack)


def a_property_that_the_template_lost_where_the_hub_protects_nothing(it: Setting) -> Stack:
    it.set_hub(PREVENT_DESTROY="false")
    return a_property_that_the_template_lost(it)


def an_update_that_would_release_it_but_fails(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.cloudformation.update_stack(stack, {**UNPROTECTED, "Topic": FAILING})
    return it.cloudformation.delete_stack(stack)


def instances_of_a_stack_set_are_deleted(it: Setting) -> Stack:
    stacks = StackSet(it.cloudformation, "backends", PROTECTED)
    stacks.create_instance(ACCOUNT)
    stack = stacks.delete_instance(ACCOUNT)
    assert stacks.statuses == {ACCOUNT: "INOPERABLE"}
    stacks.delete_instance(ACCOUNT, retain_stack=True)
    return stack


def the_account_leaves_the_stack_sets_unit(it: Setting) -> Stack:
    stacks = StackSet(it.cloudformation, "backends", PROTECTED)
    stacks.create_instance(ACCOUNT)
    return stacks.delete_instance(ACCOUNT)


# ---- kept by the stack's own means: no Delete is sent, or it no longer matters -------------------


def the_account_leaves_a_unit_whose_stack_set_retains(it: Setting) -> Stack:
    stacks = StackSet(it.cloudformation, "backends", PROTECTED)
    stacks.create_instance(ACCOUNT)
    return stacks.delete_instance(ACCOUNT, retain_stack=True)


def the_refused_resource_is_retained(it: Setting) -> Stack:
    return it.cloudformation.delete_stack(the_stack_is_deleted(it), retain=["StateBackend"])


def the_stack_is_deleted_by_force(it: Setting) -> Stack:
    return it.cloudformation.delete_stack(the_stack_is_deleted(it), force=True)


def a_policy_retains_it(it: Setting) -> Stack:
    template = {"StateBackend": Backend(deletion_policy="Retain")}
    stack = it.cloudformation.create_stack("payments", template, account=ACCOUNT)
    it.cloudformation.delete_stack(stack)
    assert [exchange.request["RequestType"] for exchange in it.cloudformation.sent] == ["Create"]
    return stack


def a_policy_retains_it_except_on_create(it: Setting) -> Stack:
    template = {"StateBackend": Backend(deletion_policy="RetainExceptOnCreate")}
    stack = it.cloudformation.create_stack("payments", template, account=ACCOUNT)
    it.cloudformation.delete_stack(stack)
    assert [exchange.request["RequestType"] for exchange in it.cloudformation.sent] == ["Create"]
    return stack


def a_replacement_would_be_retained(it: Setting) -> Stack:
    """But nothing replaces it: its physical id stays, whatever changes."""
    policy = Backend(update_replace_policy="Retain")
    stack = it.cloudformation.create_stack("payments", {"StateBackend": policy}, account=ACCOUNT)
    changed = replace(policy, properties={"NoncurrentVersionDays": 400})
    it.cloudformation.update_stack(stack, {"StateBackend": changed})
    kinds = [exchange.request["RequestType"] for exchange in it.cloudformation.sent]
    assert kinds == ["Create", "Update"]
    return stack


def termination_protection_refuses_the_deletion(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    stack.termination_protection = True
    it.cloudformation.delete_stack(stack)
    assert [exchange.request["RequestType"] for exchange in it.cloudformation.sent] == ["Create"]
    return stack


# ---- released ------------------------------------------------------------------------------------


def a_released_backend(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("former", BOTH_LOCKS, account=ACCOUNT)
    released = Backend(properties={"LockMode": "both", "PreventDestroy": False})
    it.cloudformation.update_stack(stack, {"StateBackend": released})
    return it.cloudformation.delete_stack(stack)


def a_backend_that_was_never_protected(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    return it.cloudformation.delete_stack(stack)


def a_released_resource_that_the_template_lost(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.cloudformation.update_stack(stack, UNPROTECTED)
    it.cloudformation.update_stack(stack, NOTHING_ELSE)
    assert stack.orphans == []
    return stack


# ---- what cannot be looked at --------------------------------------------------------------------


def the_stack_cannot_be_looked_at(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    forbid(it, "DescribeStackEvents")
    return deleted_in_vain(it, stack)


def the_stacks_resources_cannot_be_looked_at(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    forbid(it, "ListStackResources")
    return deleted_in_vain(it, stack)


def the_register_cannot_be_read(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    forbid(it, "GetItem")
    return deleted_in_vain(it, stack)


def the_register_cannot_be_written(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    forbid(it, "UpdateItem")
    return deleted_in_vain(it, stack)


def the_role_is_gone(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    for role in ("StateholdProvisioner", "AWSControlTowerExecution"):
        it.aws.remove_role(ACCOUNT, role)
    it.cloudformation.delete_stack(stack)
    for role in ("StateholdProvisioner", "AWSControlTowerExecution"):
        it.aws.add_role(ACCOUNT, role)
    return stack


def the_hubs_mode_is_plan(it: Setting) -> Stack:
    stack = it.cloudformation.create_stack("payments", UNPROTECTED, account=ACCOUNT)
    it.set_hub(MODE="plan")
    it.cloudformation.delete_stack(stack)
    it.set_hub(MODE="reconcile")
    return stack


# ---- plumbing ------------------------------------------------------------------------------------


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def forbid(it: Setting, operation: str) -> None:
    refused = Refusal(
        "AccessDenied", f"not authorized to perform: {operation} with an explicit deny", 403
    )
    it.aws.faults.add(Fault(operation=operation, kind="refuse", error=refused, times=99))


def deleted_in_vain(it: Setting, stack: Stack) -> Stack:
    it.cloudformation.delete_stack(stack)
    it.aws.faults.clear()
    return stack
