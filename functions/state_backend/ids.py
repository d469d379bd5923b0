"""What ids look like: of an account, and of a unit of the organization or its root."""

from __future__ import annotations

import re

from state_backend.calls import JSON

ACCOUNT = r"[0-9]{12}"
UNIT = r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}"


def is_account(value: JSON) -> bool:
    return isinstance(value, str) and re.fullmatch(ACCOUNT, value) is not None


def is_unit(value: JSON) -> bool:
    return isinstance(value, str) and re.fullmatch(UNIT, value) is not None
