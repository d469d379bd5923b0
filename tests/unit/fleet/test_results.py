"""A sweep's list, joined with its results: nobody is lost, and nobody is ready without a word."""

from __future__ import annotations

import json

import pytest

from state_backend.fleet.places import Place
from state_backend.fleet.results import FILES, rows

A, B, REGION = "111111111111", "222222222222", "eu-central-1"
PLACES = [Place(account=A, region=REGION, name="payments"), Place(account=B, region=REGION)]
READY = {"accountId": A, "region": REGION, "status": "READY", "controls": {"bucket": "KEPT"}}


def record(status="SUCCEEDED", answer=None, account=A, **more):
    asked = {"operation": "reconcile", "accountId": account, "region": REGION}
    output = {} if answer is None else {"Output": json.dumps(answer)}
    return {"Input": json.dumps(asked), "Status": status, **output, **more}


def first(*records):
    return rows(PLACES, records)[0]


def test_an_answer_becomes_the_row_of_its_place():
    row = first(record(answer=[READY]))

    assert (row.status, row.name, row.owner) == ("READY", "payments", "hub")
    assert row.controls == {"bucket": "KEPT"}


def test_each_place_has_one_row_in_the_order_of_the_list():
    found = rows(PLACES, [record(answer=[READY]), record(answer=[READY], account="3" * 12)])

    assert [(it.account, it.status) for it in found] == [(A, "READY"), (B, "FAILED")]
    assert "no answer" in found[1].message


def test_the_owner_on_record_counts_for_more():
    [row] = rows([Place(account=A, region=REGION, owner="stack")], [record(answer=[READY])])

    assert row.owner == "stack"


def test_what_came_to_nothing_before_it_came_to_the_account_is_told_of_it():
    error = {"code": "InvalidRequest", "message": "The settings are wrong", "remedy": "Mend them"}

    row = first(
        record(answer=[{"accountId": "", "region": "", "status": "FAILED", "error": error}])
    )

    assert (row.account, row.status, row.code) == (A, "FAILED", "InvalidRequest")
    assert row.remedy == "Mend them"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        None,
        7,
        "READY",
        [READY, READY],
        [None],
        [{**READY, "accountId": B}],
        [{**READY, "region": "us-east-1"}],
        [{**READY, "status": "FINE"}],
        [{**READY, "controls": {"bucket": "SURE"}}],
    ],
    ids=str,
)
def test_an_answer_without_sense_is_a_failure(answer):
    row = first(record(answer=answer))

    assert (row.status, row.code) == ("FAILED", "InternalFailure")
    assert row.message
    assert A in row.remedy


def test_the_engines_word_for_a_failure_is_told_without_a_trace():
    cause = {"errorMessage": "Task timed out", "errorType": "X", "stackTrace": ["secret line"]}

    row = first(record("FAILED", Error="Sandbox.Timedout", Cause=json.dumps(cause)))

    assert row.message.endswith("Sandbox.Timedout: Task timed out")
    assert "secret" not in repr(row)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"Status": "TIMED_OUT"}, "TIMED_OUT"),
        ({"Status": "ABORTED", "Cause": "by hand"}, "ABORTED: by hand"),
        ({"Status": "PENDING"}, "before this account's turn"),
        ({"Status": None}, "without a name"),
    ],
    ids=str,
)
def test_however_it_ended_is_said(given, told):
    row = first(record() | given)

    assert row.status == "FAILED"
    assert told in row.message


@pytest.mark.parametrize("asked", [None, "", "x", "[]", "7", '{"accountId": 7, "region": "x"}'])
def test_a_record_about_nobody_makes_nobody_ready(asked):
    row = first(record(answer=[READY]) | {"Input": asked})

    assert (row.status, row.account) == ("FAILED", A)


def test_of_an_item_that_was_driven_again_the_good_end_counts():
    """Its older files still say that it was pending, or had failed."""
    files = {
        "PENDING": record("PENDING"),
        "FAILED": record("FAILED"),
        "SUCCEEDED": record(answer=[READY]),
    }

    assert first(*(files[it] for it in FILES)).status == "READY"
    assert first(files["PENDING"], files["FAILED"]).message.endswith("FAILED")
