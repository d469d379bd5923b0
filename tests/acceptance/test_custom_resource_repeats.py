"""
Requests that come twice, late, out of order, or while another one is still worked on.

Lambda delivers at least once, and CloudFormation does not wait for what it has given up on. In the
end there is one backend with one key, and CloudFormation heard one thing about each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cloudformation import Backend, Other, Stack
from tests.acceptance.cloudformation_backend import ACCOUNT, Setting
from tests.acceptance.cloudformation_host import Exchange
from tests.aws_double import Fault

PROTECTED = {"StateBackend": Backend()}
UNPROTECTED = {"StateBackend": Backend(properties={"PreventDestroy": False})}
LONGER = {"StateBackend": Backend(properties={"NoncurrentVersionDays": 730})}


@pytest.fixture(autouse=True)
def one_key(it: Setting) -> Iterator[None]:
    yield
    assert _keys(it) <= 1


def _keys(it: Setting) -> int:
    return len(it.client("kms").list_keys()["Keys"])


def _created(it: Setting, template: Any = PROTECTED) -> Stack:
    return it.cloudformation.create_stack("payments", template, account=ACCOUNT)


def _agree(exchange: Exchange) -> bool:
    """Whether CloudFormation, whichever answer it read, heard the same."""
    return all(answer == exchange.answer for answer in exchange.further)


# ---- twice ---------------------------------------------------------------------------------------


def test_every_request_delivered_twice_is_answered_twice_alike(it: Setting) -> None:
    it.cloudformation.deliveries = 2

    stack = _created(it)
    it.cloudformation.update_stack(stack, UNPROTECTED)
    it.cloudformation.delete_stack(stack)

    assert stack.status == "DELETE_COMPLETE", stack.reasons
    assert [len(exchange.further) for exchange in it.cloudformation.sent] == [1, 1, 1]
    assert all(map(_agree, it.cloudformation.sent))
    assert it.record().state == "RELEASED"


def test_a_second_delivery_changes_nothing(it: Setting) -> None:
    stack = _created(it)
    before = it.backend(), it.record()
    writes: list[str] = []
    it.watch("Update", writes)
    it.cloudformation.deliveries = 2

    it.cloudformation.update_stack(stack, LONGER)

    _, second = writes
    # Its lease is all that it writes: taken and given back.
    assert second.count(";") == 1
    assert second.count("dynamodb:UpdateItem") == 2
    assert before[0] == it.backend()


def test_a_create_delivered_again_while_it_is_worked_on_waits_for_it(it: Setting) -> None:
    def again(request: dict[str, Any]) -> None:
        def the_first_one_ends() -> None:
            it.time.let_go()
            it.cloudformation.finish()

        it.time.at_next_sleep = the_first_one_ends
        it.invoke(request)

    it.cloudformation.meanwhile = again
    it.hold_the_function()
    with it.side_by_side():
        stack = _created(it)

    [create] = it.cloudformation.sent
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert len(create.further) == 1
    assert _agree(create)
    assert (it.record().owner, _keys(it)) == (stack.stack_id, 1)


# ---- late, out of order --------------------------------------------------------------------------


def test_a_late_create_changes_nothing(it: Setting) -> None:
    stack = _created(it)
    it.cloudformation.update_stack(stack, LONGER)
    before = it.backend(), it.record()
    create = it.cloudformation.sent[0]

    writes = it.writes_by(lambda: it.cloudformation.deliver_again(create))

    assert (writes, (it.backend(), it.record())) == ([], before)


def test_an_update_that_another_one_has_overtaken_changes_nothing(it: Setting) -> None:
    stack = _created(it)
    it.cloudformation.update_stack(stack, LONGER)
    first = it.cloudformation.sent[-1]
    it.cloudformation.update_stack(stack, UNPROTECTED)
    before = it.backend(), it.record()

    writes = it.writes_by(lambda: it.cloudformation.deliver_again(first))

    assert (writes, (it.backend(), it.record())) == ([], before)


def test_a_late_update_does_not_bring_a_released_backend_back(it: Setting) -> None:
    stack = _created(it)
    it.cloudformation.update_stack(stack, UNPROTECTED)
    update = it.cloudformation.sent[-1]
    it.cloudformation.delete_stack(stack)

    writes = it.writes_by(lambda: it.cloudformation.deliver_again(update))

    assert (writes, it.record().state) == ([], "RELEASED")


def test_a_late_delete_does_not_release_what_the_stack_made_again(it: Setting) -> None:
    stack = _created(it, UNPROTECTED | {"Topic": Other()})
    it.cloudformation.update_stack(stack, {"Topic": Other()})
    delete = it.cloudformation.sent[-1]
    it.cloudformation.update_stack(stack, UNPROTECTED | {"Topic": Other()})
    before = it.backend(), it.record()
    assert it.record().state == "LIVE"

    writes = it.writes_by(lambda: it.cloudformation.deliver_again(delete))

    assert (writes, (it.backend(), it.record())) == ([], before)


def test_a_late_request_is_told_to_nobody_who_listens(it: Setting) -> None:
    stack = _created(it)
    create = it.cloudformation.sent[0]

    it.cloudformation.deliver_again(create)

    assert stack.status == "CREATE_COMPLETE"
    assert create.further == []
    assert [answer["Status"] for answer in create.late] == ["FAILED"]


# ---- a Delete while the Create still runs --------------------------------------------------------


def _deleted_while_the_create_still_runs(it: Setting) -> Stack:
    it.hold_the_function()
    stack = _created(it)
    assert it.time.holds_somebody
    assert stack.status == "ROLLBACK_COMPLETE", stack.reasons
    it.time.let_go()
    it.cloudformation.finish()
    return stack


def test_a_delete_while_the_create_still_runs_does_not_wait_for_it(it: Setting) -> None:
    stack = _deleted_while_the_create_still_runs(it)

    create, delete = it.cloudformation.sent
    assert stack.status == "ROLLBACK_COMPLETE"
    assert (create.answer, len(create.late)) == (None, 1)
    assert (delete.answer or {})["Status"] == "SUCCESS"


def test_what_the_create_then_makes_is_taken_up_by_the_next_one(it: Setting) -> None:
    _deleted_while_the_create_still_runs(it)
    made = it.backend()

    following = _created(it)

    found = it.backend()
    assert following.status == "CREATE_COMPLETE", following.reasons
    assert it.record().owner == following.stack_id
    assert made is not None
    assert found is not None
    assert (found.key, found.keys_in_account) == (made.key, 1)


@pytest.mark.parametrize(
    ("at", "nth"),
    [
        pytest.param("PutBucketVersioning", 1, id="at_work"),
        pytest.param("AssumeRole", 2, id="with_nothing_but_the_lease"),
    ],
)
def test_a_stack_made_anew_while_the_old_create_still_runs_waits_for_it(
    it: Setting, at: str, nth: int
) -> None:
    it.hold_the_function(at, nth)
    with it.side_by_side():
        _created(it)

        def the_first_one_ends() -> None:
            it.time.let_go()
            it.cloudformation.finish()

        it.time.at_next_sleep = the_first_one_ends
        following = _created(it)

    assert following.status == "CREATE_COMPLETE", following.reasons
    assert (it.record().owner, _keys(it)) == (following.stack_id, 1)


def test_a_delete_while_another_run_holds_the_lease_waits_for_it(it: Setting) -> None:
    stack = _created(it, UNPROTECTED)
    it.cloudformation.update_stack(stack, UNPROTECTED | {"Topic": Other()})
    lease = it.lease()
    it.time.at_next_sleep = lease.give_back

    it.cloudformation.delete_stack(stack)

    assert stack.status == "DELETE_COMPLETE", stack.reasons
    assert it.record().state == "RELEASED"


def test_a_stack_is_not_told_that_it_is_tried_again(it: Setting) -> None:
    lease = it.lease()

    stack = _created(it)

    lease.give_back()
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "Deploy the stack again" in stack.reasons[0]
    assert "tried again" not in stack.reasons[0]


# ---- nobody hears, or time runs out --------------------------------------------------------------


def test_an_answer_that_nobody_takes_is_tried_a_bounded_number_of_times(it: Setting) -> None:
    it.host.deaf_to = "Create"

    stack = _created(it)

    assert stack.status == "ROLLBACK_COMPLETE"
    assert it.invocations[0].printed.count("answer not taken") == 7
    it.host.deaf_to = ""
    assert _created(it).status == "CREATE_COMPLETE"


@pytest.mark.parametrize("operation", ["PutBucketPolicy", "AssumeRole", "UpdateItem", "CreateKey"])
def test_an_answer_comes_before_the_functions_time_ends(it: Setting, operation: str) -> None:
    it.aws.faults.add(Fault(operation=operation, kind="throttle", times=9999))
    began = it.time.seconds

    stack = _created(it)

    assert it.time.seconds - began < 600
    assert (it.cloudformation.sent[0].answer or {})["Status"] == "FAILED"
    it.aws.faults.clear()
    assert stack.status == "ROLLBACK_COMPLETE"
    assert _created(it).status == "CREATE_COMPLETE"


def test_the_functions_time_ends_before_cloudformation_gives_up() -> None:
    from tests.deployment.deployed import TEMPLATE  # noqa: PLC0415
    from tests.deployment.template import load  # noqa: PLC0415

    function = load(TEMPLATE)["Globals"]["Function"]

    assert function["Timeout"] < Backend().service_timeout
