"""
Whose request is it? What a request claims is confirmed in its stack's account, or it is refused.

A forged one leaves nothing behind, neither in an account nor in the register, and is counted. Each
starts from a genuine request, so that only what it forges can be what gives it away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.cloudformation import Backend, Other
from tests.acceptance.cloudformation_backend import ACCOUNT, BUCKET, HUB, REGION, Setting
from tests.aws_double import AwsDouble, Fault, Refusal

OTHER_ACCOUNT = "333333333333"
STRANGER = "999999999999"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/payments/0a1b2c3d"
PROTECTED = {"StateBackend": Backend()}
Request = dict[str, Any]


def _in_progress(
    it: Setting,
    kind: str = "Create",
    stack_id: str = STACK,
    physical_id: str = BUCKET,
    **properties: str,
) -> Request:
    """A genuine request: its stack exists, and its newest event says what it says."""
    request: Request = {
        "RequestType": kind,
        "RequestId": "1c5b0f3a-4d2e-4b7f-8a91-5e6d7c8b9a01",
        "StackId": stack_id,
        "LogicalResourceId": "StateBackend",
        "ResourceType": "Custom::StateBackend",
        "ResourceProperties": {"ServiceToken": "arn:of:the:function", **properties},
    }
    if kind != "Create":
        request["PhysicalResourceId"] = physical_id
    it.stacks.put_event(
        stack_id=stack_id,
        logical_id=stack_id.split("/")[1],
        physical_id=stack_id,
        status=f"{kind.upper()}_IN_PROGRESS",
        resource_type="AWS::CloudFormation::Stack",
    )
    it.stacks.put_event(
        stack_id=stack_id,
        logical_id="StateBackend",
        physical_id="" if kind == "Create" else physical_id,
        status=f"{kind.upper()}_IN_PROGRESS",
        properties=request["ResourceProperties"],
    )
    it.host.open(request)
    return request


def _answer(it: Setting) -> dict[str, Any]:
    [*_, exchange] = it.host.exchanges.values()
    assert exchange.answer is not None
    return exchange.answer


def test_the_genuine_request_that_all_are_forged_from_is_carried_out(it: Setting) -> None:
    it.invoke(_in_progress(it))

    assert _answer(it)["Status"] == "SUCCESS"
    assert it.record().owner == STACK


# ---- forged --------------------------------------------------------------------------------------


def a_stack_that_does_not_exist(it: Setting) -> Request:
    return _in_progress(it) | {"StackId": STACK.replace("0a1b", "ffff")}


def a_stack_of_another_account(it: Setting) -> Request:
    it.aws.add_account(OTHER_ACCOUNT)
    return _in_progress(it) | {"StackId": STACK.replace(ACCOUNT, OTHER_ACCOUNT)}


def a_stack_of_the_hubs_own_account(it: Setting) -> Request:
    return _in_progress(it) | {"StackId": STACK.replace(ACCOUNT, HUB)}


def a_stack_of_another_region(it: Setting) -> Request:
    return _in_progress(it) | {"StackId": STACK.replace(REGION, "eu-west-1")}


def another_stack_of_the_same_name(it: Setting) -> Request:
    older = STACK.replace("0a1b", "0000")
    it.stacks.put_event(stack_id=older, logical_id="StateBackend", status="DELETE_COMPLETE")
    return _in_progress(it) | {"StackId": older}


def another_logical_id(it: Setting) -> Request:
    return _in_progress(it) | {"LogicalResourceId": "Other"}


def a_type_of_which_the_stack_says_nothing(it: Setting) -> Request:
    return _in_progress(it) | {"RequestType": "Update", "PhysicalResourceId": BUCKET}


def a_resource_of_another_kind(it: Setting) -> Request:
    """Whoever can make a bucket by a stack has its word for the bucket's own properties."""
    request = _in_progress(it, BucketName=BUCKET)
    it.stacks.put_event(
        stack_id=STACK,
        logical_id="StateBackend",
        status="CREATE_IN_PROGRESS",
        resource_type="AWS::S3::Bucket",
        properties=request["ResourceProperties"],
    )
    return request


def a_custom_resource_of_another_function(it: Setting) -> Request:
    request = _in_progress(it)
    it.stacks.put_event(
        stack_id=STACK,
        logical_id="StateBackend",
        status="CREATE_IN_PROGRESS",
        resource_type="Custom::Tagger",
        properties=request["ResourceProperties"],
    )
    return request


def an_update_of_another_physical_id(it: Setting) -> Request:
    return _in_progress(it, "Update") | {"PhysicalResourceId": f"{BUCKET}-other"}


def properties_that_the_stack_does_not_have(it: Setting) -> Request:
    request = _in_progress(it, PreventDestroy="true")
    own = request["ResourceProperties"]
    return request | {"ResourceProperties": own | {"PreventDestroy": "false"}}


