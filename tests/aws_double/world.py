"""
The state of the cloud that moto does not hold: accounts, roles, policies, bucket configurations.

One lock makes every call atomic, as conditional writes need it; added latency is waited for
outside of it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from moto.kms.models import Key, kms_backends
from moto.organizations.models import FakeAccount, organizations_backends

from tests.aws_double import upstream
from tests.aws_double.bucket import Bucket
from tests.aws_double.call import dns_suffix, partition_of
from tests.aws_double.evaluator import Document
from tests.aws_double.identity import Identities, Role, parsed, trust_of
from tests.aws_double.kms_keys import managed_key_policy
from tests.aws_double.stacks import Stacks

MANAGED_ALIAS = "alias/aws/s3"


@dataclass(slots=True)
class World:
    """Everything that exists."""

    management_account: str
    home_region: str
    identities: Identities = field(default_factory=Identities)
    accounts: set[str] = field(default_factory=set)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    stacks: Stacks = field(default_factory=Stacks)
    rotation_periods: dict[str, int] = field(default_factory=dict)
    """Key ARN -> RotationPeriodInDays."""
    service_control_policies: dict[str, list[Document]] = field(default_factory=dict)
    resource_control_policies: dict[str, list[Document]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)

    @property
    def partition(self) -> str:
        return partition_of(self.home_region)

    @property
    def organization(self) -> Any:
        """moto's organizations backend of the management account."""
        return organizations_backends[self.management_account][self.partition]

    @property
    def organization_id(self) -> str:
        return str(self.organization.org.id)

    def start(self) -> None:
        """Empties moto and makes the organization with its management account."""
        upstream.reset()
        self.accounts.add(self.management_account)
        self.organization.create_organization(region=self.home_region, FeatureSet="ALL")

    def add_account(self, account: str, *, name: str, state: str, parent: str | None) -> None:
        """An account of the organization with exactly this id."""
        if account in self.accounts:
            raise ValueError(f"account {account} exists")
        backend = self.organization
        member = FakeAccount(
            backend.org, AccountName=name, Email=f"{account}@example.com", RoleName="made-by-moto"
        )
        member.id = account
        member.state = state
        if parent:
            member.parent_id = parent
        backend.accounts.append(member)
        organizations_backends.master_accounts[account] = (self.management_account, self.partition)
        self.accounts.add(account)

    def is_active(self, account: str) -> bool:
        """Whether *account* is usable; one outside the organization counts as such."""
        return all(a.state == "ACTIVE" for a in self.organization.accounts if a.id == account)

    def set_account_state(self, account: str, state: str) -> None:
        self.organization.get_account_by_id(account).state = state

    def add_role(
        self, account: str, name: str, policies: tuple[Document, ...], trust: Any = None
    ) -> str:
        """A role that the management account may assume, if *trust* does not say otherwise."""
        arn = f"arn:{self.partition}:iam::{account}:role/{name}"
        document = parsed(trust) if trust else trust_of(self.management_account, self.partition)
        self.identities.roles[arn] = Role(arn=arn, trust=document, policies=policies)
        return arn

    def key(self, key_id: str, account: str, region: str) -> Key | None:
        """
        The KMS key that *key_id* names for a caller in *account* and *region*.

        Args:
            key_id: A key's id or ARN, or an alias's name or ARN.
        """
        if key_id.startswith("arn:"):
            _, _, _, region, account, key_id = key_id.split(":", 5)
            key_id = key_id.removeprefix("key/")
        if key_id == MANAGED_ALIAS:
            return self.managed_key(account, region)
        backend = kms_backends[account][region]
        if key_id.startswith("alias/"):
            key_id = backend.get_key_id_from_alias(key_id) or ""
        key: Key | None = backend.keys.get(key_id)
        return key

    def managed_key(self, account: str, region: str) -> Key:
        """``aws/s3`` of *account*, which S3 makes when it is first needed."""
        backend = kms_backends[account][region]
        for key in backend.keys.values():
            if MANAGED_ALIAS in key.aliases:
                return key
        policy = managed_key_policy(partition_of(region), account, region, dns_suffix(region))
        description = "Default key that protects my S3 objects when no other key is defined"
        made = backend.create_key(policy, "ENCRYPT_DECRYPT", "", description, None)
        made.key_manager = "AWS"
        backend.create_alias(made.id, MANAGED_ALIAS)
        return made
