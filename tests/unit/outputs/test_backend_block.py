"""What clients read: a block that can be pasted as it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from state_backend.outputs import PARAMETERS
from state_backend.outputs.backend_block import backend_hcl, backend_json
from tests.unit.given import ACCOUNT, BUCKET, KEY, REGION, TABLE, backend

CASES = {
    "kms": backend(key_arn=KEY),
    "AES256": backend({"Encryption": "AES256"}),
    "both locks and a prefix": backend(
        {"LockMode": "both", "WorkspaceKeyPrefix": "spaces/a"}, key_arn=KEY
    ),
    "table": backend({"LockMode": "dynamodb"}, key_arn=KEY),
    "observed": backend(
        origin="adopted", default_encryption=("aws:kms", "alias/x"), lock_table_found=True
    ),
}


def test_the_block_is_exactly_this():
    assert (
        backend_hcl(CASES["kms"])
        == f"""\
terraform {{
  backend "s3" {{
    key = "<repository>/<module>/terraform.tfstate" # replace both: one key per module

    bucket              = "{BUCKET}"
    region              = "{REGION}"
    encrypt             = true
    kms_key_id          = "{KEY}"
    use_lockfile        = true
    allowed_account_ids = ["{ACCOUNT}"]
  }}
}}
"""
    )


def test_the_json_says_the_same():
    assert json.loads(backend_json(CASES["table"])) == {
        "bucket": BUCKET,
        "region": REGION,
        "encrypt": True,
        "kms_key_id": KEY,
        "dynamodb_table": TABLE,
        "allowed_account_ids": [ACCOUNT],
    }


@pytest.mark.parametrize("spec", CASES.values(), ids=CASES)
def test_the_key_line_reads_as_the_contract_has_it(spec):
    assert 'key = "<repository>/<module>/terraform.tfstate" # replace both' in backend_hcl(spec)


def test_without_a_key_none_is_named():
    assert "kms_key_id" not in backend_hcl(CASES["AES256"])
    assert "encrypt             = true" in backend_hcl(CASES["AES256"])


def test_kms_key_id_never_stands_without_encrypt():
    """Terraform ignores it then, without a word."""
    for spec in CASES.values():
        arguments = json.loads(backend_json(spec))
        assert arguments["encrypt"] or "kms_key_id" not in arguments


def test_encrypt_never_asks_for_aes256_where_the_default_is_a_key():
    assert json.loads(backend_json(CASES["observed"]))["encrypt"] is False


@pytest.mark.parametrize(
    ("mode", "lock_file", "table"),
    [("s3-lockfile", True, False), ("dynamodb", False, True), ("both", True, True)],
)
def test_each_lock_mode_has_its_arguments(mode, lock_file, table):
    arguments = json.loads(backend_json(backend({"LockMode": mode}, key_arn=KEY)))

    assert ("use_lockfile" in arguments, "dynamodb_table" in arguments) == (lock_file, table)


def test_both_parameters_are_published():
    assert {name: render(CASES["kms"]) for name, render in PARAMETERS.items()} == {
        "/statehold/backend": backend_json(CASES["kms"]),
        "/statehold/backend.hcl": backend_hcl(CASES["kms"]),
    }


def parsed(hcl):
    """The arguments in *hcl*; an error where a line is no argument in canonical spelling."""
    lines = [
        line
        for line in hcl.splitlines()
        if not re.fullmatch(r'(terraform|  backend "s3") \{|  \}|\}|', line)
    ]
    argument = re.compile(r'\s*(\w+) += (true|false|"[^"\\$%]*"|\["[0-9]{12}"\])(?: # .+)?')
    found = [argument.fullmatch(line) for line in lines]
    assert all(found), hcl
    assert len({line.index("=") for line in lines[1:]}) == 1
    return {it[1]: json.loads(it[2]) for it in found}


@pytest.mark.parametrize("spec", CASES.values(), ids=CASES)
def test_both_forms_say_the_same(spec):
    block = parsed(backend_hcl(spec))

    assert block.pop("key") == "<repository>/<module>/terraform.tfstate"
    assert block == json.loads(backend_json(spec))


@pytest.mark.parametrize("spec", CASES.values(), ids=CASES)
def test_where_there_is_a_terraform_it_would_not_format_it_otherwise(spec):
    for terraform in filter(None, map(shutil.which, ("terraform", "tofu"))):
        done = subprocess.run(
            [terraform, "fmt", "-"],
            input=backend_hcl(spec),
            capture_output=True,
            text=True,
            check=True,
            env={"TF_CLI_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin"},
        )

        assert done.stdout == backend_hcl(spec)


def test_a_value_that_hcl_would_read_otherwise_cannot_occur():
    text = backend_hcl(backend({"WorkspaceKeyPrefix": "a/b:=@+._-"}, key_arn=KEY))

    assert "${" not in text
    assert "%{" not in text
    assert "\\" not in text
