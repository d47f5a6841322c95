"""The landing page of a launch: no script, no cookie, one form.

Whose mail brought a visit, and that there was one, is known further down the corridor:
`tpma.tracking` hands itself over as `Readers`, because pages know nothing of messages.
"""

import hashlib
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.pages import kept, queries, rules
from tpma.pages.answers import form_page, fresh_token, locked, visitor_tag
from tpma.pages.models import PageState
from tpma.pages.queries import Reader
from tpma.rendering.notices import closed_page, not_found_page
from tpma.web.context import system
from tpma.web.guards import public as anybody

public = Blueprint("pages_public", __name__)


class Readers(Protocol):
    def reader(self, session: Session, launch_id: UUID, token: str) -> Reader | None:
        """Whom the token was sent to in this launch; None for any other token."""
        ...

    def viewed(self, launch_id: UUID, reader: Reader | None) -> None:
        """The page was shown once more."""
        ...


@public.get("/l/<slug>")
@public.get("/l/<slug>/<locale>")
@anybody
def show(slug: str, locale: str = "") -> ResponseReturnValue:
    with system().db.reading() as session:
        seen = kept.look(session, slug)
        shelf = kept.shelf(session, slug, seen)
        reader = _reader(session, seen.launch_id)
        chosen = locale or shelf.editions.best(_wanted(reader))
        if chosen not in shelf.editions.hashes or seen.state is PageState.DRAFT:
            raise NotFound("There is no page in this language.")
        if not seen.is_open(system().clock()):
            artifact = queries.artifact(session, shelf.editions, chosen)
            return locked(closed_page(artifact.frame), 410)
        response = _answer(session, seen, shelf, chosen, reader)
    _readers().viewed(seen.launch_id, reader)
    return response


def _answer(
    session: Session, seen: kept.Seen, shelf: kept.Shelf, chosen: str, reader: Reader | None
) -> Response:
    """The page, or 304 to a browser that has today's."""
    found = shelf.editions
    carried = _carried(found.launch.campaign_code, reader)
    response = locked("")
    _mark(response, found.hashes[chosen], carried)
    if request.if_none_match.contains(response.get_etag()[0] or ""):
        response.status_code = 304
        return response
    marked = carried | ({rules.READER: kept.READER_MARK} if reader else {})

    def render() -> str:
        artifact = queries.artifact(session, found, chosen)
        return form_page(shelf.page, found, artifact, chosen, marked, token=kept.TOKEN_MARK)

    token = fresh_token(seen.launch_id)
    response.set_data(
        kept.body(seen, chosen, marked, token, reader.token if reader else "", render)
    )
    return response


def _readers() -> Readers:
    found: Readers = current_app.extensions["tpma.readers"]
    return found


def _reader(session: Session, launch_id: UUID) -> Reader | None:
    token = request.args.get(rules.READER, "")
    return _readers().reader(session, launch_id, token) if token else None


def _wanted(reader: Reader | None) -> list[str]:
    browser = [tag for tag, _quality in request.accept_languages]
    return [reader.locale, *browser] if reader else browser


def _carried(code: str, reader: Reader | None) -> dict[str, str]:
    """What the form takes along: the code, the campaign parameters, who it was written to."""
    found = {rules.CODE: code, **rules.utm_of(request.args)}
    return {**found, rules.READER: reader.token} if reader else found


def _mark(response: Response, sha256: str, carried: Mapping[str, str]) -> None:
    """A browser may keep the page for the day and must ask again: its form's token ages."""
    day = system().clock().date().isoformat()
    facts = "\n".join([sha256, day, *(f"{key}={value}" for key, value in carried.items())])
    response.set_etag(hashlib.sha256(facts.encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept-Language"


@public.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    return locked(not_found_page(visitor_tag()), 404)
