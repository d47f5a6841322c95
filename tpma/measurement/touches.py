"""What happened under one campaign code, day by day: counts, never people."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext, number
from tpma.deals.models import DealRegistration, Opportunity, OpportunityStage
from tpma.deals.shown import short_day
from tpma.launches.models import CostEntry, Launch
from tpma.leads.models import Lead
from tpma.measurement.tally import NOT_A_LEAD, NOT_REGISTERED, Scope, sourced_by_launch
from tpma.pages.models import FormSubmission, SubmissionState
from tpma.sending.models import Message, SendState
from tpma.tracking.models import EventType, TrackingEvent, Verdict


@dataclass(frozen=True, slots=True)
class Touch:
    on: date  # UTC
    kind: str
    count: int
    step: int = 0


def touches(session: Session, scope: Scope) -> list[Touch]:
    """All kinds, oldest day first; the scope names the launch."""
    found = [touch for kind in _KINDS for touch in kind(session, scope)]
    return sorted(found, key=lambda touch: (touch.on, _ORDER.index(touch.kind), touch.step))


def sentence(touch: Touch) -> str:
    many = {
        "mail": lambda n: ngettext(
            "Mail %(step)s went to %(num)s reader",
            "Mail %(step)s went to %(num)s readers",
            n,
            num=number(n),
            step=touch.step,
        ),
        "click": lambda n: ngettext(
            "%(num)s mail clicked", "%(num)s mails clicked", n, num=number(n)
        ),
        "hit": lambda n: ngettext("%(num)s click", "%(num)s clicks", n, num=number(n)),
        "form": lambda n: ngettext("%(num)s form sent", "%(num)s forms sent", n, num=number(n)),
        "lead": lambda n: ngettext("%(num)s new lead", "%(num)s new leads", n, num=number(n)),
        "deal": lambda n: ngettext(
            "%(num)s deal registered", "%(num)s deals registered", n, num=number(n)
        ),
        "won": lambda n: ngettext("%(num)s deal won", "%(num)s deals won", n, num=number(n)),
        "cost": lambda n: ngettext(
            "%(num)s cost entered", "%(num)s costs entered", n, num=number(n)
        ),
        "start": lambda n: _("Launched"),
        "end": lambda n: _("Ended"),
    }
    return many[touch.kind](touch.count)


def by_day(found: list[Touch]) -> list[tuple[str, list[str]]]:
    """Each day, and what happened on it."""
    days = groupby(found, key=lambda touch: touch.on)
    return [(short_day(on), [sentence(touch) for touch in day]) for on, day in days]


_ORDER = ("start", "mail", "click", "hit", "form", "lead", "deal", "won", "cost", "end")


def _daily(
    session: Session, kind: str, at: Any, *conditions: Any, what: Any = None
) -> Iterable[Touch]:
    """One touch a day with rows; `func.date` answers text on SQLite and a date on PostgreSQL."""
    counted = func.count() if what is None else func.count(what)
    rows = session.execute(
        select(func.date(at), counted).where(at.is_not(None), *conditions).group_by(func.date(at))
    )
    return [Touch(date.fromisoformat(str(day)), kind, number) for day, number in rows]


def _mails(session: Session, scope: Scope) -> Iterable[Touch]:
    day = func.date(Message.accepted_at)
    rows = session.execute(
        select(day, Message.step, func.count())
        .where(Message.launch_id.in_(scope.ids), Message.send_state == SendState.ACCEPTED)
        .where(Message.accepted_at.is_not(None))
        .group_by(day, Message.step)
    )
    return [Touch(date.fromisoformat(str(on)), "mail", n, step) for on, step, n in rows]


def _clicks(session: Session, scope: Scope) -> Iterable[Touch]:
    return _daily(
        session,
        "click",
        TrackingEvent.occurred_at,
        TrackingEvent.launch_id.in_(scope.ids),
        TrackingEvent.type == EventType.CLICK,
        TrackingEvent.verdict == Verdict.HUMAN,
        TrackingEvent.message_id.is_not(None),
        what=TrackingEvent.message_id.distinct(),
    )


def _hits(session: Session, scope: Scope) -> Iterable[Touch]:
    """Clicks in mails of own mailers, which name nobody."""
    return _daily(
        session,
        "hit",
        TrackingEvent.occurred_at,
        TrackingEvent.launch_id.in_(scope.ids),
        TrackingEvent.type == EventType.CLICK,
        TrackingEvent.verdict == Verdict.HUMAN,
        TrackingEvent.message_id.is_(None),
    )


def _forms(session: Session, scope: Scope) -> Iterable[Touch]:
    return _daily(
        session,
        "form",
        FormSubmission.created_at,
        FormSubmission.launch_id.in_(scope.ids),
        FormSubmission.state != SubmissionState.SPAM,
    )


def _leads(session: Session, scope: Scope) -> Iterable[Touch]:
    mine = Lead.launch_id.in_(scope.ids)
    return _daily(session, "lead", Lead.created_at, mine, Lead.state.not_in(NOT_A_LEAD))


def _deals(session: Session, scope: Scope) -> Iterable[Touch]:
    mine = DealRegistration.launch_id.in_(scope.ids)
    submitted = DealRegistration.state.not_in(NOT_REGISTERED)
    return _daily(session, "deal", DealRegistration.complete_at, mine, submitted)


def _won(session: Session, scope: Scope) -> Iterable[Touch]:
    sourced = select(Opportunity.id).join(Launch, sourced_by_launch()).where(scope.launches)
    mine, won = Opportunity.id.in_(sourced), Opportunity.stage == OpportunityStage.WON
    return _daily(session, "won", Opportunity.closed_at, mine, won)


def _costs(session: Session, scope: Scope) -> Iterable[Touch]:
    rows = session.execute(
        select(CostEntry.incurred_on, func.count())
        .where(CostEntry.launch_id.in_(scope.ids))
        .group_by(CostEntry.incurred_on)
    )
    return [Touch(on, "cost", number) for on, number in rows]


def _life(session: Session, scope: Scope) -> Iterable[Touch]:
    for started, finished in session.execute(
        select(Launch.started_at, Launch.finished_at).where(scope.launches)
    ):
        if started:
            yield Touch(started.date(), "start", 1)
        if finished:
            yield Touch(finished.date(), "end", 1)


_KINDS = (_life, _mails, _clicks, _hits, _forms, _leads, _deals, _won, _costs)
