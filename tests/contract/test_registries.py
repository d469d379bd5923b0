"""What is registered is named after its file, says why, and stands in the order of its reasons."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from state_backend import controls, event_sources, lock_modes, outputs, resources
from state_backend.controls import CONTROLS
from state_backend.lock_modes import LOCK_MODES
from state_backend.outputs import PARAMETERS
from state_backend.policies import bucket_policy, key_policy
from state_backend.resources import RESOURCES

REQUIREMENT = re.compile(
    r"FSBP [A-Z][A-Za-z0-9]*\.\d+|NIST 800-53 [A-Z]{2}-\d+|CIS AWS \d+(\.\d+)+"
)


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(info.name)


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].replace("_", "-")


@pytest.mark.parametrize(
    ("package", "attribute", "registered"),
    [
        (controls, "CONTROL", CONTROLS),
        (resources, "RESOURCE", RESOURCES),
        (lock_modes, "LOCK_MODE", tuple(LOCK_MODES.values())),
    ],
    ids=["controls", "resources", "lock modes"],
)
def test_every_registered_id_is_its_files_name_and_every_file_is_registered(
    package, attribute, registered
):
    by_file = {
        name_of(it): getattr(it, attribute) for it in modules(package) if hasattr(it, attribute)
    }

    assert {it.id: it for it in registered} == by_file
    assert len(registered) == len(by_file)


def test_every_event_source_has_parse():
    parsers = {it.parse for it in modules(event_sources) if hasattr(it, "parse")}

    assert set(event_sources.SOURCES.values()) <= parsers


def test_every_parameter_is_rendered_by_outputs():
    rendering = {it.__name__ for it in modules(outputs)}

    assert {render.__module__ for render in PARAMETERS.values()} <= rendering
    assert set(PARAMETERS) >= {"/statehold/backend", "/statehold/backend.hcl"}


@pytest.mark.parametrize("it", [*RESOURCES, *CONTROLS], ids=lambda it: it.id)
def test_everything_says_why_in_a_sentence(it):
    assert re.fullmatch(r"[A-Z].{20,160}\.", it.why)
    assert it.permissions


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
def test_every_control_has_a_source_and_serves_a_requirement(control):
    assert all(it.startswith("https://docs.aws.amazon.com/") for it in control.sources)
    assert control.sources
    assert control.satisfies
    assert all(REQUIREMENT.fullmatch(it) for it in control.satisfies), control.satisfies


@pytest.mark.parametrize("control", CONTROLS, ids=lambda it: it.id)
def test_every_control_sets_and_needs_what_is_registered(control):
    resources, controls = {it.id for it in RESOURCES}, {it.id for it in CONTROLS}

    assert control.on
    assert set(control.on) <= resources
    assert set(control.needs) <= resources | controls - {control.id}


@pytest.mark.parametrize("module", [bucket_policy, key_policy], ids=lambda it: it.__name__[-13:])
def test_every_statement_of_a_policy_is_in_its_registry(module):
    written = {
        name
        for name in vars(module)
        if name.startswith(("deny_", "allow_")) and callable(vars(module)[name])
    }

    assert {it.__name__ for it in module.STATEMENTS} == written


ORDER = [it.id for it in CONTROLS]


class TestOrder:
    @pytest.mark.parametrize(
        ("first", "then"),
        [
            ("bucket-public-access-block", "bucket-policy"),
            ("bucket-ownership", "bucket-policy"),
            ("bucket-versioning", "bucket-lifecycle"),
            ("bucket-encryption", "bucket-policy"),
            ("log-bucket-policy", "bucket-logging"),
            ("log-bucket-encryption", "bucket-logging"),
        ],
    )
    def test_reasons_are_kept(self, first, then):
        assert ORDER.index(first) < ORDER.index(then)

    def test_the_public_access_block_is_first_and_the_policy_last_on_a_bucket(self):
        on_bucket = [it.id for it in CONTROLS if "bucket" in it.on and not it.last]

        assert (on_bucket[0], on_bucket[-1]) == ("bucket-public-access-block", "bucket-policy")

    def test_what_says_ready_is_last(self):
        assert [it.id for it in CONTROLS if it.last] == [ORDER[-1]]
