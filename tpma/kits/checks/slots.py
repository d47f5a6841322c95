"""What a partner may replace: slot.undeclared, slot.unused, slot.length."""

from collections.abc import Iterator

from tpma.core.i18n import gettext as _
from tpma.kits.draft import Draft
from tpma.kits.faults import Fault
from tpma.kits.schema import Row

_SUBJECTS = ("subject", "preheader")


def faults(draft: Draft) -> Iterator[Fault]:
    declared = {(row["asset"], row["key"]): row for row in draft.rows("slot")}
    yield from _undeclared(draft, set(declared))
    for row in declared.values():
        yield from _unused(draft, row)
        yield from _length(draft, row)


def _undeclared(draft: Draft, declared: set[tuple[str, str]]) -> Iterator[Fault]:
    for row in draft.rows("asset"):
        template = draft.templates.get(row["key"])
        for piece in template.pieces if template else []:
            if piece.slot and (row["key"], piece.id) not in declared:
                message = _(
                    "Declare the slot %(key)s of %(asset)s under [[slot]] in kit.toml.",
                    key=piece.id,
                    asset=row["key"],
                )
                yield Fault(row["file"], piece.line, "slot.undeclared", message)


def _unused(draft: Draft, slot: Row) -> Iterator[Fault]:
    asset = next((row for row in draft.rows("asset") if row["key"] == slot["asset"]), None)
    if asset is None:
        message = _("There is no asset %(asset)s.", asset=slot["asset"])
        yield draft.at_row("slot.unused", message, slot, "asset")
        return
    template = draft.templates.get(asset["key"])
    if template is None or template.faults:
        return  # nobody knows what stands in it
    there = {piece.id for piece in template.pieces if piece.slot}
    there |= {key for key in _SUBJECTS if key in asset}
    if slot["key"] not in there:
        message = _("%(file)s has no {%% slot %(key)s %%}.", file=asset["file"], key=slot["key"])
        yield draft.at_row("slot.unused", message, slot, "key")


def _length(draft: Draft, slot: Row) -> Iterator[Fault]:
    unit, most = f"{slot['asset']}.{slot['key']}", slot.get("max_chars", 280)
    source = draft.unique().get(unit)
    if source is not None and len(source.text) > most:
        yield Fault(source.file, source.line, "slot.length", _too_long(unit, source.text, most))
    for catalog in draft.catalogs.values():
        entry = catalog.entries.get(unit)
        if entry is not None and len(entry.target) > most:
            message = _too_long(unit, entry.target, most)
            yield Fault(catalog.file, entry.line, "slot.length", message)


def _too_long(unit: str, text: str, most: int) -> str:
    return _(
        "%(unit)s has %(now)s characters, its slot takes %(most)s.",
        unit=unit,
        now=len(text),
        most=most,
    )
