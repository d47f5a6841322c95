"""Who gets a mail: the recipients of a launch as rows, written set-based.

One INSERT … SELECT plans a step; run again it adds nothing (UNIQUE launch, step, recipient).
Everybody matched gets a row, and who may not be written to gets one that says why.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    Uuid,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact, ContactStatus
from tpma.audiences.rules import Held, told
from tpma.core.db import roomy, upsert
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch
from tpma.launches.steps import Step
from tpma.sending import sequences
from tpma.sending.models import Message, SendState

SKIP_NO_CONSENT = Held.NO_CONSENT.value
SKIP_SUPPRESSED = Held.SUPPRESSED.value
SKIP_VENDOR_LIST = Held.VENDOR_LIST.value
SKIP_NOT_OPTED_IN = Held.NOT_OPTED_IN.value
SKIP_TERRITORY = "territory"
SKIP_LOCALE = "locale"


def audience(session: Session, launch: Launch) -> list[ColumnElement[bool]]:
    """The conditions a contact meets whom the launch is meant for."""
    return audiences.chosen(session, launch.tenant_id, launch.segment_id)


def reader_locales(session: Session, launch: Launch) -> dict[str, int]:
    """Language as it stands on the contacts ("" if none) → how many people have it."""
    return _split(session, launch, Contact.locale)


def reader_countries(session: Session, launch: Launch) -> dict[str, int]:
    """ISO country ("" if unknown) → how many people live there."""
    return _split(session, launch, Contact.country)


def _split(session: Session, launch: Launch, column: Any) -> dict[str, int]:
    rows = session.execute(
        select(column, func.count()).where(*audience(session, launch)).group_by(column)
    )
    return {row[0]: row[1] for row in rows}


def unwritable_names(session: Session, launch: Launch) -> int:
    """Contacts whose name would open a new header line; imports and forms let none in."""
    columns = (Contact.given_name, Contact.family_name, Contact.company)
    broken = or_(*(column.contains(sign) for column in columns for sign in ("\r", "\n")))
    return session.scalar(select(func.count()).where(*audience(session, launch)).where(broken)) or 0


def locale_plan(plan: Drawing, spoken: Mapping[str, int]) -> dict[str, str | None]:
    """A contact's language → the launch's locale that serves it; None if nothing does.

    Nobody's language is guessed: without one a reader gets the launch's primary locale, and with
    one the kit lacks only if the partner accepted that on the first screen.
    """
    primary = plan.launch.primary_locale
    found: dict[str, str | None] = {"": primary}
    for tag in spoken:
        if tag and plan.served(tag) is not None:
            found[tag] = tag
        elif tag:
            found[tag] = primary if plan.launch.accepted_fallback else None
    return found


def plan_first(
    session: Session,
    plan: Drawing,
    locales: Mapping[str, str | None],
    *,
    law: ColumnElement[str] | None = None,
    engaged_first: bool = False,
) -> int:
    """Plan step 1: a row for each recipient, planned or skipped with the reason (T1, T2).

    `law` (`first_law_of`) holds back whom their country protects; each mail's commit asks again.
    `engaged_first`: a young domain's first mails go to who clicked last, then to the newest
    contacts. Opens say nothing: machines open mails.
    """
    # Numbered in a query of its own, which neither database folds into the one around it: else the
    # reason, by far the dearest of a row, would be asked for twice.
    people = (
        select(
            Contact.id,
            Contact.hmac,
            _locale(plan, locales).label("locale"),
            reason(plan, locales, law).label("reason"),
            func.row_number()
            .over(order_by=_engaged() if engaged_first else Contact.id)
            .label("seq"),
        )
        .where(*audience(session, plan.launch))
        .subquery()
    )
    rows = select(
        literal(plan.launch.tenant_id, Uuid()),
        literal(plan.launch.id, Uuid()),
        literal(1),
        people.c.seq,
        people.c.id,
        people.c.hmac,
        people.c.locale,
        case((people.c.reason == "", SendState.PLANNED.value), else_=SendState.SKIPPED.value),
        people.c.reason,
        literal(1),
        literal(0),
    )
    return _insert(session, plan.launch, 1, rows)


def _engaged() -> list[Any]:
    clicked = (
        select(func.max(Message.clicked_at))
        .where(Message.contact_id == Contact.id, Message.tenant_id == Contact.tenant_id)
        .correlate(Contact)
        .scalar_subquery()
    )
    return [clicked.desc().nulls_last(), Contact.created_at.desc(), Contact.id]


def plan_next(session: Session, launch: Launch, step: Step) -> int:
    """Plan a later step from those who got the first, as far as they meet its condition.

    Who unsubscribed, bounced, withdrew or left the way since is caught when the rows are queued.
    """
    before = select(Message.contact_id, Message.rcpt_key, Message.locale, Message.seq).where(
        Message.launch_id == launch.id,
        Message.tenant_id == launch.tenant_id,
        Message.step == 1,
        Message.send_state == SendState.ACCEPTED,
        *sequences.meets(launch, step),
    )
    people = before.subquery()
    rows = select(
        literal(launch.tenant_id, Uuid()),
        literal(launch.id, Uuid()),
        literal(step.number),
        func.row_number().over(order_by=people.c.seq),
        people.c.contact_id,
        people.c.rcpt_key,
        people.c.locale,
        literal(SendState.PLANNED.value),
        literal(""),
        literal(1),
        literal(0),
    ).select_from(people)
    return _insert(session, launch, step.number, rows)


_COLUMNS = [
    "tenant_id",
    "launch_id",
    "step",
    "seq",
    "contact_id",
    "rcpt_key",
    "locale",
    "send_state",
    "reason",
    "generation",
    "attempt_n",
]


def _insert(session: Session, launch: Launch, step: int, rows: Select[Any]) -> int:
    """Add what is not there yet; how many. Who plans the same launch at once waits for us.

    Where nothing was planned before, no row has to be looked for before it is added.
    """
    session.execute(select(Launch.id).where(Launch.id == launch.id).with_for_update(key_share=True))
    mine = (Message.launch_id == launch.id, Message.step == step)
    # SQLite reads "SELECT … ON CONFLICT" as a join unless the select has a WHERE.
    made = upsert(session, Message).from_select(_COLUMNS, rows.where(literal(True)))
    if session.scalar(select(Message.id).where(*mine).limit(1)) is not None:
        made = made.on_conflict_do_nothing()
    with roomy(session):
        result: Any = session.execute(made.execution_options(preserve_rowcount=True))
    return int(result.rowcount)


def _locale(plan: Drawing, locales: Mapping[str, str | None]) -> ColumnElement[str]:
    known = {tag: target or plan.launch.primary_locale for tag, target in locales.items()}
    return case(known, value=Contact.locale, else_=plan.launch.primary_locale)


def law_of(launch: Launch, today: date) -> ColumnElement[str]:
    """The rule of the law by which a contact is held back; "" if none."""
    return audiences.problem_under(launch.markets.split(), today)


def first_law_of(launch: Launch, today: date) -> ColumnElement[str]:
    """As `law_of`, and CONS-07: who waits two years for a first mail is left out as it is planned.
    Nothing that happens until it leaves makes a consent older than the days between."""
    lands = launch.markets.split()
    return audiences.problem_under(lands, today, forgotten_by=launch.tenant_id)


def reason(
    plan: Drawing, locales: Mapping[str, str | None], law: ColumnElement[str] | None = None
) -> ColumnElement[str]:
    """Why this person is left out; "" if they are not. The first that holds is told."""
    unserved = [tag for tag, target in locales.items() if target is None]
    denied = list(plan.content.deny)
    whens = audiences.refusals(plan.launch.vendor_id, law=law)
    if denied:
        whens.append((Contact.country.in_(denied), SKIP_TERRITORY))
    if unserved:
        whens.append((Contact.locale.in_(unserved), SKIP_LOCALE))
    return case(*whens, else_="")


def unplan(session: Session, launch: Launch) -> None:
    """Drop the rows of a launch nothing of which has left (it was unscheduled)."""
    session.execute(
        Message.__table__.delete().where(  # type: ignore[attr-defined]
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.send_state.in_([SendState.PLANNED, SendState.SKIPPED]),
        )
    )


def drop_unmailable(
    session: Session, launch: Launch, step: int, state: SendState, today: date
) -> None:
    """Skip who withdrew, was suppressed or erased, or left the way since, and whom their
    country's law protects (T2)."""
    waiting = and_(
        Message.launch_id == launch.id,
        Message.tenant_id == launch.tenant_id,
        Message.step == step,
        Message.send_state == state,
    )
    session.execute(skipping(launch.vendor_id, waiting, law_of(launch, today)))
    sequences.skip_left(session, launch, step, waiting)


