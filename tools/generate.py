"""
Writes what is derived from the code: the provisioner role's policy, the pages on controls, policies
and client access, and the reference of the custom resource.

``python -m tools.generate`` writes; with ``--check`` it only says what is out of date.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.model import Control, Resource
from state_backend.outputs import PARAMETERS
from state_backend.policies import client_access
from state_backend.policies.document import statements_of
from state_backend.policies.session_policy import (
    CONFIRMATION_PERMISSIONS,
    LIST_BUCKETS,
    Places,
    role_statements,
)
from state_backend.reconcile import permissions
from state_backend.resources import RESOURCES
from state_backend.spec import KEY_ALIAS, BackendSpec, Defaults, resolve
from tools import cost, policies, reference
from tools.marked import replaced_between

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ("template.yaml", "stacksets/provisioner-role.yaml")
BEGIN, END = "# BEGIN what tools/generate.py writes", "# END"

_HERE = "*:${AWS::AccountId}"
_START = "arn:${AWS::Partition}"
ANY_BACKEND = Places(
    buckets=(f"{_START}:s3:::*",),
    keys=f"{_START}:kms:*:*:key/*",
    account_keys=f"{_START}:kms:{_HERE}:key/*",
    our_key=f"{_START}:kms:{_HERE}:key/*",
    alias=f"{_START}:kms:{_HERE}:{KEY_ALIAS}",
    parameters=tuple(f"{_START}:ssm:{_HERE}:parameter{name}" for name in PARAMETERS),
    table=f"{_START}:dynamodb:{_HERE}:table/*",
    stacks=f"{_START}:cloudformation:{_HERE}:stack/*",
)
"""Where the provisioner role may act: its policy cannot know the names of the backends to come."""

_ROLE = "arn:aws:iam::222222222222:role"
EXAMPLE = replace(
    resolve(
        "222222222222",
        "eu-central-1",
        {
            "StateAccessPrincipalArns": f"{_ROLE}/Deployer",
            "BreakGlassPrincipalArns": f"{_ROLE}/BreakGlass",
        },
        Defaults(),
    ),
    key_arn="arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    acting_role_arns=(f"{_ROLE}/StateholdProvisioner",),
)


def main(arguments: Sequence[str]) -> int:
    """Writes, or with ``--check`` compares; 1 if anything is out of date."""
    stale = [path for path, text in generated().items() if not _is_current(path, text)]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is out of date: run make generate")
        return 1 if stale else 0
    for path, text in generated().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text)
    return 0


def generated() -> dict[str, str]:
    """Path -> what the file must hold."""
    pages = {
        "docs/client-access.md": _client_access_page(),
        "docs/controls.md": _controls_page(),
        "docs/policies.md": policies.page(EXAMPLE),
    }
    pages |= {"docs/cost.md": cost.page((ROOT / "template.yaml").read_text())}
    custom_resource = "docs/custom-resource.md"
    pages |= {
        custom_resource: reference.with_reference((ROOT / custom_resource).read_text()),
        "schemas/custom-state-backend.schema.json": reference.schema(),
    }
    return pages | {path: _with_policy((ROOT / path).read_text()) for path in TEMPLATES}


def _is_current(path: str, text: str) -> bool:
    file = ROOT / path
    return file.exists() and file.read_text() == text


# The role's policy.


def _with_policy(template: str) -> str:
    before = template.partition(BEGIN)[0]
    indent = " " * (len(before) - len(before.rstrip(" ")))
    lines = "".join(f"{indent}{line}\n" for line in _policy_lines())
    return replaced_between(template, BEGIN, END, f"\n{lines}{indent}")


def _policy_lines() -> Iterable[str]:
    yield "- PolicyName: StateBackend"
    yield "  PolicyDocument:"
    yield '    Version: "2012-10-17"'
    yield "    Statement:"
    for statement in role_statements(permissions(), ANY_BACKEND):
        yield "      - Effect: Allow"
        yield "        Action:"
        yield from (f"          - {action}" for action in statement["Action"])
        yield from _resource_lines(statement["Resource"])


def _resource_lines(resource: str | list[str]) -> Iterable[str]:
    if resource == "*":
        yield '        Resource: "*"'
    elif isinstance(resource, str):
        yield f"        Resource: !Sub {resource}"
    else:
        yield "        Resource:"
        yield from (f"          - !Sub {arn}" for arn in resource)


# The page on controls.


def _controls_page() -> str:
    rows = [
        "# Controls",
        "",
        "What one reconcile makes and how it sets it, in the order of the registries. This page is",
        "generated from the code (`make generate`) and checked by the tests. `FSBP` stands before",
        "an id of Security Hub; S3.10, S3.14, S3.17 and KMS.4 belong to its NIST 800-53 standard",
        "alone.",
        "",
        "## What must exist",
        "",
        "| id | why |",
        "| --- | --- |",
        *(f"| `{it.id}` | {it.why} |" for it in RESOURCES),
        "",
        "## How it must be set",
        "",
        "| id | on | what goes wrong without it | asked for by |",
        "| --- | --- | --- | --- |",
        *(_control_row(it) for it in CONTROLS),
        "",
        "## Permissions and sources",
        "",
        *(line for resource in RESOURCES for line in _permission_lines(resource)),
        *(line for control in CONTROLS for line in _permission_lines(control)),
        "**a stack's request**, to confirm it and to judge its Delete: "
        + ", ".join(f"`{action}`" for action in (*CONFIRMATION_PERMISSIONS, LIST_BUCKETS)),
        "",
    ]
    return "\n".join(rows).rstrip() + "\n"


def _control_row(control: Control) -> str:
    on = ", ".join(f"`{resource}`" for resource in control.on)
    return f"| `{control.id}` | {on} | {control.why} | {'; '.join(control.satisfies)} |"


def _permission_lines(it: Resource | Control) -> Iterable[str]:
    yield f"**{it.id}**: {', '.join(f'`{action}`' for action in it.permissions)}"
    if isinstance(it, Control):
        yield from (f"([AWS's page]({source}))" for source in it.sources)
    yield ""


# The page on what clients may do.

EXAMPLE_STATE = "payments/network/terraform.tfstate"


def _client_access_page() -> str:
    table = replace(EXAMPLE, lock_mode="both")
    key = replace(EXAMPLE, kms_key_arn=EXAMPLE.key_arn)
    rows = [
        "# What your role needs",
        "",
        "A policy for each kind of client, to be attached to its role as it is. This page is",
        "generated from the code (`make generate`). In the tests a real Terraform does",
        "its work under exactly these policies, and is stopped without any one word of them, but",
        "for the reader's `ReadDigest`: without that it reads on, and notices no stale state.",
        "",
        f"Replace `{EXAMPLE.bucket_name}` by your bucket, and",
        f"`{EXAMPLE_STATE}` by the `key` of your backend block. A pattern, such as",
        "`payments/*`, is for all the states that fit it. If the backend has",
        "`StateAccessPrincipalArns`, the role must be among them as well.",
        "",
        *_client_lines(),
        "## The published block",
        "",
        inspect.cleandoc(client_access.published.__doc__ or ""),
        "",
        *_json_lines(client_access.published(EXAMPLE)),
        "## With a lock table",
        "",
        "Where `LockMode` is `both`, each needs a further statement. Where it is `dynamodb`,",
        "planner and applier need it instead of `LockWithFiles`.",
        "",
        *_further_lines(table),
        "## With a key of your own",
        "",
        "Where the backend has `KmsKeyArn`, that key's policy is yours, and each needs a further",
        "statement. The policy of a key that Statehold makes lets every principal of the account",
        "in that comes through S3.",
        "",
        *_further_lines(key),
    ]
    return "\n".join(rows).rstrip() + "\n"


def _client_lines() -> Iterable[str]:
    for kind, policy in client_access.CLIENT_POLICIES.items():
        yield f"## {kind.capitalize()}"
        yield ""
        yield inspect.cleandoc(policy.__doc__ or "").partition("\n\n")[0].replace("``", "`")
        yield ""
        yield from _json_lines(policy(EXAMPLE, EXAMPLE_STATE))


def _further_lines(spec: BackendSpec) -> Iterable[str]:
    """Of each kind of client, what it needs on *spec* and does not need on the example."""
    for kind, policy in client_access.CLIENT_POLICIES.items():
        usual = statements_of(policy(EXAMPLE, EXAMPLE_STATE))
        for statement in statements_of(policy(spec, EXAMPLE_STATE)):
            if statement not in usual:
                yield f"{kind.capitalize()}:"
                yield ""
                yield from _json_lines(statement)


def _json_lines(value: Mapping[str, JSON]) -> Iterable[str]:
    yield "```json"
    yield json.dumps(value, indent=2)
    yield "```"
    yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
