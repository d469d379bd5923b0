"""
A Docker engine: the one that answers here, or Debian's in a network and file system of its own.

Such a private engine lives in namespaces that end with it, and so does all that it made: its
bridge, its rules, its containers. Nothing outside them changes, and nothing of it stays.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

NEEDED = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "iptables": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
}
"""Command -> its Debian package."""

SOCKET = "/run/docker.sock"
_APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
_START_SECONDS = 30.0


def answers() -> bool:
    """Whether an engine is running for us."""
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Os}}"],
            check=False,
            capture_output=True,
            text=True,
        )
    except OSError:
        return False
    return asked.returncode == 0 and asked.stdout.strip() == "linux"


def missing() -> str:
    """Why there can be no engine here, and what to do about it; empty if there can be one."""
    if answers():
        return ""
    if sys.platform != "linux":
        return "no Docker engine answers -> start Docker"
    lacking = [it for it in NEEDED if not shutil.which(it, path=_path())]
    if lacking:
        packages = " ".join(dict.fromkeys(NEEDED[it] for it in lacking))
        return (
            f"no Docker engine answers, and there is no {lacking[0]} to start one"
            f" -> apt-get install {packages}"
        )
    if os.geteuid() != 0:
        return "no Docker engine answers, and only root can start one -> start Docker, or be root"
    if subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode:
        return (
            "no Docker engine answers, and namespaces for one cannot be made"
            " -> start Docker, or run this with CAP_SYS_ADMIN"
        )
    return ""


def run_apart(command: Sequence[str]) -> int:
    """*command* in namespaces of its own, with a folder for its engine; its exit code."""
    with TemporaryDirectory(prefix="statehold-docker-") as folder:
        ours = {"PATH": _path(), "DOCKER_HOST": f"unix://{SOCKET}", "TMPDIR": folder}
        try:
            return subprocess.run(
                [*_APART, *command, folder], check=False, env={**os.environ, **ours}
            ).returncode
        finally:
            _remove_control_groups(Path(folder).name)


@contextmanager
def started(folder: Path) -> Iterator[None]:
    """An engine with its files in *folder*, until the end of the block. Inside `run_apart` only."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # Engine and iptables write to /run; this one is ours.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    log = folder / "log"
    with log.open("w") as output:
        engine = subprocess.Popen(
            [
                "dockerd",
                f"--data-root={folder}/data",
                f"--host=unix://{SOCKET}",
                # Named so that we find them again: control groups outlive the namespaces.
                f"--cgroup-parent=/{folder.name}",
                "--exec-opt=native.cgroupdriver=cgroupfs",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        give_up_at = time.monotonic() + _START_SECONDS
        while not answers():
            if engine.poll() is not None or time.monotonic() > give_up_at:
                raise SystemExit(f"dockerd did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        engine.terminate()
        engine.wait()


def _remove_control_groups(name: str) -> None:
    groups = Path("/sys/fs/cgroup")
    for group in (groups / name, *groups.glob(f"*/{name}")):
        with suppress(OSError):
            group.rmdir()


def _path() -> str:
    """PATH, and where an administrator's commands are."""
    return os.pathsep.join([*os.get_exec_path(), "/usr/local/sbin", "/usr/sbin", "/sbin"])
