"""How every test of a control asks: what it reads, what it makes of an answer, what it writes."""

from __future__ import annotations

from state_backend.calls import JSON
from state_backend.model import Control
from state_backend.spec import BackendSpec


def judged(control: Control, spec: BackendSpec, answer: JSON) -> bool:
    """Whether *answer* of AWS is as good as what *control* wants."""
    found = control.select(answer)
    return found is not None and control.satisfied(control.desired(spec, found), found)


def wanted(control: Control, spec: BackendSpec, found: JSON = None) -> JSON:
    return control.desired(spec, found)


def written(control: Control, spec: BackendSpec, subject: str, found: JSON = None) -> JSON:
    """Operation and parameters of the one call that *control* makes."""
    [call] = control.write(spec, subject, control.desired(spec, found), found)
    return f"{call.service}:{call.operation}", dict(call.parameters)


def asked(control: Control, spec: BackendSpec, subject: str) -> JSON:
    call = control.read(spec, subject)
    return f"{call.service}:{call.operation}", dict(call.parameters)
