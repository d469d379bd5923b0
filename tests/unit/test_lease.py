"""The lease: who holds it, until when, and that it is given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from state_backend.errors import InvalidRequest, NotReady
from state_backend.lease import Lease
from state_backend.ownership import Record
from tests.unit.given import ACCOUNT, BUCKET, REGION
from tests.unit.hub import hub

FOUND = Record(account=ACCOUNT, region=REGION)
CHANGED = replace(FOUND, bucket_name=BUCKET)


@pytest.fixture
def run(register, ticking):
    """What a run works with whose function is stopped 300 seconds from now."""
    made, _ = hub(None, ticking=ticking)
    return replace(made, register=register)


def lease_of(run, holder="me"):
    return Lease(ACCOUNT, REGION, replace(run, holder=holder))


def test_another_run_does_not_get_it_meanwhile(run):
    with lease_of(run), pytest.raises(NotReady):
        lease_of(run, "another")


def test_it_outlasts_the_function_by_half_a_minute(run, ticking):
    lease_of(run)

    ticking.time = run.deadline + 29
    with pytest.raises(NotReady):
        lease_of(run, "another")
    ticking.time = run.deadline + 31
    assert lease_of(run, "another").record == FOUND


def test_what_is_concluded_is_on_record_and_the_next_run_may_begin(run):
    with lease_of(run) as lease:
        lease.conclude(CHANGED)

        assert lease_of(run, "another").record == CHANGED


def test_it_is_given_back_where_nothing_was_concluded(run):
    with lease_of(run):
        pass

    assert lease_of(run, "another").record == FOUND


def test_it_is_given_back_after_a_failure_with_what_was_recorded_on_the_way(run):
    def fail():
        with lease_of(run):
            run.register.save(CHANGED, "me", give_back=False)
            raise InvalidRequest("wrong")

    with pytest.raises(InvalidRequest):
        fail()

    assert lease_of(run, "another").record == CHANGED


def test_a_run_that_lost_it_records_nothing_and_takes_nothing_from_its_successor(run, ticking):
    lost = lease_of(run)
    ticking.time = run.deadline + 31
    lease_of(replace(run, deadline=run.deadline + 300), "another")

    with pytest.raises(NotReady):
        lost.conclude(CHANGED)
    with lost:
        pass

    assert run.register.read(ACCOUNT, REGION) == FOUND
    with pytest.raises(NotReady):
        lease_of(run, "a third")
