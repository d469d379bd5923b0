"""
The texts of the settings document: the SSM parameter that holds it, newest version first.

SSM keeps a parameter's last hundred versions, so the last document that was right is found there,
and nothing of ours has to remember it.
"""

from __future__ import annotations

from collections.abc import Iterator

from state_backend.aws import pages
from state_backend.calls import AwsError, Call, Invoke

PERMISSIONS = ("ssm:GetParameter", "ssm:GetParameterHistory")
"""What the calls below need."""


def texts(invoke: Invoke, name: str) -> Iterator[str]:
    """
    The document's texts, newest first; the older ones are read only if they are asked for.

    Raises:
        AwsError: SSM did not say.
    """
    try:
        newest = invoke(Call("ssm", "get_parameter", {"Name": name}))["Parameter"]
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return
        raise
    yield newest["Value"]
    history = pages.items(
        invoke, Call("ssm", "get_parameter_history", {"Name": name}), "Parameters"
    )
    older = [it for it in history if it["Version"] < newest["Version"]]
    for version in sorted(older, key=lambda it: int(it["Version"]), reverse=True):
        yield version["Value"]
