"""A kit's own catalogs: PO files with the line of every entry."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import polib

from tpma.core.i18n import gettext as _
from tpma.kits.faults import Fault

_LINE = re.compile(r"\(line (\d+)\)")


@dataclass(frozen=True, slots=True)
class Entry:
    source: str  # msgid, folded
    target: str  # msgstr, folded; empty when nobody has translated it
    line: int
    fuzzy: bool = False


@dataclass(slots=True)
class Catalog:
    """`entries` by the full id of their unit (msgctxt)."""

    file: str
    locale: str
    entries: dict[str, Entry] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place_after(self, before: Iterator[str]) -> int:
        """The line of the first of these units that stands in the catalog, else 1: there a
        missing entry belongs."""
        return next((self.entries[u].line for u in before if u in self.entries), 1)


def fold(text: str) -> str:
    """White space as the format has it: runs of space, tab and line end are one space.
    Other white space, U+00A0 and U+3000 among it, is typography and stays."""
    return re.sub(r"[ \t\r\n\f]+", " ", text).strip(" \t\r\n\f")


def read(file: str, locale: str, text: str) -> Catalog:
    """Read a catalog. What is wrong with it is in its `faults`; this never raises."""
    catalog = Catalog(file, locale)
    try:
        # The line end keeps polib from taking a short text for the name of a file.
        entries = polib.pofile(text + "\n", check_for_duplicates=False)
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else 1
        catalog.faults.append(Fault(file, line, "schema", _("This is not a PO file from here on.")))
        return catalog
    for entry in entries:
        _add(catalog, entry)
    return catalog


def _add(catalog: Catalog, entry: polib.POEntry) -> None:
    if entry.obsolete:
        return
    if not entry.msgctxt:
        message = _("Write the id of the text as msgctxt.")
        catalog.faults.append(Fault(catalog.file, entry.linenum, "schema", message))
    elif entry.msgctxt in catalog.entries:
        message = _("%(unit)s stands here twice. Take one out.", unit=entry.msgctxt)
        catalog.faults.append(Fault(catalog.file, entry.linenum, "unit.conflict", message))
    else:
        catalog.entries[entry.msgctxt] = Entry(
            fold(entry.msgid), fold(entry.msgstr), entry.linenum, entry.fuzzy
        )
