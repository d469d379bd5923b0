"""The settings document: checked whole, and each mistake refused at its own place."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from state_backend.errors import InvalidRequest
from state_backend.fleet.scope import EVERYTHING
from state_backend.fleet.settings_document import (
    SETTINGS,
    SettingsDocument,
    WrongSettings,
    in_force,
    parse,
    settings_for,
)
from state_backend.properties import PROPERTIES
from state_backend.spec import Defaults, resolve

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "schemas/settings.schema.json").read_text(encoding="utf-8")
)
ROOT, UNIT, NESTED = "r-a1b2", "ou-a1b2-c3d4e5f6", "ou-a1b2-77777777"
ACCOUNT, OTHER = "222222222222", "333333333333"
HOME = "eu-central-1"
KEY = f"arn:aws:kms:{HOME}:111111111111:key/00000000-1111-4222-8333-444444444444"
KEY_WEST = KEY.replace(HOME, "eu-west-1")

GOOD = {
    "$schema": "https://example.com/settings.schema.json",
    "version": 1,
    "scope": {
        "include": {"organizationalUnits": [UNIT], "accounts": [ACCOUNT]},
        "exclude": {"organizationalUnits": [NESTED], "accounts": [OTHER]},
        "optOutTag": {"key": "statehold", "value": "off"},
    },
    "root": {
        "Encryption": "aws:kms",
        "KmsKeyArn": [KEY, KEY_WEST],
        "LockMode": "both",
        "AccessLogs": "off",
        "AccessLogsDays": 30,
        "NoncurrentVersionDays": 90,
        "NoncurrentVersionsKept": 50,
        "StateAccessPrincipalArns": ["arn:aws:iam::*:role/Deployer"],
    },
    "organizationalUnits": {UNIT: {"Encryption": "AES256"}, ROOT: {}},
    "accounts": {ACCOUNT: {"StateAccessPrincipalArns": [f"arn:aws:iam::{ACCOUNT}:role/A"]}},
}


def at(*path, value):
    """``GOOD`` with *value* at *path*."""
    document = json.loads(json.dumps(GOOD))
    *above, last = path
    found = document
    for step in above:
        found = found[step]
    found[last] = value
    return document


def without(*path):
    document = at(*path, value=None)
    found = document
    for step in path[:-1]:
        found = found[step]
    del found[path[-1]]
    return document


INCLUDED, EXCLUDED = ("scope", "include"), ("scope", "exclude")
IN_UNIT, IN_ACCOUNT = ("organizationalUnits", UNIT), ("accounts", ACCOUNT)
UNIT_PATH, ACCOUNT_PATH = f'$.organizationalUnits["{UNIT}"]', f'$.accounts["{ACCOUNT}"]'

WRONG = [
    # The document itself.
    ("$", []),
    ("$", "x"),
    ("$", None),
    ("$", without("version")),
    ("$.version", at("version", value=2)),
    ("$.version", at("version", value="1")),
    ("$.version", at("version", value=True)),
    ("$.Version", at("Version", value=1)),
    ('$["scope "]', at("scope ", value={})),
    ("$.$schema", at("$schema", value=1)),
    # Scope.
    ("$.scope", at("scope", value=[])),
    ("$.scope.includes", at("scope", "includes", value={})),
    ("$.scope.include", at(*INCLUDED, value={})),
    ("$.scope.include", at(*INCLUDED, value={"accounts": []})),
    ("$.scope.include", at(*INCLUDED, value=[UNIT])),
    ("$.scope.include.units", at(*INCLUDED, "units", value=[])),
    ("$.scope.include.accounts", at(*INCLUDED, "accounts", value=ACCOUNT)),
    ("$.scope.include.accounts[0]", at(*INCLUDED, "accounts", value=[222222222222])),
    ("$.scope.include.accounts[1]", at(*INCLUDED, "accounts", value=[ACCOUNT, "2"])),
    ("$.scope.include.accounts[1]", at(*INCLUDED, "accounts", value=[ACCOUNT, ACCOUNT])),
    ("$.scope.include.organizationalUnits[0]", at(*INCLUDED, "organizationalUnits", value=["ou"])),
    ("$.scope.exclude.organizationalUnits[1]",
     at(*EXCLUDED, "organizationalUnits", value=[NESTED, "OU-A1B2-C3D4E5F6"])),
    ("$.scope.exclude.organizationalUnits", at(*EXCLUDED, "organizationalUnits", value={})),
    ("$.scope.exclude", at(*EXCLUDED, value="all")),
    ("$.scope.optOutTag", at("scope", "optOutTag", value="statehold")),
    ("$.scope.optOutTag", at("scope", "optOutTag", value={"key": "statehold"})),
    ("$.scope.optOutTag.key", at("scope", "optOutTag", "key", value="")),
    ("$.scope.optOutTag.value", at("scope", "optOutTag", "value", value=True)),
    ("$.scope.optOutTag.tag", at("scope", "optOutTag", "tag", value="x")),
    # Whose settings.
    ("$.root", at("root", value=[])),
    ("$.organizationalUnits", at("organizationalUnits", value=[])),
    ("$.organizationalUnits.Workloads", at("organizationalUnits", "Workloads", value={})),
    (UNIT_PATH, at(*IN_UNIT, value="both")),
    ("$.accounts", at("accounts", value="x")),
    ('$.accounts["2222"]', at("accounts", "2222", value={})),
    (ACCOUNT_PATH, at(*IN_ACCOUNT, value=None)),
    # Settings.
    ("$.root.Lockmode", at("root", "Lockmode", value="both")),
    ("$.root.PreventDestroy", at("root", "PreventDestroy", value="false")),
    ("$.root.BucketName", at("root", "BucketName", value="x")),
    ("$.root.Encryption", at("root", "Encryption", value="none")),
    (f"{UNIT_PATH}.Encryption", at(*IN_UNIT, "Encryption", value="")),
    (f"{UNIT_PATH}.KmsKeyArn", at(*IN_UNIT, value={"Encryption": "AES256", "KmsKeyArn": KEY})),
    ("$.root.KmsKeyArn", at("root", "KmsKeyArn", value="alias/shared")),
    ("$.root.KmsKeyArn", at("root", "KmsKeyArn", value=[])),
    ("$.root.KmsKeyArn[1]", at("root", "KmsKeyArn", value=[KEY, "x"])),
    ("$.root.LockMode", at("root", "LockMode", value="file")),
    ("$.root.LockMode", at("root", "LockMode", value=["both"])),
    ("$.root.AccessLogs", at("root", "AccessLogs", value="No_Bucket")),
    ("$.root.AccessLogs", at("root", "AccessLogs", value=False)),
    ("$.root.AccessLogsDays", at("root", "AccessLogsDays", value=0)),
    ("$.root.AccessLogsDays", at("root", "AccessLogsDays", value="30")),
    ("$.root.NoncurrentVersionDays", at("root", "NoncurrentVersionDays", value=-1)),
    ("$.root.NoncurrentVersionDays", at("root", "NoncurrentVersionDays", value=36501)),
    ("$.root.NoncurrentVersionsKept", at("root", "NoncurrentVersionsKept", value=101)),
    ("$.root.NoncurrentVersionsKept", at("root", "NoncurrentVersionsKept", value=True)),
    ("$.root.NoncurrentVersionsKept", at("root", "NoncurrentVersionsKept", value=1.5)),
    ("$.root.StateAccessPrincipalArns", at("root", "StateAccessPrincipalArns", value="*")),
    ("$.root.StateAccessPrincipalArns[0]", at("root", "StateAccessPrincipalArns", value=["*"])),
    (f"{ACCOUNT_PATH}.StateAccessPrincipalArns[0]",
     at(*IN_ACCOUNT, "StateAccessPrincipalArns",
        value=[f"arn:aws:sts::{ACCOUNT}:assumed-role/A/session"])),
]  # fmt: skip
"""Path of the fault -> document; the schema says the same of each."""

BEYOND_THE_SCHEMA = [
    ("$.scope.exclude.accounts[0]", at(*EXCLUDED, "accounts", value=[ACCOUNT])),
    ("$.scope.exclude.organizationalUnits[0]", at(*EXCLUDED, "organizationalUnits", value=[UNIT])),
    ("$.root.KmsKeyArn[1]", at("root", "KmsKeyArn", value=[KEY, KEY.replace("0000", "1111")])),
    ("$.root.StateAccessPrincipalArns[0]",
     at("root", "StateAccessPrincipalArns", value=[f"arn:aws:iam::{ACCOUNT}:role/A"])),
    (f"{ACCOUNT_PATH}.StateAccessPrincipalArns[1]",
     at(*IN_ACCOUNT, "StateAccessPrincipalArns",
        value=["arn:aws:iam::*:role/A", f"arn:aws:iam::{OTHER}:role/A"])),
    ("$.root.AccessLogs", at("root", "AccessLogs", value="192.168.0.1")),
]  # fmt: skip
"""What a schema cannot say."""


class TestMistakes:
    def test_there_are_more_than_fifty_of_them(self):
        assert len(WRONG) > 50

    @pytest.mark.parametrize(("path", "document"), WRONG + BEYOND_THE_SCHEMA)
    def test_each_is_refused_at_its_own_path_with_a_remedy(self, path, document):
        with pytest.raises(WrongSettings) as refused:
            parse(json.dumps(document))

        assert refused.value.path == path
        assert f"wrong at {path}: " in refused.value.message
        assert refused.value.remedy

    @pytest.mark.parametrize(("path", "document"), WRONG)
    def test_the_schema_refuses_it_too(self, path, document):
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)

    @pytest.mark.parametrize(
        "text", ["", "{", "{'version': 1}", '{"version": NaN}', "[" * 100_000, '{"version": 1,}']
    )
    def test_what_is_no_json_is_refused_as_a_whole(self, text):
        with pytest.raises(WrongSettings, match="no JSON") as refused:
            parse(text)

        assert refused.value.path == "$"

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("$.version", '{"version": 1, "version": 1}'),
            ("$.root.LockMode", '{"version": 1, "root": {"LockMode": "both", "LockMode": "both"}}'),
            (
                ACCOUNT_PATH,
                f'{{"version": 1, "accounts": {{"{ACCOUNT}": {{}}, "{ACCOUNT}": {{}}}}}}',
            ),
        ],
    )
    def test_what_is_there_twice_is_refused(self, path, text):
        """JSON would silently take the last one."""
        with pytest.raises(WrongSettings, match="twice") as refused:
            parse(text)

        assert refused.value.path == path

    def test_a_long_value_is_shown_in_part(self):
        with pytest.raises(WrongSettings) as refused:
            parse(json.dumps(at("root", "LockMode", value="x" * 5000)))

        assert len(str(refused.value)) < 300


class TestTheSchema:
    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize("document", [GOOD, {"version": 1}, {"version": 1, "scope": {}}])
    def test_it_takes_what_the_code_takes(self, document):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)

        assert parse(json.dumps(document))

    def test_it_names_the_same_settings(self):
        assert set(SCHEMA["$defs"]["settings"]["properties"]) == set(SETTINGS)
        assert set(SETTINGS) <= set(PROPERTIES)

    def test_it_names_the_same_parts(self):
        assert set(SCHEMA["properties"]) == set(GOOD)


def parsed(**parts):
    return parse(json.dumps({"version": 1, **parts}))


class TestWhichCounts:
    @pytest.mark.parametrize(
        ("account", "units", "expected"),
        [
            (ACCOUNT, (NESTED, UNIT, ROOT), "both"),
            (OTHER, (NESTED, UNIT, ROOT), "s3-lockfile"),
            (OTHER, (UNIT, ROOT), "dynamodb"),
            (OTHER, (ROOT,), None),
            (OTHER, (), None),
        ],
    )
    def test_the_accounts_own_then_the_nearest_units(self, account, units, expected):
        document = parsed(
            organizationalUnits={
                UNIT: {"LockMode": "dynamodb"},
                NESTED: {"LockMode": "s3-lockfile"},
            },
            accounts={ACCOUNT: {"LockMode": "both"}},
        )

        assert settings_for(document, account, units, HOME).get("LockMode") == expected

    def test_then_the_roots(self):
        document = parsed(
            root={"AccessLogs": "off"}, organizationalUnits={ROOT: {"LockMode": "both"}}
        )

        assert settings_for(document, ACCOUNT, (UNIT, ROOT), HOME) == {
            "AccessLogs": "off",
            "LockMode": "both",
        }

    def test_each_setting_by_itself(self):
        document = parsed(
            root={"LockMode": "both", "AccessLogsDays": 30},
            accounts={ACCOUNT: {"LockMode": "dynamodb"}},
        )

        assert settings_for(document, ACCOUNT, (), HOME) == {
            "LockMode": "dynamodb",
            "AccessLogsDays": "30",
        }


class TestASharedKey:
    def test_it_is_that_of_the_backends_region(self):
        document = parsed(root={"KmsKeyArn": [KEY, KEY_WEST]})

        assert settings_for(document, ACCOUNT, (), "eu-west-1")["KmsKeyArn"] == KEY_WEST

    def test_a_region_without_one_is_refused_where_a_backend_would_be_new(self):
        """A backend keeps its key for ever, so one of its own would be no way out."""
        said = settings_for(parsed(root={"KmsKeyArn": KEY}), ACCOUNT, (), "us-east-1")

        with pytest.raises(InvalidRequest, match="none in us-east-1"):
            resolve(ACCOUNT, "us-east-1", {}, Defaults("tfstate", said))

    def test_it_means_kms_whatever_stands_above(self):
        document = parsed(root={"Encryption": "AES256"}, accounts={ACCOUNT: {"KmsKeyArn": KEY}})

        assert settings_for(document, ACCOUNT, (), HOME) == {
            "Encryption": "aws:kms",
            "KmsKeyArn": KEY,
        }

    def test_aes256_below_it_does_without(self):
        document = parsed(root={"KmsKeyArn": KEY}, accounts={ACCOUNT: {"Encryption": "AES256"}})

        assert settings_for(document, ACCOUNT, (), HOME) == {"Encryption": "AES256"}


def test_what_it_says_makes_a_backend():
    said = settings_for(parse(json.dumps(GOOD)), OTHER, (NESTED, ROOT), HOME)

    spec = resolve(OTHER, HOME, {}, Defaults("tfstate", said))

    assert (spec.kms_key_arn, spec.lock_mode, spec.access_logs) == (KEY, "both", "off")
    assert (spec.noncurrent_version_days, spec.noncurrent_versions_kept) == (90, 50)
    assert spec.state_access_principal_arns == (f"arn:aws:iam::{OTHER}:role/Deployer",)


class TestInForce:
    RIGHT, OLDER, WRONG = '{"version": 1, "root": {"AccessLogs": "off"}}', '{"version": 1}', "{"

    def test_the_newest_one_if_it_is_right(self):
        document, mistake = in_force([self.RIGHT, self.OLDER])

        assert (document.root, mistake) == ({"AccessLogs": "off"}, None)

    def test_nothing_older_is_looked_at_then(self):
        def texts():
            yield self.RIGHT
            raise AssertionError("an older one was read")

        in_force(texts())

    def test_else_the_last_one_that_was_right_and_what_is_wrong_now(self):
        newest = json.dumps({"version": 1, "root": {"LockMode": "x"}})

        document, mistake = in_force([newest, self.WRONG, self.RIGHT, self.OLDER])

        assert document.root == {"AccessLogs": "off"}
        assert mistake is not None
        assert mistake.path == "$.root.LockMode"

    def test_none_that_is_right_is_an_error(self):
        with pytest.raises(WrongSettings, match="no JSON"):
            in_force([self.WRONG, "[]"])

    def test_none_at_all_too(self):
        with pytest.raises(WrongSettings, match="no document"):
            in_force([])


def test_an_empty_document_means_everything():
    assert parsed() == SettingsDocument(scope=EVERYTHING)
