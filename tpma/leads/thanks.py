"""The mail that answers a form at once: it is here, who will call, and what was asked for.

It answers a request, so it needs no consent; it advertises nothing and repeats nothing that was
typed, because anybody may type somebody else's address. One a lead; an address on a list of the
partner's gets none.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Uuid, and_, bindparam, select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact
from tpma.core.db import clock_of
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.leads import sheets
from tpma.leads.models import Lead
from tpma.leads.words import said


@dataclass(frozen=True, slots=True)
class Page:
    """Where the form stood: addresses begin with `base_url`."""

    base_url: str
    slug: str
    locale: str


def answer(session: Session, signer: Signer, lead: Lead, partner: Organisation, page: Page) -> None:
    """Queue it in the transaction of the form."""
    if _is_closed(session, lead):
        return
    words = {"partner": partner.trading_name}
    body = [said(page.locale, "thanks_body", **words)]
    if sheets.asset_of(session, lead.launch) is not None:
        token = sheets.token(signer, lead.launch_id, clock_of(session)())
        address = f"{page.base_url}/l/{page.slug}/{page.locale}/sheet/{token}.pdf"
        body.append(said(page.locale, "thanks_sheet", link=address))
    body.append(said(page.locale, "thanks_end", **words))
    cause = f"lead.thanks:{lead.id}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=cause,
        tenant_id=str(lead.tenant_id),
        cause=cause,
        recipient=lead.email,
        subject=said(page.locale, "thanks_subject", **words),
        body="\n\n".join(body),
        locale=page.locale,
    )


def _is_closed(session: Session, lead: Lead) -> bool:
    """Whether the address stands on the partner's list: nothing at all is sent to it."""
    who = {"contact": lead.contact_id, "tenant": lead.tenant_id}
    return session.scalar(_on_the_list(), who) is not None


@cache
def _on_the_list() -> Any:
    """Put together once: of many words, and asked with every form."""
    contact = and_(
        Contact.id == bindparam("contact", type_=Uuid()),
        Contact.tenant_id == bindparam("tenant", type_=Uuid()),
    )
    return select(Contact.id).where(contact, audiences.suppressed())
