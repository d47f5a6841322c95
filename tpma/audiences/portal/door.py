"""The blueprint the views of this room hang on, and what they share."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, request, stream_with_context

from tpma.audiences.importing import folder_in
from tpma.audiences.values import country_name, language_name
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext, number
from tpma.core.sheets import Cell, lines_of
from tpma.web.context import actor, system

_SEPARATORS = {
    ",": lazy("comma"),
    ";": lazy("semicolon"),
    "\t": lazy("tab"),
    "|": lazy("vertical bar"),
}
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


def folder() -> Path:
    return folder_in(system().settings.home)


def before() -> UUID | None:
    """The key a keyset page goes on from; nonsense in the address is the first page."""
    try:
        return UUID(request.args["before"]) if "before" in request.args else None
    except ValueError:
        return None


def sheet(rows: Iterable[Iterable[Cell]], name: str) -> Response:
    """A CSV to download, written as it is read."""
    answer = Response(stream_with_context(lines_of(rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
