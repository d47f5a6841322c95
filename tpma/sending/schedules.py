"""The steps of a launch on its page: when, to whom, how many so far, how many left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core import i18n
from tpma.kits import sequence
from tpma.launches import steps
from tpma.launches.models import Launch
from tpma.launches.steps import Step
from tpma.sending import progress
from tpma.sending.models import OPEN_STATES, Message, SendState


@dataclass(frozen=True, slots=True)
class Line:
    """One mail of the launch in figures."""

    number: int
    asset: str
    when: str
    whom: str
    sent: int
    waiting: int
    left_out: list[tuple[str, int]]  # why, in words, with how many

    @property
    def left_out_sum(self) -> int:
        return sum(number for _why, number in self.left_out)


def of(session: Session, launch: Launch) -> list[Line]:
    """A line a mail, for launches of several; one mail is told by the page itself."""
    found = steps.of(launch)
    if len(found) < 2:
        return []
    counted = _counted(session, launch.id, launch.tenant_id)
    return [_line(launch, step, counted.get(step.number, {})) for step in found]


def _counted(
    session: Session, launch_id: UUID, tenant_id: UUID
) -> dict[int, dict[tuple[SendState, str], int]]:
    rows = session.execute(
        select(Message.step, Message.send_state, Message.reason, func.count())
        .where(Message.launch_id == launch_id, Message.tenant_id == tenant_id)
        .group_by(Message.step, Message.send_state, Message.reason)
    )
    found: dict[int, dict[tuple[SendState, str], int]] = {}
    for step, state, reason, number in rows:
        found.setdefault(step, {})[state, reason] = number
    return found


def _line(launch: Launch, step: Step, counted: Mapping[tuple[SendState, str], int]) -> Line:
    left_out: dict[str, int] = {}
    for (state, reason), number in counted.items():
        if state is SendState.SKIPPED:
            left_out[reason] = left_out.get(reason, 0) + number
    return Line(
        number=step.number,
        asset=step.asset,
        when=_when(launch, step),
        whom=sequence.whom(step),
        sent=sum(n for (state, _why), n in counted.items() if state is SendState.ACCEPTED),
        waiting=sum(n for (state, _why), n in counted.items() if state in OPEN_STATES),
        left_out=progress.in_words(left_out),
    )


def _when(launch: Launch, step: Step) -> str:
    """The day and hour on the partner's wall; of a mail a deed sends, how long after it."""
    start = launch.started_at or launch.start_at
    if step.is_triggered or start is None:
        return sequence.when(step)
    return i18n.moment(steps.moment(launch, start, step), "short")
