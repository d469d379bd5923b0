"""The custom resource's JSON Schema and page say what the function does with a template."""

from __future__ import annotations

import json

import jsonschema
import pytest

from state_backend.errors import InvalidRequest
from state_backend.properties import PROPERTIES, parse
from tests.contract.templates import ROOT, read
from tools.reference import MEANINGS

SCHEMA = json.loads((ROOT / "schemas/custom-state-backend.schema.json").read_text())
EDITOR = jsonschema.Draft202012Validator(SCHEMA)
TOKEN = {
    "ServiceToken": "arn:aws:lambda:eu-central-1:111111111111:function:StateholdCustomResource"
}
ROLE = "arn:aws:iam::222222222222:role/ci/Deployer"

ACCEPTED = {
    "Region": ["eu-central-1", "us-gov-west-1", ""],
    "BucketName": ["acme-state", "tfstate-222222222222-eu-central-1-an", "a.b"],
    "BucketNamespace": ["account-regional", "global"],
    "Encryption": ["aws:kms", "AES256", ""],
    "KmsKeyArn": ["arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    "LockMode": ["s3-lockfile", "dynamodb", "both"],
    "LockTableName": ["terraform_locks.v2"],
    "PreventDestroy": ["true", "false"],
    "Adopt": ["observe", "enforce"],
    "NoncurrentVersionDays": ["1", "36500"],
    "NoncurrentVersionsKept": ["100"],
    "AccessLogs": ["create", "off", "acme-logs"],
    "AccessLogsDays": ["30"],
    "WorkspaceKeyPrefix": ["env:", "team/workspaces"],
    "StateAccessPrincipalArns": [[ROLE], ROLE, json.dumps([ROLE]), []],
    "BreakGlassPrincipalArns": ["arn:aws:iam::*:role/BreakGlass"],
    "Tags": ["Team=one,Stage=two", [{"Key": "Team", "Value": ""}]],
}

REFUSED = {
    "Region": ["Frankfurt", 1],
    "BucketName": ["Acme", "x", ["acme-state"]],
    "BucketNamespace": ["regional"],
    "Encryption": ["aws:kms:dsse", True],
    "KmsKeyArn": ["alias/statehold", "1234abcd-12ab-34cd-56ef-1234567890ab"],
    "LockMode": ["none", ["both"]],
    "LockTableName": ["a b"],
    "PreventDestroy": ["no", "True", 1.5],
    "Adopt": ["yes"],
    "NoncurrentVersionDays": ["one", -1],
    "NoncurrentVersionsKept": [1.5, "x"],
    "AccessLogs": ["On"],
    "AccessLogsDays": [[30]],
    "WorkspaceKeyPrefix": ["/env", "env/"],
    "StateAccessPrincipalArns": [["*"], [1]],
    "BreakGlassPrincipalArns": [[f"{ROLE}", "arn:aws:s3:::bucket"]],
    "Tags": [[{"Key": "Team"}], [{"Key": "aws:x", "Value": "1"}]],
}


def of(values: dict[str, list[object]]) -> list[object]:
    return [
        pytest.param(name, value, id=f"{name}-{value}") for name in values for value in values[name]
    ]


@pytest.mark.parametrize(("name", "value"), of(ACCEPTED))
def test_an_editor_objects_to_nothing_that_the_function_accepts(name, value):
    parse({name: value})

    EDITOR.validate({**TOKEN, name: value})


@pytest.mark.parametrize(("name", "value"), of(REFUSED))
def test_an_editor_finds_what_the_function_would_refuse(name, value):
    with pytest.raises(InvalidRequest):
        parse({name: value})
    with pytest.raises(jsonschema.ValidationError):
        EDITOR.validate({**TOKEN, name: value})


def test_every_property_has_samples_and_a_meaning():
    assert set(ACCEPTED) == set(REFUSED) == set(MEANINGS) == set(PROPERTIES)


@pytest.mark.parametrize("value", [True, False, {"Ref": "Protect"}])
def test_a_template_may_state_a_boolean_or_leave_it_to_cloudformation(value):
    EDITOR.validate({**TOKEN, "PreventDestroy": value})


def test_a_property_that_does_not_exist_is_found():
    with pytest.raises(jsonschema.ValidationError, match="Versioning"):
        EDITOR.validate({**TOKEN, "Versioning": "Enabled"})


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("cloudformation.*.json")))
def test_the_sample_requests_are_as_the_schema_says(path):
    properties = json.loads(path.read_text())["ResourceProperties"]

    wrong = any(case in path.name for case in ("unknown-property", "failed-create"))
    assert EDITOR.is_valid(properties) is not wrong


@pytest.mark.parametrize("path", sorted((ROOT / "stacksets").glob("*.yaml")))
def test_our_own_templates_state_it_as_the_schema_says(path):
    for resource in read(path)["Resources"].values():
        if resource["Type"] == "Custom::StateBackend":
            EDITOR.validate(resource["Properties"])


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
