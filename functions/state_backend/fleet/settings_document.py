"""
The settings document: which accounts get a backend, and with what settings, by account or unit.

It is checked whole. One mistake refuses all of it, with the path of the fault, and the last
document that was right stays in force: half a document would be nobody's intention.
``schemas/settings.schema.json`` says the same to editors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.fleet.scope import EVERYTHING, Scope
from state_backend.ids import ACCOUNT, UNIT
from state_backend.properties import PROPERTIES
from state_backend.properties import parse as parse_properties

VERSION = 1

Level = Mapping[str, JSON]
"""Settings of one account, one unit or the root, checked; a list is a tuple."""


class WrongSettings(InvalidRequest):
    """
    The document has a mistake.

    Attributes:
        path: Where: ``$.accounts["222222222222"].LockMode``.
    """

    def __init__(self, path: str, fault: str, remedy: str) -> None:
        super().__init__(f"The settings document is wrong at {path}: {fault}", remedy)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsDocument:
    """A document without a mistake."""

    scope: Scope = EVERYTHING
    root: Level = field(default_factory=dict)
    units: Mapping[str, Level] = field(default_factory=dict)
    accounts: Mapping[str, Level] = field(default_factory=dict)


def settings_for(
    document: SettingsDocument, account: str, units: Sequence[str], region: str
) -> dict[str, str]:
    """
    What the document says for *account* in *region*: raw values by property name.

    Each setting is the account's own, else that of the nearest unit which has it, else the root's.

    A shared key of another Region is named where there is none in *region*: what already has its
    own key is none the worse, and what is new is refused with it.

    Args:
        units: The units above the account, nearest first, the root last.
    """
    settings: dict[str, JSON] = dict(document.root)
    for unit in reversed(units):
        settings |= document.units.get(unit, {})
    settings |= document.accounts.get(account, {})
    keys = settings.pop("KmsKeyArn", ())
    if keys:
        of_region = (arn for arn in keys if arn.split(":")[3] == region)
        settings["KmsKeyArn"] = next(of_region, keys[0])
    return {name: _raw(value) for name, value in settings.items()}


def _raw(value: JSON) -> str:
    return json.dumps(value) if isinstance(value, tuple) else str(value)


def in_force(newest_first: Iterable[str]) -> tuple[SettingsDocument, WrongSettings | None]:
    """
    The newest of the texts that is right, and what is wrong with the newest of all.

    Raises:
        WrongSettings: None of them is right; what is wrong with the newest.
    """
    mistake: WrongSettings | None = None
    for text in newest_first:
        try:
            return parse(text), mistake
        except WrongSettings as error:
            mistake = mistake or error
    raise mistake or WrongSettings("$", "there is no document", "Write one, or name none")


# ---- the check -----------------------------------------------------------------------------------


def parse(text: str) -> SettingsDocument:
    """
    The document in *text*.

    Raises:
        WrongSettings: It has a mistake.
    """
    try:
        root = _At("$", json.loads(text, object_pairs_hook=_Object, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        raise WrongSettings("$", f"it is no JSON ({error})", "Write it as JSON") from error
    root.only("$schema", "version", "scope", "root", "organizationalUnits", "accounts")
    version = root.get("version")
    if version is None or version.value != VERSION or isinstance(version.value, bool):
        raise (version or root).wrong(f"write version {VERSION}")
    if schema := root.get("$schema"):
        schema.text(r".+", "the address of the schema")
    return SettingsDocument(
        scope=_scope(root.get("scope")),
        root=_level(root.get("root"), ""),
        units={it.key: _level(it, "") for it in _named(root.get("organizationalUnits"), _UNIT)},
        accounts={it.key: _level(it, it.key) for it in _named(root.get("accounts"), _ACCOUNT)},
    )


_UNIT = (UNIT, "the id of an organizational unit (ou-…) or of the root (r-…)")
_ACCOUNT = (ACCOUNT, "an account id of twelve digits")


class _Object(dict[str, JSON]):
    """A JSON object that knows which of its keys came twice."""

    def __init__(self, pairs: list[tuple[str, JSON]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.twice = next((key for key in keys if keys.count(key) > 1), None)


def _no_number(text: str) -> JSON:
    raise ValueError(f"{text} is no number")


@dataclass(frozen=True, slots=True)
class _At:
    """A value of the document, and where it stands."""

    path: str
    value: JSON
    key: str = ""
    account: str = ""
    """Whose settings these are; empty where they are those of several."""

    def wrong(self, remedy: str) -> WrongSettings:
        shown = json.dumps(self.value, default=str)
        return WrongSettings(
            self.path, f"{shown if len(shown) <= 80 else f'{shown[:79]}…'} is not accepted", remedy
        )

    def only(self, *keys: str) -> None:
        """That it is an object with no key but these."""
        for it in self.members():
            if it.key not in keys:
                raise WrongSettings(it.path, "it is not known", f"Use only {', '.join(keys)}")

    def members(self) -> list[_At]:
        if not isinstance(self.value, _Object):
            raise self.wrong("It must be an object")
        if self.value.twice is not None:
            path = f"{self.path}{_step(self.value.twice)}"
            raise WrongSettings(path, "it is there twice", "Keep one of the two")
        return [_At(f"{self.path}{_step(key)}", it, key) for key, it in self.value.items()]

    def items(self) -> list[_At]:
        if not isinstance(self.value, list):
            raise self.wrong("It must be a list")
        return [_At(f"{self.path}[{index}]", it) for index, it in enumerate(self.value)]

    def item(self, it: _At) -> _At:
        """*it*, an item of this list, as if it stood here alone."""
        return replace(it, key=self.key, account=self.account)

    def get(self, key: str) -> _At | None:
        return next((it for it in self.members() if it.key == key), None)

    def text(self, pattern: str, accepts: str) -> str:
        if not isinstance(self.value, str) or re.fullmatch(pattern, self.value, re.ASCII) is None:
            raise self.wrong(f"It must be {accepts}")
        return self.value


def _step(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", key)
    return f".{key}" if plain else f"[{json.dumps(key)}]"


def _named(at: _At | None, kind: tuple[str, str]) -> list[_At]:
    """The members of an object whose keys are ids of *kind*."""
    members = at.members() if at else []
    for it in members:
        if re.fullmatch(kind[0], it.key, re.ASCII) is None:
            raise WrongSettings(it.path, "its key is not accepted", f"The key must be {kind[1]}")
    return members


def _scope(at: _At | None) -> Scope:
    if at is None:
        return EVERYTHING
    at.only("include", "exclude", "optOutTag")
    included, excluded = _choice(at.get("include")), _choice(at.get("exclude"))
    for kind in ("organizationalUnits", "accounts"):
        for it in excluded[kind]:
            if it.value in {other.value for other in included[kind]}:
                raise it.wrong("It is included too; keep one of the two")
    tag = _tag(at.get("optOutTag"))
    return Scope(
        included_units=_values(included["organizationalUnits"]),
        included_accounts=_values(included["accounts"]),
        excluded_units=_values(excluded["organizationalUnits"]),
        excluded_accounts=_values(excluded["accounts"]),
        opt_out_key=tag[0],
        opt_out_value=tag[1],
    )


def _choice(at: _At | None) -> dict[str, list[_At]]:
    chosen: dict[str, list[_At]] = {"organizationalUnits": [], "accounts": []}
    if at is None:
        return chosen
    at.only(*chosen)
    for kind, (pattern, accepts) in zip(chosen, (_UNIT, _ACCOUNT), strict=True):
        ids = at.get(kind)
        chosen[kind] = ids.items() if ids else []
        for index, it in enumerate(chosen[kind]):
            it.text(pattern, accepts)
            if it.value in [other.value for other in chosen[kind][:index]]:
                raise it.wrong("It is there twice")
    if at.key == "include" and not any(chosen.values()):
        raise at.wrong("It must name a unit or an account; leave it out to include all")
    return chosen


def _values(items: Iterable[_At]) -> frozenset[str]:
    return frozenset(it.value for it in items)


def _tag(at: _At | None) -> tuple[str, str]:
    if at is None:
        return "", ""
    at.only("key", "value")
    key, value = at.get("key"), at.get("value")
    if key is None or value is None:
        raise at.wrong("It must have a key and a value")
    return (
        key.text(r"[\w\s+\-=.:/@]{1,128}", "a tag's key: 1 to 128 of letters, digits, '_.:/=+-@'"),
        value.text(r"[\w\s+\-=.:/@]{0,256}", "a tag's value: up to 256 of the same characters"),
    )


def _level(at: _At | None, account: str) -> Level:
    """
    The settings at *at*.

    Args:
        account: Whose they are; empty where they are those of several.
    """
    if at is None:
        return {}
    at.only(*SETTINGS)
    settings = {it.key: SETTINGS[it.key](replace(it, account=account)) for it in at.members()}
    key = at.get("KmsKeyArn")
    if key is not None:
        if settings.setdefault("Encryption", "aws:kms") != "aws:kms":
            raise key.wrong("Encryption is AES256 beside it; leave out one of the two")
    elif settings.get("Encryption") == "AES256":
        settings["KmsKeyArn"] = ()  # what a level above says of a key is void
    return settings


def _text_setting(at: _At) -> JSON:
    accepts = PROPERTIES[at.key].accepts
    if not isinstance(at.value, str) or not at.value:
        raise at.wrong(f"It must be {accepts}")
    return _accepted(at, at.value)


def _number_setting(at: _At) -> JSON:
    if not isinstance(at.value, int) or isinstance(at.value, bool):
        raise at.wrong(f"It must be {PROPERTIES[at.key].accepts}")
    return _accepted(at, str(at.value))


def _accepted(at: _At, text: str) -> JSON:
    """The value at *at*, which the property accepts when it is written as *text*."""
    try:
        # As a list where it may be one: a comma does not make two of one principal.
        parse_properties({at.key: [text] if at.key == "StateAccessPrincipalArns" else text})
    except InvalidRequest as error:
        raise at.wrong(error.remedy) from error
    return at.value


def _key_setting(at: _At) -> JSON:
    """One key, or a list with one for each Region."""
    named = [at.item(it) for it in at.items()] if isinstance(at.value, list) else [at]
    if not named:
        raise at.wrong("It must name a key")
    regions: list[str] = []
    for it in named:
        regions.append(_text_setting(it).split(":")[3])
        if regions[-1] in regions[:-1]:
            raise it.wrong(f"There is another key in {regions[-1]}; name one for each Region")
    return tuple(it.value for it in named)


def _principals_setting(at: _At) -> JSON:
    """Principals of the accounts that the settings are for, and of no other."""
    for it in at.items():
        each = at.item(it)
        if _text_setting(each).split(":")[4] not in {at.account, "*"}:
            raise each.wrong(
                "Only principals of the account itself can be listed; write arn:aws:iam::*:role/…"
            )
    return tuple(it.value for it in at.items())


SETTINGS: dict[str, Callable[[_At], JSON]] = {
    "Encryption": _text_setting,
    "KmsKeyArn": _key_setting,
    "LockMode": _text_setting,
    "AccessLogs": _text_setting,
    "AccessLogsDays": _number_setting,
    "NoncurrentVersionDays": _number_setting,
    "NoncurrentVersionsKept": _number_setting,
    "StateAccessPrincipalArns": _principals_setting,
}
"""Settings of an account, a unit or the root: properties of ``Custom::StateBackend``."""
