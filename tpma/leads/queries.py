"""A partner's leads: the inbox, one lead with what led to it, and how many wait."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session, joinedload

from tpma.audiences.models import ConsentText, Contact
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation, User
from tpma.leads.models import Lead, LeadState
from tpma.leads.rules import IN_WORK, OPEN, SAME_PERSON, WAITING
from tpma.pages.models import FormSubmission

SIZE = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """`show` is waiting, working or all; `code` a whole campaign code; `text` part of a name."""

    show: str = "waiting"
    code: str = ""
    text: str = ""


_STATES: dict[str, tuple[LeadState, ...]] = {"waiting": WAITING, "working": IN_WORK}


def inbox(
    session: Session,
    tenant_id: UUID,
    wanted: Filter,
    after: UUID | None = None,
    most: int = SIZE + 1,
) -> list[Lead]:
    """Those that wait, the soonest due first; the others, newest first. Keyset by `after`."""
    found = _matching(tenant_id, wanted).limit(most)
    if wanted.show == "waiting":
        found = found.order_by(Lead.id)
        return list(session.scalars(found.where(Lead.id > after) if after else found))
    found = found.order_by(Lead.id.desc())
    return list(session.scalars(found.where(Lead.id < after) if after else found))


def _matching(tenant_id: UUID, wanted: Filter) -> Select[Lead]:
    found = select(Lead).where(Lead.tenant_id == tenant_id)
    if wanted.show in _STATES:
        found = found.where(Lead.state.in_(_STATES[wanted.show]))
    if wanted.code:
        found = found.where(Lead.campaign_code == wanted.code)
    if wanted.text:
        columns = (Lead.given_name, Lead.family_name, Lead.company, Lead.email)
        words = wanted.text.split()[:5]
        for word in words:
            found = found.where(or_(*(c.icontains(word, autoescape=True) for c in columns)))
    return found


def get(session: Session, tenant_id: UUID, lead_id: UUID, *, lock: bool = False) -> Lead:
    """One lead of this partner. Another partner's lead is simply not found."""
    found = select(Lead).where(Lead.id == lead_id, Lead.tenant_id == tenant_id)
    found = found.with_for_update(of=Lead) if lock else found.options(joinedload(Lead.launch))
    lead = session.scalar(found)
    if lead is None:
        raise NotFound(_("There is no such lead."))
    return lead


def counts(session: Session, tenant_id: UUID) -> dict[str, int]:
    """How many leads each segment of the inbox holds."""
    rows = session.execute(
        select(Lead.state, func.count()).where(Lead.tenant_id == tenant_id).group_by(Lead.state)
    )
    by_state: dict[LeadState, int] = dict(rows.all())
    return {
        "waiting": sum(by_state.get(state, 0) for state in WAITING),
        "working": sum(by_state.get(state, 0) for state in IN_WORK),
        "all": sum(by_state.values()),
    }


def waiting(session: Session, tenant_id: UUID) -> int:
    """Leads that wait for this partner's answer."""
    found = select(func.count()).select_from(Lead).where(Lead.tenant_id == tenant_id)
    return session.scalar(found.where(Lead.state.in_(WAITING))) or 0


def codes(session: Session, tenant_id: UUID) -> list[str]:
    """Campaign codes that brought leads, newest first."""
    rows = session.execute(
        select(Lead.campaign_code, func.max(Lead.created_at))
        .where(Lead.tenant_id == tenant_id)
        .group_by(Lead.campaign_code)
        .order_by(func.max(Lead.created_at).desc())
        .limit(50)
    )
    return [code for code, _latest in rows]


_OPEN = (
    select(Lead.tenant_id, Lead.email_norm, Lead.id)
    .where(Lead.tenant_id.in_(bindparam("tenants", expanding=True)))
    .where(Lead.email_norm.in_(bindparam("norms", expanding=True)))
    .where(Lead.state.in_(OPEN), Lead.created_at >= bindparam("since"))
    .order_by(Lead.created_at, Lead.id)
)


