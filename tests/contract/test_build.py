"""What ``sam build`` makes is whole, small, compiled, and the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contract.templates import HUB, ROOT, of_type, read
from tools import package

SIZE_LIMIT = 6 * 1024 * 1024
"""Bytes of the zip file: what a cold start has to fetch."""

FUNCTIONS = of_type(read(HUB), "AWS::Serverless::Function")
SAM = ROOT / ".tools/sam/bin/sam"

USE_IT_ALL = """
import importlib, json, os, sys
folder, handlers, services = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
sys.path.insert(0, folder)
for name in handlers:
    file, _, function = name.rpartition(".")
    assert callable(getattr(importlib.import_module(file), function)), name
import boto3
session = boto3.Session(region_name="us-east-1")
for service in services:
    session.client(service, aws_access_key_id="none", aws_secret_access_key="none")
assert sorted(session.get_available_services()) == sorted(services), "other services are shipped"
elsewhere = [
    it.__file__ for it in sys.modules.values()
    if "site-packages" in (getattr(it, "__file__", None) or "")
]
assert not elsewhere, elsewhere
"""


@pytest.fixture(scope="module")
def python() -> str:
    """Lambda's Python."""
    found = package.find_python()
    if found is None:
        pytest.skip(
            f"no Python {package.RUNTIME} runs here -> install it, say with:"
            f" pyenv install {package.RUNTIME}"
        )
    return found


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two builds, each a folder beside its zip file."""
    folders = [tmp_path_factory.mktemp(name) / "artifact" for name in ("first", "second")]
    for folder in folders:
        script = [sys.executable, str(ROOT / "tools/package.py")]
        subprocess.run([*script, str(folder), "--zip", f"{folder}.zip"], check=True)
    return folders


@pytest.fixture
def artifact(builds: list[Path]) -> Path:
    return builds[0]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(it.relative_to(folder)): hashlib.sha256(it.read_bytes()).hexdigest()
        for it in folder.rglob("*")
        if it.is_file()
    }


def test_two_builds_are_the_same(builds):
    first, second = (hashlib.sha256(Path(f"{it}.zip").read_bytes()).hexdigest() for it in builds)

    assert first == second


def test_it_is_small(artifact, record_property):
    size = Path(f"{artifact}.zip").stat().st_size
    record_property("zip_bytes", size)

    assert size <= SIZE_LIMIT


def test_lambda_can_read_every_file(artifact):
    with zipfile.ZipFile(f"{artifact}.zip") as archive:
        modes = {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}

    assert modes == {0o644}


def test_every_handler_loads_and_every_client_is_there(artifact, python):
    handlers = [it["Handler"] for it in FUNCTIONS.values()]
    arguments = [str(artifact), json.dumps(handlers), json.dumps(package.services())]

    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", USE_IT_ALL, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"POWERTOOLS_DEV": "false"},
    )

    assert done.returncode == 0, done.stderr


def test_its_code_is_compiled_for_lambda_and_never_compared_with_its_source(artifact, python):
    sources = list(artifact.rglob("*.py"))
    tag = f"cpython-{package.RUNTIME.replace('.', '')}"

    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        flags = compiled.read_bytes()[4:8]
        assert int.from_bytes(flags, "little") == 0b01, f"{compiled} is checked"


def test_its_tracebacks_name_lambdas_paths(artifact, python):
    (compiled,) = artifact.glob("__pycache__/account_vended.*.pyc")

    assert b"/var/task/account_vended.py" in compiled.read_bytes()


def test_it_has_what_runs_and_the_licences_of_others(artifact):
    names = {it.name for it in artifact.iterdir()}

    assert {f"{it['Handler'].partition('.')[0]}.py" for it in FUNCTIONS.values()} <= names
    assert not {"bin", "tests", "requirements.txt", "template.yaml", "Makefile"} & names
    for library in artifact.glob("*.dist-info"):
        assert (library / "METADATA").exists()
        assert not (library / "RECORD").exists()


@pytest.fixture
def sam_build(tmp_path: Path) -> Path:
    """What `sam build` makes, called as a user calls it."""
    if not SAM.exists():
        pytest.skip("SAM CLI is not installed here -> make .tools/sam")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MAKE", "MFLAGS", "PYTEST"))
    }
    folder = tmp_path / "build"
    done = subprocess.run(
        [str(SAM), "build", "--build-dir", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_sam_build_ships_this_artifact_and_leaves_nothing_behind(artifact, sam_build):
    expected = digests(artifact)

    assert {name: digests(sam_build / name) == expected for name in FUNCTIONS} == dict.fromkeys(
        FUNCTIONS, True
    )
    assert not [it for it in (ROOT / "functions").iterdir() if it.suffix not in {"", ".py"}]
    assert not (ROOT / "functions/requirements.txt").exists()


def test_a_build_without_lambdas_python_still_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(package, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(package, "_install", fake_install)

    package.package(tmp_path / "artifact", python=None)

    assert "compiled code is left out" in capsys.readouterr().out
    assert not list((tmp_path / "artifact").rglob("*.pyc"))
    assert (tmp_path / "artifact/account_vended.py").exists()


def fake_install(folder: Path) -> None:
    """A stand-in for pip: one library, with a service that we call and one that we do not."""
    for service in ("s3", "ec2"):
        data = folder / "botocore/data" / service
        data.mkdir(parents=True)
        (data / "service-2.json.gz").touch()
    shutil.copytree(ROOT / "tools", folder / "bin")


def test_only_called_services_are_kept(tmp_path):
    fake_install(tmp_path)

    package._prune(tmp_path)

    assert [it.name for it in (tmp_path / "botocore/data").iterdir()] == ["s3"]
    assert not (tmp_path / "bin").exists()
