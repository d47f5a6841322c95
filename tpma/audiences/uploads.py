"""What the doors of this room share: a file taken in, a sheet handed out, a page to go on from."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from flask import Response, request, stream_with_context

from tpma.audiences import importing
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.sheets import Cell, lines_of
from tpma.web.context import system


def folder() -> Path:
    return importing.folder_in(system().settings.home)


def received_file(asks: str = "") -> importing.Received:
    """The uploaded list, kept and read to its end. Raises Invalid(field="file")."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid(asks or _("Choose a CSV or XLSX file with your contacts."), field="file")
    most = system().settings.max_upload_mb * 1024 * 1024
    with file.stream as stream:  # a large one stands on the disk until it is closed
        return importing.receive(stream, file.filename, folder(), most)  # type: ignore[arg-type]


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
