"""What launches brought: one in full, or all of a partner's or a vendor's side by side.

Answers for a vendor hold counts and company names, never a contact or a lead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.deals.models import DealRegistration, Opportunity
from tpma.identity.models import Organisation
from tpma.kits.models import Kit, KitVersion
from tpma.launches.models import CostEntry, Launch, LaunchState
from tpma.measurement import metrics, privacy
from tpma.measurement.privacy import Row
from tpma.measurement.tally import (
    Scope,
    Tally,
    leads_by_language,
    of_partner,
    of_vendor,
    parts_of,
    sourced_by_launch,
    tallies,
)
from tpma.partners.models import Enrolment, EnrolmentState
from tpma.partners.queries import looked_after
from tpma.sending.models import Message


@dataclass(frozen=True, slots=True)
class Line:
    """One launch with its counts, as a row of a list."""

    id: UUID
    code: str
    name: str
    kit: str
    partner: str
    state: LaunchState
    currency: str
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    goal_leads: int
    goal_pipeline: Money
    tally: Tally
    own_mailer: bool = False  # the partner sent it: how many, only it can say
    own_sent: int | None = None

    @property
    def spend(self) -> Money:
        return Money(self.tally.spend, self.currency)

    @property
    def pipeline(self) -> Money:
        return Money(self.tally.pipeline, self.currency)

    @property
    def won_amount(self) -> Money:
        return Money(self.tally.won_amount, self.currency)

    @property
    def ratio(self) -> Fraction | None:
        return metrics.pipeline_to_spend(self.pipeline, self.spend)

    @property
    def mails_shown(self) -> bool:
        """Whether the counts of mails may be read by a vendor."""
        return self.tally.sent == 0 or privacy.enough(self.tally.sent)


def lines(session: Session, scope: Scope) -> list[Line]:
    """Every launch of the scope, the newest first."""
    counted = tallies(session, scope)
    found = session.execute(
        select(Launch, Kit.title, Organisation.trading_name)
        .join(KitVersion, KitVersion.id == Launch.kit_version_id)
        .join(Kit, Kit.id == KitVersion.kit_id)
        .join(Organisation, Organisation.id == Launch.tenant_id)
        .where(scope.launches)
        .order_by(Launch.created_at.desc(), Launch.id.desc())
    )
    return [
        _line(launch, kit, partner, counted[launch.id])
        for launch, kit, partner in found
        if launch.id in counted
    ]


def _line(launch: Launch, kit: str, partner: str, tally: Tally) -> Line:
    return Line(
        id=launch.id,
        code=launch.campaign_code,
        name=launch.name,
        kit=kit,
        partner=partner,
        state=launch.state,
        currency=launch.currency,
        started_at=launch.started_at or launch.scheduled_at,
        finished_at=launch.finished_at,
        created_at=launch.created_at,
        goal_leads=launch.goal_leads,
        goal_pipeline=launch.goal_pipeline,
        tally=tally,
        own_mailer=launch.own_mailer,
        own_sent=launch.own_sent,
    )


@dataclass(frozen=True, slots=True)
class Funnel:
    """All of one launch's figures; `by_step` is empty where it would show too few people."""

    line: Line
    by_locale: Sequence[Row]
    by_step: Sequence[Row]


def launch_funnel(session: Session, scope: Scope, launch_id: UUID) -> Funnel:
    """Raises NotFound for a launch outside the scope."""
    one = scope.only(launch_id)
    found = lines(session, one)
    if not found:
        raise NotFound(_("There is no such report."))
    leads = leads_by_language(session, one)
    by_locale = [
        _row(tag, counts, leads.pop(tag, 0))
        for tag, counts in parts_of(session, one, Message.locale)
    ]
    by_locale += [_row(tag, [0, 0, 0, 0], number) for tag, number in sorted(leads.items())]
    by_step = [_row(str(step), counts, 0) for step, counts in parts_of(session, one, Message.step)]
    return Funnel(found[0], by_locale, by_step)


def _row(key: str, counts: list[int], leads: int) -> Row:
    sent, delivered, opened, clicked = counts
    return Row(key, sent, delivered, opened, clicked, leads)


