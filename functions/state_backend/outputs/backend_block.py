"""
The ``backend "s3"`` block, in the forms in which clients read it.

``kms_key_id`` is always the key's full ARN and always beside ``encrypt = true``: with ``encrypt``
alone Terraform asks for AES256, which the bucket refuses.

Source: https://developer.hashicorp.com/terraform/language/backend/s3
"""

from __future__ import annotations

import json

from state_backend.calls import JSON
from state_backend.lock_modes import LOCK_MODES
from state_backend.spec import BackendSpec

KEY_TEMPLATE = "<repository>/<module>/terraform.tfstate"
_DEFAULT_WORKSPACE_KEY_PREFIX = "env:"


def backend_arguments(spec: BackendSpec) -> dict[str, JSON]:
    """The arguments of the block in the order in which a person wants to read them, without key."""
    mode = LOCK_MODES[spec.lock_mode_for_clients]
    arguments: dict[str, JSON] = {
        "bucket": spec.bucket_name,
        "region": spec.region,
        "encrypt": spec.clients_encrypt,
    }
    if spec.key_for_clients:
        arguments["kms_key_id"] = spec.key_for_clients
    if mode.lock_file:
        arguments["use_lockfile"] = True
    if mode.lock_table:
        arguments["dynamodb_table"] = spec.lock_table_name
    if spec.workspace_key_prefix != _DEFAULT_WORKSPACE_KEY_PREFIX:
        arguments["workspace_key_prefix"] = spec.workspace_key_prefix
    arguments["allowed_account_ids"] = [spec.account]
    return arguments


def backend_hcl(spec: BackendSpec) -> str:
    """A whole ``terraform`` block, to paste; only its key has to be filled in."""
    arguments = backend_arguments(spec)
    width = max(len(name) for name in arguments)
    lines = [f"    {name.ljust(width)} = {hcl(value)}" for name, value in arguments.items()]
    # In a group of its own, or `terraform fmt` would pad the key like the others.
    key = f'    key = "{KEY_TEMPLATE}" # replace both: one key per module'
    return "\n".join(["terraform {", '  backend "s3" {', key, "", *lines, "  }", "}", ""])


def backend_json(spec: BackendSpec) -> str:
    """The arguments as JSON, which is a file for ``terraform init -backend-config=<name>.json``."""
    return json.dumps(backend_arguments(spec), separators=(",", ":"))


def hcl(value: JSON) -> str:
    """*value* as HCL writes it."""
    # JSON's spelling of text, booleans and lists is HCL's; templates cannot occur in our values.
    return json.dumps(value, ensure_ascii=False)
