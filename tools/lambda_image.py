"""
A stand-in for Lambda's base image, for machines that cannot pull it: as much of the image's layout
as ``sam local`` needs, from what is here.

Python stands in ``/var/lang``, Lambda's runtime interface client in ``/var/runtime`` and is started
by ``bootstrap``, as in the image; both are those of ``.tools/lambda``. This machine gives the rest:
the shell, ``mv`` and ``chmod`` by which sam puts its emulator in, and the libraries of all these.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".tools/lambda/bin/python"
COMMANDS = ("sh", "mv", "chmod", "cat")

LEFT_OUT = re.compile(
    r"/(site-packages|tests?|idlelib|tkinter|_tkinter[^/]*|ensurepip|pydoc_data|config-[^/]*"
    r"|pip(-[^/]*)?|[^/]*\.opt-[12]\.pyc)(/|$)"
)
"""What no function runs: most of Python's size."""

BOOTSTRAP = b"""#!/bin/sh
export PYTHONHOME=/var/lang PYTHONPATH=/var/runtime
exec /var/lang/bin/python -m awslambdaric "$_HANDLER"
"""


def can_be_laid_out() -> bool:
    """Whether all of it is here."""
    return sys.platform == "linux" and PYTHON.exists()


def write(archive: IO[bytes]) -> None:
    """The image's files into *archive*, as ``docker import`` reads them."""
    python, library, packages = _python()
    programs = {f"bin/{it}": Path(shutil.which(it) or it).resolve() for it in COMMANDS}
    programs["var/lang/bin/python"] = python
    extensions = [*library.glob("lib-dynload/*.so"), *packages.rglob("*.so")]
    needing = [*programs.values(), *(it for it in extensions if not LEFT_OUT.search(f"/{it.name}"))]
    with tarfile.open(fileobj=archive, mode="w|", dereference=True) as tar:
        tar.add(library, f"var/lang/lib/{library.name}", filter=_needed)
        tar.add(packages, "var/runtime", filter=_needed)
        for name, path in programs.items():
            tar.add(path, name)
        for library_path in _libraries(needing):
            tar.add(library_path, library_path.lstrip("/"))
        bootstrap = tarfile.TarInfo("var/runtime/bootstrap")
        bootstrap.mode, bootstrap.size = 0o755, len(BOOTSTRAP)
        tar.addfile(bootstrap, io.BytesIO(BOOTSTRAP))
        scratch = tarfile.TarInfo("tmp")
        scratch.mode, scratch.type = 0o1777, tarfile.DIRTYPE
        tar.addfile(scratch)


def _python() -> tuple[Path, Path, Path]:
    """The interpreter, its standard library, and what is installed beside it."""
    code = (
        "import json, os, sys, sysconfig;"
        "paths = sys._base_executable, *map(sysconfig.get_path, ('stdlib', 'purelib'));"
        "print(json.dumps([os.path.realpath(it) for it in paths]))"
    )
    answer = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True)
    python, library, packages = map(Path, json.loads(answer.stdout))
    return python, library, packages


def _needed(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if LEFT_OUT.search(f"/{entry.name}") else entry


def _libraries(programs: Iterable[Path]) -> list[str]:
    """The shared libraries of *programs*, and what loads them, where it looks for them."""
    command = ["ldd", *map(str, programs)]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", told)))
