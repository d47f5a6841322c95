"""Every text of a kit in its source language: from the templates and from kit.toml."""

from collections.abc import Iterator

from tpma.kits.catalogs import fold
from tpma.kits.draft import Draft, Source
from tpma.kits.intake import MANIFEST
from tpma.kits.schema import Row


def collect(draft: Draft) -> None:
    """Fill `draft.sources` in the order in which people read the kit."""
    draft.sources += _of_kit(draft)
    for row in draft.rows("asset"):
        draft.sources += _of_asset(draft, row)
    draft.sources += _of_form(draft)
    for row in draft.rows("consent"):
        where = draft.line(*row.where, "text")
        draft.sources.append(_plain(f"consent.{row['purpose']}", row["text"], where))
    for row in draft.rows("slot"):
        unit = f"slot.{row['asset']}.{row['key']}"
        draft.sources.append(_plain(unit, row["label"], draft.line(*row.where, "label")))


def _plain(unit: str, text: str, line: int, slot: bool = False) -> Source:
    return Source(unit, fold(text), MANIFEST, line, markup=False, slot=slot)


def _of_kit(draft: Draft) -> Iterator[Source]:
    for key in ("title", "summary", "guidance"):
        if key in draft.kit:
            yield _plain(f"kit.{key}", draft.kit[key], draft.line("kit", key))
    goal = draft.part("goal")
    if "lead_definition" in goal:
        line = draft.line("goal", "lead_definition")
        yield _plain("kit.lead_definition", goal["lead_definition"], line)


def _of_asset(draft: Draft, row: Row) -> Iterator[Source]:
    asset = row["key"]
    slots = {slot["key"] for slot in draft.rows("slot") if slot["asset"] == asset}
    for key in ("subject", "subject_b", "preheader"):
        if key in row:
            line = draft.line(*row.where, key)
            yield _plain(f"{asset}.{key}", row[key], line, slot=key in slots)
    template = draft.templates.get(asset)
    for piece in template.pieces if template else []:
        yield Source(
            f"{asset}.{piece.id}",
            piece.text,
            row["file"],
            piece.line,
            markup=not piece.plain,
            slot=piece.slot,
        )


def _of_form(draft: Draft) -> Iterator[Source]:
    for key in ("title", "intro", "submit", "thanks_title", "thanks_text"):
        if key in draft.form:
            yield _plain(f"form.{key}", draft.form[key], draft.line("form", key))
    for row in draft.form.get("field", []):
        where = draft.line(*row.where, "label")
        yield _plain(f"form.{row['key']}.label", row["label"], where)
        for number, option in enumerate(row.get("options", []), start=1):
            where = draft.line(*row.where, "options")
            yield _plain(f"form.{row['key']}.option{number}", option, where)
