"""Where a page is tried: a hub on the double, a backend of its examples, and a person's shell."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.control_plane import ControlPlane
from tests.acceptance.pages import Terminal, kept
from tests.acceptance.terraform import (
    PATH_WITH_AWS_CLI,
    Vended,
    vend,
)
from tests.aws_double import AwsDouble
from tests.deployment import Deployment

REGION, ACCOUNT, MANAGEMENT = "eu-central-1", "222222222222", "111111111111"
BUCKET = f"tfstate-{ACCOUNT}-{REGION}-an"
"""As in the examples of the pages."""


BREAK_GLASS = {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A hub, its control plane, and a person's folder."""

    hub: Deployment
    plane: ControlPlane
    reached: dict[str, str]
    folder: Path

    def hubs(self) -> Terminal:
        """An administrator of the hub's account."""
        return Terminal(self.folder, self._environment(MANAGEMENT) | self.reached)

    def accounts(self, role: str = "role/Administrator") -> Terminal:
        """Somebody of the account, who may do anything that IAM can allow."""
        return Terminal(self.folder, self._environment(ACCOUNT, role))

    def vend(self, account: str = ACCOUNT, **properties: str) -> Vended:
        return vend(self.hub, account, self.folder / "vended", **properties)

    def client(self, service: str, role: str = "role/Administrator") -> Any:
        principal = f"arn:aws:iam::{ACCOUNT}:{role}"
        return self.hub.aws.client(service, principal=principal, region=REGION, tls=True)

    def _environment(self, account: str, role: str = "role/Administrator") -> dict[str, str]:
        principal = f"arn:aws:iam::{account}:{role}"
        return {
            **kept(),
            **self.hub.aws.environment(tls=True, principal=principal),
            "PATH": PATH_WITH_AWS_CLI,
            "HOME": str(self.folder),
        }


@contextlib.contextmanager
def deployed(folder: Path, **parameters: str) -> Iterator[Site]:
    with AwsDouble(management_account=MANAGEMENT, region=REGION) as aws:
        plane = ControlPlane(Deployment(aws, {**BREAK_GLASS, **parameters}))
        with plane.running() as reached:
            yield Site(hub=plane.hub, plane=plane, reached=reached, folder=folder)


def answers(printed: str) -> list[Any]:
    """The JSON documents that commands have printed, one after the other."""
    found, decoder = [], json.JSONDecoder()
    while printed := printed.lstrip():
        document, end = decoder.raw_decode(printed)
        found.append(document)
        printed = printed[end:]
    return found


def report_of(printed: str) -> Any:
    """What the function answered, before what the CLI says of the call."""
    [[report], _] = answers(printed)
    return report


def key_of(site: Site) -> str:
    [key] = site.client("kms").list_keys()["Keys"]
    return str(key["KeyArn"])
