"""
Makes a virtual environment from a lock, if the one that is there was made from another.

``python3 tools/environment.py .venv requirements-dev.txt``

Quick when nothing changed, and safe to repeat, to interrupt and to run twice at once: what the
environment was made from is written down last, and one run waits for the other. It keeps to syntax
of old Pythons so that those can say what is wrong.
"""

import fcntl
import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)


def main():
    folder, lock = sys.argv[1:]
    if sys.version_info < OLDEST:
        sys.exit(
            "Python %d.%d or newer is needed and %s is %s; name one: make PYTHON=python3.13 ..."
            % (*OLDEST, sys.executable, sys.version.split()[0])
        )
    made_from = "%s %s %s\n" % (sys.version.split()[0], sys.base_prefix, _digest(lock))
    if _read(os.path.join(folder, "made-from")) == made_from:
        return
    with open(lock, encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if _read(os.path.join(folder, "made-from")) != made_from:
            _make(folder, lock, made_from)


def _make(folder, lock, made_from):
    print("%s: installing what %s names" % (folder, lock), file=sys.stderr, flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=False)
    if made.returncode:
        sys.exit(
            "%s cannot make a virtual environment; on Debian: apt-get install python3-venv"
            % sys.executable
        )
    # The lock is whole, so there is nothing to resolve: --no-deps. -qq: errors only.
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "-qq", "install"]
    options = ["--no-deps", "--require-hashes", "--disable-pip-version-check", "-r", lock]
    if subprocess.run(pip + options, check=False).returncode:
        sys.exit("%s: pip could not install what %s names; run it again" % (folder, lock))
    with open(os.path.join(folder, "made-from"), "w", encoding="utf-8") as stamp:
        stamp.write(made_from)


def _digest(path):
    with open(path, "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


try:
    main()
except KeyboardInterrupt:
    sys.exit("Interrupted; run it again and it begins anew")
