"""
A real Terraform, or OpenTofu, works on the published backend and meets the same walls.

The block is used as published; only its key is filled in. Where the embedded AWS is, and whose
credentials are used, is in the environment, as in any pipeline.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from demo.inspection import user_of
from demo.stage import Stage
from demo.words import expect
from demo.working_copies import (
    KEY,
    PATIENCE_SECONDS,
    Copy,
    end_all,
    environment_of,
    program,
    shortened,
    working_copy,
)
from state_backend.spec import BackendSpec
from tests.aws_double import RecordedCall

DEPLOYER = "Deployer"
"""A plain role of the account, as a pipeline has it."""


def name() -> str:
    """What is on PATH; empty if nothing is."""
    found = program().rpartition("/")[2]
    return {"tofu": "OpenTofu"}.get(found, found.capitalize())


def work(stage: Stage, spec: BackendSpec, block: str) -> None:
    """init, plan, apply; what is refused; destroy."""
    who = user_of(spec, DEPLOYER)
    stage.tell.say(
        "The block is used as published, with only its key filled in. Where the embedded AWS is, "
        f"and the credentials of the role {who.rpartition('/')[2]}, are in the environment."
    )
    stage.tell.blank()
    with (
        tempfile.TemporaryDirectory(prefix="statehold-demo-") as folder,
        contextlib.ExitStack() as ending,
    ):
        ending.callback(end_all)
        environment = environment_of(stage, who, folder)
        ours = working_copy(Path(folder, "ours"), block, environment)
        _works(stage, ours, "init", "the bucket answers; there is no state yet")
        _works(stage, ours, "plan", "one resource to add")
        _works(stage, ours, "apply", "the state is written", "-auto-approve")
        _locked_out(stage, ours)
        _wrong_writers(stage, spec, block, environment, Path(folder))
        _works(stage, ours, "destroy", "the state is empty: one more version", "-auto-approve")
        _show_versions(stage, spec)


def _works(stage: Stage, copy: Copy, command: str, text: str, *arguments: str) -> None:
    since = len(stage.aws.calls)
    code, said = copy.run(command, *arguments)
    expect(code == 0, f"{command} failed: {shortened(said)}")
    asked = dict.fromkeys(_asked(it) for it in stage.aws.calls[since:] if it.service != "sts")
    stage.tell.done(command, text, ", ".join(asked))


def _asked(call: RecordedCall) -> str:
    """*call* in two words: what was done to the lock file, the state, the table or the bucket."""
    if call.service == "dynamodb":
        return f"{call.operation} table"
    what = "lock" if call.key.endswith(".tflock") else "state" if call.key else "bucket"
    return f"{call.operation} {what}"


def _locked_out(stage: Stage, ours: Copy) -> None:
    """While one apply is busy, a colleague's is refused."""
    colleague = Copy(
        program=ours.program,
        folder=shutil.copytree(ours.folder, ours.folder.parent / "colleague"),
        environment=ours.environment,
    )
    ours.folder.joinpath("slow").touch()
    since = len(stage.aws.calls)
    with ours.start("apply", "-auto-approve") as busy:
        try:
            _wait_for_lock(stage, since)
            code, said = colleague.run("apply", "-auto-approve")
        finally:
            # Whatever happens, it comes to its own end: nothing is left running, and no lock.
            ours.folder.joinpath("finish").touch()
            told, _ = busy.communicate(timeout=PATIENCE_SECONDS)
    expect(busy.returncode == 0, f"The apply that held the lock failed: {shortened(told)}")
    expect(code != 0 and "StatusCode: 412" in said, f"The second writer was let in: {said}")
    holder = re.search(r"Who:\s*(\S+)", said)
    stage.tell.refused(
        "a second writer",
        shortened(said),
        f"the lock file {KEY.rpartition('/')[2]}.tflock is held"
        + (f" by {holder[1]}" if holder else ""),
    )


def _wait_for_lock(stage: Stage, since: int) -> None:
    """Until the busy apply holds the lock."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not any(
        call.operation == "PutObject" and call.key == f"{KEY}.tflock" and call.status == 200
        for call in stage.aws.calls[since:]
    ):
        expect(time.monotonic() < until, "The first writer did not come to take the lock.")
        time.sleep(0.02)


def _wrong_writers(
    stage: Stage, spec: BackendSpec, block: str, environment: Mapping[str, str], folder: Path
) -> None:
    """Some who do not use the block as it is."""
    for name, changed, surroundings, statement in _changed(stage, spec, block, environment):
        copy = working_copy(folder / name.replace(" ", "-"), changed, surroundings)
        stage.denials.clear()
        code, said = copy.run("init")
        if code == 0:
            code, said = copy.run("apply", "-auto-approve")
        expect(code != 0 and "StatusCode: 403" in said, f"{name} was let in: {shortened(said)}")
        expect(
            statement in stage.denials,
            f"{name} was refused, but by {', '.join(stage.denials) or 'no statement'}.",
        )
        stage.tell.refused(name, shortened(said), f"{statement} in the bucket's policy")


def _changed(
    stage: Stage, spec: BackendSpec, block: str, environment: Mapping[str, str]
) -> list[tuple[str, str, Mapping[str, str], str]]:
    """Who, with which block, in which environment, refused by which statement."""
    kms = stage.client("kms", spec.account, DEPLOYER, region=spec.region)
    key = kms.create_key(Description="Somebody's own")["KeyMetadata"]["Arn"]
    in_clear = {**environment, "AWS_ENDPOINT_URL": stage.aws.url}
    over_http = ("over plain http", block, in_clear, "StateholdDenyInsecureTransport")
    if "kms_key_id" not in block:
        with_key = re.sub(r"(.*)encrypt(\s*)=.*\n", rf'\g<0>\1kms_key_id = "{key}"\n', block)
        return [("with a key", with_key, environment, "StateholdDenyWrongAlgorithm"), over_http]
    other_key = re.sub(r'(kms_key_id\s*=\s*)"[^"]*"', rf'\1"{key}"', block)
    without_key = re.sub(r".*kms_key_id.*\n", "", block)
    return [
        ("with another key", other_key, environment, "StateholdDenyWrongKey"),
        ("without kms_key_id", without_key, environment, "StateholdDenyWrongAlgorithm"),
        over_http,
    ]


def _show_versions(stage: Stage, spec: BackendSpec) -> None:
    s3 = stage.client("s3", spec.account, DEPLOYER, region=spec.region)
    versions = s3.list_object_versions(Bucket=spec.bucket_name, Prefix=KEY)
    kept = [it for it in versions["Versions"] if it["Key"] == KEY]
    locks = s3.list_objects_v2(Bucket=spec.bucket_name, Prefix=f"{KEY}.tflock").get("KeyCount", 0)
    expect(len(kept) >= 3, f"Only {len(kept)} versions of the state were kept.")
    expect(locks == 0, "A lock file was left behind.")
    stage.tell.done("what is left", f"{len(kept)} versions of the state, each recoverable; no lock")