def one_property_more(it: Setting) -> Request:
    request = _in_progress(it)
    own = request["ResourceProperties"]
    return request | {"ResourceProperties": own | {"Region": "eu-west-1"}}


def one_property_less(it: Setting) -> Request:
    request = _in_progress(it, PreventDestroy="true")
    return request | {"ResourceProperties": {"ServiceToken": "arn:of:the:function"}}


def an_operation_that_is_over(it: Setting) -> Request:
    request = _in_progress(it)
    it.stacks.put_event(stack_id=STACK, logical_id="StateBackend", status="CREATE_COMPLETE")
    return request


def an_operation_that_has_failed(it: Setting) -> Request:
    request = _in_progress(it)
    it.stacks.put_event(stack_id=STACK, logical_id="StateBackend", status="CREATE_FAILED")
    return request


def a_stack_id_that_is_none(it: Setting) -> Request:
    return _in_progress(it) | {"StackId": f"arn:aws:s3:::{BUCKET}"}


def a_stack_id_with_something_behind_it(it: Setting) -> Request:
    return _in_progress(it) | {"StackId": f"{STACK}/../{HUB}"}


def a_type_that_does_not_exist(it: Setting) -> Request:
    return _in_progress(it) | {"RequestType": "Read"}


FORGED = (
    a_stack_that_does_not_exist,
    a_stack_of_another_account,
    a_stack_of_the_hubs_own_account,
    a_stack_of_another_region,
    another_stack_of_the_same_name,
    another_logical_id,
    a_type_of_which_the_stack_says_nothing,
    a_resource_of_another_kind,
    a_custom_resource_of_another_function,
    an_update_of_another_physical_id,
    properties_that_the_stack_does_not_have,
    one_property_more,
    one_property_less,
    an_operation_that_is_over,
    an_operation_that_has_failed,
    a_stack_id_that_is_none,
    a_stack_id_with_something_behind_it,
    a_type_that_does_not_exist,
)


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_a_forged_request_is_refused_leaves_nothing_behind_and_is_counted(
    it: Setting, forge: Callable[[Setting], Request]
) -> None:
    request = forge(it)
    it.host.open(request)

    writes = it.writes_by(lambda: it.invoke(request))

    assert _answer(it)["Status"] == "FAILED"
    assert writes == []
    assert it.counted() == ["RequestsUnconfirmed"]


def a_delete_without_a_delete(it: Setting) -> Request:
    return {"RequestType": "Delete", "PhysicalResourceId": BUCKET}


def an_update_that_lifts_the_protection(it: Setting) -> Request:
    lifted = {"ServiceToken": "arn:of:the:function", "PreventDestroy": "false"}
    return {
        "RequestType": "Update",
        "PhysicalResourceId": BUCKET,
        "ResourceProperties": lifted,
    }


@pytest.mark.parametrize(
    "forge",
    [a_delete_without_a_delete, an_update_that_lifts_the_protection],
    ids=lambda forge: forge.__name__,
)
def test_what_is_forged_of_a_live_backend_changes_nothing_of_it(
    it: Setting, forge: Callable[[Setting], Request]
) -> None:
    request = _in_progress(it)
    it.invoke(request)
    it.stacks.put_event(stack_id=STACK, logical_id="StateBackend", status="CREATE_COMPLETE")
    before = it.backend(), it.record()
    forged = request | {"RequestId": "another"} | forge(it)
    it.host.open(forged)

    writes = it.writes_by(lambda: it.invoke(forged))

    assert _answer(it)["Status"] == "FAILED"
    assert (writes, (it.backend(), it.record())) == ([], before)
    assert it.counted() == ["RequestsUnconfirmed"]


def test_a_forged_delete_is_not_announced_as_a_refusal(it: Setting) -> None:
    request = _in_progress(it)
    it.invoke(request)
    forged = request | {"RequestId": "another"} | a_delete_without_a_delete(it)
    it.host.open(forged)
    before = len(it.aws.calls)

    it.invoke(forged)

    assert [it for it in it.aws.calls[before:] if it.operation == "PutEvents"] == []


def test_a_delete_of_another_stacks_backend_succeeds_and_touches_nothing(it: Setting) -> None:
    it.invoke(_in_progress(it))
    before = it.backend(), it.record()
    thief = STACK.replace("payments", "thief")
    request = _in_progress(it, "Delete", stack_id=thief)

    writes = it.writes_by(lambda: it.invoke(request))

    assert _answer(it)["Status"] == "SUCCESS"
    assert (writes, (it.backend(), it.record())) == ([], before)