def skipping(
    vendor_id: UUID | Any,
    waiting: ColumnElement[bool],
    law: ColumnElement[str],
    *,
    domains: bool = True,
) -> Update:
    """Skip, among the messages `waiting` names, those nobody may send any more (T2, T6).

    `vendor_id` may be a parameter of the statement.
    """
    reason = refusal(vendor_id, law, domains=domains)
    return (
        update(Message)
        .where(waiting, reason != "")
        .values(send_state=SendState.SKIPPED, reason=reason, not_before=None)
        .execution_options(synchronize_session=False)
    )


def refusal(
    vendor_id: UUID | Any, law: ColumnElement[str], *, domains: bool = True
) -> ColumnElement[str]:
    """Why the reader of a message may not be written to now; "" if they may."""
    why = (
        select(audiences.held_back(vendor_id, law=law, domains=domains))
        .where(Contact.id == Message.contact_id, Contact.status == ContactStatus.ACTIVE)
        .correlate(Message)
        .scalar_subquery()
    )
    # Who was erased is no contact any more.
    return func.coalesce(why, SKIP_SUPPRESSED)


def counts(session: Session, launch_id: UUID, step: int | None = None) -> dict[str, int]:
    """send_state → rows."""
    query = select(Message.send_state, func.count()).where(Message.launch_id == launch_id)
    if step is not None:
        query = query.where(Message.step == step)
    rows = session.execute(query.group_by(Message.send_state))
    return {str(row[0]): row[1] for row in rows}


def skipped(session: Session, launch_id: UUID) -> dict[str, int]:
    """Reason → rows of step 1 that were left out, as the partner may know it."""
    rows = session.execute(
        select(Message.reason, func.count())
        .where(
            Message.launch_id == launch_id,
            Message.step == 1,
            Message.send_state == SendState.SKIPPED,
        )
        .group_by(Message.reason)
    )
    found = {row[0]: row[1] for row in rows}
    lists = told(found.pop(SKIP_SUPPRESSED, 0), found.pop(SKIP_VENDOR_LIST, 0))
    found |= dict(zip((SKIP_SUPPRESSED, SKIP_VENDOR_LIST), lists, strict=True))
    return {reason: number for reason, number in found.items() if number}
