"""A form becomes a lead in one transaction; a partner answers it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from tpma.audiences import service as audiences
from tpma.audiences.models import Contact
from tpma.audiences.values import country_code
from tpma.core.db import clock_of
from tpma.core.signing import Signer
from tpma.core.text import registrable_domain
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.addresses import base_of
from tpma.leads import consents, deadlines, notices, queries, rules, thanks
from tpma.leads.models import Lead, LeadState
from tpma.leads.rules import LeadEvent
from tpma.pages import service as pages
from tpma.pages.models import FormSubmission, SubmissionState
from tpma.pages.rules import READER, FormFault
from tpma.partners.models import Enrolment
from tpma.sending import following
from tpma.tracking import counting
from tpma.tracking import queries as tracking
from tpma.tracking import service as events
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import Ruling, Visit

_MACHINE = Ruling(Verdict.BOT, "BOT-11")
_PERSON = Ruling(Verdict.HUMAN, "BOT-11")


@dataclass(frozen=True, slots=True)
class Captured:
    """`lead` is None for spam, and for the second click of a double click."""

    submission: FormSubmission
    lead: Lead | None


def capture(
    session: Session, signer: Signer, base_url: str, posted: pages.Posted, visit: Visit
) -> Captured:
    """Everything a posted form gives rise to: submission, event, contact, consents, lead, notice.

    Raises FormFault, and then nothing is written.
    """
    posted = _attributed(session, signer, posted)
    partner, _vendor = _companies(session, posted)
    taken = pages.submit(session, signer, posted)
    submission = taken.submission
    if not taken.is_new:
        return Captured(submission, None)
    if submission.state is SubmissionState.SPAM:
        _event(session, posted, submission, visit, None)
        return Captured(submission, None)
    contact = _contact(session, signer, posted, taken)
    country = _country(taken.answers.columns.get("country", ""), contact, partner)
    _event(session, posted, submission, visit, contact.id)
    own_base = base_of(posted.launch, base_url)  # of what its readers open
    asking = consents.Asking(signer, own_base, partner)
    consents.keep(session, asking, contact, country, submission, visit)
    lead = _lead(session, posted, taken, contact, partner, country)
    assert contact.hmac is not None, "who just typed an address is not erased"
    following.submitted(session, posted.launch, contact.hmac, submission.message_id, visit.at)
    if lead.state is LeadState.ROUTED:
        notices.announce(session, lead, base_url)
        where = thanks.Page(own_base, posted.page.slug, posted.locale)
        thanks.answer(session, signer, lead, partner, where)
    return Captured(submission, lead)


def _companies(session: Session, posted: pages.Posted) -> tuple[Organisation, Organisation]:
    """Partner and vendor by one query; held by the caller, so that nobody reads them again."""
    ids = posted.page.tenant_id, posted.launch.vendor_id
    found = {
        company.id: company
        for company in session.scalars(select(Organisation).where(Organisation.id.in_(ids)))
    }
    return found[ids[0]], found[ids[1]]


def _attributed(session: Session, signer: Signer, posted: pages.Posted) -> pages.Posted:
    """The form with the mail that brought it, if it names one. Raises FormFault for a wrong one."""
    token = posted.values.get(READER, "")
    if not token:
        return posted
    message = tracking.reader(session, signer, posted.launch.id, token)
    if message is None:
        raise FormFault(posted.locale, {}, stale=True)
    return pages.with_message(posted, message.id)


def _event(
    session: Session,
    posted: pages.Posted,
    submission: FormSubmission,
    visit: Visit,
    contact_id: UUID | None,
) -> None:
    """The submission is new, and so is its event; nothing else has its key."""
    is_spam = submission.state is SubmissionState.SPAM
    hit = Hit(EventType.FORM_SUBMIT, visit, posted.launch.id, submission.message_id)
    own = {"contact_id": contact_id} if contact_id else {}
    events.write(
        session,
        [hit],
        counting.own_shard(),
        ruling=_MACHINE if is_spam else _PERSON,
        own={**own, "dedupe_key": submission.idempotency_key},
    )


def _contact(session: Session, signer: Signer, posted: pages.Posted, taken: pages.Taken) -> Contact:
    """The person, found or new, and locked: two forms at once are judged one after the other."""
    columns = taken.answers.columns
    assert taken.answers.address is not None, "every kit's form asks for an e-mail address"
    return audiences.find_or_create_contact(
        session,
        signer,
        posted.page.tenant_id,
        taken.answers.address,
        source="form",
        source_detail=posted.launch.campaign_code,
        given_name=columns.get("given_name", ""),
        family_name=columns.get("family_name", ""),
        title=columns.get("title", ""),
        phone=columns.get("phone", ""),
        company=columns.get("company", ""),
        country=country_code(columns.get("country", "")),
        locale=posted.locale,
    )


def _country(answered: str, contact: Contact, partner: Organisation) -> str:
    """ISO 3166-1: as answered, else as we know the person, else the partner's own."""
    return country_code(answered) or contact.country or partner.country


