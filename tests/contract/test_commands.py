"""The commands that our pages give are commands that the AWS CLI takes."""

from __future__ import annotations

import re
import shlex
from types import MappingProxyType

import pytest
import yaml

from state_backend.fleet.settings_document import parse
from tests.contract.commands import Command, Wrong, check, commands_in, parameters_of
from tests.contract.templates import HUB, ROOT, STACK_SETS, read
from tests.contract.test_docs import fences
from tests.deployment.template import Template, load

ORGANIZATION = "o-a1b2c3d4e5"
PAGES = tuple(
    str(page.relative_to(ROOT))
    for page in sorted((ROOT / "docs").glob("*.md"))
    if re.search(r"^\s*(\w+=\$\()?aws [a-z]", page.read_text(), re.MULTILINE)
)
DEPLOYING = ("docs/roll-out.md", "docs/hub-lifecycle.md")


def commands_of(page: str) -> list[Command]:
    text = (ROOT / page).read_text()
    return [
        command
        for language, body in fences(text)
        if language == "sh"
        for command in commands_in(body)
    ]


def of_operation(operation: str) -> list[dict[str, object]]:
    return [
        parameters_of(command, ROOT)
        for command in commands_of("docs/stacksets.md")
        if command.operation == operation
    ]


ALL = [
    pytest.param(command, id=f"{page}: {command} ({number})")
    for page in PAGES
    for number, command in enumerate(commands_of(page))
]


@pytest.mark.parametrize("command", ALL)
def test_the_cli_takes_it(command):
    check(command, ROOT)


@pytest.mark.parametrize("page", PAGES)
def test_no_command_is_overlooked(page):
    text = "".join(body for language, body in fences((ROOT / page).read_text()) if language == "sh")

    assert len(commands_of(page)) == len(re.findall(r"\baws [a-z]", text)) > 0


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("aws cloudformation create-stack-sets --stack-set-name x", "no command"),
        ("aws cloudformation delete-stack-set --name x", "no option --name"),
        ("aws cloudformation delete-stack-set", "Missing required parameter"),
        (
            "aws cloudformation create-stack-set --stack-set-name x --permission-model MANAGED",
            "MANAGED is none of",
        ),
        (
            "aws cloudformation create-stack-set --stack-set-name x --auto-deployment On=true",
            "has no member On",
        ),
        (
            "aws cloudformation create-stack-set --stack-set-name x --auto-deployment Enabled=yes",
            "yes is no boolean",
        ),
        ("aws cloudformation wait stack-made --stack-name x", "no such waiter"),
        (
            "aws cloudformation deploy --template-file stacksets/drift-rule.yaml "
            "--parameter-overrides Hub=1",
            "has no parameter Hub",
        ),
    ],
)
def test_a_wrong_command_would_be_found(script, told):
    [command] = commands_in(script)

    with pytest.raises(Wrong, match=told):
        check(command, ROOT)


@pytest.mark.parametrize("page", DEPLOYING)
def test_the_template_takes_what_sam_is_told(page):
    script = "".join(body for language, body in fences((ROOT / page).read_text()))
    deployments = re.findall(r"sam deploy ((?:[^\\\n]|\\\n)*)", script)

    assert deployments
    for text in deployments:
        _, _, overrides = text.replace("\\\n", " ").partition("--parameter-overrides ")
        given = dict(pair.split("=", 1) for pair in shlex.split(overrides))
        Template(document=load(HUB), parameters=given | {"OrganizationId": ORGANIZATION})


def test_the_settings_document_of_the_page_is_accepted():
    [text] = [
        body
        for language, body in fences((ROOT / "docs/roll-out.md").read_text())
        if language == "json"
    ]

    document = parse(text)

    assert document.scope.included_units == {"ou-a1b2-c3d4e5f6"}


def test_the_register_that_is_imported_is_the_hubs():
    [text] = [
        body
        for language, body in fences((ROOT / "docs/hub-lifecycle.md").read_text())
        if language == "yaml"
    ]
    hubs = dict(read(HUB)["Resources"]["BackendRegister"])

    assert hubs.pop("Condition") == "IsHome"
    assert yaml.safe_load(text)["Resources"] == {"BackendRegister": hubs}


class TestStackSets:
    made = MappingProxyType({it["StackSetName"]: it for it in of_operation("create-stack-set")})

    def test_each_template_has_its_set_and_no_other(self):
        bodies = [it["TemplateBody"] for it in self.made.values()]

        assert bodies == [path.read_text() for path in STACK_SETS]

    def test_each_comes_by_itself_to_new_accounts_and_is_kept_when_they_go(self):
        for it in self.made.values():
            assert it["PermissionModel"] == "SERVICE_MANAGED"
            assert it["AutoDeployment"]["Enabled"] is True
            assert it["AutoDeployment"]["RetainStacksOnAccountRemoval"] is True
            assert it["ManagedExecution"] == {"Active": True}

    def test_each_waits_for_those_before_it(self):
        waits = {name: it["AutoDeployment"].get("DependsOn") for name, it in self.made.items()}

        assert waits == {
            "statehold-break-glass": None,
            "statehold-provisioner": None,
            "statehold-drift-rule": ["$PROVISIONER"],
            "statehold-state-backend": ["$PROVISIONER", "$RULE"],
        }

    def test_each_may_do_what_its_template_needs(self):
        for it, path in zip(self.made.values(), STACK_SETS, strict=True):
            roles = [
                resource["Properties"]
                for resource in read(path)["Resources"].values()
                if resource["Type"] == "AWS::IAM::Role"
            ]
            named = any("RoleName" in role for role in roles)
            needed = ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"] if roles else []

            assert it.get("Capabilities", []) == needed

    @pytest.mark.parametrize("operation", ["create-stack-set", "update-stack-set"])
    def test_each_parameter_that_has_no_default_is_said(self, operation):
        """An update that leaves one out takes it for its default."""
        parameters = {
            name: read(path)["Parameters"] for name, path in zip(self.made, STACK_SETS, strict=True)
        }

        for it in of_operation(operation):
            own = parameters[it["StackSetName"]]
            said = {parameter["ParameterKey"] for parameter in it["Parameters"]}
            assert {name for name, one in own.items() if "Default" not in one} <= said
            assert said <= set(own)

    def test_each_is_deployed_in_the_order_of_the_page_the_roles_in_one_region(self):
        deployed = of_operation("create-stack-instances")[: len(self.made)]

        assert [it["StackSetName"] for it in deployed] == list(self.made)
        assert [len(it["Regions"]) for it in deployed[:2]] == [1, 1]
        assert deployed[2]["Regions"] == deployed[3]["Regions"]

    def test_what_is_inoperable_is_cleared_by_retaining_its_stack(self):
        [it] = of_operation("delete-stack-instances")

        assert it["RetainStacks"] is True
