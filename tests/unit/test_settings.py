"""The hub's settings, from the function's environment."""

from __future__ import annotations

import pytest

from state_backend.errors import InvalidRequest
from state_backend.properties import PROPERTIES
from state_backend.settings import EXECUTION_ROLE_NAMES, HUB_DEFAULTS, listed, settings_from


def test_an_empty_environment_means_the_contracts_defaults():
    settings = settings_from({"AWS_REGION": "eu-central-1"})

    assert settings.region == settings.home_region == "eu-central-1"
    assert settings.bucket_name_prefix == "tfstate"
    assert settings.execution_role_names == EXECUTION_ROLE_NAMES
    assert settings.property_defaults == {}
    assert not settings.plan_only
    assert not settings.sam_local


def test_an_empty_value_is_not_given():
    settings = settings_from(dict.fromkeys(("MODE", "REGIONS", "TAGS", "HOME_REGION"), ""))

    assert settings == settings_from({})


@pytest.mark.parametrize(
    ("variable", "value", "attribute", "expected"),
    [
        ("HOME_REGION", "us-east-1", "home_region", "us-east-1"),
        ("BUCKET_NAME_PREFIX", "acme", "bucket_name_prefix", "acme"),
        ("EXECUTION_ROLE_NAMES", " a, b ,", "execution_role_names", ("a", "b")),
        ("REGIONS", "eu-west-1,eu-central-1", "regions", ("eu-west-1", "eu-central-1")),
        ("MODE", "plan", "plan_only", True),
        ("MODE", "reconcile", "plan_only", False),
        ("BACKEND_REGISTER", "register", "backend_register", "register"),
        ("DEAD_LETTER_QUEUE_URL", "https://q", "dead_letter_queue_url", "https://q"),
        ("AWS_SAM_LOCAL", "true", "sam_local", True),
        ("AWS_SAM_LOCAL", "1", "sam_local", False),
        ("AWS_DEFAULT_REGION", "sa-east-1", "region", "sa-east-1"),
    ],
)
def test_each_setting_is_taken(variable, value, attribute, expected):
    assert getattr(settings_from({variable: value}), attribute) == expected


@pytest.mark.parametrize(("variable", "name"), HUB_DEFAULTS.items())
def test_each_default_reaches_its_property(variable, name):
    assert settings_from({variable: "x"}).property_defaults == {name: "x"}


def test_every_property_but_names_region_and_key_has_a_default_of_the_hub():
    own = {"BucketName", "Region", "LockTableName", "KmsKeyArn"}

    assert set(HUB_DEFAULTS.values()) == set(PROPERTIES) - own


def test_a_default_is_named_as_its_property_in_upper_snake_case():
    for variable, name in HUB_DEFAULTS.items():
        assert variable.replace("_", "").lower() == name.lower()


def test_a_mode_that_nobody_knows_is_refused():
    with pytest.raises(InvalidRequest, match="MODE is 'dry-run'"):
        settings_from({"MODE": "dry-run"})


def test_a_list_has_no_empty_parts():
    assert listed(" a,,b , ") == ("a", "b")
    assert listed("") == ()
