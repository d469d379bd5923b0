"""
An organization of sixty accounts on the AWS double, and the events that it sends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.aws_double import AwsDouble
from tests.aws_double.testing import deny
from tests.contract.templates import sample

MANAGEMENT = "111111111111"
OUTSIDER = "999999999999"
PREFIX = "tfstate"


def _with(event: dict[str, Any], found: str, wanted: str) -> dict[str, Any]:
    return dict(json.loads(json.dumps(event).replace(found, wanted)))


SAMPLE_ACCOUNT, SAMPLE_UNIT = "222222222222", "ou-a1b2-c3d4e5f6"

ABOUT_AN_ACCOUNT = (
    "controltower.CreateManagedAccount.succeeded",
    "controltower.UpdateManagedAccount.succeeded",
    "controltower.EnableBaseline.account",
    "controltower.UpdateEnabledBaseline.account",
    "controltower.ResetEnabledBaseline.account",
    "organizations.CreateAccountResult.succeeded",
    "organizations.AccountJoinedOrganization.created",
    "organizations.AccountJoinedOrganization.invited",
    "organizations.MoveAccount",
)
ABOUT_A_UNIT = (
    "controltower.RegisterOrganizationalUnit.succeeded",
    "controltower.EnableBaseline.unit",
)


def about_account(name: str, account: str) -> dict[str, Any]:
    """The sample *name*, of *account*."""
    return _with(sample(name), SAMPLE_ACCOUNT, account)


def about_unit(name: str, unit: str) -> dict[str, Any]:
    return _with(sample(name), SAMPLE_UNIT, unit)


@dataclass
class Organization:
    """
    Sixty accounts below nested units, of which some cannot get a backend, each for its own reason.
    """

    aws: AwsDouble
    units: dict[str, str] = field(default_factory=dict)
    """Name -> id."""
    accounts: dict[str, list[str]] = field(default_factory=dict)
    """What they are like -> accounts."""

    def __post_init__(self) -> None:
        root = self.aws.world.organization.org.root_id
        self.units["root"] = root
        for name, parent in (
            ("security", "root"),
            ("workloads", "root"),
            ("production", "workloads"),
            ("payments", "production"),
            ("sandbox", "root"),
            ("suspended", "root"),
        ):
            self.units[name] = self._unit(name, self.units[parent])
        self._add("security", 2, "security")
        self._add("workloads", 6, "workloads")
        self._add("production", 13, "production")
        # More than a page of ListAccountsForParent.
        self._add("payments", 21, "payments")
        self._add("at the root", 2, "root")
        self._add("sandbox", 3, "sandbox")
        self._add("invited", 2, "workloads", roles=("StateholdProvisioner",))
        self._add("invited without a role", 1, "workloads", roles=())
        self._add("opted out", 2, "production")
        self._add("suspended", 2, "suspended", state="SUSPENDED")
        self._add("closed", 1, "suspended", state="CLOSED")
        self._add("being closed", 1, "production", state="PENDING_CLOSURE")
        self._add("squatted", 1, "production")
        self._add("denied", 1, "production")
        self._add("not ready", 1, "production")
        self._mark()

    @property
    def reachable(self) -> set[str]:
        """Those that end with a backend."""
        kinds = ("security", "workloads", "production", "payments", "at the root", "invited")
        return {it for kind in (*kinds, "not ready") for it in self.accounts[kind]}

    @property
    def all(self) -> list[str]:
        return [it for accounts in self.accounts.values() for it in accounts]

    def settings(self) -> dict[str, Any]:
        """A settings document: no sandbox, whoever has the tag may stay away, less in payments."""
        return {
            "version": 1,
            "scope": {
                "exclude": {"organizationalUnits": [self.units["sandbox"]]},
                "optOutTag": {"key": "statehold", "value": "off"},
            },
            "root": {"AccessLogs": "off"},
            "organizationalUnits": {
                self.units["payments"]: {"NoncurrentVersionDays": 730},
            },
            "accounts": {self.accounts["payments"][0]: {"NoncurrentVersionDays": 900}},
        }

    def _unit(self, name: str, parent: str) -> str:
        made = self._api.create_organizational_unit(ParentId=parent, Name=name)
        return str(made["OrganizationalUnit"]["Id"])

    def _add(self, kind: str, count: int, unit: str, **how: Any) -> None:
        first = sum(map(len, self.accounts.values()))
        self.accounts[kind] = [f"2{first + number:011}" for number in range(1, count + 1)]
        for account in self.accounts[kind]:
            self.aws.add_account(account, parent=self.units[unit], **how)

    def _mark(self) -> None:
        for account in self.accounts["opted out"]:
            self._api.tag_resource(ResourceId=account, Tags=[{"Key": "statehold", "Value": "off"}])
        [squatted], [denied] = self.accounts["squatted"], self.accounts["denied"]
        stranger = self.aws.client("s3", principal=f"arn:aws:iam::{OUTSIDER}:role/Anybody")
        stranger.create_bucket(Bucket=f"{PREFIX}-{squatted}-{self.aws.region}")
        self.aws.service_control_policies[denied] = [
            {"Version": "2012-10-17", "Statement": [deny("kms:CreateKey")]}
        ]

    @property
    def _api(self) -> Any:
        return self.aws.client("organizations")
