"""
Plays CloudFormation, and StackSets, for stacks whose templates have custom resources.

Stack events are written into the AWS double as CloudFormation writes them: before the request is
sent, with the properties as JSON text. Every scalar travels as text. An answer is checked by
``cloudformation_host``; what it leads to is CloudFormation's way of going on: rollback, cleanup
that cannot fail the update, DELETE_FAILED, an INOPERABLE instance.

Sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tests.acceptance.cloudformation_host import Exchange, ResponseHost
from tests.aws_double.stacks import Stacks

SERVICE_TOKEN = "arn:aws:lambda:eu-central-1:111111111111:function:StateholdCustomResource"
STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A ``Custom::StateBackend`` in a template."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    """As a person writes them; booleans and numbers may be such."""
    deletion_policy: str = "Delete"
    """Or ``Retain``, ``RetainExceptOnCreate``."""
    update_replace_policy: str = "Delete"
    """Or ``Retain``."""
    service_timeout: int = 660


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Any other resource: it succeeds, except at what it *fails* at."""

    fails: frozenset[str] = frozenset()
    """Of ``Create``, ``Update``, ``Delete``."""
    setting: str = ""
    """Its one property."""


Resource = Backend | Other
Template = Mapping[str, Resource]
"""Resources by logical id, in the order in which they are created."""


@dataclass(slots=True, kw_only=True)
class Live:
    """A resource that a stack has."""

    resource: Resource
    physical_id: str
    status: str


@dataclass(slots=True, kw_only=True)
class Stack:
    """One stack, as its owner sees it."""

    stack_id: str
    status: str = ""
    resources: dict[str, Live] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    """Physical ids that the stack let go of although their Delete was refused, or not asked for."""
    reasons: list[str] = field(default_factory=list)
    """What went wrong, newest last."""
    termination_protection: bool = False

    @property
    def account(self) -> str:
        return self.stack_id.split(":")[4]

    @property
    def name(self) -> str:
        return self.stack_id.split("/")[1]


class Function(Protocol):
    """Delivers a request to the custom resource's function, in the Region of its stack."""

    def __call__(self, request: dict[str, Any]) -> object: ...


