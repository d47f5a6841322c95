"""The audience as a whole, and single people in it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tpma.audiences import importing, listings, queries, service
from tpma.audiences.models import ConsentPurpose
from tpma.audiences.portal import words
from tpma.audiences.portal.door import before, portal, sheet, tenant
from tpma.audiences.values import cleaned, country_code, country_name, language_name
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext, number
from tpma.identity.service import record
from tpma.web.context import actor, render, system
from tpma.web.guards import partner
from tpma.web.paging import SIZE, page_of

_OFFERED = 12  # values a filter shows
_STATES = ("writable", "held", "suppressed")


@portal.get("/")
@partner("contacts.read")
def index() -> ResponseReturnValue:
    wanted = _filter()
    with system().db.reading() as session:
        now = system().clock()
        counts = queries.counts(session, tenant(), now=now)
        rows = listings.contacts(session, tenant(), wanted, before(), SIZE + 1)
        facets = listings.facets(session, tenant())
        return render(
            "audiences/index.html",
            title=_title(counts.writable),
            counts=counts,
            reasons=words.left_out(counts),
            wanted=wanted,
            page=page_of(rows),
            facets=facets,
            options=_options(facets),
            segments=[
                (segment, queries.counts(session, tenant(), segment, now=now).writable)
                for segment in listings.segments(session, tenant())
            ],
            imports=importing.imports(session, tenant(), 4),
            listed=words.suppressed_addresses(listings.suppression_count(session, tenant())),
        )


def _options(facets: listings.Facets) -> dict[str, Any]:
    """What the filters offer, the commonest first, as (value, word, how many)."""
    return {
        "countries": [(code, country_name(code), n) for code, n in _first(facets.countries)],
        "languages": [(tag, language_name(tag), n) for tag, n in _first(facets.locales)],
        "tags": [(tag, tag, n) for tag, n in _first(facets.tags)],
        "states": words.states(),
    }


def _first(counted: dict[str, int]) -> list[tuple[str, int]]:
    return list(counted.items())[:_OFFERED]


def _title(writable: int) -> str:
    return ngettext(
        "%(num)s person you may write to",
        "%(num)s people you may write to",
        writable,
        num=number(writable),
    )


def _filter() -> listings.Filter:
    state = request.args.get("state", "")
    return listings.Filter(
        text=cleaned(request.args.get("q", ""))[:100],
        country=country_code(request.args.get("country", "")),
        locale=cleaned(request.args.get("locale", ""))[:35],
        tag=cleaned(request.args.get("tag", ""))[:40],
        state=state if state in _STATES else "",
    )


@portal.get("/contacts/<uuid:contact_id>")
@partner("contacts.read")
def contact(contact_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        found = listings.contact_of(session, tenant(), contact_id)
        return render(
            "audiences/contact.html",
            contact=found,
            consents=listings.consents_of(session, found),
            suppressions=listings.suppressions_of(session, found),
            domains=listings.domains_over(session, found),
            tags=listings.tags_of(session, found),
            is_writable=listings.is_writable(session, found),
            is_forgotten=listings.is_forgotten(session, found),
            purposes=words.purposes(),
            bases=words.bases(),
            channels=words.channels(),
            sources=words.sources(),
            reasons=words.reason_sentences(),
        )


@portal.post("/contacts/<uuid:contact_id>/withdraw")
@partner("contacts.write")
def withdraw(contact_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = listings.contact_of(session, tenant(), contact_id)
        service.withdraw(session, found, ConsentPurpose.PARTNER_MARKETING, "told_us", actor())
    flash(_("Nobody here writes to this person any more."))
    return redirect(url_for("audiences_portal.contact", contact_id=contact_id), 303)


@portal.get("/contacts.csv")
@partner("contacts.write")
def export() -> Response:
    """Everybody, as a sheet. Taking all of them out is written down."""
    owner = tenant()
    with system().db.transaction() as session:
        company = listings.organisation(session, owner)
        record(session, actor(), owner, "contacts.exported", company)
    return sheet(_exported(owner), "contacts.csv")


def _exported(owner: UUID) -> Iterator[list[Any]]:
    with system().db.reading() as session:
        yield from listings.export(session, owner)
