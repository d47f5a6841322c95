"""A visit to a landing page, as its door answers it, and whoever stands before that door.

What a visit needs is mostly in memory. `tracking.front` answers those visits by itself, without the
framework's request; a page that has to be made first (or is not open) it leaves to `pages.public`,
which asks the same function with a `Maker`.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from werkzeug.wrappers import Request

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.pages import kept, rules
from tpma.pages.models import PageState
from tpma.pages.queries import Reader
from tpma.system import System

ReaderOf = Callable[[UUID, str], Reader | None]  # launch, token → whom the mail went to
HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language"}


class Maker(Protocol):
    """Makes what is not in memory yet."""

    def shelf(self, slug: str, seen: kept.Seen) -> kept.Shelf: ...

    def html(self, shelf: kept.Shelf, locale: str, carried: Mapping[str, str]) -> str: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """`body` is None for a page that is not open, and where the browser has it as it is (`etag`
    is then among those it named)."""

    seen: kept.Seen
    shelf: kept.Shelf
    locale: str
    reader: Reader | None
    is_open: bool
    etag: str = ""
    body: bytes | None = None

    @property
    def link_host(self) -> str:
        """The partner's own host the launch was frozen with."""
        return self.shelf.editions.launch.link_host


def visit(
    system: System,
    request: Request,
    slug: str,
    locale: str,
    reader_of: ReaderOf,
    maker: Maker | None = None,
) -> Shown | None:
    """What is shown; None if it has to be made and there is no `maker`.

    Raises NotFound for no such page or language.
    """
    seen = kept.look(system.db, slug)
    shelf = kept.on_shelf(seen) or (maker.shelf(slug, seen) if maker else None)
    if shelf is None:
        return None
    token = request.args.get(rules.READER, "")
    reader = reader_of(seen.launch_id, token) if token else None
    chosen = locale or shelf.editions.best(_wanted(request, reader))
    if chosen not in shelf.editions.hashes or seen.state is PageState.DRAFT:
        raise NotFound(_("There is no page at this address."))
    if not seen.is_open(system.clock()):
        return Shown(seen, shelf, chosen, reader, is_open=False)
    carried = _carried(shelf.editions.launch.campaign_code, request, reader)
    etag = _etag(shelf.editions.hashes[chosen], system, carried)
    if request.if_none_match.contains(etag):
        return Shown(seen, shelf, chosen, reader, is_open=True, etag=etag)
    body = _body(system, seen, shelf, chosen, carried, reader, maker)
    return Shown(seen, shelf, chosen, reader, True, etag, body) if body is not None else None


def _body(
    system: System,
    seen: kept.Seen,
    shelf: kept.Shelf,
    locale: str,
    carried: Mapping[str, str],
    reader: Reader | None,
    maker: Maker | None,
) -> bytes | None:
    marked = {**carried, rules.READER: kept.READER_MARK} if reader else carried
    body = kept.body(seen, locale, marked)
    if body is None:
        if maker is None:
            return None
        body = kept.keep(seen, locale, marked, maker.html(shelf, locale, marked))
    return body.of(fresh_token(system, seen.launch_id), reader.token if reader else "")


def fresh_token(system: System, launch_id: UUID) -> str:
    """Of a form that is shown now."""
    subject = rules.token_subject(system.clock(), secrets.randbits)
    return system.signer.token(subject, rules.token_purpose(launch_id))


def _wanted(request: Request, reader: Reader | None) -> list[str]:
    browser = [tag for tag, _quality in request.accept_languages]
    return [reader.locale, *browser] if reader else browser


def _carried(code: str, request: Request, reader: Reader | None) -> dict[str, str]:
    """What the form takes along: the code, the campaign parameters, who it was written to."""
    found = {rules.CODE: code, **rules.utm_of(request.args)}
    return {**found, rules.READER: reader.token} if reader else found


def _etag(sha256: str, system: System, carried: Mapping[str, str]) -> str:
    """A browser may keep the page for the day and must ask again: its form's token ages."""
    day = system.clock().date().isoformat()
    facts = "\n".join([sha256, day, *(f"{key}={value}" for key, value in carried.items())])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]
