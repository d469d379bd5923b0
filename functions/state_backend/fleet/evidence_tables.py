"""What the sweep shows, and what it cannot, on the page: tables by standard and by control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from state_backend.calls import JSON
from state_backend.fleet import links

_TALLY = ("shown", "need not be", "exceptions")
"""The columns of numbers."""


def by_standard_and_control(evidence: Mapping[str, JSON]) -> str:
    return (
        '<p class="lead">A setting is shown where the sweep read it as it must be, or set it and '
        "read it back. What could not be read counts as an exception. A requirement is shown by a "
        "backend if each control that serves it is.</p>"
        + "".join(_standard(it) for it in evidence["standards"])
        + "<h3>By control</h3>"
        + _table(
            "by-control",
            ("Control", "what goes wrong without it", *_TALLY, "read by"),
            "".join(map(_control_line, evidence["controls"])),
        )
    )


def what_is_not_shown(limits: Sequence[Mapping[str, JSON]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(it["subject"])}</th><td>{escape(it["why"])}</td>'
        f"<td>{escape(it['instead'])}</td><td>{_requirements(it['requirements'])}</td></tr>"
        for it in limits
    )
    return _table(
        "unshown", ("Subject", "why not", "what is evidence of it", "asked for by"), lines
    )


def _standard(standard: Mapping[str, JSON]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(it["id"].removeprefix(standard["id"]).strip())}</th>'
        f"<td>{escape(it['title'])}</td>{_figures(it, len(it['exceptions']))}"
        f"<td>{_codes(it['controls'])}{_exceptions(it['exceptions'])}</td></tr>"
        for it in standard["requirements"]
    )
    heads = ("Requirement", "is about", *_TALLY, "served by")
    return f"<h3>{escape(standard['title'])}</h3>{_table('requirements', heads, lines)}"


def _control_line(control: Mapping[str, JSON]) -> str:
    exceptions = control["exceptions"]
    told = "".join(
        f"<details><summary>{len(backends):,} {escape(outcome)}</summary>"
        f"{links.names(backends)}</details>"
        for outcome, backends in exceptions.items()
    )
    absent = (
        f'<p class="soft">Need not be: {escape(control["notApplicableBecause"])}</p>'
        if control["notApplicable"]
        else ""
    )
    return (
        f'<tr><th scope="row"><code>{escape(control["id"])}</code></th>'
        f"<td>{escape(control['why'])}{absent}{told}</td>"
        f"{_figures(control, sum(map(len, exceptions.values())))}"
        f"<td><code>{escape(control['readBy'])}</code></td></tr>"
    )


def _requirements(names: Iterable[str]) -> str:
    """By the name of who asks: the ids that begin with FSBP are Security Hub's."""
    return "".join(f"<span>{escape(it.replace('FSBP', 'Security Hub'))}</span>" for it in names)


def _table(kind: str, heads: Iterable[str], lines: str) -> str:
    number = ' class="number"'
    drawn = "".join(f'<th scope="col"{number if it in _TALLY else ""}>{it}</th>' for it in heads)
    return (
        f'<div class="wide"><table class="tabular stack {kind}"><thead><tr>{drawn}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _figures(tally: Mapping[str, JSON], exceptions: int) -> str:
    mark = ' class="exception"' if exceptions else ""
    return (
        f'<td class="number" data-of="shown">{tally["shown"]:,} of {tally["of"]:,}</td>'
        f'<td class="number" data-of="need not be">{tally["notApplicable"]:,}</td>'
        f'<td class="number" data-of="exceptions"><span{mark}>{exceptions:,}</span></td>'
    )


def _codes(names: Iterable[str]) -> str:
    return " ".join(f"<code>{escape(it)}</code>" for it in names)


def _exceptions(backends: Sequence[str]) -> str:
    if not backends:
        return ""
    return f"<details><summary>Exceptions</summary>{links.names(backends)}</details>"
