"""What the operator sees: how many, how busy, what is stuck. Nothing a tenant keeps."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import (
    Membership,
    Organisation,
    OrganisationKind,
    User,
    UserStatus,
)
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.jobs import Job


@dataclass(frozen=True, slots=True)
class Overview:
    vendors: int
    partners: int
    users: int
    jobs_queued: int
    jobs_dead: int
    oldest_due: datetime | None  # run_at of the job that waits longest


@dataclass(frozen=True, slots=True)
class Row:
    """An organisation in the operator's list."""

    organisation: Organisation
    members: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job without its payload: that holds a tenant's data."""

    id: UUID
    name: str
    state: str  # queued running done dead
    run_at: datetime
    attempts: int
    error: str
    ended_at: datetime | None


JOB_STATES = ("dead", "running", "queued", "done")


def overview(session: Session) -> Overview:
    now = clock_of(session)()
    users = session.scalar(select(func.count()).where(User.status == UserStatus.ACTIVE))
    oldest = session.scalar(
        select(func.min(Job.run_at)).where(_is("queued", now), Job.run_at <= now)
    )
    return Overview(
        vendors=_companies(session, OrganisationKind.VENDOR),
        partners=_companies(session, OrganisationKind.PARTNER),
        users=users or 0,
        jobs_queued=_count(session, "queued", now),
        jobs_dead=_count(session, "dead", now),
        oldest_due=oldest,
    )


def organisations(
    session: Session, *, kind: OrganisationKind | None = None, named: str = ""
) -> list[Row]:
    """By name; `named` is a part of the trading or the legal name."""
    people = (
        select(Membership.organisation_id, func.count().label("number"))
        .where(Membership.ended_at.is_(None))
        .group_by(Membership.organisation_id)
        .subquery()
    )
    found = (
        select(Organisation, func.coalesce(people.c.number, 0))
        .outerjoin(people, people.c.organisation_id == Organisation.id)
        .order_by(Organisation.trading_name, Organisation.id)
        .limit(500)
    )
    if kind is not None:
        found = found.where(Organisation.kind == kind)
    if named:
        found = found.where(
            or_(
                Organisation.trading_name.icontains(named, autoescape=True),
                Organisation.legal_name.icontains(named, autoescape=True),
            )
        )
    return [Row(organisation, number) for organisation, number in session.execute(found)]


def job_counts(session: Session) -> dict[str, int]:
    now = clock_of(session)()
    return {state: _count(session, state, now) for state in JOB_STATES}


def jobs_page(session: Session, state: str, *, limit: int = 100) -> list[JobRow]:
    """Jobs in one state: the newest first, or the next due first while they wait."""
    now = clock_of(session)()
    order = Job.run_at if state == "queued" else Job.updated_at.desc()
    rows = session.scalars(select(Job).where(_is(state, now)).order_by(order, Job.id).limit(limit))
    return [
        JobRow(
            job.id,
            job.name,
            state,
            job.run_at,
            job.attempts,
            job.error or "",
            job.dead_at or job.done_at,
        )
        for job in rows
    ]


def retry_job(session: Session, actor: Actor, job_id: UUID) -> None:
    """Give a dead job all its attempts again, from now. Raises Conflict if it is not dead."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound(_("No such job."))
    if job.dead_at is None:
        raise Conflict(_("This job is not dead: it is done, or will be tried again by itself."))
    job.dead_at, job.attempts, job.run_at = None, 0, clock_of(session)()
    record(session, actor, None, "job.retried", job, name=job.name)


def _companies(session: Session, kind: OrganisationKind) -> int:
    return session.scalar(select(func.count()).where(Organisation.kind == kind)) or 0


def _count(session: Session, state: str, now: datetime) -> int:
    return session.scalar(select(func.count()).select_from(Job).where(_is(state, now))) or 0


def _is(state: str, now: datetime) -> ColumnElement[bool]:
    waiting = and_(Job.done_at.is_(None), Job.dead_at.is_(None))
    held = and_(Job.leased_until.is_not(None), Job.leased_until >= now)
    return {
        "done": Job.done_at.is_not(None),
        "dead": Job.dead_at.is_not(None),
        "running": and_(waiting, held),
        "queued": and_(waiting, or_(Job.leased_until.is_(None), Job.leased_until < now)),
    }[state]
