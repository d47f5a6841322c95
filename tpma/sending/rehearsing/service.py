"""Ask for a rehearsal, and hold it. Nothing of the launch changes by it but the list of changes."""

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, TpmaError
from tpma.core.i18n import gettext as _
from tpma.core.i18n import speaking
from tpma.identity.models import User
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.models import Launch, LaunchState
from tpma.sending.rehearsing import figures, ledger, playing
from tpma.sending.rehearsing.models import UNDER_WAY, Rehearsal, RehearsalState
from tpma.system import System

MOST_SEED = 2**31 - 1
MOST_TRIES = 2
BEFORE_IT_LEAVES = (LaunchState.DRAFT, LaunchState.READY, LaunchState.SCHEDULED)


def may_rehearse(launch: Launch) -> bool:
    return launch.state in BEFORE_IT_LEAVES


def begin(
    session: Session, actor: Actor | None, launch: Launch, seed: int | None = None
) -> Rehearsal:
    """A new rehearsal, not yet queued. Raises Conflict if the launch has left the wings, or one
    is under way."""
    session.execute(select(Launch.id).where(Launch.id == launch.id).with_for_update())
    if not may_rehearse(launch):
        raise Conflict(
            _("Only what has not left can be rehearsed. Begin a new launch of this kit.")
        )
    current = newest(session, launch)
    if current is not None and current.under_way:
        raise Conflict(_("This launch is being rehearsed already. Wait until that is done."))
    made = Rehearsal(
        tenant_id=launch.tenant_id,
        launch_id=launch.id,
        user_id=actor.user_id if actor else None,
        seed=secrets.randbelow(MOST_SEED) if seed is None else seed,
    )
    session.add(made)
    session.flush()
    record(session, actor, launch.tenant_id, "launch.rehearsed", launch)
    return made


def ask(session: Session, actor: Actor, launch: Launch) -> Rehearsal:
    """As `begin`, for a worker to hold; asked twice, the one under way is the answer."""
    current = newest(session, launch)
    if current is not None and current.under_way:
        return current
    made = begin(session, actor, launch)
    jobs.enqueue(
        session,
        "sending.rehearse",
        clock_of(session)(),
        key=f"sending.rehearse:{made.id}",
        rehearsal_id=str(made.id),
    )
    return made


def history(session: Session, launch: Launch, most: int = 10) -> list[Rehearsal]:
    """Newest first."""
    return list(
        session.scalars(
            select(Rehearsal)
            .where(Rehearsal.launch_id == launch.id, Rehearsal.tenant_id == launch.tenant_id)
            .order_by(Rehearsal.created_at.desc(), Rehearsal.id.desc())
            .limit(most)
        )
    )


def newest(session: Session, launch: Launch) -> Rehearsal | None:
    return next(iter(history(session, launch, 1)), None)


def hold(system: System, rehearsal_id: UUID) -> None:
    """Play it and keep the figures. One whose worker died is begun anew, once."""
    begun = _begun(system, rehearsal_id)
    if begun is None:
        return
    with speaking(begun.locale):
        try:
            found = _played(system, rehearsal_id, begun.launch_id, begun.seed)
        except TpmaError as error:
            _close(system, rehearsal_id, RehearsalState.FAILED, problem=error.message[:300])
            return
    _close(system, rehearsal_id, RehearsalState.DONE, figures=found)


def _played(system: System, rehearsal_id: UUID, launch_id: UUID, seed: int) -> dict[str, Any]:
    with system.db.reading() as session:
        script = ledger.read(session, system, session.get_one(Launch, launch_id), seed)

        def tell(handed_over: int, mails: int) -> None:
            _write(system, rehearsal_id, handed_over=handed_over, mails=mails)

    found = playing.play(system, script, seed, tell)
    return found | figures.expected(system.db, system.mail.name, script.readers)


class _Begun:
    def __init__(self, launch_id: UUID, seed: int, locale: str) -> None:
        self.launch_id, self.seed, self.locale = launch_id, seed, locale


def _begun(system: System, rehearsal_id: UUID) -> _Begun | None:
    """None if it is over, or has killed its worker twice."""
    now = system.clock()
    with system.db.transaction() as session:
        found = session.get_one(Rehearsal, rehearsal_id, with_for_update=True)
        user = session.get(User, found.user_id) if found.user_id else None
        locale = user.locale if user else "en"
        if found.state not in UNDER_WAY:
            return None
        if found.tries >= MOST_TRIES:
            with speaking(locale):
                found.problem = _("It broke off twice. The operator finds why in the log.")
            found.state, found.finished_at = RehearsalState.FAILED, now
            return None
        found.tries += 1
        found.state, found.started_at = RehearsalState.RUNNING, now
        return _Begun(found.launch_id, found.seed, locale)


def _close(system: System, rehearsal_id: UUID, state: RehearsalState, **values: Any) -> None:
    _write(system, rehearsal_id, state=state, finished_at=system.clock(), **values)


def _write(system: System, rehearsal_id: UUID, **values: Any) -> None:
    with system.db.transaction() as session:
        session.execute(
            update(Rehearsal)
            .where(Rehearsal.id == rehearsal_id)
            .values(row_version=Rehearsal.row_version + 1, **values)
            .execution_options(synchronize_session=False)
        )
