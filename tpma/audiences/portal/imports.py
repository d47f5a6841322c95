"""A list comes in: upload, look at the columns, say how they agreed, watch it arrive."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tpma.audiences import importing, listings, staging
from tpma.audiences.columns import FIELDS
from tpma.audiences.encodings import ENCODINGS, spoken
from tpma.audiences.importing import Preview
from tpma.audiences.models import ContactImport, ImportState
from tpma.audiences.portal.door import folder, portal, sheet, tenant
from tpma.audiences.progress import progress_of
from tpma.audiences.reading import MOST_ROWS, SEPARATORS
from tpma.audiences.rules import IMPORT_BASES
from tpma.audiences.uploads import received_file
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext, number
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, day, safe_next
from tpma.web.guards import partner


@portal.get("/import")
@partner("contacts.write")
def new_import() -> ResponseReturnValue:
    return _upload_page(Faults())


def _upload_page(faults: Faults) -> str:
    return render(
        "audiences/import_new.html",
        faults=faults,
        next=_next(),
        most_mb=system().settings.max_upload_mb,
        most_rows=MOST_ROWS,
    )


def _next() -> str:
    """Where the launch wizard waits, or "". Only a path of this site."""
    return safe_next(request.values.get("next"), "")


@portal.post("/import")
@partner("contacts.write")
def upload() -> ResponseReturnValue:
    """Take a file; also the launch wizard's, which says in `next` where it waits."""
    try:
        received = received_file()
    except Invalid as error:
        faults = Faults()
        faults.add(error)
        return _upload_page(faults), 422
    with system().db.transaction() as session:
        found = importing.upload(session, actor(), tenant(), received)
    return redirect(_of("audiences_portal.show_import", found.id), 303)


def _of(endpoint: str, import_id: UUID) -> str:
    return url_for(endpoint, import_id=import_id, next=_next() or None)


@portal.get("/imports/<uuid:import_id>")
@partner("contacts.read")
def show_import(import_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        found = importing.import_of(session, tenant(), import_id)
        if found.state is ImportState.UPLOADED:
            return _check_page(found, Faults())
        return render("audiences/import_show.html", **_progress(found))


def _check_page(found: ContactImport, faults: Faults) -> str:
    preview = importing.preview(found, folder())
    return render(
        "audiences/import_check.html",
        found=found,
        preview=_as_entered(preview),
        recognised=sum(bool(column.field) for column in preview.columns),
        fields=FIELDS,
        bases=IMPORT_BASES,
        encodings=ENCODINGS,
        separators=SEPARATORS,
        encoding=spoken(found.encoding),
        values=request.form,
        faults=faults,
        next=_next(),
        close_url=url_for("audiences_portal.index"),
    )


def _as_entered(preview: Preview) -> Preview:
    """With the fields as the person just chose them, where a form was sent."""
    if request.method != "POST":
        return preview
    chosen = _mapping()
    columns = [c.mapped_to(chosen.get(c.number, c.field)) for c in preview.columns]
    return Preview(columns, preview.rows)


def _mapping() -> dict[int, str]:
    return {
        int(name.removeprefix("column-")): value
        for name, value in request.form.items()
        if name.startswith("column-") and name.removeprefix("column-").isdecimal()
    }


@portal.post("/imports/<uuid:import_id>/reading")
@partner("contacts.write")
def reread_import(import_id: UUID) -> ResponseReturnValue:
    """Another encoding or separator than the one we guessed."""
    separators = dict(enumerate(SEPARATORS))
    chosen = separators.get(request.form.get("separator", 0, int), "")
    try:
        with system().db.transaction() as session:
            found = importing.import_of(session, tenant(), import_id)
            importing.reread(found, folder(), request.form.get("encoding", ""), chosen)
    except Invalid as error:
        return _refused(import_id, error)
    return redirect(_of("audiences_portal.show_import", import_id), 303)


def _refused(import_id: UUID, error: Invalid) -> ResponseReturnValue:
    faults = Faults()
    faults.add(error)
    with system().db.reading() as session:
        found = importing.import_of(session, tenant(), import_id)
        return _check_page(found, faults), 422


@portal.post("/imports/<uuid:import_id>/start")
@partner("contacts.write")
def start_import(import_id: UUID) -> ResponseReturnValue:
    """A small list is in when this answers, so that the wizard goes on; a job does the others."""
    try:
        with system().db.transaction() as session:
            found = importing.import_of(session, tenant(), import_id)
            now = importing.start(
                session,
                actor(),
                found,
                mapping=_mapping(),
                basis=request.form.get("basis", ""),
                consent_source=request.form.get("consent_source", ""),
                tags=request.form.get("tags", ""),
                obtained_on=day("obtained_on"),
                purchased=request.form.get("purchased") == "1",
            )
    except Invalid as error:
        return _refused(import_id, error)
    if now:
        staging.run(system().db, system().signer, folder(), import_id)
    return redirect(_after(import_id), 303)


def _after(import_id: UUID) -> str:
    """Back to the wizard, which is told which list came in; else the list's own page."""
    back = _next()
    if not back:
        return url_for("audiences_portal.show_import", import_id=import_id)
    return f"{back}{'&' if '?' in back else '?'}{urlencode({'import': str(import_id)})}"


@portal.post("/imports/<uuid:import_id>/discard")
@partner("contacts.write")
def discard_import(import_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = importing.import_of(session, tenant(), import_id)
        importing.discard(session, actor(), found, folder())
    flash(_("The file is gone and nobody was added."))
    return redirect(url_for("audiences_portal.new_import", next=_next() or None), 303)


@portal.get("/imports/<uuid:import_id>/progress")
@partner("contacts.read")
def import_progress(import_id: UUID) -> ResponseReturnValue:
    """The moving part of the page; when all is done it asks htmx for the whole page."""
    with system().db.reading() as session:
        found = importing.import_of(session, tenant(), import_id)
        answer = make_response(render("audiences/import_progress.html", **_progress(found)))
    if found.state in {ImportState.DONE, ImportState.FAILED}:
        answer.headers["HX-Refresh"] = "true"
    return answer


def _progress(found: ContactImport) -> dict[str, Any]:
    return {
        "found": found,
        "title": _title(found),
        "progress": progress_of(found, system().clock()),
        "bases": IMPORT_BASES,
        "next": _next(),
    }


def _title(found: ContactImport) -> str:
    if found.state is ImportState.FAILED:
        return _("This list did not come in")
    if found.state is not ImportState.DONE:
        return _("The list is on its way in")
    return ngettext(
        "%(num)s new person in your audience",
        "%(num)s new people in your audience",
        found.contacts_added,
        num=number(found.contacts_added),
    )


@portal.get("/imports/<uuid:import_id>/left-out.csv")
@partner("contacts.read")
def import_faults(import_id: UUID) -> Response:
    """The rows that need a look, with their line and what is wrong, to mend and upload again."""
    with system().db.reading() as session:
        importing.import_of(session, tenant(), import_id)
    return sheet(_faults(import_id, tenant()), "left-out.csv")


def _faults(import_id: UUID, owner: UUID) -> Iterator[list[Any]]:
    with system().db.reading() as session:
        yield from listings.faults(session, importing.import_of(session, owner, import_id))
