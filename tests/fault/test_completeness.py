"""What a battery walks is all that there is."""

from __future__ import annotations

from state_backend.controls import CONTROLS
from tests.fault.damage import DAMAGES
from tests.fault.errands import CREATE, undisturbed
from tests.fault.test_refusals import PERMISSIONS


def test_every_fact_has_its_damage():
    assert {(control.id, on) for control in CONTROLS for on in control.on} == DAMAGES.keys(), (
        "DAMAGES in tests/fault/damage.py"
    )


def test_every_write_of_a_run_has_the_permission_that_an_scp_takes_away(ground):
    calls = undisturbed(CREATE, ground).calls
    at_home = {"UpdateItem", "PutEvents"}

    assert {it.operation for it in calls if it.write} - at_home == PERMISSIONS.keys()
