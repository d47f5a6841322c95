"""Logos as files, slots, and brands that may launch."""

import io
from typing import Any

from PIL import Image, ImageDraw

from tests.factories import identity, kits, partners
from tests.factories.base import bound
from tpma.branding import service
from tpma.branding.models import BrandProfile, CoBrandedKit, LogoVariant
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.partners.models import Enrolment
from tpma.rendering.content import SlotSpec

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40">'
    '<rect width="40" height="40" fill="#0057B8"/><path d="M50 5h110v30H50z" fill="#16181C"/></svg>'
)
WHITE_SVG = SVG.replace("#0057B8", "#FFFFFF").replace("#16181C", "#FFFFFF")


def slot(**changes: Any) -> SlotSpec:
    wanted = {
        "asset": "email1",
        "key": "headline",
        "type": "text",
        "label": "slot.email1.headline",
        "max_chars": 280,
    }
    return SlotSpec(**wanted | changes)


def png(
    width: int = 640,
    height: int = 160,
    ink: str = "#0057B8",
    ground: str | None = None,
    **options: Any,
) -> bytes:
    """A picture of a bar; `ground` None is transparent."""
    picture = Image.new("RGBA", (width, height), ground or (0, 0, 0, 0))
    inset = min(width, height) // 4
    box = (inset, inset, width - inset, height - inset)
    ImageDraw.Draw(picture).rectangle(box, fill=ink)
    out = io.BytesIO()
    picture.save(out, options.pop("format", "PNG"), **options)
    return out.getvalue()


def actor(organisation: Organisation, *roles: str) -> Actor:
    """Somebody who works there, with these roles."""
    return identity.actor(identity.membership(organisation, *roles))


COMPANY = {
    "address_line1": "88 East Broad Street",
    "city": "Columbus",
    "region": "OH",
    "postal_code": "43215",
    "company_email": "hello@brightline.example",
    "company_phone": "+1 614 555 0100",
}
PROFILE = {
    "name": "Brightline IT",
    "sender_name": "Dana Whitfield",
    "reply_to": "dana@brightline.example",
    "contact_phone": "+1 614 555 0142",
    "privacy_url": "https://brightline.example/privacy",
}


def ready_brand(partner: Organisation) -> BrandProfile:
    """A partner's brand from which nothing is missing."""
    session = bound()
    service.save_company(session, partner.id, COMPANY)
    service.save_logo(session, partner.id, LogoVariant.PRIMARY, SVG.encode())
    return service.save_profile(session, partner.id, PROFILE)


def cobranded_kit(*slots: SlotSpec, vendor: Organisation | None = None) -> CoBrandedKit:
    """A partner's copy of the small kit; `slots` replace the kit's own."""
    owner = vendor or partners.vendor().organisation
    changes = {"slots": slots} if slots else {}
    version = kits.kit_version(owner, **changes)
    return service.cobranded(bound(), enrolment(owner), version)


def enrolment(vendor: Organisation, partner: Organisation | None = None) -> Enrolment:
    """A partner in a programme of this vendor."""
    return partners.enrolment(partners.programme(vendor), partner)
