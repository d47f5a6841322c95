"""Landing pages as bytes, so that a visit costs one small query and a join.

What may change is looked up with each visit: the page's state, the kit's last day, and the versions
of the rows behind the page. Many visits at once share what one of them saw (`busy`). Under the same
versions its editions and its bytes are those of the visit before; so nothing has to be told that a
page changed, in whichever process it did.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from tpma.core.db import Database
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.kits import rules as kits
from tpma.kits.models import Kit, KitVersion
from tpma.launches.models import Launch
from tpma.pages.busy import Busy
from tpma.pages.models import LandingPage, PageState
from tpma.pages.queries import Editions, Kept, by_slug, editions

# Stand for the two things that differ from visit to visit, as long as the real ones.
TOKEN_MARK, READER_MARK = "tpma-token-tpma-token-tp", "tpma-reader-tpma-reader-"
_MOST_BODIES = 512  # about 20 kB each
_MOST_SHELVES = 512


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as it is now. `version` changes with everything its bytes are made from."""

    launch_id: UUID
    state: PageState
    version: tuple[UUID, int, int]
    last_day: date | None
    zone: str

    def is_open(self, now: datetime) -> bool:
        """Whether it takes visitors: it is live, and the kit's last day is not over."""
        return self.state is PageState.LIVE and not kits.is_over(self.last_day, self.zone, now)


def _with_last_day(query: Any) -> Any:
    return (
        query.add_columns(Kit.retires_on, Organisation.timezone)
        .join(Launch, Launch.id == LandingPage.launch_id)
        .join(KitVersion, KitVersion.id == Launch.kit_version_id)
        .join(Kit, Kit.id == KitVersion.kit_id)
        .join(Organisation, Organisation.id == Kit.tenant_id)
    )


_LOOK = _with_last_day(
    select(
        LandingPage.launch_id, LandingPage.state, LandingPage.row_version, Launch.row_version
    ).select_from(LandingPage)
).where(LandingPage.slug == bindparam("slug"))
_LOOK_ALL = _with_last_day(
    select(
        LandingPage.slug,
        LandingPage.launch_id,
        LandingPage.state,
        LandingPage.row_version,
        Launch.row_version,
    ).select_from(LandingPage)
).where(LandingPage.slug.in_(bindparam("slugs", expanding=True)))
_WHOLE = _with_last_day(select(LandingPage, Launch).select_from(LandingPage)).where(
    LandingPage.slug == bindparam("slug")
)


def look(db: Database, slug: str) -> Seen:
    """A page that was published once; the address is public. Raises NotFound.

    While many visit it, what is seen may be `busy.SPAN` seconds old.
    """
    return _looks.ask((db, slug), lambda: _look(db, slug))


def _look(db: Database, slug: str) -> Seen:
    row = db.glance(_LOOK, slug=slug)
    if row is None:
        raise NotFound(_("There is no page at this address."))
    return _seen(row)


def _seen(row: Sequence[Any]) -> Seen:
    launch_id, state, page_version, launch_version, last_day, zone = row
    return Seen(launch_id, state, (launch_id, page_version, launch_version), last_day, zone)


def look_all(session: Session, slugs: Collection[str]) -> dict[str, Seen]:
    """As `look`, for whoever has a transaction; without what is no page."""
    rows = session.connection().execute(_LOOK_ALL, {"slugs": [*slugs]})
    return {slug: _seen(row) for slug, *row in rows}


def whole(session: Session, slug: str) -> tuple[LandingPage, Launch, Seen]:
    """The page with its launch, for one that is written to, by one query. Raises NotFound."""
    row = session.execute(_WHOLE, {"slug": slug}).first()
    if row is None:
        raise NotFound(_("There is no page at this address."))
    page, launch, last_day, zone = row
    version = (launch.id, page.row_version, launch.row_version)
    return page, launch, Seen(launch.id, page.state, version, last_day, zone)


def editions_of(session: Session, page: LandingPage, seen: Seen) -> Editions:
    """Those of the last visit under the same versions, else read anew."""
    known = _shelves.get(seen.version)
    return known.editions if known else editions(session, page)


@dataclass(frozen=True, slots=True)
class Shelf:
    page: LandingPage
    editions: Editions


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a page around what differs from visit to visit."""

    parts: tuple[bytes, ...]

    def of(self, token: str, reader: str) -> bytes:
        given = {_TOKEN: token.encode(), _READER: reader.encode()}
        return b"".join([given.get(part, part) for part in self.parts])


_TOKEN, _READER = TOKEN_MARK.encode(), READER_MARK.encode()
_Version = tuple[UUID, int, int]
_shelves: Kept[_Version, Shelf] = Kept(_MOST_SHELVES)
_looks: Busy[Seen] = Busy()
_bodies: Kept[tuple[object, ...], Body] = Kept(_MOST_BODIES)


def on_shelf(seen: Seen) -> Shelf | None:
    """The editions of the page as it is now, if a visit has read them."""
    return _shelves.get(seen.version)


def shelf(session: Session, slug: str, seen: Seen) -> Shelf:
    """Read the editions of a page. Raises NotFound if nothing was frozen."""
    page = by_slug(session, slug)
    found = Shelf(page, editions(session, page))
    session.expunge_all()  # read by many threads from now on, and by no session
    _shelves.put(seen.version, found)
    return found


def body(seen: Seen, locale: str, carried: Mapping[str, str]) -> Body | None:
    """The page as it was made before; `carried` is what else it depends on."""
    return _bodies.get(_key(seen, locale, carried))


def keep(seen: Seen, locale: str, carried: Mapping[str, str], html: str) -> Body:
    """Keep a page that was made with the marks in their places."""
    for mark in (TOKEN_MARK, READER_MARK):
        html = html.replace(mark, f"\0{mark}\0")
    made = Body(tuple(part.encode() for part in html.split("\0")))
    _bodies.put(_key(seen, locale, carried), made)
    return made


def _key(seen: Seen, locale: str, carried: Mapping[str, str]) -> tuple[object, ...]:
    return (seen.version, locale, *carried.items())
