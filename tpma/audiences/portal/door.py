"""The blueprint the views of this room hang on, and what they share."""

from uuid import UUID

from flask import Blueprint

from tpma.audiences.uploads import before, folder, sheet
from tpma.audiences.values import country_name, language_name
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext, number
from tpma.web.context import actor

_SEPARATORS = {
    ",": lazy("comma"),
    ";": lazy("semicolon"),
    "\t": lazy("tab"),
    "|": lazy("vertical bar"),
}
__all__ = ["before", "folder", "people", "portal", "rows", "sheet", "tenant", "words_of_separator"]

portal = Blueprint(
    "audiences_portal",
    "tpma.audiences",
    url_prefix="/portal/audiences",
    template_folder="templates",
)


@portal.context_processor
def _words() -> dict[str, object]:
    return {
        "country_name": country_name,
        "language_name": language_name,
        "people": people,
        "rows": rows,
        "words_of_separator": words_of_separator,
    }


def people(count: int) -> str:
    return ngettext("%(num)s person", "%(num)s people", count, num=number(count))


def rows(count: int) -> str:
    return ngettext("%(num)s row", "%(num)s rows", count, num=number(count))


def words_of_separator(separator: str) -> str:
    return _(_SEPARATORS.get(separator, separator))


def tenant() -> UUID:
    return actor().organisation_id
