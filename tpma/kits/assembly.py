"""From a draft whose shape is sound to the values that are published."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from tpma.kits.draft import Draft
from tpma.kits.schema import Row
from tpma.rendering.content import (
    AssetSpec,
    ConsentSpec,
    FormField,
    ImageSpec,
    KitContent,
    LinkSpec,
    SlotSpec,
    Unit,
)


def assemble(draft: Draft) -> KitContent:
    """The kit as plain values; texts that no catalog has are left out."""
    kit, entitled = draft.kit, draft.part("entitlement")
    dates = draft.part("dates")
    return KitContent(
        key=kit["key"],
        slug=kit["slug"],
        semver=kit["semver"],
        source_locale=kit["source_locale"],
        locales=tuple(kit["locales"]),
        product_families=tuple(kit["product_families"]),
        motion=kit["motion"],
        cover=kit["cover"],
        tiers=tuple(entitled.get("tiers", ())),
        types=tuple(entitled.get("types", ())),
        allow=tuple(entitled.get("allow", ())),
        deny=tuple(entitled.get("deny", ())),
        embargo=_iso(dates.get("embargo")),
        retires=_iso(dates.get("retires")),
        goal_leads=draft.part("goal")["leads"],
        fallbacks={name: dict(texts) for name, texts in draft.part("fields").items()},
        **_parts(draft),
    )


def _parts(draft: Draft) -> dict[str, Any]:
    pictured = [row for row in draft.rows("image") if row["file"] in draft.pictures]
    return {
        "images": tuple(_image(draft, row) for row in pictured),
        "links": tuple(LinkSpec(row["key"], row["target"]) for row in draft.rows("link")),
        "assets": tuple(
            _asset(draft, row) for row in draft.rows("asset") if row["key"] in draft.templates
        ),
        "fields": tuple(_field(row) for row in draft.form.get("field", [])),
        "consents": tuple(_consent(row) for row in draft.rows("consent")),
        "slots": tuple(_slot(row) for row in draft.rows("slot")),
        "units": _units(draft),
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _image(draft: Draft, row: Row) -> ImageSpec:
    picture = draft.pictures[row["file"]]
    sha256 = hashlib.sha256(draft.all_files[row["file"]]).hexdigest()
    return ImageSpec(
        row["key"], row["file"], picture.content_type, picture.width, picture.height, sha256
    )


def _asset(draft: Draft, row: Row) -> AssetSpec:
    style = draft.files.get(row.get("style", ""), b"").decode("utf-8-sig")
    condition = row.get("condition", "none").replace("all", "none")
    return AssetSpec(
        key=row["key"],
        kind=row["kind"],
        file=row["file"],
        source=draft.templates[row["key"]].source,
        style=style,
        day=row.get("day", 0),
        condition=condition,
        hours=row.get("hours", 0),
        after=row.get("after", "start"),
        link=row.get("link", ""),
        exit_on_form=row.get("exit_on_form", condition != "form"),
    )


def _field(row: Row) -> FormField:
    options = range(1, len(row.get("options", [])) + 1)
    return FormField(
        key=row["key"],
        type=row["type"],
        required=row["required"],
        maps_to=row["maps_to"],
        label=f"form.{row['key']}.label",
        options=tuple(f"form.{row['key']}.option{number}" for number in options),
    )


def _consent(row: Row) -> ConsentSpec:
    return ConsentSpec(
        row["purpose"], row["version"], tuple(row["recipients"]), f"consent.{row['purpose']}"
    )


def _slot(row: Row) -> SlotSpec:
    given = {key: value for key, value in row.items() if key != "label"}
    return SlotSpec(**given, label=f"slot.{row['asset']}.{row['key']}")


def _units(draft: Draft) -> dict[str, Unit]:
    legal = {row["unit"]: tuple(row["valid_for"]) for row in draft.rows("legal")}
    plain = {source.id for source in draft.sources if not source.markup}
    return {
        unit: Unit(
            id=unit,
            texts=_texts(draft, unit, source.text),
            markup=unit not in plain,
            legal=unit in legal,
            valid_for=legal.get(unit, ()),
        )
        for unit, source in draft.unique().items()
    }


def _texts(draft: Draft, unit: str, source: str) -> Mapping[str, str]:
    texts = {draft.source_locale: source}
    for locale, catalog in draft.catalogs.items():
        entry = catalog.entries.get(unit)
        if entry is not None and entry.target and not entry.fuzzy:
            texts[locale] = entry.target
    return texts