def _lead(
    session: Session,
    posted: pages.Posted,
    taken: pages.Taken,
    contact: Contact,
    partner: Organisation,
    country: str,
) -> Lead:
    now = clock_of(session)()
    enrolment = session.get_one(
        Enrolment, posted.launch.enrolment_id, options=[joinedload(Enrolment.programme)]
    )
    window = deadlines.window(now, partner, enrolment)
    columns, address = taken.answers.columns, taken.answers.address
    assert address is not None, "every kit's form asks for an e-mail address"
    original = queries.open_lead_of(session, partner.id, address.norm, now)
    lead = Lead(
        tenant_id=partner.id,
        vendor_id=posted.launch.vendor_id,
        enrolment_id=posted.launch.enrolment_id,
        launch_id=posted.launch.id,
        launch=posted.launch,
        campaign_code=posted.launch.campaign_code,
        submission_id=taken.submission.id,
        contact_id=contact.id,
        given_name=columns.get("given_name") or contact.given_name,
        family_name=columns.get("family_name") or contact.family_name,
        email=address.shown,
        email_norm=address.norm,
        phone=columns.get("phone", ""),
        title=columns.get("title") or contact.title,
        company=columns.get("company") or contact.company,
        company_domain=registrable_domain(address.domain) or "",
        country=country,
        language=posted.locale,
        answers=taken.answers.own(posted.artifact.form),
        share_with_vendor=consents.shared(taken.submission),
        state=LeadState.DUPLICATE if original else LeadState.ROUTED,
        duplicate_of_id=original.id if original else None,
        due_at=window.due,
        remind_at=None if original else window.warning,
    )
    session.add(lead)
    if original is not None:
        taken.submission.state = SubmissionState.DUPLICATE
    detail = {"code": lead.campaign_code, "state": lead.state.value}
    record(session, None, partner.id, "lead.created", lead, **detail)
    return lead


def accept(session: Session, actor: Actor, lead: Lead) -> None:
    """Somebody takes it on: the lead is theirs."""
    move(session, actor, lead, LeadEvent.ACCEPT)
    lead.owner_id = actor.user_id
    lead.accepted_at = clock_of(session)()


def decline(session: Session, actor: Actor, lead: Lead, reason: str, note: str) -> None:
    """It leads nowhere, and why. Raises Invalid for an unknown reason or an unsaid "other"."""
    code, kept = rules.decline_reason(reason, note)
    move(session, actor, lead, LeadEvent.DECLINE, reason=code)
    lead.declined_reason, lead.declined_note = code, kept


def reopen(session: Session, actor: Actor, lead: Lead) -> None:
    """Take an answer back: the lead waits again, until when it was due before."""
    move(session, actor, lead, LeadEvent.REOPEN)
    window = rules.Window(lead.created_at, lead.due_at)
    now = clock_of(session)()
    lead.remind_at = rules.reminder_after_reopening(window, lead.escalated_at, now)
    lead.owner_id = lead.accepted_at = None
    lead.declined_reason = lead.declined_note = ""


def move(
    session: Session, actor: Actor | None, lead: Lead, event: LeadEvent, **detail: str
) -> None:
    """Take a lead on to the state an event leads to; deals use it for what becomes of theirs.

    Raises Conflict where the table of states has no such way.
    """
    before = lead.state
    lead.state = rules.after(before, event)
    lead.remind_at = None
    record(
        session,
        actor,
        lead.tenant_id,
        f"lead.{event.value}",
        lead,
        code=lead.campaign_code,
        before=before.value,
        **detail,
    )
