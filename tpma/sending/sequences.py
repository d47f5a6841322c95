"""Who gets a later mail of a launch, and who leaves its way before: conditions for statements."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, select, update
from sqlalchemy.orm import Session

from tpma.launches import steps
from tpma.launches.models import Launch
from tpma.launches.steps import Step
from tpma.sending.deeds import DeedKind, ReaderDeed
from tpma.sending.models import Message, SendState

WAITING = (SendState.PLANNED, SendState.QUEUED)
EXIT = "exit_"  # begins the reason of a row whose reader left the way: exit_form, exit_deal


def meets(launch: Launch, step: Step) -> list[ColumnElement[bool]]:
    """What the earlier mail (a row of Message) of a reader of this step meets."""
    if step.condition == "none":
        return []
    done = Message.rcpt_key.in_(did(launch.id, step))
    return [~done if step.condition.startswith("not_") else done]


def did(launch_id: UUID, step: Step) -> Select[bytes]:
    """Recipients who did what the condition of a step speaks of; machines did nothing."""
    if step.condition.endswith("form"):
        return _deeds(launch_id, DeedKind.FORM)
    if step.link:
        named = ReaderDeed.link_key.endswith(f".{step.link}", autoescape=True)
        return _deeds(launch_id, DeedKind.CLICK).where(named)
    earlier = Message.__table__.alias("earlier")
    return select(earlier.c.rcpt_key).where(
        earlier.c.launch_id == launch_id,
        earlier.c.step < step.number,
        earlier.c.clicked_at.is_not(None),
    )


def _deeds(launch_id: UUID, kind: DeedKind) -> Select[bytes]:
    return select(ReaderDeed.rcpt_key).where(
        ReaderDeed.launch_id == launch_id, ReaderDeed.kind == kind
    )


def skip_left(
    session: Session, launch: Launch, step_number: int, waiting: ColumnElement[bool]
) -> None:
    """Skip, among the messages `waiting` names, those whose reader left the way (T2, T6).

    The first mail has no way before it, so it costs nothing.
    """
    if step_number == 1:
        return
    step = steps.of(launch)[step_number - 1]
    ended = and_(
        ReaderDeed.launch_id == launch.id,
        ReaderDeed.rcpt_key == Message.rcpt_key,
        ReaderDeed.kind.in_([DeedKind(kind) for kind in step.exits]),
    )
    kind = select(func.min(ReaderDeed.kind)).where(ended).correlate(Message).scalar_subquery()
    session.execute(
        update(Message)
        .where(waiting, exists(select(ReaderDeed.id).where(ended).correlate(Message)))
        .values(send_state=SendState.SKIPPED, reason=literal(EXIT).concat(kind), not_before=None)
        .execution_options(synchronize_session=False)
    )


def leave(session: Session, launch: Launch, keys: Collection[bytes]) -> None:
    """These readers did something that ends a way: what waits for them is skipped at once."""
    for step in steps.of(launch) if keys else ():
        waiting = and_(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.step == step.number,
            Message.rcpt_key.in_(keys),
            Message.send_state.in_(WAITING),
        )
        skip_left(session, launch, step.number, waiting)
