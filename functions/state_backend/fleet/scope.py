"""
Which accounts get a backend: by unit, by account, and by a tag that opts one out.

The most specific word counts: an account's own before that of its nearest unit, that before one of
a unit further up. Whoever may tag accounts in Organizations may opt one out, except where the
document includes it by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one document says of it; without a word of it, all accounts are meant."""

    included_units: frozenset[str] = frozenset()
    included_accounts: frozenset[str] = frozenset()
    excluded_units: frozenset[str] = frozenset()
    excluded_accounts: frozenset[str] = frozenset()
    opt_out_key: str = ""
    """Key of the tag that opts an account out; empty if none does."""
    opt_out_value: str = ""

    @property
    def asks_for_tags(self) -> bool:
        return bool(self.opt_out_key)


EVERYTHING = Scope()


def reason_out_of_scope(
    scope: Scope, account: str, units: Sequence[str], tags: Mapping[str, str]
) -> str:
    """
    Why *account* gets no backend; empty if it gets one.

    Args:
        units: The units above it, nearest first, the root last.
        tags: Those it has in Organizations; read only where the scope asks for them.
    """
    if account in scope.excluded_accounts:
        return f"account {account} is excluded by the settings document"
    if account in scope.included_accounts:
        return ""
    if scope.opt_out_key and tags.get(scope.opt_out_key) == scope.opt_out_value:
        return f"account {account} opts out by its tag {scope.opt_out_key}={scope.opt_out_value}"
    named = scope.excluded_units | scope.included_units
    unit = next((it for it in units if it in named), "")
    if unit in scope.excluded_units:
        return f"account {account} is in {unit}, which the settings document excludes"
    if not unit and (scope.included_units or scope.included_accounts):
        return f"account {account} is in no unit that the settings document includes"
    return ""
