"""
Terragrunt's ``remote_state`` block for a backend.

Left to itself Terragrunt would set up the bucket its own way: ``disable_bucket_update`` keeps it
from that. Its usual ``encrypt = true`` alone would ask for AES256, which the bucket refuses, so the
key's ARN always stands beside it, as in the ``backend "s3"`` block.

Source: https://terragrunt.gruntwork.io/docs/reference/hcl/blocks/#remote_state
"""

from __future__ import annotations

from state_backend.outputs.backend_block import backend_arguments, hcl
from state_backend.spec import BackendSpec

_KEY = '"${path_relative_to_include()}/terraform.tfstate"'
"""One a module, by its folder: what Terragrunt's users do, and it needs no editing."""


def terragrunt_hcl(spec: BackendSpec) -> str:
    """A whole ``remote_state`` block, to paste into the root configuration as it is."""
    texts = {name: hcl(value) for name, value in backend_arguments(spec).items()}
    bucket = texts.pop("bucket")
    config = {"bucket": bucket, "key": _KEY, **texts, "disable_bucket_update": "true"}
    width = max(len(name) for name in config)
    return "\n".join(
        [
            "remote_state {",
            '  backend = "s3"',
            "",
            "  generate = {",
            '    path      = "backend.tf"',
            '    if_exists = "overwrite_terragrunt"',
            "  }",
            "",
            "  config = {",
            *(f"    {name.ljust(width)} = {text}" for name, text in config.items()),
            "  }",
            "}",
            "",
        ]
    )
