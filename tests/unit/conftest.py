from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from state_backend.aws.invoke import Clients, Invoker, boto_session
from state_backend.aws.register import KEY, Register
from state_backend.calls import Call
from state_backend.hub import Hub
from tests.unit.given import ACCOUNT, REGION, Ticking
from tests.unit.hub import Sessions

REGISTER = "statehold-register"


@pytest.fixture
def through(monkeypatch):
    """Lets every session be one on *account*."""

    def use(account):
        monkeypatch.setattr(Hub, "sessions", property(lambda self: Sessions(account)))
        return account

    return use


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Invoker]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        boto_session.cache_clear()
        with mock_aws():
            made = Invoker(clients=Clients(region=REGION), clock=Ticking().clock)
            made(
                Call(
                    "dynamodb",
                    "create_table",
                    {
                        "TableName": REGISTER,
                        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
                        "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
                        "BillingMode": "PAY_PER_REQUEST",
                    },
                )
            )
            yield made
    boto_session.cache_clear()


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def register(dynamodb, ticking) -> Register:
    """In moto's DynamoDB, with nothing on record."""
    dynamodb(
        Call(
            "dynamodb",
            "delete_item",
            {"TableName": REGISTER, "Key": {KEY: {"S": f"{ACCOUNT}#{REGION}"}}},
        )
    )
    return Register(table=REGISTER, invoke=dynamodb, clock=ticking.clock)
