"""Units and their translations: unit.conflict, locale.missing/stale/fields/markup."""

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from tpma.core.i18n import gettext as _
from tpma.kits import fields
from tpma.kits.catalogs import Catalog, Entry
from tpma.kits.draft import Draft, Source
from tpma.kits.faults import Fault

MARKUP: dict[str, frozenset[str]] = {
    "b": frozenset(),
    "strong": frozenset(),
    "em": frozenset(),
    "i": frozenset(),
    "br": frozenset(),
    "span": frozenset({"dir", "lang"}),
    "a": frozenset({"href"}),
}
_LINK = re.compile(r"\{\{\s*link\.[a-z0-9_]+\s*\}\}")
_LOOKS_LIKE_TAG = re.compile(r"</?[A-Za-z!]")


def faults(draft: Draft) -> Iterator[Fault]:
    yield from _conflicts(draft)
    for source in draft.unique().values():
        yield from _markup(source, source.text, source.file, source.line)
        if fields.has_other_tags(source.text) or (source.slot and fields.used_in(source.text)):
            yield Fault(source.file, source.line, "template", _slot_or_tag(source))
    for catalog in draft.catalogs.values():
        yield from _catalog(draft, catalog)


def _slot_or_tag(source: Source) -> str:
    if source.slot:
        return _("A text the partner may replace holds no tags and no merge fields.")
    return _("Only merge fields like {{ brand.name }} may stand in a text, no other tags.")


def _conflicts(draft: Draft) -> Iterator[Fault]:
    first: dict[str, Source] = {}
    for source in draft.sources:
        known = first.setdefault(source.id, source)
        if known.text != source.text:
            message = _(
                "%(unit)s has another text in %(file)s:%(line)s. Give this one an id of its own.",
                unit=source.id,
                file=known.file,
                line=known.line,
            )
            yield Fault(source.file, source.line, "unit.conflict", message)


def _catalog(draft: Draft, catalog: Catalog) -> Iterator[Fault]:
    seen: list[str] = []
    for source in draft.unique().values():
        entry = catalog.entries.get(source.id)
        if entry is None:
            yield _absent(catalog, source, seen)
        else:
            yield from _entry(catalog, source, entry)
        seen.append(source.id)
    if draft.content is None:
        return  # a part of kit.toml was left out, and its texts with it
    unread = _unread_assets(draft)
    for unit, entry in catalog.entries.items():
        if unit not in seen and unit.split(".", 1)[0] not in unread:
            message = _("The kit has no text %(unit)s any more. Take the entry out.", unit=unit)
            yield Fault(catalog.file, entry.line, "locale.stale", message)


def _unread_assets(draft: Draft) -> set[str]:
    """Assets whose texts nobody knows, because their template is missing or broken."""
    return {
        row["key"]
        for row in draft.rows("asset")
        if row["key"] not in draft.templates or draft.templates[row["key"]].faults
    }


def _absent(catalog: Catalog, source: Source, seen: list[str]) -> Fault:
    message = _(
        "%(unit)s (%(file)s:%(line)s) has no %(locale)s text. Add it after this line.",
        unit=source.id,
        file=source.file,
        line=source.line,
        locale=catalog.locale,
    )
    return Fault(catalog.file, catalog.place_after(reversed(seen)), "locale.missing", message)


def _entry(catalog: Catalog, source: Source, entry: Entry) -> Iterator[Fault]:
    def fault(rule: str, message: str) -> Fault:
        return Fault(catalog.file, entry.line, rule, message)

    if not entry.target:
        yield fault("locale.missing", _("%(unit)s is not translated yet.", unit=source.id))
        return
    if entry.source.split() != source.text.split():
        message = _(
            "The source text of %(unit)s has changed: “%(text)s”. Look at the translation, "
            "then copy the new source into msgid.",
            unit=source.id,
            text=source.text,
        )
        yield fault("locale.stale", message)
    if entry.fuzzy:
        yield fault("locale.stale", _("%(unit)s is marked fuzzy. Confirm it.", unit=source.id))
    yield from (fault("locale.fields", said) for said in _field_faults(source, entry.target))
    yield from _markup(source, entry.target, catalog.file, entry.line)


def _field_faults(source: Source, target: str) -> Iterator[str]:
    wanted, found = Counter(fields.used_in(source.text)), Counter(fields.used_in(target))
    for name in (wanted - found).elements():
        yield _("%(unit)s lacks {{ %(name)s }}.", unit=source.id, name=name)
    for name in (found - wanted).elements():
        yield _("%(unit)s has {{ %(name)s }}, the source has not.", unit=source.id, name=name)
    if fields.has_other_tags(target):
        yield _("Only merge fields like {{ brand.name }} may stand in a text, no other tags.")


def _markup(source: Source, text: str, file: str, line: int) -> Iterator[Fault]:
    if source.markup:
        said = markup_faults(text)
    elif _LOOKS_LIKE_TAG.search(text):
        said = [_("%(unit)s is plain text: take the markup out.", unit=source.id)]
    else:
        said = []
    yield from (Fault(file, line, "locale.markup", message) for message in said)


def markup_faults(text: str) -> list[str]:
    """What is wrong with the inline markup of a text."""
    reader = _Inline()
    reader.feed(text)
    reader.close()
    left = [_("Close <%(tag)s>.", tag=tag) for tag in reader.open]
    return reader.faults + left


class _Inline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in MARKUP:
            self.faults.append(
                _("<%(tag)s> may not stand in a text; b strong em i br span a may.", tag=tag)
            )
            return
        for name, value in attrs:
            if name not in MARKUP[tag]:
                self.faults.append(_("<%(tag)s> may not have %(name)s here.", tag=tag, name=name))
            elif name == "href" and not _LINK.fullmatch(value or ""):
                self.faults.append(_('A link in a text reads <a href="{{ link.key }}">.'))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag != "br":
            self.faults.append(_("</%(tag)s> closes nothing.", tag=tag))

    def handle_comment(self, data: str) -> None:
        self.faults.append(_("A text holds no comments."))

    def handle_decl(self, decl: str) -> None:
        self.faults.append(_("A text holds no declarations."))

    def handle_pi(self, data: str) -> None:
        self.handle_decl(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)
