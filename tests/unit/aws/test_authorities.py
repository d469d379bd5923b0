"""The certificate authorities are read once, and still decide whom we speak to."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from unittest import mock

import botocore.httpsession
import pytest

from state_backend.aws import authorities
from state_backend.aws.invoke import Clients, Invoker, boto_session
from state_backend.calls import AwsError, Call, Clock
from tests.aws_double import AwsDouble

CALLS = (Call("sts", "get_caller_identity", {}), Call("kms", "list_aliases", {}))


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as aws:
        yield aws


@pytest.fixture(autouse=True)
def _a_new_process() -> Iterator[None]:
    boto_session.cache_clear()
    authorities.context.cache_clear()
    yield
    boto_session.cache_clear()
    authorities.context.cache_clear()


def reads(act) -> int:
    """How often *act* reads a file of authorities."""
    read = []
    original = ssl.SSLContext.load_verify_locations

    def noted(context, *files):
        read.append(files)
        return original(context, *files)

    with mock.patch.object(ssl.SSLContext, "load_verify_locations", noted):
        act()
    return len(read)


def test_they_are_read_once_however_many_services_are_called(aws):
    def call_them():
        invoker = Invoker(clients=Clients(region="us-east-1"), clock=Clock())
        for call in CALLS:
            invoker(call)

    with mock.patch.dict(os.environ, aws.environment(tls=True)):
        assert reads(call_them) == 1


def test_botocore_alone_still_reads_them_for_each_connection(aws):
    """Once this fails, ``authorities`` can go."""

    def call_them():
        for call in CALLS:
            getattr(boto_session().client(call.service, region_name="us-east-1"), call.operation)()

    with mock.patch.dict(os.environ, aws.environment(tls=True)):
        assert reads(call_them) == 2


def test_a_certificate_of_another_authority_is_refused(aws):
    bundle = botocore.httpsession.where()
    environment = aws.environment(tls=True) | {"AWS_CA_BUNDLE": bundle}

    with mock.patch.dict(os.environ, environment), pytest.raises(AwsError, match="certificate"):
        Invoker(clients=Clients(region="us-east-1"), clock=Clock(), give_up_at=0)(CALLS[0])
