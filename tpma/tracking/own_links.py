"""Links of mails that partners sent with their own mailers: they name a launch and nobody."""

from flask import Blueprint, make_response, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.log import logger
from tpma.core.signing import TOKEN_LENGTH, Signer, link_index
from tpma.launches import own_mailer
from tpma.launches.addresses import base_of
from tpma.launches.models import Launch, Link
from tpma.pages.answers import locked, visitor_tag
from tpma.rendering.links import PAGE
from tpma.rendering.notices import not_found_page
from tpma.tracking import queries, service
from tpma.tracking.models import EventType
from tpma.tracking.public import visit
from tpma.tracking.rules import allowed_target
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.hosts import refuse_elsewhere

own_links = Blueprint("own_links", __name__)
_log = logger("tracking")


@own_links.get("/m/<token>")
@anybody
def click(token: str) -> ResponseReturnValue:
    """On to the link's target. Counted under the code, for nobody: who clicked is not known."""
    with system().db.reading() as session:
        launch = launch_of(session, system().signer, token[:TOKEN_LENGTH])
        refuse_elsewhere(launch.link_host)
        link = _link(session, launch, link_index(token[TOKEN_LENGTH:]))
        target = _target(session, launch, link)
    _note(launch, link.key)
    response = make_response(redirect(target, 302))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def launch_of(session: Session, signer: Signer, token: str) -> Launch:
    """Raises NotFound for a token that was not made here, or not for a launch."""
    number = signer.subject(token, own_mailer.PURPOSE)
    found = session.scalar(select(Launch).where(Launch.link_no == number))
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def _link(session: Session, launch: Launch, number: int) -> Link:
    found = session.scalar(select(Link).where(Link.launch_id == launch.id, Link.number == number))
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def _target(session: Session, launch: Launch, link: Link) -> str:
    if link.target != PAGE:
        return allowed_target(link.target)
    base = base_of(launch, system().settings.base_url)
    return queries.page_link(session, launch, base)(link.key)


def _note(launch: Launch, link_key: str) -> None:
    """No reader waits at a closed door because our ledger is busy."""
    try:
        with system().db.transaction() as session:
            kept = session.get_one(Launch, launch.id)
            service.record(session, EventType.CLICK, kept, visit(), link_key=link_key)
    except OperationalError:
        _log.exception("hit not recorded", kind="click", launch=str(launch.id))


@own_links.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    return locked(not_found_page(visitor_tag()), 404)
