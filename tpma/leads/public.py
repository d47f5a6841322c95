"""The form's door: a visitor's answers in, thanks out; and the second yes of a double opt-in."""

from dataclasses import dataclass
from html import escape
from uuid import UUID

from flask import Blueprint, Response, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from tpma.audiences.models import Consent
from tpma.core.errors import Conflict, NotFound
from tpma.launches.addresses import base_of
from tpma.launches.models import Launch
from tpma.leads import consents, front, sheets
from tpma.leads.capturing import PageClosed
from tpma.leads.words import said
from tpma.pages import answers, kept, queries, rules
from tpma.pages.answers import locked, visitor_tag
from tpma.pages.models import LandingPage, PageState
from tpma.pages.rules import FormFault
from tpma.pages.words import said as page_said
from tpma.rendering.frame import Frame, document, plain_frame
from tpma.rendering.notices import closed_page, message_page, not_found_page
from tpma.rendering.page import PageArtifact, thanks_page
from tpma.tracking.public import visit
from tpma.web.context import system
from tpma.web.guards import public as anybody
from tpma.web.hosts import refuse_elsewhere, refuse_stranger
from tpma.web.security import csrf, limiter

public = Blueprint("leads_public", __name__)
csrf.exempt(public)  # visitors have no session; the page's own signed token is the proof


@public.before_request
def _bound() -> None:
    """Refused before it is read, whatever its length is said to be."""
    request.max_content_length = rules.MOST_BODY
    request.max_form_memory_size = rules.MOST_BODY


@public.post("/l/<slug>/<locale>")
@anybody
def send(slug: str, locale: str) -> ResponseReturnValue:
    """What `leads.front`, which stands before us and took the form, has to say of it."""
    untold: front.Untold | None = request.environ.get(front.UNTOLD)
    if untold is None:
        raise NotFound("There is no page at this address.")
    if not isinstance(untold.error, PageClosed | FormFault):
        raise untold.error
    with system().db.reading() as session:
        shown = _shown(session, slug, locale)
        if isinstance(untold.error, FormFault):
            return _again(shown, untold.values, untold.error)
    return locked(closed_page(shown.artifact.frame), 410)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page in one of its languages, and whether it is open."""

    page: LandingPage
    launch: Launch
    editions: queries.Editions
    artifact: PageArtifact
    locale: str
    is_open: bool


def _shown(session: Session, slug: str, locale: str) -> _Shown:
    """Raises NotFound for no such page or language."""
    page, launch, seen = kept.whole(session, slug)
    refuse_elsewhere(launch.link_host)
    found = kept.editions_of(session, page, seen)
    if locale not in found.hashes or page.state is PageState.DRAFT:
        raise NotFound("There is no page in this language.")
    artifact = queries.artifact(session, found, locale)
    return _Shown(page, launch, found, artifact, locale, seen.is_open(system().clock()))


def _again(shown: _Shown, values: dict[str, str], fault: FormFault) -> Response:
    """The same page with what was typed and what is wrong; nothing was written.

    A stale page gets fresh marks, and a word about it where the form begins.
    """
    carried = {rules.CODE: shown.launch.campaign_code, **rules.utm_of(values)}
    token = ""
    artifact = shown.artifact
    if fault.stale:
        artifact = answers.with_notice(artifact, fault.message)
        token = answers.aged_token(shown.launch.id)
    else:
        token = values[rules.TOKEN]
        carried |= {key: values[key] for key in (rules.READER,) if values.get(key)}
    html = answers.form_page(
        shown.page,
        shown.editions,
        artifact,
        shown.locale,
        carried,
        values=values,
        faults=fault.faults,
        token=token,
    )
    return locked(html, 422)


@public.get("/l/<slug>/<locale>/thanks")
@anybody
def thanks(slug: str, locale: str) -> ResponseReturnValue:
    """In the kit's words; who sent the form finds the data sheet here."""
    key = request.args.get("sheet", "")
    with system().db.reading() as session:
        shown = _shown(session, slug, locale)
        opens = _opens(shown.launch.id, key)
        has_sheet = opens and sheets.asset_of(session, shown.launch) is not None
    address = url_for(".sheet", slug=slug, locale=locale, token=key) if has_sheet else ""
    words = said(shown.artifact.locale, "sheet")
    return locked(thanks_page(shown.artifact, sheet=(address, words)))


@public.get("/l/<slug>/<locale>/sheet/<token>.pdf")
@anybody
@limiter.limit("10 per minute; 60 per hour")
def sheet(slug: str, locale: str, token: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        shown = _shown(session, slug, locale)
        if not _opens(shown.launch.id, token):
            raise NotFound("This link is not open.")
        if not shown.is_open:
            return locked(closed_page(shown.artifact.frame), 410)
        base = base_of(shown.launch, system().settings.base_url)
        source, pictures = sheets.source(session, shown.launch, locale, base)
    response = make_response(system().pdf.pdf(source.html, assets=pictures))
    response.mimetype = "application/pdf"
    name = f"{shown.launch.campaign_code}-{locale}.pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _opens(launch_id: UUID, key: str) -> bool:
    return sheets.opens(system().signer, launch_id, key, system().clock())


@public.get("/confirm/<token>")
@anybody
def ask(token: str) -> ResponseReturnValue:
    """Ask, and change nothing: scanners follow links."""
    with system().db.reading() as session:
        row = _asked(session, token)
        partner = consents.partner_of(session, row).trading_name
        text, tag = consents.shown_text(session, row), row.locale
    title = said(tag, "ask_title", partner=partner)
    main = (
        f'<main class="narrow"><h1>{escape(title)}</h1><p>{escape(text)}</p>'
        f'<form method="post"><div class="acts"><button class="go" type="submit">'
        f"{escape(said(tag, 'button'))}</button></div></form></main>"
    )
    return locked(document(_frame(tag, partner), title, main))


@public.post("/confirm/<token>")
@anybody
@limiter.limit("20 per minute")
def confirm(token: str) -> ResponseReturnValue:
    try:
        with system().db.transaction() as session:
            row = _asked(session, token)
            partner, tag = consents.partner_of(session, row).trading_name, row.locale
            consents.confirm(session, row, visit())
    except Conflict:
        return locked(_told(tag, partner, "late"), 409)
    return locked(_told(tag, partner, "done"))


def _asked(session: Session, token: str) -> Consent:
    """Raises NotFound for a link that is not ours, or not of the partner whose host this is."""
    row = consents.asked(session, system().signer, token)
    refuse_stranger(row.tenant_id)
    return row


def _told(tag: str, partner: str, key: str) -> str:
    title, text = said(tag, f"{key}_title"), said(tag, f"{key}_text", partner=partner)
    return message_page(_frame(tag, partner), title, text)


def _frame(tag: str, partner: str) -> Frame:
    return Frame(tag=plain_frame(tag).tag, partner=partner)


@public.errorhandler(NotFound)
def unknown(_error: NotFound) -> ResponseReturnValue:
    return locked(not_found_page(visitor_tag()), 404)


@public.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return _refused("large", 413)


@public.errorhandler(front.TooOften)
@public.errorhandler(RateLimitExceeded)
def too_often(_error: Exception) -> ResponseReturnValue:
    return _refused("often", 429)


def _refused(key: str, status: int) -> Response:
    """In the language of the page the form stands on; nothing of the form was looked at."""
    tag = (request.view_args or {}).get("locale") or visitor_tag()
    title, text = page_said(tag, f"{key}_title"), page_said(tag, f"{key}_text")
    return locked(message_page(plain_frame(tag), title, text), status)
