"""The loop of ``docs/wait-for-your-backend.md`` waits for a backend, and for nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.contract.templates import ROOT
from tests.contract.test_docs import fences

[LOOP] = [
    body
    for language, body in fences((ROOT / "docs/wait-for-your-backend.md").read_text())
    if language == "sh"
]

STAND_IN = """
aws() {
  echo asked >> asked
  if [ "$(wc -l < asked)" -gt "$LATE" ]; then echo '{"bucket": "b"}'; return; fi
  echo "An error occurred ($SAID) when calling the GetParameter operation" >&2
  return 254
}
sleep() { :; }
"""
"""An AWS CLI that says *SAID* for *LATE* times, and a clock that stands still."""


def wait(folder: Path, said: str, late: int) -> tuple[int, int, str]:
    """How the loop ends, how often it has asked, and what it has told."""
    run = subprocess.run(
        ["bash", "-c", STAND_IN + LOOP],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "SAID": said, "LATE": str(late)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, len((folder / "asked").read_text().splitlines()), run.stderr


@pytest.mark.parametrize(
    "said", ["ParameterNotFound", "OptInRequired", "SubscriptionRequiredException"]
)
def test_it_waits_until_the_backend_is_there(tmp_path, said):
    assert wait(tmp_path, said, 3)[:2] == (0, 4)
    assert (tmp_path / "backend.json").read_text() == '{"bucket": "b"}\n'


def test_it_does_not_take_a_refusal_for_patience(tmp_path):
    ended, asked, told = wait(tmp_path, "AccessDeniedException", 3)

    assert (ended, asked) == (1, 1)
    assert "AccessDeniedException" in told


def test_it_gives_up_after_half_an_hour(tmp_path):
    ended, asked, told = wait(tmp_path, "ParameterNotFound", 999)

    assert (ended, asked) == (1, 60)
    assert "no backend after half an hour" in told
