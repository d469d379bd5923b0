"""What needs a person, on the page: a box for each reason, those of what failed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from state_backend.calls import JSON
from state_backend.fleet import links
from state_backend.outcomes import FAILED


def attention(groups: Sequence[Mapping[str, JSON]]) -> str:
    if not groups:
        return "<p>Nothing does.</p>"
    failed = [_group(it) for it in groups if it["status"] == FAILED]
    waiting = [_group(it) for it in groups if it["status"] != FAILED]
    return "".join(
        f"<h3>{title}</h3>{''.join(found)}"
        for title, found in (
            ("Failed: somebody has to act", failed),
            ("Looked at again by itself, or only observed", waiting),
        )
        if found
    )


def _group(group: Mapping[str, JSON]) -> str:
    number, backends = len(group["backends"]), links.names(group["backends"], group["code"])
    facts = (("Reason", group["reason"]), ("What to do", group["remedy"]))
    listed = "".join(f"<dt>{term}</dt><dd>{escape(it)}</dd>" for term, it in facts if it)
    return (
        f'<article class="reason is-{escape(group["status"])}">'
        f"<h4>{escape(group['code'] or group['status'])} "
        f"<span>· {number:,} {'backend' if number == 1 else 'backends'}</span></h4>"
        f"<dl>{listed}<dt>Accounts</dt><dd>{backends}</dd></dl>"
        "</article>"
    )
