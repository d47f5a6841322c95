"""The boxes somebody ticked, in the ledger of consents; asked once more where the law wants it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import service as audiences
from tpma.audiences.listings import newest_consent
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    ConsentText,
    Contact,
    ContactStatus,
)
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.leads.words import said
from tpma.localization import packs
from tpma.pages.models import FormSubmission
from tpma.tracking.rules import Visit, agent_family, ip_prefix

OPEN_FOR = timedelta(days=7)
# Somebody else may type your address into a form, and again: so many questions a week, with a
# pause between two, and no more.
MOST_ASKED, PAUSE = 3, timedelta(minutes=10)
_PURPOSE = "doi"


@dataclass(frozen=True, slots=True)
class Asking:
    """What is needed to write to somebody about a box they ticked."""

    signer: Signer
    base_url: str
    partner: Organisation


def keep(
    session: Session,
    asking: Asking,
    contact: Contact,
    country: str,
    submission: FormSubmission,
    visit: Visit,
) -> None:
    """One row for each ticked box, with the wording and how we know. Empty boxes give nothing."""
    for box in submission.consents:
        if not box["ticked"]:
            continue
        purpose = ConsentPurpose(box["purpose"])
        text = session.get_one(ConsentText, UUID(box["text_id"]))  # of this tenant's submission
        today = clock_of(session)().date()
        needs_proof = packs.pack_for(country, today).consent.double_opt_in
        newest = newest_consent(session, contact, purpose)
        basis, state = _worth(newest, purpose, needs_proof)
        row = audiences.record_consent(
            session,
            contact,
            purpose,
            basis,
            text,
            text.locale,
            _evidence(submission, box, visit),
            state,
        )
        _keep_proof(row, newest, basis)
        if row.state is ConsentState.PENDING_DOI and _may_ask(session, row):
            row.asked_at = row.at
            _ask(session, asking, contact, row, text, submission.locale)


def _worth(
    newest: Consent | None, purpose: ConsentPurpose, law_asks: bool
) -> tuple[ConsentBasis, ConsentState]:
    """What a tick is worth. A yes that holds stays one, and where a tick alone proves nothing, on
    the basis it had; who once withdrew is asked again wherever they live."""
    needs_proof = purpose is ConsentPurpose.PARTNER_MARKETING and law_asks
    if newest is not None and newest.state is ConsentState.GRANTED:
        return newest.basis if needs_proof else ConsentBasis.CONSENT, ConsentState.GRANTED
    asks = needs_proof or (newest is not None and purpose is ConsentPurpose.PARTNER_MARKETING)
    return ConsentBasis.CONSENT, ConsentState.PENDING_DOI if asks else ConsentState.GRANTED


def _keep_proof(row: Consent, before: Consent | None, basis: ConsentBasis) -> None:
    """A second tick takes nothing away: who confirmed stays confirmed."""
    if before is not None and before.state is ConsentState.GRANTED and before.basis is basis:
        row.asked_at, row.confirmed_at = before.asked_at, before.confirmed_at
        row.obtained_on = before.obtained_on


def _may_ask(session: Session, row: Consent) -> bool:
    """Whether one more mail may ask: three a week, ten minutes apart. The earlier link stays."""
    now = clock_of(session)()
    asked = session.scalars(
        select(Consent.asked_at)
        .where(
            Consent.contact_id == row.contact_id,
            Consent.tenant_id == row.tenant_id,
            Consent.purpose == row.purpose,
            Consent.asked_at > now - OPEN_FOR,
        )
        .order_by(Consent.asked_at.desc())
    ).all()
    if len(asked) >= MOST_ASKED:
        return False
    return not asked or asked[0] is None or now - asked[0] >= PAUSE


def _evidence(submission: FormSubmission, box: dict[str, Any], visit: Visit) -> dict[str, Any]:
    return {
        "page": str(submission.landing_page_id),
        "form": str(submission.id),
        "shown_text_sha256": box["sha256"],
        "checkbox": box["purpose"],
        "ip_prefix": ip_prefix(visit.address),
        "user_agent": agent_family(visit.agent),
        "captured_at": visit.at.isoformat(),
    }


def _ask(
    session: Session,
    asking: Asking,
    contact: Contact,
    row: Consent,
    text: ConsentText,
    locale: str,
) -> None:
    partner = asking.partner.trading_name
    link = f"{asking.base_url}/confirm/{asking.signer.token(row.seq, _PURPOSE)}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=f"consent.ask:{row.seq}",
        tenant_id=str(contact.tenant_id),
        cause=f"consent.ask:{row.seq}",
        recipient=contact.email,
        subject=said(locale, "subject", partner=partner),
        body=said(locale, "body", partner=partner, text=text.text, link=link),
        locale=locale,
    )


def asked(session: Session, signer: Signer, token: str) -> Consent:
    """The question a confirmation link is about. Raises NotFound for a link that is not ours."""
    found = session.get(Consent, signer.subject(token, _PURPOSE))
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def confirm(session: Session, row: Consent, visit: Visit) -> None:
    """The person said yes a second time. Twice is once.

    Raises Conflict if the question is older than seven days, was answered otherwise, or the
    person was forgotten.
    """
    contact = session.scalars(
        select(Contact)
        .where(Contact.id == row.contact_id, Contact.tenant_id == row.tenant_id)
        .with_for_update()
    ).one()
    is_late = clock_of(session)() - row.at > OPEN_FOR
    if is_late or contact.status is ContactStatus.ERASED:
        raise Conflict(_("This question is no longer open."))
    audiences.confirm_consent(
        session,
        contact,
        row.purpose,
        {
            **row.evidence,
            "channel": "double_opt_in",
            "confirmed_from": ip_prefix(visit.address),
            "confirmed_with": agent_family(visit.agent),
            "signed_up_at": row.at.isoformat(),
        },
        asked_at=row.asked_at,
    )


def partner_of(session: Session, row: Consent) -> Organisation:
    return session.get_one(Organisation, row.tenant_id)


def shown_text(session: Session, row: Consent) -> str:
    """The wording the question was about."""
    text = session.get(ConsentText, row.text_id) if row.text_id else None
    return text.text if text else ""


def shared(submission: FormSubmission) -> bool:
    """Whether they agreed that the vendor gets their details."""
    wanted = ConsentPurpose.SHARE_WITH_VENDOR.value
    return any(box["ticked"] for box in submission.consents if box["purpose"] == wanted)
