"""What a stranger sees who runs the demo: the story, its end, and nothing left behind."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import story, terraform, vending
from demo.__main__ import main
from demo.stack import Stack
from demo.stage import Backend, Stage

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
CREATED = "controltower.CreateManagedAccount.succeeded.json"
NEEDS_TERRAFORM = pytest.mark.skipif(
    not (shutil.which("terraform") or shutil.which("tofu")),
    reason="needs terraform or tofu on PATH",
)


STORIES = {
    "cloudformation.Create": (
        "CloudFormation asks for Create of StateBackend in account 222222222222",
        "✗ Delete FAILED. The state backend tfstate-222222222222-us-east-1-an",
    ),
    "cloudformation.Create.every-property": (
        "IAM allows the role Deployer everything, and it may use states.",
        "✗ read it as a stranger AccessDenied: StateholdDenyStateAccess",
        "✗ Delete FAILED.",
    ),
    "cloudformation.Create.hostile-response-url": (
        "✗ Create a request was dropped unanswered",
        "not one call to AWS was made",
        "✓ counted ResponseUrlsRefused",
    ),
    "cloudformation.Create.unknown-property": (
        "✗ Create FAILED. InvalidRequest: Property Versioning is unknown.",
        "nothing was touched",
        "✓ Delete SUCCESS, physical id statehold-create-failed-StateBackend",
    ),
    "cloudformation.Delete": ("so the stack is created first", "✗ Delete FAILED."),
    "cloudformation.Delete.failed-create": (
        "The physical id, statehold-create-failed-StateBackend, is no backend's",
        "✓ Delete SUCCESS: nothing had been made, and nothing was touched",
    ),
    "cloudformation.Delete.timed-out-create": (
        "The physical id, state-backend-StateBackend-1B2C3D4E5F6G7, is no backend's",
        "✓ Delete SUCCESS: nothing had been made, and nothing was touched",
    ),
    "cloudformation.Update": ("✓ Update SUCCESS", "LockMode both", "✗ Delete FAILED."),
    "cloudformation.Update.not-updatable": (
        "✗ Update FAILED. NotUpdatable: Property BucketName is",
        "✓ Update SUCCESS: CloudFormation takes it back",
        "✗ Delete FAILED.",
    ),
    "cloudformation.Update.release": (
        "an administrator may.",
        "✓ Delete SUCCESS, since the update took the protection off",
        "the register and the tags say RELEASED",
    ),
    "cloudformation.Update.rollback": (
        "so the Update takes back one that was refused",
        "✗ Update FAILED. NotUpdatable",
        "✓ Update SUCCESS: CloudFormation takes it back",
        "✗ Delete FAILED.",
    ),
    "cloudtrail.DeleteParameter": ("✓ parameters", "State Backend Drift Repaired"),
    "cloudtrail.DeleteParameters": ("✓ parameters", "State Backend Drift Repaired"),
    "cloudtrail.DisableKey": ("· left to people The key", "State Backend Failed"),
    "cloudtrail.PutBucketPolicy": ("✓ bucket-policy 1 statement", "assumed-role/BreakGlass/ana"),
    "cloudtrail.PutBucketPolicy.own-change": ("does not let it through", "the call was our own"),
    "cloudtrail.PutBucketPolicy.own-change.another-role": (
        "lets it through, to the hub's bus",
        "It is ignored: the call was our own.",
    ),
    "cloudtrail.PutBucketPolicy.refused": ("does not let it through", "failed: AccessDenied."),
    "cloudtrail.PutParameter.another": ("does not let it through", "none of our parameters."),
    "cloudtrail.UpdateAlias": ("✓ kms-key-alias", "State Backend Drift Repaired"),
    "cloudtrail.UpdateTable": ("✓ lock-table-deletion-protection", "off → on"),
    "controltower.CreateManagedAccount.failed": ("No rule of the template fits it", "is FAILED"),
    "controltower.DisableBaseline.account": ("No rule of the template fits it", "vends no account"),
    "controltower.EnableBaseline.failed": ("It is ignored: Control Tower's EnableBaseline is",),
    "controltower.EnableBaseline.unit": ("Below the unit ou-a1b2-c3d4e5f6 there is 222222222222.",),
    "controltower.RegisterOrganizationalUnit.failed": ("No rule of the template fits it",),
    "controltower.RegisterOrganizationalUnit.succeeded": (
        "Below the unit ou-a1b2-c3d4e5f6 there is 222222222222.",
        "tfstate-222222222222-us-east-1-an",
    ),
    "controltower.SetupLandingZone.succeeded": ("The same becomes of 666666666666",),
    "controltower.UpdateLandingZone.without-accounts": ("It is ignored: what the event names",),
    "operation.plan": ("A plan makes no write anywhere.", "· bucket to be made"),
    "organizations.CreateAccountResult.failed": ("It is ignored: Organizations' CreateAccount",),
    "organizations.MoveAccount.refused": ("It is ignored: Organizations' MoveAccount failed",),
    "statehold.StateBackendDeleteRefused": ("from which people are told",),
    "statehold.StateBackendDriftRepaired": ("from which people are told",),
    "statehold.StateBackendFailed": ("from which people are told",),
    "statehold.StateBackendReady": ("It waits for a rule of yours",),
    "sweep.list": ("for FleetSweepFunction, the first task", "0 of 2 accounts have every control"),
    "sweep.summary": ("for FleetSummaryFunction, the last task", "0 of 2 accounts have every"),
}
"""Sample -> what its story says. That of any other is a backend which is vended."""
VENDED = ("✓ bucket-versioning none → Enabled", "finds nothing left to change")


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


@pytest.fixture(scope="module")
def log() -> None:
    """The functions' logger keeps the stream that it finds first: none that a test closes."""
    importlib.import_module("state_backend.telemetry")


@pytest.fixture
def quick(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stories as short as they can be, in this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(terraform, "name", lambda: "")
    monkeypatch.setattr(vending, "LATENCY", 0.0)
    deletion = story._deletion

    def of_a_stack(stage: Stage, asking: Stack | None, backend: Backend) -> None:
        """What is not a stack's ends with one of another account: always the same."""
        if asking is not None:
            deletion(stage, asking, backend)

    monkeypatch.setattr(story, "_deletion", of_a_stack)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda it: it.stem)
def test_the_story_of_every_sample_is_told_to_its_end(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(path)])

    shown = capsys.readouterr()
    out = " ".join(shown.out.split())
    assert (code, shown.err) == (0, ""), out
    for fact in STORIES.get(path.stem, VENDED):
        assert fact in out
    assert "account  is" not in shown.out


def test_every_story_is_one_of_a_sample() -> None:
    assert STORIES.keys() <= {path.stem for path in EVENTS.glob("*.json")}


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
        ("{}", "The event has no source"),
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