def test_a_delete_of_something_else_does_not_stand_for_one_of_the_live_backend(
    it: Setting,
) -> None:
    it.invoke(_in_progress(it, PreventDestroy="false"))
    before = it.backend(), it.record()
    request = _in_progress(it, "Delete", physical_id="payments-StateBackend-1ABC")
    forged = request | {"PhysicalResourceId": BUCKET}
    it.host.open(forged)

    writes = it.writes_by(lambda: it.invoke(forged))

    assert _answer(it)["Status"] == "FAILED"
    assert (writes, (it.backend(), it.record())) == ([], before)


@pytest.mark.parametrize(
    "physical_id", ["statehold-create-failed-StateBackend", "payments-StateBackend-1ABC"]
)
def test_a_delete_of_an_id_that_never_was_a_backend_succeeds_beside_a_live_one(
    it: Setting, physical_id: str
) -> None:
    it.invoke(_in_progress(it))
    before = it.backend(), it.record()
    request = _in_progress(it, "Delete", physical_id=physical_id)

    writes = it.writes_by(lambda: it.invoke(request))

    assert _answer(it)["Status"] == "SUCCESS"
    assert (writes, (it.backend(), it.record())) == ([], before)


def test_a_create_that_came_to_nothing_has_an_id_that_no_bucket_can_have(it: Setting) -> None:
    it.invoke(_in_progress(it, Encryption="none"))

    physical_id = _answer(it)["PhysicalResourceId"]
    assert physical_id == "statehold-create-failed-StateBackend"
    assert physical_id != physical_id.lower()


def test_a_stack_of_the_hubs_own_account_is_believed_if_it_says_so(aws: AwsDouble) -> None:
    bucket = f"tfstate-{HUB}-{REGION}-an"
    with Setting(aws, account=HUB, bucket=bucket) as it:
        stack = it.cloudformation.create_stack("own", PROTECTED, account=HUB)

        assert stack.status == "CREATE_COMPLETE", stack.reasons
        assert it.record().owner == stack.stack_id


# ---- where to answer -----------------------------------------------------------------------------

HOSTILE_URLS = (
    "http://cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com/x",
    "https://cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com.evil.example/x",
    "https://cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com@evil.example/x",
    "https://cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com.cn/x",
    "https://evil.example/cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com",
    "https://169.254.169.254/latest/meta-data",
    "https://cloudformation-custom-resource-response-eucentral1.s3.amazonaws.com:8443/x",
    "file:///etc/passwd",
    "",
)


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_response_url_is_not_answered_nothing_is_done_and_it_is_counted(
    it: Setting, url: str
) -> None:
    request = _in_progress(it) | {"ResponseURL": url}

    calls = it.calls_by(lambda: it.invoke(request))

    assert calls == []
    assert it.counted() == ["ResponseUrlsRefused"]


# ---- what cannot be looked at --------------------------------------------------------------------


def test_a_stack_of_an_account_outside_the_organization_is_refused(it: Setting) -> None:
    request = _in_progress(it) | {"StackId": STACK.replace(ACCOUNT, STRANGER)}
    it.host.open(request)

    writes = it.writes_by(lambda: it.invoke(request))

    assert _answer(it)["Status"] == "FAILED"
    assert writes == []
    assert not it.is_on_record(STRANGER)


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalFailure"])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_stack_that_cannot_be_looked_at_is_refused(it: Setting, kind: str, code: str) -> None:
    it.invoke(_in_progress(it))
    before = it.backend(), it.record()
    request = _in_progress(it, kind) | {"RequestId": "another"}
    it.host.open(request)
    refused = Refusal(code, "no", 403 if code == "AccessDenied" else 500)
    it.aws.faults.add(
        Fault(operation="DescribeStackEvents", kind="refuse", error=refused, times=9999)
    )

    writes = it.writes_by(lambda: it.invoke(request))

    answer = _answer(it)
    assert answer["Status"] == "FAILED"
    assert "failed unexpectedly" not in answer["Reason"]
    assert (writes, (it.backend(), it.record())) == ([], before)


def test_an_event_that_shows_late_is_waited_for(it: Setting) -> None:
    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)
    it.aws.faults.add(Fault(operation="DescribeStackEvents", kind="stale"))

    it.cloudformation.update_stack(stack, PROTECTED | {"Topic": Other()})
    changed = {"StateBackend": Backend(properties={"NoncurrentVersionDays": 400})}
    it.cloudformation.update_stack(stack, changed)

    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert it.time.slept != []


def test_a_role_that_appears_late_in_a_new_account_is_waited_for(it: Setting) -> None:
    roles = ("StateholdProvisioner", "AWSControlTowerExecution")
    for role in roles:
        it.aws.remove_role(ACCOUNT, role)
    it.time.at_next_sleep = lambda: [it.aws.add_role(ACCOUNT, role) for role in roles]

    stack = it.cloudformation.create_stack("payments", PROTECTED, account=ACCOUNT)

    assert stack.status == "CREATE_COMPLETE", stack.reasons
