"""
Every request that must be refused is refused, and every one that must pass passes.

Three say so, each without the others: the contract's rules, the AWS double, and iam-simulate.
"""

from __future__ import annotations

import pytest

from tests.aws_double.s3_actions import OBJECT_ACTIONS, S3_ACTIONS
from tests.matrix import double, rules
from tests.matrix.backends import policy_of
from tests.matrix.cells import BACKENDS, ON_BUCKET, ON_OBJECTS, Backend, What, cells
from tests.matrix.conftest import Judged, Recorder

every_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)

NO_MATTER_OF_A_BUCKETS_POLICY = (
    "AccessGrant",
    "AccessPoint",
    "Account",
    "CallerAccess",
    "DataAccess",
    "Job",
    "ListAllMyBuckets",
    "MultiRegion",
    "StorageLens",
    "VendedLogDelivery",
)
"""Parts of the names of actions that are asked of an account, or of another kind of resource."""
LOOKING = ("Get", "List", "Describe")


@every_backend
def test_the_double_answers_by_the_rules(backend: Backend, record_property: Recorder) -> None:
    requests = list(cells(backend))

    wrong = [
        f"{request}: {said.value}, and must be {expected.value}"
        for request in requests
        if (said := double.answer(request, policy_of(backend, key=request.what is What.KEY)))
        is not (expected := rules.answer(backend, request))
    ]

    record_property("cases", len(requests))
    assert wrong == []


@every_backend
def test_iam_simulate_answers_by_the_rules(
    backend: Backend, judged: dict[Backend, Judged], record_property: Recorder
) -> None:
    found = judged[backend]

    wrong = [
        f"{request}: {said.answer.value}, and must be {expected.value}"
        for request, said in zip(found.requests, found.judgements, strict=True)
        if said.answer is not (expected := rules.answer(backend, request))
    ]

    record_property("cases", len(found.requests))
    assert wrong == []


@every_backend
def test_aws_has_every_condition_key_for_every_action(
    backend: Backend, judged: dict[Backend, Judged]
) -> None:
    """A condition on a key that an action's requests do not have would never hold."""
    found = judged[backend]

    dropped = {
        (request.action, key)
        for request, said in zip(found.requests, found.judgements, strict=True)
        for key in said.ignored
    }

    assert dropped == set()


def test_what_changes_a_bucket_or_its_objects_is_refused_or_known_to_be_harmless() -> None:
    changing = {
        f"s3:{action}"
        for action in S3_ACTIONS
        if not action.startswith(LOOKING)
        and action != "CreateBucket"
        and not any(part in action for part in NO_MATTER_OF_A_BUCKETS_POLICY)
    }

    judged_by_rule = rules.DESTROYING | rules.RECONFIGURING | rules.WRITING

    assert changing == judged_by_rule | set(rules.HARMLESS)


def test_every_action_of_the_rules_is_in_the_matrix_on_its_kind_of_resource() -> None:
    ruled = rules.DESTROYING | rules.RECONFIGURING | rules.WRITING | rules.READING
    on_objects = {action for action in ruled if action[3:] in OBJECT_ACTIONS}

    assert on_objects == {*ON_OBJECTS, "s3:PutObject"}
    assert ruled - on_objects <= set(ON_BUCKET)
