"""Any event with any key removed or mistyped gives a request, nothing, or InvalidRequest."""

from __future__ import annotations

import contextlib
import json
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.errors import InvalidRequest
from state_backend.event_sources import parse
from state_backend.event_sources.cloudformation import contradiction
from state_backend.event_sources.cloudformation import parse as parse_request
from state_backend.properties import PROPERTIES
from state_backend.properties import parse as parse_properties

EVENTS = Path(__file__).parents[2] / "events"
SAMPLES = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(EVENTS.glob("*.json"))
    # A wrapper, and what we send ourselves.
    if not path.stem.startswith(("sqs.", "statehold.", "sweep."))
}
MISTYPED = [None, True, 0, -1.5, "", "x", [], ["x"], [None], {}, {"x": {}}]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
SOME = settings(max_examples=80, deadline=None, derandomize=True)


def parser(name):
    return parse_request if name.startswith("cloudformation") else parse


def refusal_of(read, event):
    """The InvalidRequest with which *event* is refused, if it is; any other error is one."""
    try:
        read(event)
    except InvalidRequest as refused:
        return refused
    return None


def variants(value, path=()):
    """Every version of *value* in which one key is removed or has a value of another type."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        for replacement in (KeyError, *MISTYPED):
            changed = deepcopy(value)
            if replacement is KeyError:
                del changed[key]
            else:
                changed[key] = replacement
            yield changed
        if isinstance(item, dict | list) and item:
            for inner in variants(item):
                changed = deepcopy(value)
                changed[key] = inner
                yield changed


@pytest.mark.parametrize("name", SAMPLES)
def test_any_key_may_be_removed_or_mistyped(name):
    for event in variants(SAMPLES[name]):
        refused = refusal_of(parser(name), event)
        assert refused is None or (refused.message and refused.remedy)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_understood(name):
    parser(name)(SAMPLES[name])


@pytest.mark.parametrize("read", [parse, parse_request], ids=["event", "request"])
@SOME
@given(event=anything)
def test_anything_at_all_is_understood_or_refused(read, event):
    with contextlib.suppress(InvalidRequest):
        read(event)


@pytest.mark.parametrize("name", sorted(PROPERTIES))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(value=anything)
def test_any_value_of_a_property_is_taken_or_refused(name, value):
    refused = refusal_of(parse_properties, {name: value})

    assert refused is None or name in refused.message


@SOME
@given(
    newest=st.none()
    | st.dictionaries(
        st.sampled_from(["ResourceStatus", "PhysicalResourceId", "ResourceProperties"]), anything
    )
)
def test_no_stack_event_breaks_the_judgement(newest):
    for kind in ("Create", "Update", "Delete"):
        request = parse_request(SAMPLES[f"cloudformation.{kind}"])

        assert contradiction(request, newest)