def open_leads(
    session: Session, people: Collection[tuple[UUID, str]], now: datetime
) -> dict[tuple[UUID, str], UUID]:
    """For people (partner and address) their newest lead that is still open and at most 180 days
    old."""
    tenants, norms = ({person[place] for person in people} for place in (0, 1))
    given = {"tenants": [*tenants], "norms": [*norms], "since": now - SAME_PERSON}
    rows = session.connection().execute(_OPEN, given)
    found = {(tenant_id, norm): id_ for tenant_id, norm, id_ in rows}
    return {person: id_ for person, id_ in found.items() if person in people}


def repeats(session: Session, lead: Lead) -> list[Lead]:
    """Forms the same person sent after this one, which were added to it."""
    return list(
        session.scalars(
            select(Lead)
            .where(Lead.tenant_id == lead.tenant_id, Lead.duplicate_of_id == lead.id)
            .order_by(Lead.created_at)
        )
    )


@dataclass(frozen=True, slots=True)
class Box:
    """A consent box as it was shown, word for word, and whether it was ticked."""

    purpose: str
    is_ticked: bool
    text: str
    version: str


def boxes(session: Session, lead: Lead) -> list[Box]:
    """The consent boxes of the form this lead came by, in the order they stood there."""
    submission = session.scalar(
        select(FormSubmission).where(
            FormSubmission.id == lead.submission_id, FormSubmission.tenant_id == lead.tenant_id
        )
    )
    shown = submission.consents if submission else []
    texts = {
        str(text.id): text
        for text in session.scalars(
            select(ConsentText).where(
                ConsentText.tenant_id == lead.tenant_id,
                ConsentText.id.in_([UUID(box["text_id"]) for box in shown]),
            )
        )
    }
    return [
        Box(box["purpose"], bool(box["ticked"]), text.text, text.version)
        for box in shown
        if (text := texts.get(box["text_id"]))
    ]


@dataclass(frozen=True, slots=True)
class Company:
    """What else a partner knows of the lead's company, by the domain of the address."""

    leads: int
    contacts: int


def company(session: Session, lead: Lead) -> Company:
    """All zero for a free-mail address, which says nothing of a company."""
    if not lead.company_domain:
        return Company(0, 0)
    leads = select(func.count()).where(
        Lead.tenant_id == lead.tenant_id,
        Lead.company_domain == lead.company_domain,
        Lead.id != lead.id,
        Lead.state.not_in((LeadState.DUPLICATE, LeadState.SPAM)),
    )
    people = select(func.count()).where(
        Contact.tenant_id == lead.tenant_id, Contact.company_domain == lead.company_domain
    )
    return Company(session.scalar(leads) or 0, session.scalar(people) or 0)


def vendor_name(session: Session, lead: Lead) -> str:
    return session.get_one(Organisation, lead.vendor_id).trading_name


def owner(session: Session, lead: Lead) -> str:
    """Who took the lead on, by name; "" while nobody has."""
    return session.get_one(User, lead.owner_id).name if lead.owner_id else ""


def came_by(session: Session, lead: Lead) -> dict[str, str]:
    """The campaign parameters of the visit that ended in the form."""
    found = session.scalar(
        select(FormSubmission.utm).where(
            FormSubmission.id == lead.submission_id, FormSubmission.tenant_id == lead.tenant_id
        )
    )
    return {name: str(value) for name, value in (found or {}).items()}


@dataclass(frozen=True, slots=True)
class Late:
    """Leads of one campaign whose answer is late."""

    code: str
    leads: int
    since: datetime  # the earliest was due then


@dataclass(frozen=True, slots=True)
class Answers:
    """What a vendor may know of a partner's answers: how many, and under which codes."""

    waiting: int
    late: list[Late]

    @property
    def missed(self) -> int:
        return sum(one.leads for one in self.late)


def answers(session: Session, vendor_id: UUID, enrolment_id: UUID, now: datetime) -> Answers:
    """How one partner of this vendor answers now, the campaign that waits longest first."""
    own = select(Lead).where(
        Lead.vendor_id == vendor_id, Lead.enrolment_id == enrolment_id, Lead.state.in_(WAITING)
    )
    waiting = session.scalar(own.with_only_columns(func.count()))
    rows = session.execute(
        own.with_only_columns(Lead.campaign_code, func.count(), func.min(Lead.due_at))
        .where(Lead.due_at <= now)
        .group_by(Lead.campaign_code)
        .order_by(func.min(Lead.due_at))
    )
    return Answers(waiting or 0, [Late(code, number, since) for code, number, since in rows])
