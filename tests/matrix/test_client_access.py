"""The ready policies for clients give each what the contract's words say, and nothing else."""

from __future__ import annotations

import pytest

from state_backend.policies.client_access import CLIENT_POLICIES, EVERY_KEY
from state_backend.policies.document import Document
from tests.matrix import double, rules, simulator
from tests.matrix.backends import KEYS, clients_policy_of, clients_spec_of, each_less_by_one
from tests.matrix.cells import CLIENTS_BACKENDS, Client, ClientsBackend, Request, What, client_cells
from tests.matrix.conftest import Recorder

ONE_MODULE = KEYS[What.STATE]

every_client = pytest.mark.parametrize("client", Client, ids=lambda client: client.value)
every_backend = pytest.mark.parametrize("backend", CLIENTS_BACKENDS, ids=str)


def ready_policy(client: Client, backend: ClientsBackend, keys: str) -> Document:
    return CLIENT_POLICIES[client.value](clients_spec_of(backend), keys)


def expected_of(
    client: Client, backend: ClientsBackend, request: Request, keys: str = ONE_MODULE
) -> rules.Answer:
    return rules.client_answer(client, backend, request, every_key=keys == EVERY_KEY)


@pytest.mark.parametrize("keys", [EVERY_KEY, ONE_MODULE])
@every_backend
@every_client
def test_the_double_answers_by_the_rules(
    client: Client, backend: ClientsBackend, keys: str
) -> None:
    identity = ready_policy(client, backend, keys)

    wrong = [
        f"{request}: {said.value}, and must be {expected.value}"
        for request in client_cells()
        if (said := double.answer(request, clients_policy_of(backend, request.what), identity))
        is not (expected := expected_of(client, backend, request, keys))
    ]

    assert wrong == []


def test_iam_simulate_answers_by_the_rules(record_property: Recorder) -> None:
    if simulator.MISSING:
        pytest.skip(simulator.MISSING)
    asked = [
        (client, backend, request)
        for client in Client
        for backend in CLIENTS_BACKENDS
        for request in client_cells()
    ]
    questions = [
        simulator.Question(
            request,
            clients_policy_of(backend, request.what),
            ready_policy(client, backend, ONE_MODULE),
        )
        for client, backend, request in asked
    ]

    wrong = [
        f"{client.value} ({backend}): {request}: {said.answer.value}"
        for (client, backend, request), said in zip(asked, simulator.judge(questions), strict=True)
        if said.answer is not expected_of(client, backend, request)
    ]

    record_property("cases", len(asked))
    assert wrong == []


@every_backend
@every_client
def test_every_word_of_it_is_needed(client: Client, backend: ClientsBackend) -> None:
    """Without any one action, some request that must pass is refused."""
    allowed = [
        request
        for request in client_cells()
        if expected_of(client, backend, request) is rules.Answer.ALLOWED
    ]

    idle = [
        action
        for action, without in each_less_by_one(ready_policy(client, backend, ONE_MODULE))
        if all(
            double.answer(request, clients_policy_of(backend, request.what), without)
            is rules.Answer.ALLOWED
            for request in allowed
        )
    ]

    assert idle == []


@every_client
def test_a_policy_for_one_module_reaches_no_other(client: Client) -> None:
    identity = ready_policy(client, ClientsBackend(), "billing/terraform.tfstate")

    reached = {
        (request.action, request.what)
        for request in client_cells()
        if request.what in KEYS
        and double.answer(request, clients_policy_of(ClientsBackend(), request.what), identity)
        is rules.Answer.ALLOWED
    }

    assert reached == set()


@every_client
def test_a_module_whose_key_ends_in_this_ones_is_another_module(client: Client) -> None:
    """The star in ``env:/*/<key>`` fits any part of a key, slashes too."""
    ending = ONE_MODULE.rpartition("/")[2]
    identity = ready_policy(client, ClientsBackend(), ending)

    reached = {
        request.action
        for request in client_cells()
        if request.what is What.WORKSPACE
        and double.answer(request, clients_policy_of(ClientsBackend(), request.what), identity)
        is rules.Answer.ALLOWED
    }

    assert reached == set()