def for_vendor_eyes(funnel: Funnel) -> Funnel:
    """The same, without anything that speaks of fewer than five recipients."""
    few = any(not privacy.enough(row.sent) for row in funnel.by_step)
    return Funnel(
        funnel.line,
        by_locale=privacy.grouped(funnel.by_locale),
        by_step=[] if few else funnel.by_step,
    )


def launch_id_of(session: Session, scope: Scope, code: str) -> UUID:
    """The launch with this campaign code. Raises NotFound outside the scope."""
    found = session.scalar(scope.ids.where(Launch.campaign_code == code))
    if found is None:
        raise NotFound(_("There is no such report."))
    return UUID(str(found))


@dataclass(frozen=True, slots=True)
class Sum:
    """Launches of one currency together; currencies are never added to each other."""

    currency: str
    launches: int
    spend: Money
    pipeline: Money
    won: Money

    @property
    def ratio(self) -> Fraction | None:
        return metrics.pipeline_to_spend(self.pipeline, self.spend)


@dataclass(frozen=True, slots=True)
class Overview:
    lines: list[Line]
    sums: list[Sum]  # the currency of most launches first
    leads: int
    accepted: int

    @property
    def acceptance(self) -> Fraction | None:
        return metrics.rate(self.accepted, self.leads)


def overview(found: list[Line]) -> Overview:
    currencies: dict[str, list[Line]] = {}
    for line in found:
        currencies.setdefault(line.currency, []).append(line)
    by_size = sorted(currencies.items(), key=lambda item: (-len(item[1]), item[0]))
    return Overview(
        lines=found,
        sums=[_sum(currency, its) for currency, its in by_size],
        leads=sum(line.tally.leads for line in found),
        accepted=sum(line.tally.accepted for line in found),
    )


def _sum(currency: str, found: list[Line]) -> Sum:
    return Sum(
        currency=currency,
        launches=len(found),
        spend=Money(sum(line.tally.spend for line in found), currency),
        pipeline=Money(sum(line.tally.pipeline for line in found), currency),
        won=Money(sum(line.tally.won_amount for line in found), currency),
    )


def for_partner(session: Session, partner_id: UUID, vendor_id: UUID) -> Overview:
    return overview(lines(session, of_partner(partner_id, vendor_id)))


def for_vendor(session: Session, vendor_id: UUID, manager_id: UUID | None = None) -> Overview:
    return overview(lines(session, of_vendor(vendor_id, manager_id)))


@dataclass(frozen=True, slots=True)
class Started:
    """A deal that a launch sourced: the account is a company, never a person."""

    account: str
    deal_id: UUID
    ref: str
    registered_at: datetime
    opportunity: Opportunity


def deals_started(session: Session, scope: Scope, launch_id: UUID) -> list[Started]:
    found = session.execute(
        select(Opportunity, DealRegistration)
        .join(Launch, sourced_by_launch())
        .join(DealRegistration, DealRegistration.id == Opportunity.deal_id)
        .where(scope.launches, Launch.id == launch_id)
        .order_by(Opportunity.created_at.desc(), Opportunity.id)
    )
    return [
        Started(deal.account_name, deal.id, deal.ref, deal.complete_at or deal.created_at, opp)
        for opp, deal in found
    ]


def costs(session: Session, partner_id: UUID, launch_id: UUID) -> list[CostEntry]:
    return list(
        session.scalars(
            select(CostEntry)
            .where(CostEntry.tenant_id == partner_id, CostEntry.launch_id == launch_id)
            .order_by(CostEntry.incurred_on, CostEntry.id)
        )
    )


def active_partners(session: Session, vendor_id: UUID, manager_id: UUID | None = None) -> int:
    wanted = select(func.count(Enrolment.partner_id.distinct())).where(
        Enrolment.tenant_id == vendor_id,
        Enrolment.state == EnrolmentState.ACTIVE,
        looked_after(Enrolment.id, vendor_id, manager_id),
    )
    return session.scalar(wanted) or 0


def partners_that_ran(found: list[Line], since: datetime) -> list[str]:
    """Names of the partners that started a launch since then."""
    return sorted({line.partner for line in found if line.started_at and line.started_at >= since})
