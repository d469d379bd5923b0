"""
What a start costs: imports in a fresh process, init under Lambda's own runtime interface, the
package. What is compared is run in turns, so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.cloud import Cloud
from bench.figures import Figures, figure
from bench.function import EVERYTHING_LOADED, Function
from bench.jobs import FUNCTION, HANDLER, checked, operation
from tests.deployment import real_runtime
from tools import package

ROOT = Path(__file__).resolve().parent.parent
FILES = tuple(sorted(it.stem for it in (ROOT / "functions").glob("*.py")))
CONTROL = "only_boto3"


def package_size(artifact: Path) -> Figures:
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        package.write_zip(artifact, Path(file.name))
        size = Path(file.name).stat().st_size
    return {"package / zip": figure([size / 1024 / 1024], "MB")}


def imports(cloud: Cloud, artifact: Path, python: str, samples: int) -> Figures:
    """Import time and memory of each Lambda file, beside a file that only makes four clients."""
    shutil.copy(ROOT / f"bench/{CONTROL}.py", artifact)
    environment = cloud.environment(FUNCTION)
    milliseconds, memory = defaultdict(list), defaultdict(list)
    for file in (CONTROL, *FILES) * samples:
        with Function(artifact, python, f"{file}.handler", environment) as function:
            milliseconds[file].append(1000 * function.loaded.seconds)
            memory[file].append(function.loaded.memory_mb)
    (artifact / f"{CONTROL}.py").unlink()
    names = {CONTROL: "only boto3"}
    return {
        **{f"import / {names.get(it, it)}": figure(milliseconds[it], "ms") for it in milliseconds},
        **{f"import memory / {names.get(it, it)}": figure(memory[it], "MB") for it in memory},
    }


def first_runs(cloud: Cloud, artifact: Path, python: str, samples: int) -> Figures:
    """From the start of the process to its first answer, as it is and with everything loaded."""
    environment = cloud.environment(FUNCTION)
    ways = {"as it is": (), "everything loaded at init": (EVERYTHING_LOADED,)}
    taken = defaultdict(list)
    for name, options in list(ways.items()) * samples:
        event = operation(cloud.new_account())
        with Function(artifact, python, HANDLER, environment, *options) as function:
            run = checked(function.invoke(event))
        taken[name].append(function.start_seconds + run.seconds)
    return {f"start and first run / {name}": figure(taken[name], "s") for name in ways}


def real_init(cloud: Cloud, folder: Path, samples: int) -> Figures:
    """Init under Lambda's runtime interface, with and without compiled code; nothing without it."""
    if real_runtime.missing():
        return {}
    compiled = real_runtime.lay_out(folder / "compiled")
    plain = real_runtime.without_bytecode(compiled, folder / "plain")
    event, environment = operation(cloud.new_account()), cloud.environment(FUNCTION)
    taken, first = defaultdict(list), []
    for name, artifact in (("compiled", compiled), ("plain sam build", plain)) * samples:
        with real_runtime.runtime(artifact, HANDLER, environment) as function:
            answer = function.invoke(event)
            if answer[0]["status"] != "READY":
                raise RuntimeError(f"the function answered {answer}")
            taken[name].append(function.init_ms)
            if name == "compiled":
                first.append(function.durations_ms[0])
    return {
        **{f"init / {name}": figure(values, "ms") for name, values in taken.items()},
        "init / compiled, with the first run": figure(first[1:] or first, "ms"),
    }
