"""What readers of our mails ask for: a link, the open pixel, to be written to no more."""

import re
from uuid import UUID

from flask import Blueprint, current_app, g, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import babel_locale
from tpma.pages.answers import locked, visitor_tag
from tpma.pages.queries import Reader
from tpma.rendering.frame import Frame
from tpma.rendering.notices import (
    Choice,
    Language,
    message_page,
    not_found_page,
    preferences_page,
    unsubscribe_page,
    unsubscribed_page,
)
from tpma.rendering.page_texts import say
from tpma.sending.models import Message
from tpma.tracking import front, one_click, preferring, queries, unsubscribing
from tpma.tracking.rules import Visit
from tpma.tracking.words import said
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.hosts import is_restricted, refuse_elsewhere
from tpma.web.security import csrf, limiter

public = Blueprint("tracking_public", __name__)
csrf.exempt(public)  # RFC 8058 posts come without cookie or session; the token is the proof
_VENDOR = re.compile(r"v-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def visit() -> Visit:
    """The present request as the rules look at it."""
    return front.visit(_desk(), request.environ)


@public.get("/c/<token>")
@public.get("/o/<token>.gif")
@public.get("/s/<token>.css")
@anybody
def hit(token: str) -> ResponseReturnValue:
    """What `tracking.front`, which stands before us, could not answer."""
    trouble: Exception | None = request.environ.get(front.TROUBLE)
    raise trouble or NotFound("This link is not one of ours.")


class _Readers:
    """What `tpma.pages` may ask of us."""

    def reader(self, launch_id: UUID, token: str) -> Reader | None:
        return _desk().reader(launch_id, token)

    def viewed(self, launch_id: UUID, reader: Reader | None) -> None:
        _desk().viewed(launch_id, reader, request.environ)


def _desk() -> front.Desk:
    found: front.Desk = current_app.extensions["tpma.desk"]
    return found


@public.record
def _hand_over(setup: BlueprintSetupState) -> None:
    setup.app.extensions["tpma.readers"] = _Readers()


def _mail() -> str:
    """Limits count by mail: one-click requests of many readers come from few addresses."""
    return str((request.view_args or {}).get("token", ""))


def _message(session: Session, token: str) -> Message:
    """Raises NotFound for a token that is not ours, or not of the host this came by."""
    found = queries.message_of(session, system().signer, token)
    if is_restricted():
        refuse_elsewhere(queries.launch_of(session, found).link_host)
    return found


@public.get("/u/<token>")
@anybody
def unsubscribe(token: str) -> ResponseReturnValue:
    """Ask, and change nothing: scanners follow links."""
    with system().db.reading() as session:
        message = _message(session, token)
        frame = queries.frame_of(session, message.id)
        address = queries.masked_address(session, message)
    return locked(
        unsubscribe_page(
            frame,
            address=address,
            action=url_for(".stop", token=token),
            token_fields={},
            preferences_url=url_for(".preferences", token=token),
        )
    )


@public.post("/u/<token>")
@anybody
@limiter.limit(one_click.OFTEN, key_func=_mail)
def stop(token: str) -> ResponseReturnValue:
    """The button, or a mail program's one click (RFC 8058): no cookie, no session, no question."""
    is_one_click = request.form.get("List-Unsubscribe") == "One-Click"
    channel = unsubscribing.ONE_CLICK if is_one_click else unsubscribing.PAGE
    message_id = system().signer.subject(token)
    if is_restricted():
        with system().db.reading() as session:
            _message(session, token)
    stop = unsubscribing.Stop(message_id, visit(), channel, g.request_id)
    if _desk().stops.do(system().db, stop) is None:
        raise NotFound("This link is not one of ours.")
    with system().db.reading() as session:
        frame = queries.frame_of(session, message_id)
    return locked(unsubscribed_page(frame, undo_action=url_for(".undo", token=token)))


@public.get("/u/<token>/preferences")
@anybody
def preferences(token: str) -> ResponseReturnValue:
    """Show, and change nothing: scanners follow links."""
    with system().db.reading() as session:
        message = _message(session, token)
        return locked(_preferences(session, message, token))


@public.post("/u/<token>/preferences")
@anybody
@limiter.limit("30 per minute", key_func=_mail)
def prefer(token: str) -> ResponseReturnValue:
    """The choice, or the button that stops everything: effective as this commits."""
    wanted = {UUID(name[2:]) for name in request.form if _VENDOR.fullmatch(name)}
    with system().db.transaction() as session:
        message = _message(session, token)
        if request.form.get("all"):
            unsubscribing.unsubscribe(session, message, visit(), unsubscribing.PAGE)
        else:
            preferring.save(session, message, wanted, request.form.get("language", "")[:35])
        return locked(_preferences(session, message, token, saved=True))


def _preferences(session: Session, message: Message, token: str, *, saved: bool = False) -> str:
    """Who stopped everything is shown that, and the way back."""
    frame = queries.frame_of(session, message.id)
    contact = preferring.person(session, message)
    if contact is None or preferring.has_stopped(session, contact):
        return unsubscribed_page(frame, undo_action=url_for(".undo", token=token))
    language = contact.locale or message.locale
    return preferences_page(
        frame,
        address=queries.masked_address(session, message),
        choices=[
            Choice(
                f"v-{vendor.id}",
                vendor.trading_name,
                say(frame.tag, "about_vendor", vendor=vendor.trading_name),
                is_wanted,
            )
            for vendor, is_wanted in preferring.vendors(session, message)
        ],
        action=url_for(".prefer", token=token),
        token_fields={},
        languages=_languages(preferring.languages(session, message), language),
        saved=saved,
    )


def _languages(tags: list[str], language: str) -> list[Language]:
    served = language if language in tags else language.split("-")[0]
    names = {tag: babel_locale(tag).get_display_name(babel_locale(tag)) or tag for tag in tags}
    return [Language(tag, names[tag], tag == served) for tag in tags]


@public.errorhandler(Invalid)
def unclear(_error: Invalid) -> ResponseReturnValue:
    """A form nobody of us wrote."""
    return locked(not_found_page(visitor_tag()), 400)


@public.post("/u/<token>/undo")
@anybody
@limiter.limit("30 per minute", key_func=_mail)
def undo(token: str) -> ResponseReturnValue:
    with system().db.transaction() as session:
        message = _message(session, token)
        is_back = unsubscribing.resubscribe(session, message)
        frame = queries.frame_of(session, message.id)
    return locked(_said(frame, "back" if is_back else "nothing"))


def _said(frame: Frame, key: str) -> str:
    title, text = (said(frame.tag, f"{key}_{part}", frame.partner) for part in ("title", "text"))
    return message_page(frame, title, text)


@public.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    """A link that is not ours, in words the visitor understands; nothing is written."""
    return locked(not_found_page(visitor_tag()), 404)
