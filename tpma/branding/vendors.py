"""The vendor's side of the lockup: its own logo, or its name in its colour until there is one."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.branding import lockup, logos, wordmark
from tpma.branding.models import BrandLogo, LogoVariant
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.partners.models import Vendor
from tpma.rendering.facts import LogoFacts

SHOWN_WITHOUT = (160, 40)  # px that a logo which cannot be drawn leaves free
UNCHOSEN = "#16181C"  # the colour of a vendor that chose none
_REVERSED = "-reversed"
Drawn = tuple[bytes, tuple[int, int]]  # PNG, the size it is shown at


def vendor(session: Session, vendor_org_id: UUID) -> Vendor:
    """Raises NotFound."""
    found = session.scalar(select(Vendor).where(Vendor.organisation_id == vendor_org_id))
    if found is None:
        raise NotFound(_("There is no such vendor."))
    return found


def logo_facts(session: Session, row: Vendor, base_url: str) -> LogoFacts:
    """Its address names the vendor, not the file: mails already sent show the logo of today."""
    address = f"{base_url}/b/vendor/{row.organisation.slug}"
    light = _drawn(session, row, LogoVariant.PRIMARY)
    size = light[1] if light else SHOWN_WITHOUT
    own_dark = has_logo(session, row, LogoVariant.REVERSED) or not has_logo(session, row)
    dark = f"{address}{_REVERSED}.png" if own_dark else f"{address}.png"
    return LogoFacts(f"{address}.png", dark, *size)


def logo_png(session: Session, name: str) -> bytes:
    """The PNG of "<organisation slug>" or "<organisation slug>-reversed". Raises NotFound."""
    row = session.scalar(
        select(Vendor)
        .join(Organisation, Organisation.id == Vendor.organisation_id)
        .where(Organisation.slug.in_([name, name.removesuffix(_REVERSED)]))
        .order_by(Organisation.slug.desc())
    )
    if row is None:
        raise NotFound(_("There is no such logo."))
    wanted = LogoVariant.PRIMARY if name == row.organisation.slug else LogoVariant.REVERSED
    found = _drawn(session, row, wanted)
    if found is None:
        raise NotFound(_("There is no such logo."))
    return found[0]


def uploaded(session: Session, vendor_org_id: UUID) -> dict[LogoVariant, BrandLogo]:
    rows = session.scalars(select(BrandLogo).where(BrandLogo.tenant_id == vendor_org_id))
    return {row.variant: row for row in rows}


def has_logo(session: Session, row: Vendor, variant: LogoVariant = LogoVariant.PRIMARY) -> bool:
    """Whether a file was uploaded or came with the vendor: then its name is not drawn."""
    text = row.logo_svg if variant is LogoVariant.PRIMARY else row.logo_reversed_svg
    return variant in uploaded(session, row.organisation_id) or _from_text(text) is not None


def _drawn(session: Session, row: Vendor, variant: LogoVariant) -> Drawn | None:
    """What was uploaded, else the drawing that came with the vendor, else its name."""
    own = uploaded(session, row.organisation_id).get(variant)
    if own is not None:
        return own.png, lockup.displayed(own.width / own.height)
    text = row.logo_svg if variant is LogoVariant.PRIMARY else row.logo_reversed_svg
    given = _from_text(text)
    if given is not None:
        return given
    if variant is LogoVariant.REVERSED and has_logo(session, row):
        return None
    return wordmark.drawn(row.organisation.trading_name, row.brand_colour, variant)


def _from_text(text: str) -> Drawn | None:
    if not text:
        return None
    try:
        png, (width, height) = logos.vendor_png(text)
    except Invalid:  # not a drawing
        return None
    return png, lockup.displayed(width / height)
