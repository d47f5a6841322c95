"""A draft registration: what the lead tells, and the three things only the partner knows."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.core.text import lines, one_line, registrable_domain
from tpma.deals import queries, rules
from tpma.deals.models import DealRegistration, OpportunityStage
from tpma.identity.rules import Actor
from tpma.leads.models import Lead

_REF_TRIES = 25


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the partner knows; None leaves what the lead told as it is."""

    value: Money
    expected_close: date | None
    note: str = ""
    note_type: str = rules.MEETING_NOTE
    decision_maker: bool = False
    stage: str = OpportunityStage.QUALIFIED
    account_name: str | None = None
    account_domain: str | None = None


def draft_from_lead(session: Session, actor: Actor, lead: Lead) -> DealRegistration:
    """A draft with everything the lead tells. Raises Conflict if the lead has one already."""
    if lead.tenant_id != actor.organisation_id:
        raise NotFound(_("There is no such lead."))
    held = queries.of_lead(session, lead)
    if held is not None:
        raise Conflict(_("This lead is registered already, as %(ref)s.", ref=held.ref))
    if lead.state not in queries.REGISTRABLE:
        raise Conflict(_("Only a lead that is open can be registered as a deal."))
    known = queries.known(lead)
    deal = DealRegistration(
        tenant_id=lead.tenant_id,
        vendor_id=lead.vendor_id,
        enrolment_id=lead.enrolment_id,
        lead_id=lead.id,
        launch_id=lead.launch_id,
        campaign_code=lead.campaign_code,
        account_name=known.account_name,
        account_domain=known.account_domain,
        country=known.country,
        contact=known.contact,
        product_families=known.product_families,
        estimated_value_minor=0,
        currency=known.currency,
        evidence=known.evidence,
    )
    _insert_with_ref(session, deal)
    return deal


def _insert_with_ref(session: Session, deal: DealRegistration) -> None:
    """Number a registration: the next one of the year, whoever else asks at this moment.

    The unique index decides. A clash means that somebody was faster: the next number is asked
    for again, and a transaction that is taken back leaves no gap.
    """
    year = clock_of(session)().year
    for _attempt in range(_REF_TRIES):
        deal.ref = f"DR-{year}-{_last_number(session, year) + 1:06d}"
        try:
            with session.begin_nested():
                session.add(deal)
                session.flush()
            return
        except IntegrityError as error:
            if "lead" in str(error.orig):  # the other unique index: one lead, one registration
                raise Conflict(_("This lead was registered a moment ago.")) from error
    raise Conflict(_("Too many registrations arrived at once. Submit again."))


def _last_number(session: Session, year: int) -> int:
    last = session.scalar(
        select(func.max(DealRegistration.ref)).where(DealRegistration.ref.like(f"DR-{year}-%"))
    )
    return int(last.rsplit("-", 1)[1]) if last else 0


def complete(session: Session, deal: DealRegistration, answers: Answers) -> None:
    """Put the partner's answers into a draft. Raises Invalid with the field."""
    if answers.value.currency != deal.currency:
        raise Invalid(_("Enter the value in %(currency)s.", currency=deal.currency), field="value")
    deal.estimated_value_minor = answers.value.minor
    deal.expected_close = answers.expected_close
    deal.sales_stage = answers.stage
    deal.contact = deal.contact | {"decision_maker": answers.decision_maker}
    if answers.account_name is not None:
        deal.account_name = one_line(answers.account_name, 200, "account_name")
    if answers.account_domain is not None:
        deal.account_domain = _domain(answers.account_domain)
    note = lines(answers.note, 1000, "note")
    if note:
        add_evidence(session, deal, answers.note_type, note)


def _domain(typed: str) -> str:
    """What a company registers, from whatever was pasted: an address, a URL, a host."""
    host = typed.strip().split("//")[-1].split("/")[0].rsplit("@", 1)[-1].split(":")[0]
    found = registrable_domain(host) if host else None
    if found is None:
        raise Invalid(
            _(
                "Enter the company's own web domain, for example harborpoint.example. A free "
                "mail provider's domain names no company."
            ),
            field="account_domain",
        )
    return found


def add_evidence(session: Session, deal: DealRegistration, kind: str, note: str) -> None:
    if kind not in rules.EVIDENCE or kind == rules.FORM_SUBMISSION:
        raise Invalid(_("Choose one of the options."), field="note_type")
    dated = clock_of(session)().date().isoformat()
    piece = {"type": kind, "dated": dated, "note": note}
    deal.evidence = {"items": [*rules.items(deal.evidence), piece]}
