"""Where forms stand: a page with all that is the same for each of its forms, read once a batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from tpma.core.errors import NotFound
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.pages import kept
from tpma.partners.models import Enrolment, Programme


@dataclass(frozen=True, slots=True)
class Partner:
    """The company whose page it is, as far as its forms concern it."""

    id: UUID
    legal_name: str
    trading_name: str
    country: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Place:
    slug: str
    seen: kept.Seen
    shelf: kept.Shelf
    partner: Partner
    vendor: str  # legal name
    holidays: Sequence[str]  # of the programme

    @property
    def launch(self) -> Launch:
        return self.shelf.editions.launch


_PARTNER, _VENDOR = aliased(Organisation), aliased(Organisation)
_COMPANIES = (
    select(
        Launch.id,
        _VENDOR.legal_name,
        Programme.holidays,
        _PARTNER.id,
        _PARTNER.legal_name,
        _PARTNER.trading_name,
        _PARTNER.country,
        _PARTNER.timezone,
    )
    .join(_PARTNER, _PARTNER.id == Launch.tenant_id)
    .join(_VENDOR, _VENDOR.id == Launch.vendor_id)
    .join(Enrolment, Enrolment.id == Launch.enrolment_id)
    .join(Programme, Programme.id == Enrolment.programme_id)
    .where(Launch.id.in_(bindparam("launches", expanding=True)))
)


def places(session: Session, slugs: Collection[str]) -> dict[str, Place]:
    """By address; without those where no page is, or none that was frozen."""
    looks = kept.look_all(session, slugs)
    shelves = {slug: _shelf(session, slug, seen) for slug, seen in looks.items()}
    companies = _companies(session, [seen.launch_id for seen in looks.values()])
    return {
        slug: Place(slug, seen, shelf, *companies[seen.launch_id])
        for slug, seen in looks.items()
        if (shelf := shelves[slug]) is not None
    }


def _shelf(session: Session, slug: str, seen: kept.Seen) -> kept.Shelf | None:
    known = kept.on_shelf(seen)
    if known is not None:
        return known
    # Kept for other transactions too, so its rows must belong to no session of a writer.
    with Session(session.connection()) as reading:
        try:
            return kept.shelf(reading, slug, seen)
        except NotFound:
            return None


def _companies(session: Session, launches: Sequence[UUID]) -> Mapping[UUID, Any]:
    rows = session.connection().execute(_COMPANIES, {"launches": launches}) if launches else ()
    return {row[0]: (Partner(*row[3:]), row[1], row[2]) for row in rows}
