"""What the columns of a list hold: guessed by their headings and by what stands under them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tpma.audiences.wordlists import table
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy

# Field of a contact → how the mapping table calls it. "name" is split into given and family.
FIELDS: dict[str, str] = {
    "email": lazy("E-mail address"),
    "given_name": lazy("Given name"),
    "family_name": lazy("Family name"),
    "name": lazy("Full name"),
    "company": lazy("Company"),
    "title": lazy("Job title"),
    "phone": lazy("Phone"),
    "country": lazy("Country"),
    "locale": lazy("Language"),
    "tags": lazy("Tags"),
}
_REASONS: dict[str, str] = {
    "health": lazy("Health: kept out, and not shown to anybody."),
    "religion": lazy("Belief: kept out, and not shown to anybody."),
    "politics": lazy("Political views: kept out, and not shown to anybody."),
    "union": lazy("Union membership: kept out, and not shown to anybody."),
    "origin": lazy("Ethnic origin: kept out, and not shown to anybody."),
    "sexuality": lazy("Sexual life: kept out, and not shown to anybody."),
    "biometrics": lazy("Genetic or biometric data: kept out, and not shown to anybody."),
    "crime": lazy("Criminal record: kept out, and not shown to anybody."),
}
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_MOSTLY = 0.6  # share of filled cells that must be addresses


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an upload. `field` is "" when it is left out, `refused` says why it must be."""

    number: int  # from 0
    heading: str
    field: str
    refused: str  # a key of _REASONS, or ""

    @property
    def reason(self) -> str:
        return _(_REASONS[self.refused]) if self.refused else ""

    def mapped_to(self, field: str) -> "Column":
        return replace(self, field=field)


def plain(text: str) -> str:
    """Case, width and punctuation do not tell headings apart."""
    folded = unicodedata.normalize("NFKC", _parted(text)).casefold()
    return " ".join(re.findall(r"\w+", folded.replace("_", " ")))


def _parted(heading: str) -> str:
    """emailAddress is two words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)


@lru_cache(maxsize=1)
def _field_of_heading() -> dict[str, str]:
    pairs = ((plain(word), field) for field, known in table("fields").items() for word in known)
    return {key: field for word, field in pairs for key in (word, word.replace(" ", ""))}


def field_of(heading: str) -> str:
    """The field such a heading names in any of our languages, or ""."""
    key = plain(heading)
    known = _field_of_heading()
    return known.get(key) or known.get(key.replace(" ", ""), "")


@lru_cache(maxsize=256)
def refused(heading: str) -> str:
    """The special category a heading names, or "". Such a column is never taken in."""
    key = plain(heading)
    for category, known in table("refused").items():
        if any(_names(key, word) for word in known):
            return category
    return ""


def _names(key: str, word: str) -> bool:
    stem = plain(word)
    if not stem.isascii() and not unicodedata.name(stem[0]).startswith("LATIN"):
        return stem in key
    ending = r"\w*" if word.endswith("*") else ""
    return re.search(rf"(?<!\w){re.escape(stem)}{ending}(?!\w)", key) is not None


def guess(headings: Sequence[str], sample: Sequence[Sequence[str]]) -> list[Column]:
    """Each column with its guessed field. A field is given once, to the first that claims it."""
    columns: list[Column] = []
    for number, heading in enumerate(headings):
        why = refused(heading)
        field = "" if why else field_of(heading)
        if any(field == column.field for column in columns):
            field = ""
        columns.append(Column(number, heading, field, why))
    return _with_address(columns, sample)


def _with_address(columns: list[Column], sample: Sequence[Sequence[str]]) -> list[Column]:
    """Find the column of addresses by its content if no heading named one."""
    if any(column.field == "email" for column in columns):
        return columns
    free = [column for column in columns if not column.refused]
    best = max(free, key=lambda column: _share(column.number, sample), default=None)
    if best is None or _share(best.number, sample) < _MOSTLY:
        return columns
    found = Column(best.number, best.heading, "email", "")
    return [found if column is best else column for column in columns]


def _share(number: int, sample: Sequence[Sequence[str]]) -> float:
    cells = [row[number].strip() for row in sample if len(row) > number and row[number].strip()]
    hits = sum(_ADDRESS.fullmatch(cell) is not None for cell in cells)
    return hits / len(cells) if cells else 0.0


def checked_mapping(chosen: dict[int, str], headings: Sequence[str]) -> dict[str, str]:
    """Column number (as text, for JSON) → field, of the columns that are taken in.

    Raises Invalid if the address is missing, a field is given twice or a column is refused.
    """
    taken = {number: field for number, field in sorted(chosen.items()) if field}
    for number, field in taken.items():
        if field not in FIELDS or not 0 <= number < len(headings):
            raise Invalid(_("Choose one of the offered fields."), field="mapping")
        if refused(headings[number]):
            raise Invalid(_("“%(heading)s” cannot be taken in.", heading=headings[number]))
    repeated = [field for field in FIELDS if list(taken.values()).count(field) > 1]
    if repeated:
        raise Invalid(
            _("Two columns are “%(field)s”. Keep one.", field=_(FIELDS[repeated[0]])),
            field="mapping",
        )
    if "email" not in taken.values():
        raise Invalid(_("Say which column holds the e-mail address."), field="mapping")
    return {str(number): field for number, field in taken.items()}
