"""
``AwsDouble``: what tests and the demo see of it all.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, ClassVar

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.aws_double import rules, upstream
from tests.aws_double.evaluator import Document
from tests.aws_double.faults import Faults
from tests.aws_double.gate import Gate
from tests.aws_double.identity import (
    ADMINISTRATOR,
    Role,
    acting_as,
    parsed,
    with_session_policies,
)
from tests.aws_double.recording import RecordedCall, longest_chain
from tests.aws_double.server import LOOPBACK, Server
from tests.aws_double.stacks import Stacks
from tests.aws_double.tls import authority, server_context
from tests.aws_double.world import World

HUB_ROLE = "StateholdHub"
PROVISIONER = "StateholdProvisioner"
MEMBER_ROLES = ("AWSControlTowerExecution", PROVISIONER)


class AwsDouble:
    """
    An AWS of one organization, on two ports of this machine, from ``with`` to its end.

    One at a time in a process: moto keeps its state in globals.

    Args:
        management_account: Of the organization; the hub is deployed there.
        region: The hub's own.
        address: IP address at which clients reach it. Containers do not reach loopback.
    """

    _running: ClassVar[AwsDouble | None] = None

    def __init__(
        self,
        *,
        management_account: str = "111111111111",
        region: str = "us-east-1",
        address: str = LOOPBACK,
    ) -> None:
        self.management_account = management_account
        self.region = region
        self._address = address
        self._files: TemporaryDirectory[str] | None = None
        self._gate = Gate(World(management_account, region))
        self._servers: list[Server] = []

    def __enter__(self) -> AwsDouble:
        if AwsDouble._running is not None:
            raise RuntimeError("another AwsDouble is running in this process")
        rules.load()
        upstream.use_cheap_kms_keys()
        self._files = TemporaryDirectory(prefix="aws-double-")
        Path(self.ca_bundle).write_bytes(authority(self._address).ca)
        self.reset()
        self._servers = [
            Server(self._gate_answer, address=self._address),
            Server(
                self._gate_answer,
                server_context(authority(self._address)),
                address=self._address,
            ),
        ]
        for server in self._servers:
            server.start()
        AwsDouble._running = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.stop()
        if self._files:
            self._files.cleanup()
        upstream.reset()
        AwsDouble._running = None

    def reset(self) -> None:
        """As just started; the ports stay. Credentials issued before are unknown afterwards."""
        self._gate.world = World(self.management_account, self.region)
        self._gate.recorder.calls.clear()
        self._gate.faults.clear()
        self._gate.latency = 0.0
        self.world.start()
        self.add_role(self.management_account, PROVISIONER)
        self._environments: dict[str, dict[str, str]] = {}
        self._clients: dict[tuple[Any, ...], tuple[Any, Role | None]] = {}

    # ---- where it is -------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self._servers[0].url

    @property
    def tls_url(self) -> str:
        return self._servers[1].url

    @property
    def ca_bundle(self) -> str:
        """Path of the CA's certificate, while the double runs."""
        assert self._files is not None
        return f"{self._files.name}/ca.pem"

    def environment(self, *, tls: bool = False, principal: str | None = None) -> dict[str, str]:
        """
        What a process needs in its environment to take this for AWS.

        Args:
            tls: Talk to the TLS port.
            principal: Whose credentials; the hub's role if none is named.
        """
        arn = principal or self.hub_role
        if arn not in self._environments:
            keys = self.credentials(arn)
            self._environments[arn] = {name.upper(): value for name, value in keys.items()}
        environment = {
            "AWS_ENDPOINT_URL": self.tls_url if tls else self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._environments[arn],
        }
        return environment | ({"AWS_CA_BUNDLE": self.ca_bundle} if tls else {})

    @property
    def hub_role(self) -> str:
        return f"arn:{self.world.partition}:iam::{self.management_account}:role/{HUB_ROLE}"

    # ---- who there is ------------------------------------------------------------------------

    def add_account(
        self,
        account: str,
        *,
        name: str | None = None,
        roles: Sequence[str] = MEMBER_ROLES,
        state: str = "ACTIVE",
        parent: str | None = None,
    ) -> str:
        """A member of the organization with exactly this id, and *roles* the hub may assume."""
        with self.world.lock:
            self.world.add_account(
                account, name=name or f"account-{account}", state=state, parent=parent
            )
            for role in roles:
                self.add_role(account, role)
        return account

    def set_account_state(self, account: str, state: str) -> None:
        with self.world.lock:
            self.world.set_account_state(account, state)

    def add_role(
        self,
        account: str,
        name: str,
        policy: Document | str | None = None,
        trust: Document | str | None = None,
    ) -> str:
        """
        A role, from now on. Returns its ARN.

        Args:
            policy: What it may do; everything if not given.
            trust: Who may assume it; the management account if not given.
        """
        policies = (parsed(policy),) if policy else (ADMINISTRATOR,)
        with self.world.lock:
            return self.world.add_role(account, name, policies, trust)

    def remove_role(self, account: str, name: str) -> None:
        arn = f"arn:{self.world.partition}:iam::{account}:role/{name}"
        with self.world.lock:
            del self.world.identities.roles[arn]

    def credentials(
        self,
        principal: str,
        *,
        policy: Document | str | None = None,
        session_policy: Document | str | None = None,
        session_name: str = "session",
        source: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """
        Credentials of *principal*: the ARN of a role, a user or a root, which need not exist; or
        the name of a service, as ``logging.s3.amazonaws.com``.

        Args:
            source: Of a service: ``{"aws:SourceArn": …, "aws:SourceAccount": …}``.
            policy: What it may do; everything if not given. A role that was added has its own.
            session_policy: What limits this session further.
        """
        with self.world.lock:
            role = self.world.identities.roles.get(principal)
            policies = (parsed(policy),) if policy else role.policies if role else (ADMINISTRATOR,)
            who = acting_as(principal, policies=policies, session=session_name, source=source)
            if session_policy is not None:
                who = with_session_policies(who, [parsed(session_policy)])
            return self.world.identities.issue(who)

    def expire(self, access_key: str) -> None:
        """The time of the credentials with *access_key* is over."""
        with self.world.lock:
            self.world.identities.expired.add(access_key)

    def client(
        self,
        service: str,
        *,
        principal: str | None = None,
        region: str | None = None,
        tls: bool = False,
        credentials: Mapping[str, str] | None = None,
        config: Config | None = None,
        **options: Any,
    ) -> Any:
        """
        A boto3 client of *service*; the same one if nothing but where and who is asked for again.

        Args:
            principal: As for ``credentials``; ``anonymous`` sends unsigned requests.
            credentials: Use these instead, as ``credentials`` or AssumeRole gave them.
            config: botocore's; without one, nothing is tried twice.
            options: Further arguments of ``credentials``, such as *policy*.
        """
        if not (credentials or config or options):
            who = principal or self.hub_role
            role = self.world.identities.roles.get(who)
            client, its_role = self._clients.get((service, who, region, tls), (None, None))
            if client is None or its_role is not role:  # a role's policies came with its keys
                client = self._new_client(service, who, region, tls=tls)
                self._clients[service, who, region, tls] = client, role
            return client
        return self._new_client(
            service, principal, region, tls=tls, credentials=credentials, config=config, **options
        )

    def _new_client(
        self,
        service: str,
        principal: str | None,
        region: str | None,
        *,
        tls: bool,
        credentials: Mapping[str, str] | None = None,
        config: Config | None = None,
        **options: Any,
    ) -> Any:
        base = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        if principal == "anonymous":
            keys: Mapping[str, str] = {}
            base = base.merge(Config(signature_version=UNSIGNED))
        else:
            keys = credentials or self.credentials(principal or self.hub_role, **options)
        client = _session().client(
            service,
            region_name=region or self.region,
            endpoint_url=self.tls_url if tls else self.url,
            verify=self.ca_bundle if tls else None,
            config=base.merge(config) if config else base,
            **keys,
        )
        if service == "s3control":
            client.meta.events.register("before-send.s3-control", _without_host_prefix)
        return client

    # ---- what happened, and what is to happen ------------------------------------------------

    @property
    def calls(self) -> list[RecordedCall]:
        return self._gate.recorder.calls

    def writes(self, since: int = 0, account: str | None = None) -> list[RecordedCall]:
        """Calls that change something, from the *since*-th call on."""
        return [
            call for call in self.calls[since:] if call.write and account in {None, call.account}
        ]

    def depth(self, since: int = 0) -> int:
        """The longest chain of calls, from the *since*-th on, that did not overlap in time."""
        return longest_chain(self.calls[since:])

    @property
    def faults(self) -> Faults:
        return self._gate.faults

    @property
    def latency(self) -> float:
        """Seconds added to each call."""
        return self._gate.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gate.latency = seconds

    @property
    def stacks(self) -> Stacks:
        return self.world.stacks

    @property
    def service_control_policies(self) -> dict[str, list[Document]]:
        """Account -> policies beside FullAWSAccess. They do not bind the management account."""
        return self.world.service_control_policies

    @property
    def resource_control_policies(self) -> dict[str, list[Document]]:
        return self.world.resource_control_policies

    @property
    def world(self) -> World:
        """Everything that exists, to look into."""
        return self._gate.world

    def _gate_answer(self, request: Any, base_url: str) -> Any:
        return self._gate.answer(request, base_url)


_sessions = threading.local()


def _session() -> Any:
    """One for each thread: sessions are neither safe to share nor cheap to make."""
    if not hasattr(_sessions, "session"):
        _sessions.session = boto3.session.Session()
    return _sessions.session


def _without_host_prefix(request: Any, **_: Any) -> None:
    """``<account>.127.0.0.1`` is no host; AWS routes by the header as well."""
    scheme, _, rest = request.url.partition("://")
    account, _, host = rest.partition(".")
    if account.isdigit() and len(account) == 12:
        request.url = f"{scheme}://{host}"
