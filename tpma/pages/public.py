"""The landing page of a launch: no script, no cookie, one form.

Whose mail brought a visit, and that there was one, is known further down the corridor:
`tpma.tracking` hands itself over as `Readers`, because pages know nothing of messages.
"""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from tpma.core.errors import NotFound
from tpma.pages import kept, queries, visiting
from tpma.pages.answers import form_page, locked, visitor_tag
from tpma.pages.queries import Reader
from tpma.rendering.notices import closed_page, not_found_page
from tpma.rendering.page import PageArtifact
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.hosts import refuse_elsewhere

public = Blueprint("pages_public", __name__)


class Readers(Protocol):
    def reader(self, launch_id: UUID, token: str) -> Reader | None:
        """Whom the token was sent to in this launch; None for any other token."""
        ...

    def viewed(self, launch_id: UUID, reader: Reader | None) -> None:
        """The page was shown once more."""
        ...


@public.get("/l/<slug>")
@public.get("/l/<slug>/<locale>")
@anybody
def show(slug: str, locale: str = "") -> ResponseReturnValue:
    """What `tracking.front`, which stands before us, did not have at hand."""
    readers: Readers = current_app.extensions["tpma.readers"]
    maker = _Maker()
    shown = visiting.visit(system(), request, slug, locale, readers.reader, maker)
    assert shown is not None, "there is a maker"
    refuse_elsewhere(shown.link_host)
    if not shown.is_open:
        return locked(closed_page(maker.artifact(shown.shelf, shown.locale).frame), 410)
    readers.viewed(shown.seen.launch_id, shown.reader)
    response = locked(shown.body or b"", 200 if shown.body is not None else 304)
    response.set_etag(shown.etag)
    response.headers.update(visiting.HEADERS)
    return response


class _Maker:
    def shelf(self, slug: str, seen: kept.Seen) -> kept.Shelf:
        with system().db.reading() as session:
            return kept.shelf(session, slug, seen)

    def artifact(self, shelf: kept.Shelf, locale: str) -> PageArtifact:
        with system().db.reading() as session:
            return queries.artifact(session, shelf.editions, locale)

    def html(self, shelf: kept.Shelf, locale: str, carried: Mapping[str, str]) -> str:
        """With the marks of `kept` for what differs from visit to visit."""
        found, made = shelf.editions, self.artifact(shelf, locale)
        return form_page(shelf.page, found, made, locale, carried, token=kept.TOKEN_MARK)


@public.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    return locked(not_found_page(visitor_tag()), 404)
