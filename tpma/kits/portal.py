"""Kits for partners: the library, and one kit with everything in it."""

from datetime import date

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.kits import cards, queries, shown
from tpma.kits.neighbours import address
from tpma.kits.rules import day_in, motion_word
from tpma.partners.models import Enrolment
from tpma.partners.queries import own
from tpma.partners.rules import may_launch
from tpma.rendering.content import KitContent
from tpma.web.context import actor, render, system
from tpma.web.guards import partner

portal = Blueprint("kits_portal", __name__, url_prefix="/portal/kits", template_folder="templates")

_DEVICES = ("desktop", "phone")


@portal.get("/")
@partner("kits.read")
def index() -> ResponseReturnValue:
    wanted = _narrowed()
    with system().db.reading() as session:
        enrolment = _enrolment(session)
        every = _cards(session, enrolment)
        return render(
            "kits/index.html",
            cards=cards.narrowed(every, wanted),
            every=every,
            wanted=wanted,
            sorts=cards.SORTS,
            vendor=enrolment.vendor.trading_name,
            languages=sorted({(lang.tag, lang.name) for card in every for lang in card.languages}),
            products=_families(every),
            may_launch=may_launch(enrolment.state),
            address=address,
        )


@portal.get("/<kit_slug>")
@partner("kits.read")
def show(kit_slug: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        enrolment = _enrolment(session)
        offer = queries.offer(session, enrolment, kit_slug, _today(enrolment))
        content = queries.content(session, offer.version.id)
        parts = shown.parts(content)
        return render(
            "kits/show.html",
            offer=offer,
            content=content,
            title=shown.text(content, "kit.title"),
            summary=shown.text(content, "kit.summary"),
            guidance=shown.text(content, "kit.guidance"),
            lead_definition=shown.text(content, "kit.lead_definition"),
            cover=queries.covers(session, [offer.version])[offer.version.id],
            motion=motion_word(content.motion),
            families=", ".join(map(shown.family_word, content.product_families)),
            parts=parts,
            languages=shown.languages(content),
            serving=_serving(enrolment, content),
            locale_name=shown.locale_name,
            preview=_preview(content, kit_slug, _serving(enrolment, content).locale),
            may_launch=may_launch(enrolment.state),
            address=address,
        )


def _today(enrolment: Enrolment) -> date:
    """The vendor's day: its kits begin and end by it."""
    return day_in(enrolment.vendor.timezone, system().clock())


def _enrolment(session: Session) -> Enrolment:
    """The programme the partner works in now. Raises NotFound for a company without one."""
    found = actor()
    if found.enrolment_id is None:
        raise NotFound(_("You are not in a vendor's programme yet."))
    return own(session, found.organisation_id, found.enrolment_id)


def _narrowed() -> cards.Narrowed:
    sort = request.args.get("sort", "")
    return cards.Narrowed(
        words=request.args.get("q", "")[:80].strip(),
        language=request.args.get("language", "")[:35],
        product=request.args.get("product", "")[:40],
        sort=sort if sort in cards.SORTS else "fit",
    )


def _cards(session: Session, enrolment: Enrolment) -> list[cards.Card]:
    offers = queries.catalog(session, enrolment, _today(enrolment))
    covers = queries.covers(session, [offer.version for offer in offers])
    found = []
    for offer in offers:
        content = queries.content(session, offer.version.id)
        serving = _serving(enrolment, content)
        cover = covers[offer.version.id]
        found.append(cards.card(offer, content, cover, serving, enrolment.product_families))
    return found


def _families(every: list[cards.Card]) -> list[tuple[str, str]]:
    keys = {product for card in every for product in card.products}
    return sorted((key, shown.family_word(key)) for key in keys)


def _serving(enrolment: Enrolment, content: KitContent) -> shown.Serving:
    policy = enrolment.programme.fallback_policy
    return shown.serving(content, enrolment.partner.default_locale, policy)


def _preview(content: KitContent, kit_slug: str, locale: str | None) -> dict[str, str]:
    """Which asset the stage shows, as the address says; the first mail otherwise."""
    keys = [asset.key for asset in content.assets]
    asked = request.args.get("asset", "")
    asset = asked if asked in keys else content.mails[0].key
    wanted = request.args.get("locale", "")
    tag = wanted if wanted in content.locales else locale or content.source_locale
    device = request.args.get("device", "")
    device = device if device in _DEVICES else _DEVICES[0]
    return {
        "asset": asset,
        "kind": content.asset(asset).kind,
        "locale": tag,
        "device": device,
        "open": "1" if asked else "",
        "src": address(
            "branding_portal.preview", kit_slug=kit_slug, asset=asset, locale=tag, device=device
        ),
        "document": address("branding_portal.document", kit_slug=kit_slug, asset=asset, locale=tag),
    }
