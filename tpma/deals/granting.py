"""An account becomes protected, by the desk's decision or by a rule of the programme."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.deals import line, notices, rules
from tpma.deals.models import DealRegistration, Opportunity, OpportunityStage
from tpma.deals.moves import move, stop_clock
from tpma.deals.rules import DealEvent
from tpma.identity.rules import Actor
from tpma.partners.models import Enrolment, Vendor
from tpma.partners.rules import may_launch


def by_rule(session: Session, deal: DealRegistration) -> Opportunity | None:
    """Approve a submitted registration if its tier's limit allows it; None: somebody decides.

    The audit row names the rule as it was: tier, limit and value in minor units, currency.
    """
    enrolment = session.get_one(Enrolment, deal.enrolment_id)
    is_active = may_launch(enrolment.state)
    limit = rules.approving_limit(deal.estimated_value, enrolment.tier.auto_approve, is_active)
    if limit is None:
        return None
    # Two partners may submit the same account at once, and neither sees the other's row yet:
    # whoever comes second waits here and then finds the first.
    session.execute(
        select(Vendor.id).where(Vendor.organisation_id == deal.vendor_id).with_for_update()
    )
    if not line.alone(session, deal, clock_of(session)()):
        return None
    why = {
        "rule": "tier_limit",
        "tier": enrolment.tier.key,
        "limit": limit.minor,
        "value": deal.estimated_value_minor,
        "currency": limit.currency,
    }
    return grant(session, None, deal, DealEvent.AUTO_APPROVE, **why)


def grant(
    session: Session, actor: Actor | None, deal: DealRegistration, event: DealEvent, **why: Any
) -> Opportunity:
    """Protect the account, open the opportunity, send rivals to the line and tell the partner."""
    now = clock_of(session)()
    _protect(session, deal, now)
    deal.decided_by, deal.decided_at = actor.user_id if actor else None, now
    stop_clock(deal)
    move(session, actor, deal, event, until=str(deal.protected_until), **why)
    opportunity = _open_opportunity(session, deal)
    for rival in line.rivals(session, deal):
        put_in_line(session, rival)
    notices.approved(session, deal)
    return opportunity


def put_in_line(session: Session, deal: DealRegistration) -> bool:
    """Queue a registration behind the one that protects its account; whether it was."""
    if line.protector(session, deal, clock_of(session)()) is None:
        return False
    stop_clock(deal)
    move(session, None, deal, DealEvent.QUEUE)
    notices.queued(session, deal)
    return True


def _protect(session: Session, deal: DealRegistration, now: datetime) -> None:
    zone = line.zone_of(session, deal)
    days = session.get_one(Enrolment, deal.enrolment_id).tier.protection_days
    deal.protected_from = now
    deal.protected_until = rules.protected_until(now, days, zone)
    jobs.enqueue(
        session,
        "deals.expire",
        _morning_after(deal.protected_until, zone),
        key=f"deals.expire:{deal.id}",
    )


def _morning_after(last: date, zone: str) -> datetime:
    first_free = datetime.combine(last + timedelta(days=1), time(0, 1), ZoneInfo(zone))
    return first_free.astimezone(UTC)


def _open_opportunity(session: Session, deal: DealRegistration) -> Opportunity:
    opportunity = Opportunity(
        tenant_id=deal.vendor_id,
        partner_id=deal.tenant_id,
        deal_id=deal.id,
        launch_id=deal.launch_id,
        sourcing_code=deal.campaign_code,
        name=deal.account_name,
        amount_minor=deal.estimated_value_minor,
        currency=deal.currency,
        stage=OpportunityStage(deal.sales_stage),
    )
    session.add(opportunity)
    session.flush()
    return opportunity
