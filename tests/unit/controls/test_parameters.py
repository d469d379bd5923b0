from __future__ import annotations

import pytest

from state_backend.controls.parameters import CONTROL
from state_backend.outputs import PARAMETERS
from tests.unit.controls.table import asked, judged, wanted
from tests.unit.given import BUCKET, KEY, backend

SPEC = backend(key_arn=KEY)
VALUES = {name: render(SPEC) for name, render in PARAMETERS.items()}


def answer(**changes):
    values = {**VALUES, **changes}
    return {
        "Parameters": [{"Name": name, "Value": it} for name, it in values.items() if it],
        "InvalidParameters": [name for name, it in values.items() if not it],
    }


def test_it_asks_for_both_at_once():
    assert asked(CONTROL, SPEC, BUCKET) == (
        "ssm:get_parameters",
        {"Names": ["/statehold/backend", "/statehold/backend.hcl"]},
    )
    assert CONTROL.last


def test_both_as_rendered_are_enough():
    assert wanted(CONTROL, SPEC) == VALUES
    assert judged(CONTROL, SPEC, answer())


@pytest.mark.parametrize("value", ["", "stale"])
def test_one_that_is_missing_or_stale_is_not(value):
    assert not judged(CONTROL, SPEC, answer(**{"/statehold/backend": value}))


@pytest.mark.parametrize("member", ["Parameters", "InvalidParameters"])
def test_an_answer_without_a_member_says_nothing(member):
    cut = {key: value for key, value in answer().items() if key != member}

    with pytest.raises(LookupError):
        CONTROL.select(cut)


def test_only_what_differs_is_written():
    found = {**VALUES, "/statehold/backend": "stale"}

    [call] = CONTROL.write(SPEC, BUCKET, VALUES, found)

    assert call.operation == "put_parameter"
    assert call.parameters == {
        "Name": "/statehold/backend",
        "Value": VALUES["/statehold/backend"],
        "Type": "String",
        "Overwrite": True,
        "Description": f"The Terraform/OpenTofu state backend {BUCKET}",
    }
    assert len(CONTROL.write(SPEC, BUCKET, VALUES, None)) == 2
