"""Days a vendor's programme does not work on, beside the weekends CLDR knows. Pure."""

import re
from collections.abc import Iterable
from datetime import date

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.identity import places

_LINE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\s+([A-Za-z]{2}))?")
MOST_HOLIDAYS = 400


def holidays(text: str) -> list[str]:
    """What was typed, one day a line: "2026-12-25" everywhere, "2026-10-03 DE" in one country.

    In order and each once. Raises Invalid(field="holidays") with the line that is none.
    """
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    if len(lines) > MOST_HOLIDAYS:
        raise Invalid(
            _("At most %(most)s days. Take those away that are over.", most=MOST_HOLIDAYS),
            field="holidays",
        )
    return sorted({_holiday(line) for line in lines})


def _holiday(line: str) -> str:
    found = _LINE.fullmatch(line)
    if found is None or not _is_date(found[1]):
        raise _no_day(line)
    country = (found[2] or "").upper()
    if country and country not in dict(places.countries()):
        raise _no_day(line)
    return f"{found[1]} {country}".strip()


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _no_day(line: str) -> Invalid:
    return Invalid(
        _(
            "“%(line)s” is no day. Write 2026-12-25, or 2026-10-03 DE for one country.",
            line=line[:40],
        ),
        field="holidays",
    )


def closed(days: Iterable[str], country: str) -> frozenset[date]:
    """The holidays that hold in this country (ISO 3166-1)."""
    parted = (day.partition(" ") for day in days)
    return frozenset(date.fromisoformat(day) for day, _space, at in parted if at in ("", country))
