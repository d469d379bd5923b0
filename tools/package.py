"""
Lays out what every function runs: ``functions/`` and the locked libraries, small and compiled.

``python3 tools/package.py FOLDER [--zip FILE]``; ``sam build`` calls it by way of the Makefile.

The same input gives the same bytes. Libraries are installed from wheels for Lambda, whatever this
machine is, and kept in ``.build/`` until something that made them changes. Three things make the
artifact small and its start quick: botocore's models only of the services that we call, nothing
that only people or other tools read, and compiled code (without it a cold start takes twice as
long). Lambda loads compiled code only from its own Python version, so that one has to be found
here; if there is none, this says so and leaves compiled code out.
"""

from __future__ import annotations

import argparse
import ast
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
LOCK = ROOT / "requirements.txt"
CACHE = ROOT / ".build"

RUNTIME = "3.13"
"""The Python of ``template.yaml``'s Runtime."""

PLATFORM = "manylinux2014_aarch64"
"""Lambda's arm64."""

TASK_FOLDER = "/var/task"
"""Where Lambda unpacks the artifact: the path in tracebacks."""

WRITTEN = 315_619_200
"""Date of every file: 2 January 1980, the first that a zip file can hold in any time zone."""

UNREAD = (
    "bin",
    "boto3/data",
    "boto3/examples",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
    "**/tests",
    "**/*.pyi",
    "*.data",
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json",
    "*.dist-info/top_level.txt",
    "botocore/data/**/examples-*.json*",
)
"""What no code of ours opens. Licences and METADATA stay."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zip", type=Path)
    arguments = parser.parse_args()
    package(arguments.folder, find_python())
    if arguments.zip:
        write_zip(arguments.folder, arguments.zip)


def package(folder: Path, python: str | None) -> None:
    """The artifact in *folder*, compiled by *python* if there is one."""
    if python is None:
        # On standard output, since sam shows a build's errors only if it fails.
        print(
            f"package.py: no Python {RUNTIME} runs here, so compiled code is left out and cold"
            f" starts take twice as long; install Python {RUNTIME} (pyenv install {RUNTIME})"
        )
    with LOCK.open("rb") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        libraries = _libraries(python)
        shutil.copytree(libraries, folder, dirs_exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        ours = Path(scratch, "functions")
        shutil.copytree(FUNCTIONS, ours, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        _compile(ours, python)
        shutil.copytree(ours, folder, dirs_exist_ok=True)
    _settle(folder)


def find_python() -> str | None:
    """A Python of the runtime's version that really runs: pyenv's shims may only look like one."""
    name = f"python{RUNTIME}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path.home() / ".local/share/uv/python"
    candidates = [
        sys.executable,
        *(str(Path(folder, name)) for folder in os.get_exec_path()),
        *sorted(map(str, pyenv.glob(f"versions/{RUNTIME}*/bin/{name}"))),
        *sorted(map(str, uv.glob(f"cpython-{RUNTIME}*/bin/{name}"))),
    ]
    return next((path for path in candidates if _version(path) == RUNTIME), None)


def services() -> tuple[str, ...]:
    """The services that the product calls, as ``state_backend.aws`` lists them; nothing is run."""
    file = FUNCTIONS / "state_backend/aws/__init__.py"
    source = file.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="SERVICES")], value=value)
                | ast.AnnAssign(target=ast.Name(id="SERVICES"), value=ast.expr() as value)
            ):
                return tuple(ast.literal_eval(value))
    raise SystemExit("package.py: functions/state_backend/aws/__init__.py has no SERVICES")


def write_zip(folder: Path, path: Path) -> None:
    """*folder* as Lambda takes it: sorted, undated, readable by all."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in _files(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, file.read_bytes())


def _libraries(python: str | None) -> Path:
    """The folder of libraries, made if nothing here has made the same before."""
    made_from = hashlib.sha256()
    for part in (LOCK.read_bytes(), Path(__file__).read_bytes(), repr(services()).encode()):
        made_from.update(part)
    made_from.update(_full_version(python).encode())
    libraries = CACHE / f"libraries-{made_from.hexdigest()[:16]}"
    if not libraries.exists():
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir()
        half_made = CACHE / "half-made"
        _install(half_made)
        _prune(half_made)
        _compile(half_made, python)
        half_made.rename(libraries)
    return libraries


def _install(folder: Path) -> None:
    # Each lock line names one exact file by its hash: nothing is resolved, built or run.
    command = [_python_with_pip(), "-m", "pip", "-qq", "install", "--target", str(folder)]
    command += ["--requirement", str(LOCK), "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--only-binary", ":all:", "--platform", PLATFORM, "--platform", "any"]
    command += ["--python-version", RUNTIME, "--implementation", "cp"]
    command += ["--disable-pip-version-check", "--root-user-action", "ignore"]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit("package.py: pip could not install requirements.txt; run it again")


def _python_with_pip() -> str:
    for python in (sys.executable, str(ROOT / ".venv/bin/python"), "python3"):
        try:
            subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    raise SystemExit("package.py: no pip here; on Debian: apt-get install python3-pip")


def _prune(folder: Path) -> None:
    for pattern in UNREAD:
        for path in list(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    called = services()
    # The files beside the services' folders (endpoints, partitions, retries) are botocore's own.
    for path in (folder / "botocore/data").iterdir():
        if path.is_dir() and path.name not in called:
            shutil.rmtree(path)


def _compile(folder: Path, python: str | None) -> None:
    """
    Compiled code beside each module, never checked against its source's date: zip and copy change
    dates, and stale code would be compiled again at each cold start.
    """
    if python is None:
        return
    command = [python, "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode"]
    command += ["unchecked-hash", "-s", str(folder), "-p", TASK_FOLDER, str(folder)]
    # A fixed hash seed: else the order of a set in the code differs between two builds.
    done = subprocess.run(command, check=False, env={"PYTHONHASHSEED": "0"})
    if done.returncode:
        raise SystemExit("package.py: the code does not compile")


def _settle(folder: Path) -> None:
    """Dates and permissions that do not depend on who builds when."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (WRITTEN, WRITTEN))


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _version(python: str) -> str:
    return _run(python, "import sys; print('%d.%d' % sys.version_info[:2])")


def _full_version(python: str | None) -> str:
    return _run(python, "import sys; print(sys.version)") if python else ""


def _run(python: str, code: str) -> str:
    try:
        answer = subprocess.run(
            [python, "-S", "-c", code], check=True, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


if __name__ == "__main__":
    main()
