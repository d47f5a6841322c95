"""The keys of kit.toml and what each may hold, as one table."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.kits.toml_lines import Path
from tpma.kits.values import (
    Check,
    a_country,
    a_date,
    a_locale,
    a_path,
    a_semver,
    list_of,
    matching,
    one_of,
    text,
    true_or_false,
    whole_number,
)

TIERS = ("registered", "silver", "gold", "platinum")
TYPES = ("var", "msp", "si", "gsi", "isv", "distributor", "influence")
MOTIONS = ("demand_gen", "enablement", "thought_leadership", "nurture", "event", "recruit")
LEAD_COLUMNS = ("given_name", "family_name", "email", "company", "phone", "title", "country")
CONDITIONS = ("all", "none", "clicked", "not_clicked", "form", "not_form")  # none: as all
RESERVED = frozenset({"kit", "form", "slot", "consent"})  # first parts of unit ids


@dataclass(frozen=True, slots=True)
class Key:
    check: Check
    required: bool = True


class Row(dict[str, Any]):
    """One entry of a list of tables, which knows where in kit.toml it stands."""

    def __init__(self, values: Mapping[str, Any], where: Path) -> None:
        super().__init__(values)
        self.where = where


@dataclass(frozen=True, slots=True)
class Wrong:
    """A schema fault before it has a line."""

    path: Path
    message: str


Table = Mapping[str, Key]


_ID = matching(r"[a-z][a-z0-9_]{0,39}", lazy("a key of small letters, digits and underscores"))
_FAMILY = matching(r"[a-z][a-z0-9_-]{0,39}", lazy("a key of small letters, digits and hyphens"))

KIT: Table = {
    "key": Key(matching(r"[A-Z0-9]{2,6}", lazy("2 to 6 of A-Z and 0-9"))),
    "slug": Key(
        matching(r"[a-z0-9](-?[a-z0-9]){1,39}", lazy("2 to 40 small letters, digits and hyphens"))
    ),
    "title": Key(text(120)),
    "summary": Key(text(400)),
    "semver": Key(a_semver),
    "source_locale": Key(a_locale),
    "locales": Key(list_of(a_locale, least=1, most=40)),
    "product_families": Key(list_of(_FAMILY, least=1)),
    "motion": Key(one_of(*MOTIONS)),
    "guidance": Key(text(1000)),
    "cover": Key(a_path),
}
ENTITLEMENT: Table = {
    "tiers": Key(list_of(one_of(*TIERS)), required=False),
    "types": Key(list_of(one_of(*TYPES)), required=False),
    "allow": Key(list_of(a_country), required=False),
    "deny": Key(list_of(a_country), required=False),
}
DATES: Table = {
    "embargo": Key(a_date, required=False),
    "retires": Key(a_date, required=False),
}
GOAL: Table = {"leads": Key(whole_number(1, 100_000)), "lead_definition": Key(text(500))}
IMAGE: Table = {"key": Key(_ID), "file": Key(a_path)}
LINK: Table = {"key": Key(_ID), "target": Key(text(500))}

_ASSET: Table = {
    "key": Key(_ID),
    "kind": Key(one_of("email", "landing_page", "pdf", "social_post")),
    "file": Key(a_path),
}
_TITLED: Table = {"subject": Key(text(200)), "preheader": Key(text(200))}
ASSET: Mapping[str, Table] = {
    "email": {
        **_ASSET,
        "subject": Key(text(150)),
        "subject_b": Key(text(150), required=False),
        "preheader": Key(text(110)),
        "day": Key(whole_number(0, 90)),
        "hours": Key(whole_number(0, 23), required=False),
        "after": Key(one_of("start", "trigger"), required=False),
        "condition": Key(one_of(*CONDITIONS), required=False),
        "link": Key(_ID, required=False),
        "exit_on_form": Key(true_or_false, required=False),
    },
    "landing_page": {**_ASSET, **_TITLED},
    "pdf": {**_ASSET, "subject": Key(text(200)), "style": Key(a_path, required=False)},
    "social_post": _ASSET,
}
FORM: Table = {
    "submit": Key(text(60)),
    "title": Key(text(120)),
    "intro": Key(text(400)),
    "thanks_title": Key(text(120)),
    "thanks_text": Key(text(600)),
    "field": Key(list_of(lambda _row: None, least=1, most=20)),
}
FIELD: Table = {
    "key": Key(_ID),
    "type": Key(one_of("text", "email", "tel", "select")),
    "required": Key(true_or_false),
    "maps_to": Key(one_of(*LEAD_COLUMNS, "")),
    "label": Key(text(120)),
    "options": Key(list_of(text(120), least=2, most=30), required=False),
}
CONSENT: Table = {
    "purpose": Key(one_of("partner_marketing", "share_with_vendor")),
    "version": Key(text(20)),
    "recipients": Key(list_of(one_of("partner", "vendor"), least=1)),
    "text": Key(text(1000)),
}
SLOT: Table = {
    "asset": Key(_ID),
    "key": Key(_ID),
    "type": Key(one_of("text", "rich_text")),
    "label": Key(text(120)),
    "required": Key(true_or_false, required=False),
    "max_chars": Key(whole_number(1, 2000), required=False),
    "requires_approval": Key(one_of("never", "if_changed", "always"), required=False),
    "editable_by": Key(one_of("partner", "vendor"), required=False),
}
LEGAL: Table = {
    "unit": Key(matching(r"[a-z0-9_]+(\.[a-z0-9_]+){1,2}", lazy("the id of a text"))),
    "valid_for": Key(list_of(a_locale)),
}

SECTIONS: Mapping[str, Table] = {
    "kit": KIT,
    "entitlement": ENTITLEMENT,
    "dates": DATES,
    "goal": GOAL,
    "form": FORM,
}
ROWS: Mapping[str, Table] = {
    "image": IMAGE,
    "link": LINK,
    "consent": CONSENT,
    "slot": SLOT,
    "legal": LEGAL,
}
OPTIONAL = frozenset({"entitlement", "dates", "fields", "image", "link", "slot", "legal"})
NAMES = (*SECTIONS, "fields", *ROWS, "asset")


def wrongs(raw: Mapping[str, Any]) -> Iterator[Wrong]:
    """Everything about the shape of a parsed kit.toml that is not as it should be."""
    for name in raw:
        if name not in NAMES:
            yield Wrong((name,), _unknown(name))
    for name in NAMES:
        if name in raw:
            yield from _section(name, raw[name])
        elif name not in OPTIONAL:
            yield Wrong((name,), _("The part [%(name)s] is missing.", name=name))


def _section(name: str, value: Any) -> Iterator[Wrong]:
    if name in SECTIONS:
        yield from _table((name,), value, SECTIONS[name])
        if name == "form" and isinstance(value, dict):
            yield from _rows(("form", "field"), value.get("field", []), lambda _row: FIELD)
    elif name == "fields":
        yield from _fallbacks(value)
    elif name == "asset":
        yield from _rows((name,), value, _asset_table)
    else:
        yield from _rows((name,), value, lambda _row: ROWS[name])


def _asset_table(row: Mapping[str, Any]) -> Table:
    kind = row.get("kind")
    return ASSET.get(kind, _ASSET) if isinstance(kind, str) else _ASSET


def _rows(
    path: Path, value: Any, table_of: Callable[[Mapping[str, Any]], Table]
) -> Iterator[Wrong]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        yield Wrong(path, _("Write this part with double square brackets."))
        return
    for index, row in enumerate(value):
        yield from _table((*path, index), row, table_of(row))


def _table(path: Path, value: Any, table: Table) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        yield Wrong(path, _("Write this part as a table with its name in square brackets."))
        return
    for name in value:
        if name not in table:
            yield Wrong((*path, name), _unknown(name))
    for name, key in table.items():
        if name not in value:
            if key.required:
                yield Wrong(path, _("The key %(name)s is missing here.", name=name))
        elif message := key.check(value[name]):
            yield Wrong((*path, name), f"{name}: {message}")


def _fallbacks(value: Any) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        yield Wrong(("fields",), _("Write this part as a table with its name in square brackets."))
        return
    check = text(80)
    for name, texts in value.items():
        if not isinstance(texts, dict):
            yield Wrong(
                ("fields", name), _('Write one text a locale, for example { en = "there" }.')
            )
            continue
        for tag, fallback in texts.items():
            if message := a_locale(tag) or check(fallback):
                yield Wrong(("fields", name), f"{tag}: {message}")


def _unknown(name: str) -> str:
    return _("A kit has no key %(name)s. Take it out or correct its spelling.", name=name)


def sound(raw: Mapping[str, Any], faults: Iterable[Wrong]) -> dict[str, Any]:
    """What can be worked with in spite of these faults, for the rules that come after.

    A wrong key is left out. A row that lacks what it must have is left out as a whole.
    """
    wrong = {fault.path for fault in faults}
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if name in ROWS or name == "asset":
            rows = value if isinstance(value, list) and (name,) not in wrong else []
            found[name] = list(_sound_rows((name,), rows, wrong))
        elif name in NAMES and isinstance(value, dict):
            found[name] = _sound_table((name,), value, wrong)
    return found


def _sound_table(path: Path, value: Mapping[str, Any], wrong: set[Path]) -> dict[str, Any]:
    found = {key: entry for key, entry in value.items() if (*path, key) not in wrong}
    if path == ("form",) and "field" in found:
        found["field"] = list(_sound_rows(("form", "field"), found["field"], wrong))
    return found


def _sound_rows(path: Path, rows: Iterable[Any], wrong: set[Path]) -> Iterator[Row]:
    for index, row in enumerate(rows):
        required = _required(path, row)
        left = {key: entry for key, entry in row.items() if (*path, index, key) not in wrong}
        if required <= left.keys():
            yield Row(left, (*path, index))


def _required(path: Path, row: Mapping[str, Any]) -> set[str]:
    if path == ("form", "field"):
        table: Table = FIELD
    elif path == ("asset",):
        table = _asset_table(row)
    else:
        table = ROWS[str(path[0])]
    return {name for name, key in table.items() if key.required}