@dataclass(slots=True)
class CloudFormation:
    """CloudFormation of all accounts."""

    stacks: Stacks
    function: Function
    host: ResponseHost
    sent: list[Exchange] = field(default_factory=list)
    """Every request, with its answers, oldest first."""
    deliveries: int = 1
    """How often Lambda delivers each request."""
    loses: str = ""
    """The kind of request that Lambda loses, or that the function dies of."""
    suspended: Callable[[], bool] = lambda: False
    """Whether the function has come to a stand in the middle of its work."""
    delivered_apart: bool = False
    """Whether the next request is worked on beside what CloudFormation does meanwhile."""
    meanwhile: Callable[[dict[str, Any]], None] = lambda request: None
    """What happens while the function stands still, before CloudFormation gives up."""
    _running: list[threading.Thread] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    # ---- what a person does ------------------------------------------------------------------

    def create_stack(
        self,
        name: str,
        template: Template,
        *,
        account: str,
        region: str = "eu-central-1",
        on_failure: str = "ROLLBACK",
        change_set: bool = False,
    ) -> Stack:
        """
        Args:
            on_failure: Or ``DELETE`` (what StackSets ask for), ``DO_NOTHING``.
            change_set: As ``sam deploy`` does it.
        """
        guid = f"5f0c7d20-b7d1-11f0-9c4e-{next(self._numbers):012}"
        start = f"arn:aws:cloudformation:{region}:{account}"
        stack = Stack(stack_id=f"{start}:stack/{name}/{guid}")
        if change_set:
            self._own(stack, "REVIEW_IN_PROGRESS")
        self._own(stack, "CREATE_IN_PROGRESS")
        failed = self._create_all(stack, template)
        if not failed:
            self._own(stack, "CREATE_COMPLETE")
            return stack
        if on_failure == "DO_NOTHING":
            self._own(stack, "CREATE_FAILED")
            return stack
        if on_failure == "DELETE":
            self._own(stack, "CREATE_FAILED")
            self._own(stack, "DELETE_IN_PROGRESS")
        else:
            self._own(stack, "ROLLBACK_IN_PROGRESS")
        left = self._delete_all(stack, creating=True)
        done = "DELETE" if on_failure == "DELETE" else "ROLLBACK"
        self._own(stack, f"{done}_FAILED" if left else f"{done}_COMPLETE")
        return stack

    def update_stack(self, stack: Stack, template: Template) -> Stack:
        """To *template*; what fails is rolled back."""
        assert stack.status.endswith("_COMPLETE") or stack.status == "CREATE_FAILED"
        assert stack.status not in {"DELETE_COMPLETE", "ROLLBACK_COMPLETE"}
        before = {name: replace(live) for name, live in stack.resources.items()}
        replaced: list[tuple[str, Live]] = []
        self._own(stack, "UPDATE_IN_PROGRESS")
        failed = self._create_or_update_all(stack, template, replaced)
        if failed:
            self._roll_back_update(stack, before)
            return stack
        self._own(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        removed = [it for it in reversed(stack.resources) if it not in template]
        replaced.extend((name, stack.resources.pop(name)) for name in removed)
        self._clean_up(stack, replaced)
        self._own(stack, "UPDATE_COMPLETE")
        return stack

    def delete_stack(
        self, stack: Stack, *, retain: Iterable[str] = (), force: bool = False
    ) -> Stack:
        """
        Args:
            retain: RetainResources: logical ids.
            force: DeletionMode FORCE_DELETE_STACK.
        """
        if force or retain:
            assert stack.status == "DELETE_FAILED", "only then does CloudFormation take it"
        if stack.termination_protection:
            return stack  # DeleteStack itself is refused: no resource hears of it
        self._own(stack, "DELETE_IN_PROGRESS")
        left = self._delete_all(stack, retain=frozenset(retain), force=force)
        self._own(stack, "DELETE_FAILED" if left else "DELETE_COMPLETE")
        return stack

    def deliver_again(self, exchange: Exchange) -> None:
        """Lambda delivers a request once more, however old it is."""
        self.function(exchange.request)

    def finish(self) -> None:
        """Waits for what was delivered apart, once it goes on."""
        while self._running:
            self._running.pop().join()

    # ---- create, update, delete of all resources ---------------------------------------------

    def _create_all(self, stack: Stack, template: Template) -> bool:
        """Whether one failed, which stops it."""
        return any(not self._create(stack, name, it) for name, it in template.items())

    def _create_or_update_all(
        self, stack: Stack, template: Template, replaced: list[tuple[str, Live]]
    ) -> bool:
        for name, resource in template.items():
            live = stack.resources.get(name)
            if live is None:
                done = self._create(stack, name, resource)
            elif live.status == "CREATE_FAILED":
                replaced.append((name, live))
                done = self._create(stack, name, resource)
            elif not _differ(live.resource, resource):
                live.resource, done = resource, True
            else:
                done = self._update(stack, name, resource, replaced)
            if not done:
                return True
        return False

    def _roll_back_update(self, stack: Stack, before: Mapping[str, Live]) -> None:
        self._own(stack, "UPDATE_ROLLBACK_IN_PROGRESS")
        cleanup: list[tuple[str, Live]] = []
        for name, live in reversed(list(stack.resources.items())):
            old = before.get(name)
            if old is None or old.status == "CREATE_FAILED":
                cleanup.append((name, stack.resources.pop(name)))
            elif old.physical_id != live.physical_id:
                cleanup.append((name, live))
                stack.resources[name] = replace(old)
            elif live.status != "UPDATE_FAILED" and not _differ(live.resource, old.resource):
                live.resource = old.resource
            elif not self._update(stack, name, old.resource, cleanup):
                self._own(stack, "UPDATE_ROLLBACK_FAILED")
                return
        self._own(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(stack, cleanup)
        self._own(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _clean_up(self, stack: Stack, unwanted: list[tuple[str, Live]]) -> None:
        """What cannot be deleted is left alone: the update is complete all the same."""
        for name, live in unwanted:
            replaced = name in stack.resources
            policy = getattr(
                live.resource, "update_replace_policy" if replaced else "deletion_policy", "Delete"
            )
            if policy != "Delete" or not self._delete(stack, name, live):
                stack.orphans.append(live.physical_id)
            if policy != "Delete":
                self._event(stack, name, live.resource, "DELETE_SKIPPED", live.physical_id)

    def _delete_all(
        self,
        stack: Stack,
        *,
        retain: frozenset[str] = frozenset(),
        force: bool = False,
        creating: bool = False,
    ) -> bool:
        """Whether one is left."""
        kept_by_policy = {"Retain"} if creating else {"Retain", "RetainExceptOnCreate"}
        for name, live in reversed(list(stack.resources.items())):
            policy = getattr(live.resource, "deletion_policy", "Delete")
            kept = policy in kept_by_policy or name in retain
            if not kept and self._delete(stack, name, live):
                del stack.resources[name]
            elif kept or force:
                self._event(stack, name, live.resource, "DELETE_SKIPPED", live.physical_id)
                stack.orphans.append(live.physical_id)
                del stack.resources[name]
        return bool(stack.resources)

    # ---- one resource ------------------------------------------------------------------------

    def _create(self, stack: Stack, name: str, resource: Resource) -> bool:
        self._event(stack, name, resource, "CREATE_IN_PROGRESS")
        answer = self._ask(stack, name, resource, "Create")
        physical_id = answer["PhysicalResourceId"]
        stack.resources[name] = live = Live(
            resource=resource, physical_id=physical_id, status="CREATE_FAILED"
        )
        if answer["Status"] == "SUCCESS":
            # "Resource creation Initiated"
            self._event(stack, name, resource, "CREATE_IN_PROGRESS", physical_id)
            live.status = "CREATE_COMPLETE"
        self._event(stack, name, resource, live.status, physical_id)
        return answer["Status"] == "SUCCESS"

    def _update(
        self, stack: Stack, name: str, resource: Resource, replaced: list[tuple[str, Live]]
    ) -> bool:
        live = stack.resources[name]
        old = replace(live)
        self._event(stack, name, resource, "UPDATE_IN_PROGRESS", live.physical_id)
        answer = self._ask(stack, name, resource, "Update", live)
        live.resource = resource
        live.status = f"UPDATE_{'COMPLETE' if answer['Status'] == 'SUCCESS' else 'FAILED'}"
        if answer["Status"] == "SUCCESS" and answer["PhysicalResourceId"] != live.physical_id:
            live.physical_id = answer["PhysicalResourceId"]
            replaced.append((name, old))
        self._event(stack, name, resource, live.status, live.physical_id)
        return answer["Status"] == "SUCCESS"

    def _delete(self, stack: Stack, name: str, live: Live) -> bool:
        self._event(stack, name, live.resource, "DELETE_IN_PROGRESS", live.physical_id)
        answer = self._ask(stack, name, live.resource, "Delete", live)
        live.status = f"DELETE_{'COMPLETE' if answer['Status'] == 'SUCCESS' else 'FAILED'}"
        self._event(stack, name, live.resource, live.status, live.physical_id)
        return answer["Status"] == "SUCCESS"

    def _ask(
        self, stack: Stack, name: str, resource: Resource, kind: str, live: Live | None = None
    ) -> Mapping[str, Any]:
        """The answer; of CloudFormation's own making where none came in time."""
        if isinstance(resource, Other):
            answer: Mapping[str, Any] = _answer_of_other(stack, name, resource, kind, live)
        else:
            answer = self._request(stack, name, resource, kind, live)
        if answer["Status"] == "FAILED":
            stack.reasons.append(answer.get("Reason", ""))
        return answer

    def _request(
        self, stack: Stack, name: str, backend: Backend, kind: str, live: Live | None
    ) -> Mapping[str, Any]:
        request = {
            "RequestType": kind,
            "RequestId": f"1c5b0f3a-4d2e-4b7f-8a91-{next(self._numbers):012}",
            "ServiceToken": SERVICE_TOKEN,
            "StackId": stack.stack_id,
            "ResourceType": "Custom::StateBackend",
            "LogicalResourceId": name,
            "ResourceProperties": _properties(backend),
        }
        if live is not None:
            request["PhysicalResourceId"] = live.physical_id
        if live is not None and kind == "Update":
            request["OldResourceProperties"] = _properties(live.resource)
        exchange = self.host.open(request)
        self.sent.append(exchange)
        self._deliver(request)
        exchange.closed = True
        if exchange.answer is None:
            invented = f"{stack.name}-{name}-{next(self._numbers):012}"
            return {
                "Status": "FAILED",
                "Reason": "CloudFormation did not receive a response from your Custom Resource.",
                "PhysicalResourceId": live.physical_id if live else invented,
            }
        return exchange.answer

    def _deliver(self, request: dict[str, Any]) -> None:
        if request["RequestType"] == self.loses:
            return
        if not self.delivered_apart:
            for _ in range(self.deliveries):
                self.function(request)
            return
        self.delivered_apart = False
        thread = threading.Thread(target=self.function, args=(request,))
        thread.start()
        self._running.append(thread)
        while thread.is_alive() and not self.suspended():
            thread.join(0.005)
        self.meanwhile(request)

    # ---- events ------------------------------------------------------------------------------

    def _own(self, stack: Stack, status: str) -> None:
        stack.status = status
        self.stacks.put_event(
            stack_id=stack.stack_id,
            logical_id=stack.name,
            physical_id=stack.stack_id,
            status=status,
            resource_type=STACK_TYPE,
        )

    def _event(
        self, stack: Stack, name: str, resource: Resource, status: str, physical_id: str = ""
    ) -> None:
        kind = "Custom::StateBackend" if isinstance(resource, Backend) else "AWS::SNS::Topic"
        self.stacks.put_event(
            stack_id=stack.stack_id,
            logical_id=name,
            physical_id=physical_id,
            status=status,
            resource_type=kind,
            properties=_properties(resource),
        )


@dataclass(slots=True)
class StackSet:
    """A service-managed stack set in one Region: one stack an account."""

    cloudformation: CloudFormation
    name: str
    template: Template
    region: str = "eu-central-1"
    instances: dict[str, Stack] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """By account: ``CURRENT``, ``OUTDATED`` or ``INOPERABLE``."""

    def create_instance(self, account: str) -> Stack:
        """A stack that fails to be created is deleted: that is what StackSets ask for."""
        stack = self.cloudformation.create_stack(
            f"StackSet-{self.name}",
            self.template,
            account=account,
            region=self.region,
            on_failure="DELETE",
        )
        self.instances[account] = stack
        made = stack.status == "CREATE_COMPLETE"
        broken = stack.status == "DELETE_FAILED"
        self.statuses[account] = "CURRENT" if made else "INOPERABLE" if broken else "OUTDATED"
        return stack

    def delete_instance(self, account: str, *, retain_stack: bool = False) -> Stack:
        """As DeleteStackInstances does, and an account that leaves the organizational unit."""
        stack = self.instances[account]
        if not retain_stack:
            self.cloudformation.delete_stack(stack)
        if stack.status == "DELETE_FAILED" and not retain_stack:
            self.statuses[account] = "INOPERABLE"
        else:
            del self.instances[account], self.statuses[account]
        return stack


def _answer_of_other(
    stack: Stack, name: str, other: Other, kind: str, live: Live | None
) -> dict[str, Any]:
    failed = kind in other.fails
    return {
        "Status": "FAILED" if failed else "SUCCESS",
        "Reason": f"{name} could not be made" if failed else "",
        "PhysicalResourceId": live.physical_id if live else f"{stack.name}-{name}-topic",
    }


def _properties(resource: Resource) -> dict[str, Any]:
    """As CloudFormation sends them: every scalar is text, what is nested stays so."""
    if isinstance(resource, Other):
        return {"Setting": resource.setting}
    own = {"ServiceToken": SERVICE_TOKEN, "ServiceTimeout": resource.service_timeout}
    text: dict[str, Any] = _as_text({**own, **resource.properties})
    return text


def _differ(one: Resource, other: Resource) -> bool:
    return _properties(one) != _properties(other)


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
