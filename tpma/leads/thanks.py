"""The mail that answers a form at once: it is here, who will call, and what was asked for.

It answers a request, so it needs no consent; it advertises nothing and repeats nothing that was
typed, because anybody may type somebody else's address. One a lead; an address on a list of the
partner's gets none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact
from tpma.core.db import clock_of, one_of, per_dialect, values
from tpma.core.signing import Signer
from tpma.launches.addresses import base_of
from tpma.leads import sheets
from tpma.leads.notices import Notices
from tpma.leads.places import Place
from tpma.leads.words import said


@dataclass(frozen=True, slots=True)
class Page:
    """Where the form of a lead (as its columns) stood, and in which language."""

    place: Place
    locale: str
    lead: Mapping[str, Any]


def answer(session: Session, signer: Signer, base_url: str, pages: Sequence[Page]) -> Notices:
    """By their causes."""
    closed = _closed(session, [page.lead["contact_id"] for page in pages])
    found: Notices = {}
    for page in pages:
        lead = page.lead
        if (lead["contact_id"], lead["tenant_id"]) in closed:
            continue
        cause = f"lead.thanks:{lead['id']}"
        words = {"partner": page.place.partner.trading_name}
        found[cause] = {
            "tenant_id": str(lead["tenant_id"]),
            "recipient": lead["email"],
            "subject": said(page.locale, "thanks_subject", **words),
            "body": "\n\n".join(_body(session, signer, base_url, page, words)),
            "locale": page.locale,
        }
    return found


def _body(
    session: Session, signer: Signer, base_url: str, page: Page, words: Mapping[str, str]
) -> Iterator[str]:
    yield said(page.locale, "thanks_body", **words)
    if sheets.asset_of(session, page.place.launch) is not None:
        token = sheets.token(signer, page.place.launch.id, clock_of(session)())
        base = base_of(page.place.launch, base_url)
        address = f"{base}/l/{page.place.slug}/{page.locale}/sheet/{token}.pdf"
        yield said(page.locale, "thanks_sheet", link=address)
    yield said(page.locale, "thanks_end", **words)


def _closed(session: Session, contacts: Sequence[UUID]) -> set[tuple[UUID, UUID]]:
    """Those whose address stands on the partner's list: nothing at all is sent to them."""
    if not contacts:
        return set()
    rows = session.connection().execute(
        _on_the_list(session), {"contacts": values(session, contacts)}
    )
    return {(id_, tenant_id) for id_, tenant_id in rows}


@per_dialect
def _on_the_list(session: Session) -> Any:
    """Put together once: of many words, and asked with every form."""
    wanted = one_of(session, Contact.id, "contacts")
    return select(Contact.id, Contact.tenant_id).where(wanted, audiences.suppressed())
