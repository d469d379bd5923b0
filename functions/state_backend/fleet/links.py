"""How the page names a backend: by a link to its line in the table of all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_SHOWN = 30
"""Backends that are listed in one place; the table has all of them."""


def name(backend: str) -> str:
    shown = escape(backend)
    return f'<a class="id" href="#accounts" data-filter="{shown}">{shown}</a>'


def names(backends: Sequence[str], code: str = "") -> str:
    """Some of *backends* as links into the table; the rest as one link to all of *code*."""
    items = [f"<li>{name(it)}</li>" for it in backends[:_SHOWN]]
    further = len(backends) - _SHOWN
    if further > 0:
        told = f"and {further:,} more"
        link = f'<a href="#accounts" data-filter="{escape(code)}">{told}</a>' if code else told
        items.append(f"<li>{link}</li>")
    return f'<ul class="names">{"".join(items)}</ul>'
