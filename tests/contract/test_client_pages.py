"""The blocks and policies that teams copy from the pages are those that the code renders."""

from __future__ import annotations

import json

import pytest

from state_backend.outputs import PARAMETERS
from state_backend.outputs.backend_block import backend_hcl, backend_json
from state_backend.outputs.terragrunt import terragrunt_hcl
from state_backend.policies.client_access import CLIENT_POLICIES, published
from state_backend.policies.document import statements_of
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences
from tools.generate import EXAMPLE, EXAMPLE_STATE

BLOCKS = list(fences((ROOT / "docs/use-your-backend.md").read_text()))
POLICIES = [
    json.loads(body)
    for language, body in fences((ROOT / "docs/client-access.md").read_text())
    if language == "json"
]


@pytest.mark.parametrize("render", [backend_hcl, terragrunt_hcl], ids=lambda it: it.__name__)
def test_a_block_to_paste_is_the_one_that_is_rendered(render):
    assert ("hcl", render(EXAMPLE)) in BLOCKS


def test_the_file_for_a_partial_configuration_is_the_one_that_is_published():
    [shown] = [json.loads(body) for language, body in BLOCKS if language == "json"]

    assert shown == json.loads(backend_json(EXAMPLE))


@pytest.mark.parametrize("kind", CLIENT_POLICIES)
def test_the_policy_of_each_kind_of_client_is_shown_as_a_whole(kind):
    assert CLIENT_POLICIES[kind](EXAMPLE, EXAMPLE_STATE) in POLICIES


def test_reading_the_published_block_is_about_what_is_published_and_nothing_else():
    [allow] = statements_of(published(EXAMPLE))

    assert [it.partition(":parameter")[2] for it in allow["Resource"]] == list(PARAMETERS)
    assert published(EXAMPLE) in POLICIES
