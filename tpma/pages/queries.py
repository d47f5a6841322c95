"""A landing page by its address, in the language that serves its visitor best."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import best_match
from tpma.core.i18n import gettext as _
from tpma.kits import queries as kits
from tpma.launches.models import Launch, LaunchAsset
from tpma.pages.models import LandingPage
from tpma.rendering.page import PageArtifact

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_MOST_KEPT = 128  # parsed pages in this process, about 20 kB each


def by_slug(session: Session, slug: str) -> LandingPage:
    """A page that was published once; the address is public. Raises NotFound."""
    found = session.scalar(select(LandingPage).where(LandingPage.slug == slug))
    if found is None:
        raise NotFound(_("There is no page at this address."))
    return found


def of_launch(session: Session, tenant_id: UUID, launch_id: UUID) -> LandingPage | None:
    return session.scalar(
        select(LandingPage).where(
            LandingPage.launch_id == launch_id, LandingPage.tenant_id == tenant_id
        )
    )


@dataclass(frozen=True, slots=True)
class Editions:
    """The languages a page was frozen in, the primary one first: the hash of each, and which of
    the kit's languages serves it."""

    launch: Launch
    asset: str
    hashes: Mapping[str, str]
    served: Mapping[str, str]

    @property
    def locales(self) -> list[str]:
        return list(self.hashes)

    def others(self, shown: str) -> list[str]:
        """One edition for each of the kit's languages but the one shown."""
        found: dict[str, str] = {}
        for tag in sorted(self.locales, key=len):
            found.setdefault(self.served[tag], tag)
        return [tag for served, tag in found.items() if served != self.served[shown]]

    def best(self, wanted: Sequence[str]) -> str:
        """The edition for the first of the wanted tags that has one, else the primary one."""
        exact = next((tag for tag in wanted if tag in self.hashes), None)
        return exact or best_match(list(wanted), tuple(self.hashes)) or self.locales[0]


def editions(session: Session, page: LandingPage) -> Editions:
    """Raises NotFound if nothing was frozen."""
    launch = session.get_one(Launch, page.launch_id)
    asset = kits.content(session, launch.kit_version_id).page.key
    rows = session.execute(
        select(LaunchAsset.locale, LaunchAsset.sha256, LaunchAsset.served_locale)
        .where(LaunchAsset.launch_id == launch.id, LaunchAsset.asset == asset)
        .order_by(LaunchAsset.locale != launch.primary_locale, LaunchAsset.locale)
    ).all()
    if not rows:
        raise NotFound(_("There is no page at this address."))
    hashes = {locale: sha256 for locale, sha256, _served in rows}
    return Editions(launch, asset, hashes, {locale: served for locale, _sha, served in rows})


@dataclass(frozen=True, slots=True)
class Reader:
    """The person a mail went to, as far as a page needs to know."""

    message_id: int
    locale: str
    token: str


class Kept(Generic[_Key, _Value]):
    """The most recently used of what was made; for keys that name what they stand for exactly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[_Key, _Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _Key) -> _Value | None:
        with self._lock:
            found = self._made.get(key)
            if found is not None:
                self._made.move_to_end(key)
            return found

    def put(self, key: _Key, made: _Value) -> None:
        with self._lock:
            self._made[key] = made
            if len(self._made) > self._most:
                self._made.popitem(last=False)


# By their hash, so that no edition can be mistaken for another.
_kept: Kept[str, PageArtifact] = Kept(_MOST_KEPT)


def artifact(session: Session, found: Editions, locale: str) -> PageArtifact:
    """The frozen page in one of its editions."""
    return frozen(session, found.launch.id, found.asset, found.hashes[locale], locale)


def frozen(session: Session, launch_id: UUID, asset: str, sha256: str, locale: str) -> PageArtifact:
    """A frozen page by its hash, else as it is kept."""
    known = _kept.get(sha256)
    if known is not None:
        return known
    compiled = session.scalars(
        select(LaunchAsset.compiled).where(
            LaunchAsset.launch_id == launch_id,
            LaunchAsset.asset == asset,
            LaunchAsset.locale == locale,
        )
    ).one()
    page = PageArtifact.from_bytes(compiled)
    _kept.put(sha256, page)
    return page
