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
from tpma.pages import queries, rules
from tpma.pages.answers import form_page, locked, visitor_tag
from tpma.pages.models import LandingPage, PageState
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
        page = queries.by_slug(session, slug)
        found = queries.editions(session, page)
        reader = _reader(session, page)
        chosen = locale or found.best(_wanted(reader))
        if chosen not in found.hashes or page.state is PageState.DRAFT:
            raise NotFound("There is no page in this language.")
        artifact = queries.artifact(session, found, chosen)
        is_open = queries.is_open(session, page, found.launch)
    if not is_open:
        return locked(closed_page(artifact.frame), 410)
    _readers().viewed(page.launch_id, reader)
    carried = _carried(found.launch.campaign_code, reader)
    response = locked(form_page(page, found, artifact, chosen, carried))
    return _cached(response, found.hashes[chosen], carried)


def _readers() -> Readers:
    found: Readers = current_app.extensions["tpma.readers"]
    return found


def _reader(session: Session, page: LandingPage) -> Reader | None:
    token = request.args.get(rules.READER, "")
    return _readers().reader(session, page.launch_id, token) if token else None


def _wanted(reader: Reader | None) -> list[str]:
    browser = [tag for tag, _quality in request.accept_languages]
    return [reader.locale, *browser] if reader else browser


def _carried(code: str, reader: Reader | None) -> dict[str, str]:
    """What the form takes along: the code, the campaign parameters, who it was written to."""
    found = {rules.CODE: code, **rules.utm_of(request.args)}
    return {**found, rules.READER: reader.token} if reader else found


def _cached(response: Response, sha256: str, carried: Mapping[str, str]) -> Response:
    """A browser may keep the page for the day and must ask again: its form's token ages."""
    day = system().clock().date().isoformat()
    facts = "\n".join([sha256, day, *(f"{key}={value}" for key, value in carried.items())])
    response.set_etag(hashlib.sha256(facts.encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept-Language"
    response.make_conditional(request)
    return response


@public.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    return locked(not_found_page(visitor_tag()), 404)
