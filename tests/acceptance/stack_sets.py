"""
A service-managed stack set with automatic deployment, played on the organization of the double.

What it does when accounts come, move and go is what AWS's pages say. Accounts of nested units
belong to a targeted one; the management account never does; a suspended account is skipped.

Sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.cloudformation import Backend, CloudFormation, Stack, StackSet, Template
from tests.aws_double import AwsDouble
from tests.deployment.template import Template as TemplateFile
from tests.deployment.template import load

CURRENT, OUTDATED, INOPERABLE = "CURRENT", "OUTDATED", "INOPERABLE"
SKIPPED = "SKIPPED_SUSPENDED_ACCOUNT"
GONE = ""
"""No instance of the stack set any more."""


def template_in(path: Path, region: str, **parameters: str) -> Template:
    """The backends that the template in *path* makes in *region*."""
    pseudo = {"AWS::Partition": "aws", "AWS::Region": region}
    file = TemplateFile(document=load(path), parameters=parameters, pseudo=pseudo)
    return {name: _backend(file, it) for name, it in file.resources().items()}


def _backend(file: TemplateFile, resource: Mapping[str, Any]) -> Backend:
    properties = file.filled_in(resource["Properties"])
    return Backend(
        service_timeout=properties.pop("ServiceTimeout"),
        properties=properties,
        deletion_policy=resource.get("DeletionPolicy", "Delete"),
        update_replace_policy=resource.get("UpdateReplacePolicy", "Delete"),
    )


@dataclass
class Organization:
    """Units of the double's organization, and accounts that move between them."""

    aws: AwsDouble
    units: dict[str, str] = field(default_factory=dict)
    """Name -> id."""

    def __post_init__(self) -> None:
        self.units["root"] = self.aws.world.organization.org.root_id

    def add_unit(self, name: str, parent: str = "root") -> str:
        made = self._api.create_organizational_unit(ParentId=self.units[parent], Name=name)
        self.units[name] = str(made["OrganizationalUnit"]["Id"])
        return self.units[name]

    def move(self, account: str, unit: str) -> None:
        [parent] = self._api.list_parents(ChildId=account)["Parents"]
        self._api.move_account(
            AccountId=account, SourceParentId=parent["Id"], DestinationParentId=self.units[unit]
        )

    def above(self, account: str) -> set[str]:
        """The ids of all units above *account*; none once it is out of the organization."""
        units = {unit.id: unit for unit in self.aws.world.organization.ou}
        found: set[str] = set()
        for member in self.aws.world.organization.accounts:
            parent = member.parent_id if member.id == account else ""
            while parent:
                found.add(parent)
                parent = units[parent].parent_id
        return found

    def remove(self, account: str) -> None:
        members = self.aws.world.organization.accounts
        members[:] = [it for it in members if it.id != account]

    @property
    def members(self) -> list[str]:
        return [it.id for it in self.aws.world.organization.accounts]

    @property
    def _api(self) -> Any:
        return self.aws.client("organizations")


@dataclass
class ServiceManaged:
    """
    A stack set of the template in *path*, deployed to all accounts below *targets*.

    Args:
        targets: Names of units.
        retains: RetainStacksOnAccountRemoval.
    """

    organization: Organization
    cloudformation: CloudFormation
    name: str
    path: Path
    parameters: Mapping[str, str]
    targets: tuple[str, ...]
    regions: tuple[str, ...] = ("eu-central-1",)
    retains: bool = True
    retained: list[Stack] = field(default_factory=list)
    """Stacks that are no longer part of the set."""
    _sets: dict[str, StackSet] = field(default_factory=dict)
    _under: dict[str, set[str]] = field(default_factory=dict)
    """Account -> the targets that it belonged to when it was last looked at."""

    def __post_init__(self) -> None:
        for region in self.regions:
            template = template_in(self.path, region, **self.parameters)
            self._sets[region] = StackSet(self.cloudformation, self.name, template, region)

    def create_instances(self) -> None:
        """CreateStackInstances: everywhere below the targets where there is no stack yet."""
        for account in self.organization.members:
            self._under[account] = self._targets_above(account)
            if self._under[account]:
                self._create(account)

    def auto_deploy(self) -> None:
        """What StackSets do by themselves once accounts have come, moved or gone."""
        for account in {*self.organization.members, *self._under}:
            before = self._under.get(account, set())
            after = self._targets_above(account)
            self._under[account] = after
            if before - after and account in self._accounts():
                self.delete_instances(account, retain_stacks=self.retains)
            if after - before:
                self._create(account)

    def update(self, **parameters: str) -> None:
        """UpdateStackSet: other parameters, for every stack that there is."""
        self.parameters = {**self.parameters, **parameters}
        for region, it in self._sets.items():
            it.template = template_in(self.path, region, **self.parameters)
            for account, stack in it.instances.items():
                if self._usable(account) and it.statuses[account] != INOPERABLE:
                    self.cloudformation.update_stack(stack, it.template)
                    done = stack.status == "UPDATE_COMPLETE"
                    it.statuses[account] = CURRENT if done else OUTDATED

    def delete_instances(self, account: str, *, retain_stacks: bool) -> None:
        """DeleteStackInstances."""
        for it in self._sets.values():
            stack = it.delete_instance(account, retain_stack=retain_stacks)
            if retain_stacks and stack.status != "DELETE_COMPLETE":
                self.retained.append(stack)

    def status(self, account: str, region: str = "eu-central-1") -> str:
        """The instance's; ``GONE`` if there is none."""
        if account in self._accounts() and not self._usable(account):
            return SKIPPED
        return self._sets[region].statuses.get(account, GONE)

    def stack(self, account: str, region: str = "eu-central-1") -> Stack:
        return self._sets[region].instances[account]

    def _create(self, account: str) -> None:
        for it in self._sets.values():
            if self._usable(account) and it.statuses.get(account) not in {CURRENT, INOPERABLE}:
                it.create_instance(account)

    def _targets_above(self, account: str) -> set[str]:
        if account == self.organization.aws.management_account:
            return set()
        targeted = {self.organization.units[name] for name in self.targets}
        return targeted & self.organization.above(account)

    def _accounts(self) -> set[str]:
        return {account for it in self._sets.values() for account in it.instances}

    def _usable(self, account: str) -> bool:
        return self.organization.aws.world.is_active(account)
