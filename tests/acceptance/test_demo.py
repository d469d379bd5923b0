"""What a stranger sees who runs the demo: the story, its end, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
CREATED = "controltower.CreateManagedAccount.succeeded.json"
NEEDS_TERRAFORM = pytest.mark.skipif(
    not (shutil.which("terraform") or shutil.which("tofu")),
    reason="needs terraform or tofu on PATH",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    code: int
    out: str
    """What was said, its lines joined, so that it can be searched for sentences."""
    err: str
    lines: list[str]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def demo(temporary: Path, *arguments: str | Path, **environment: str) -> Shown:
    """Runs the demo to its end, and looks that nothing of it is left."""
    process = _started(temporary, *arguments, **environment)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    _nothing_is_left(process, temporary)
    words, lines = " ".join(out.split()), out.split("\n")
    return Shown(code=process.returncode, out=words, err=err, lines=lines)


def _started(temporary: Path, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "LC_ALL": "C.UTF-8", **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _nothing_is_left(process: subprocess.Popen[str], temporary: Path) -> None:
    # The demo leads a process group of its own; signal 0 asks whether anybody is in it.
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert list(temporary.iterdir()) == []


@NEEDS_TERRAFORM
def test_stopped_in_the_middle_it_takes_everything_along(temporary: Path) -> None:
    process = _started(temporary)
    assert process.stdout is not None
    for line in process.stdout:
        if "✓ apply" in line:
            break

    process.terminate()
    process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM
    _nothing_is_left(process, temporary)


@NEEDS_TERRAFORM
def test_the_whole_story_is_told(temporary: Path) -> None:
    shown = demo(temporary)

    assert (shown.code, shown.err) == (0, ""), shown.out
    for fact in (
        "CreateManagedAccount SUCCEEDED for account 222222222222 (payments-production)",
        "it reaches AccountVendedFunction",
        "bucket-versioning none → Enabled A bad apply, or a deleted state, could not be undone.",
        "DenyInsecureTransport State and lock files never cross the network in clear text.",
        "/statehold/backend.hcl SSM parameter in 222222222222",
        "✗ delete the bucket AccessDenied: StateholdDenyDestroy",
        "✗ drop the policy AccessDenied: StateholdDenyReconfigure",
        "✗ delete a version of it AccessDenied: StateholdDenyDestroy",
        "StateholdDenyDeletion in the key's policy",
        "✓ apply the state is written",
        "✗ a second writer Error acquiring the state lock",
        "StatusCode: 412",
        "StateholdDenyWrongKey in the bucket's policy",
        "StateholdDenyWrongAlgorithm in the bucket's policy",
        "StateholdDenyInsecureTransport in the bucket's policy",
        "✓ destroy",
        "3 versions of the state",
        "✓ Create SUCCESS, physical id tfstate-333333333333-us-east-1-an",
        "✗ Delete FAILED. The state backend tfstate-333333333333-us-east-1-an",
        "set PreventDestroy: 'false' on StateBackend",
        "All as told",
    ):
        assert fact in shown.out


@pytest.fixture(scope="module")
def without_terraform(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return demo(tmp_path_factory.mktemp("temporary"), PATH="/nowhere")


def test_without_terraform_that_part_is_left_out(without_terraform: Shown) -> None:
    shown = without_terraform

    assert shown.code == 0, shown.out
    assert "Left out: neither terraform nor tofu is on PATH." in shown.out
    assert "✗ Delete FAILED." in shown.out


def test_nothing_is_painted_and_no_line_is_too_wide_in_a_pipe(without_terraform: Shown) -> None:
    lines = without_terraform.lines

    assert not any("\x1b" in line for line in lines)
    # The block is as it is published, and only to be copied.
    wide = [line for line in lines if len(line) > 100]
    assert all(line.startswith(("    key ", "    kms_key_id ")) for line in wide), wide


def test_an_event_that_vends_nothing_is_shown_as_such(temporary: Path) -> None:
    shown = demo(temporary, EVENTS / "controltower.CreateManagedAccount.failed.json")

    assert (shown.code, shown.err) == (0, "")
    assert "No rule of the template fits it" in shown.out
    assert "is FAILED" in shown.out
    assert "What is set now" not in shown.out


def test_a_plan_changes_nothing(temporary: Path) -> None:
    shown = demo(temporary, EVENTS / "operation.plan.json")

    assert shown.code == 0, shown.out
    assert "A plan makes no write anywhere." in shown.out
    assert "✓ bucket" not in shown.out


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_stacks_own_request_can_be_played(temporary: Path, kind: str) -> None:
    shown = demo(temporary, EVENTS / f"cloudformation.{kind}.json", PATH="/nowhere")

    assert shown.code == 0, shown.out
    assert f"CloudFormation asks for {kind} of StateBackend in account 222222222222" in shown.out
    assert "✗ Delete FAILED. The state backend tfstate-222222222222-us-east-1-an" in shown.out


def test_what_nobody_can_make_sense_of_is_handed_to_a_person(
    temporary: Path, tmp_path: Path
) -> None:
    event = json.loads(EVENTS.joinpath(CREATED).read_text())
    status = event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]
    status["account"]["accountId"] = "payments"
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))

    shown = demo(temporary, path)

    assert shown.code == 0, shown.out
    assert "in the dead-letter queue now, with InvalidRequest" in shown.out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        ("{", "is no JSON"),
        ("[1, 2]", "is no JSON object"),
        ('{"Records": []}', "has no message with a body"),
        ('{"operation": "destroy"}', "The operation is 'destroy'. It must be reconcile or plan."),
        ('{"RequestType": "Create"}', "CloudFormation sends no such request"),
    ],
)
def test_a_bad_event_is_answered_with_a_sentence(
    temporary: Path, tmp_path: Path, text: str | None, sentence: str
) -> None:
    path = tmp_path / "event.json"
    if text is not None:
        path.write_text(text)

    shown = demo(temporary, path)

    assert shown.code == 2
    assert sentence in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
