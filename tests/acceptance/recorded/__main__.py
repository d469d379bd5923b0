"""Records what the code as it is makes: ``python -m tests.acceptance.recorded <version>``."""

from __future__ import annotations

import json
import sys

from tests.acceptance.recorded import FOLDER, REGION, make, record
from tests.aws_double import AwsDouble

[version] = sys.argv[1:]
with AwsDouble(region=REGION) as aws:
    make(aws)
    lines = [f"{json.dumps(account)}: {json.dumps(it)}" for account, it in record(aws).items()]
(FOLDER / f"{version}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
