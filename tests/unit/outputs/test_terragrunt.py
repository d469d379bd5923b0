"""Terragrunt's block: pasted as it is, it leaves the bucket alone and names the key."""

from __future__ import annotations

from state_backend.outputs.backend_block import backend_arguments
from state_backend.outputs.terragrunt import terragrunt_hcl
from tests.unit.given import ACCOUNT, BUCKET, KEY, REGION, TABLE, backend

DEFAULT = f"""\
remote_state {{
  backend = "s3"

  generate = {{
    path      = "backend.tf"
    if_exists = "overwrite_terragrunt"
  }}

  config = {{
    bucket                = "{BUCKET}"
    key                   = "${{path_relative_to_include()}}/terraform.tfstate"
    region                = "{REGION}"
    encrypt               = true
    kms_key_id            = "{KEY}"
    use_lockfile          = true
    allowed_account_ids   = ["{ACCOUNT}"]
    disable_bucket_update = true
  }}
}}
"""


def test_the_whole_block_stands_ready_to_paste():
    assert terragrunt_hcl(backend(key_arn=KEY)) == DEFAULT


def test_encrypt_never_stands_without_the_key_where_the_bucket_wants_a_key():
    for properties in ({}, {"LockMode": "both"}, {"KmsKeyArn": KEY}):
        block = terragrunt_hcl(backend(properties, key_arn=KEY))

        assert "encrypt " in block
        assert f'kms_key_id            = "{KEY}"' in block


def test_with_aes256_there_is_no_key_to_name():
    block = terragrunt_hcl(backend({"Encryption": "AES256"}))

    assert "encrypt               = true\n" in block
    assert "kms_key_id" not in block


def test_a_lock_table_is_named_as_in_the_backend_block():
    block = terragrunt_hcl(backend({"LockMode": "dynamodb"}, key_arn=KEY))

    assert f'dynamodb_table        = "{TABLE}"' in block
    assert "use_lockfile" not in block


def test_it_says_all_that_the_backend_block_says():
    spec = backend({"LockMode": "both", "WorkspaceKeyPrefix": "stages"}, key_arn=KEY)

    block = terragrunt_hcl(spec)

    assert all(f"\n    {name} " in block for name in backend_arguments(spec))
