"""
WHAT CLIENTS READ: the backend block and its kin, rendered. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from state_backend.outputs.backend_block import backend_hcl, backend_json
from state_backend.spec import BACKEND_PARAMETER, HCL_PARAMETER, BackendSpec

PARAMETERS: dict[str, Callable[[BackendSpec], str]] = {
    BACKEND_PARAMETER: backend_json,
    HCL_PARAMETER: backend_hcl,
}
"""SSM parameter -> what it holds."""
