"""How often a fact is set right, and when people have to."""

from __future__ import annotations

from dataclasses import replace

from state_backend.drift import DAY_SECONDS, Actor, Repairs, contested, counted

ANA = Actor(arn="arn:ana", event_name="PutBucketTagging", event_time="t", event_id="i")
NOW = 1_000_000.0


def repaired(times, names=("bucket-tags",), actor=ANA):
    """The repairs on record after *names* were repaired at each of *times*."""
    before: dict[str, Repairs] = {}
    for time in times:
        before = counted(before, names, actor, time)
    return before


def test_the_third_repair_within_a_day_is_the_last():
    assert contested(repaired([NOW, NOW + 1]), ANA, NOW + 2) == {}
    assert set(contested(repaired([NOW, NOW + 1, NOW + 2]), ANA, NOW + 3)) == {"bucket-tags"}


def test_what_clients_are_led_by_is_never_left_as_it_is():
    """No policy of ours guards it, so whoever may put a parameter could make us tire of it."""
    assert contested(repaired([NOW] * 9, names=["parameters"]), ANA, NOW) == {}


def test_it_ends_when_the_first_is_a_day_old():
    before = repaired([NOW, NOW + 1, NOW + 2])

    assert contested(before, None, NOW + DAY_SECONDS - 1)
    assert contested(before, None, NOW + DAY_SECONDS) == {}


def test_one_fact_does_not_count_for_another():
    before = counted(repaired([NOW, NOW]), ["bucket-policy"], ANA, NOW)

    assert contested(before, ANA, NOW) == {}


def test_a_fact_that_took_several_changes_counts_once_a_run():
    assert repaired([NOW], names=["log-bucket"] * 4)["log-bucket"].times == (NOW,)


def test_what_is_older_than_a_day_is_forgotten():
    before = repaired([NOW])

    assert counted(before, [], None, NOW + DAY_SECONDS) == {}


def test_who_keeps_changing_it_is_named():
    told = contested(repaired([NOW] * 3), None, NOW)["bucket-tags"]

    assert told.code == "ResourceConflict"
    assert "bucket-tags" in told.message
    assert "arn:ana" in told.message
    assert "Settle with arn:ana how" in told.remedy
    assert "reconcile by hand" in told.remedy


def test_who_changed_something_else_meanwhile_is_not_blamed():
    ben = replace(ANA, arn="arn:ben")

    assert "arn:ana" in contested(repaired([NOW] * 3), ben, NOW)["bucket-tags"].message
    assert "arn:ben" in contested(repaired([NOW] * 3, actor=None), ben, NOW)["bucket-tags"].message


def test_whom_nobody_saw_is_said_to_be_unknown():
    before = repaired([NOW] * 3, actor=None)

    told = contested(before, None, NOW)["bucket-tags"]

    assert "again: somebody whom CloudTrail did not name keeps changing it" in told.message
    assert "Settle with whoever it is how" in told.remedy


def test_a_sweep_that_repairs_does_not_make_us_forget_who_it_was():
    before = counted(repaired([NOW]), ["bucket-tags"], None, NOW)

    assert before["bucket-tags"].actor == "arn:ana"
