"""Costs of a campaign: the partner enters what was spent, and by whom it was paid."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.money import Money
from tpma.core.text import one_line
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.models import CostEntry, CostFunder, Launch

CATEGORIES: dict[str, str] = {
    "media": lazy("Media"),
    "agency": lazy("Agency"),
    "event": lazy("Event"),
    "content": lazy("Content"),
    "translation": lazy("Translation"),
    "platform": lazy("Platform"),
    "enablement": lazy("Enablement"),
}
FUNDERS: dict[str, str] = {
    CostFunder.PARTNER: lazy("Partner"),
    CostFunder.VENDOR: lazy("Vendor"),
    CostFunder.MDF: lazy("Marketing funds"),
}


@dataclass(frozen=True, slots=True)
class Cost:
    category: str
    amount: Money
    incurred_on: date | None
    funded_by: str = CostFunder.PARTNER
    note: str = ""
    invoice_no: str = ""


def add_cost(session: Session, actor: Actor, code: str, cost: Cost) -> CostEntry:
    """Enter a cost of a campaign. Raises Invalid with the field, NotFound for another's."""
    launch = own_launch(session, actor, code)
    _refuse(launch, cost, clock_of(session)().astimezone(ZoneInfo(launch.timezone)).date())
    entry = CostEntry(
        tenant_id=launch.tenant_id,
        launch_id=launch.id,
        category=cost.category,
        amount_minor=cost.amount.minor,
        currency=launch.currency,
        incurred_on=cost.incurred_on,
        funded_by=CostFunder(cost.funded_by),
        note=one_line(cost.note, 200, "note"),
        invoice_no=one_line(cost.invoice_no, 60, "invoice_no"),
    )
    session.add(entry)
    session.flush()
    _record(session, actor, "cost.added", entry, launch)
    return entry


def _refuse(launch: Launch, cost: Cost, today: date) -> None:
    if cost.category not in CATEGORIES:
        raise Invalid(_("Choose what the money was spent on."), field="category")
    if cost.funded_by not in FUNDERS:
        raise Invalid(_("Choose who paid."), field="funded_by")
    if cost.amount.currency != launch.currency:
        raise Invalid(
            _("Enter the amount in %(currency)s.", currency=launch.currency), field="amount"
        )
    if cost.amount.minor <= 0:
        raise Invalid(_("Enter an amount above 0."), field="amount")
    if cost.incurred_on is None:
        raise Invalid(_("Enter the day it was spent."), field="incurred_on")
    if cost.incurred_on > today:
        raise Invalid(
            _("This day is still to come. Enter costs once they are made."), field="incurred_on"
        )


def remove_cost(session: Session, actor: Actor, code: str, cost_id: UUID) -> Cost:
    """Take a cost out; what it was is handed back, so that it can be entered again."""
    launch = own_launch(session, actor, code)
    entry = session.scalar(
        select(CostEntry).where(
            CostEntry.id == cost_id,
            CostEntry.launch_id == launch.id,
            CostEntry.tenant_id == actor.organisation_id,
        )
    )
    if entry is None:
        raise NotFound(_("There is no such cost."))
    removed = Cost(
        category=entry.category,
        amount=Money(entry.amount_minor, entry.currency),
        incurred_on=entry.incurred_on,
        funded_by=entry.funded_by,
        note=entry.note,
        invoice_no=entry.invoice_no,
    )
    _record(session, actor, "cost.removed", entry, launch)
    session.delete(entry)
    session.flush()
    return removed


def own_launch(session: Session, actor: Actor, code: str) -> Launch:
    found = session.scalar(
        select(Launch).where(
            Launch.campaign_code == code, Launch.tenant_id == actor.organisation_id
        )
    )
    if found is None:
        raise NotFound(_("There is no such campaign."))
    return found


def _record(session: Session, actor: Actor, action: str, entry: CostEntry, launch: Launch) -> None:
    detail = {
        "code": launch.campaign_code,
        "amount": entry.amount_minor,
        "category": entry.category,
    }
    record(session, actor, launch.tenant_id, action, entry, **detail)
