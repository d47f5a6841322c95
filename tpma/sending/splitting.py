"""Two subjects of the first mail: a sample gets both, the rest the better one.

`launches.subject_test` holds the languages that have two, then the sample's size, then what came
of it. Rows of the sample carry their variant; the rest stays planned until it is decided.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.identity.service import record
from tpma.launches.models import Launch, LaunchState
from tpma.sending import queueing, split_rules
from tpma.sending.models import Message, SendState
from tpma.sending.split_rules import Arm, Outcome, Verdict

_UNSENT = (SendState.PLANNED, SendState.QUEUED, SendState.SUBMITTING)
_AT_ONCE = 500  # rows a statement


def sample(session: Session, launch: Launch, now: datetime) -> ColumnElement[bool] | None:
    """Draw the sample and say when it is decided; which rows go now, None for all of them."""
    test = dict(launch.subject_test)
    if not test or "winner" in test:
        return None
    if "arm" not in test:
        drawn = _draw(session, launch, test["locales"])
        arm = sum(variant == "a" for variant in drawn.values())
        test["arm"] = arm
        if arm < split_rules.LEAST_ARM:
            launch.subject_test = test
            _keep(session, launch, split_rules.decide(Arm(arm, 0), Arm(arm, 0)), now)
            return None
        launch.subject_test = test
        _mark(session, launch, drawn)
        _ask_again(session, launch, now + _wait(launch), 1)
    return Message.variant.in_(["a", "b"])


def _draw(session: Session, launch: Launch, locales: list[str]) -> dict[bytes, str]:
    keys = session.scalars(
        select(Message.rcpt_key).where(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.step == 1,
            Message.send_state == SendState.PLANNED,
            Message.locale.in_(locales),
        )
    )
    return split_rules.draw(launch.id, keys.all(), launch.trial_share)


def _wait(launch: Launch) -> timedelta:
    return timedelta(hours=launch.trial_hours)


def _mark(session: Session, launch: Launch, drawn: dict[bytes, str]) -> None:
    for variant in ("a", "b"):
        keys = [key for key, found in drawn.items() if found == variant]
        for at in range(0, len(keys), _AT_ONCE):
            session.execute(
                update(Message)
                .where(Message.launch_id == launch.id, Message.step == 1)
                .where(Message.rcpt_key.in_(keys[at : at + _AT_ONCE]))
                .values(variant=variant)
                .execution_options(synchronize_session=False)
            )


def _ask_again(session: Session, launch: Launch, when: datetime, turn: int) -> None:
    jobs.enqueue(
        session,
        "sending.decide_subject",
        when,
        key=f"sending.decide_subject:{launch.id}:{turn}",
        launch_id=str(launch.id),
        turn=turn,
    )


def settle(session: Session, launch: Launch, now: datetime, turn: int) -> None:
    """Decide, and queue the rest; later, while the sample has not had its time. Safe to repeat."""
    if launch.state not in (LaunchState.RUNNING, LaunchState.PAUSED):
        return
    if "winner" in launch.subject_test or "arm" not in launch.subject_test:
        return
    due = _due(session, launch, now)
    if due > now:
        _ask_again(session, launch, due, turn + 1)
        return
    verdict = split_rules.decide(arm_of(session, launch, "a"), arm_of(session, launch, "b"))
    _keep(session, launch, verdict, now)
    if verdict.winner == "b":
        _give_second(session, launch)
    queueing.queue(session, launch, 1, now)


def _due(session: Session, launch: Launch, now: datetime) -> datetime:
    """When the last of the sample has had it for so long; a quarter later while some wait."""
    mine = (Message.launch_id == launch.id, Message.step == 1, Message.variant.in_(["a", "b"]))
    waiting = session.scalar(select(func.count()).where(*mine, Message.send_state.in_(_UNSENT)))
    if waiting:
        return now + _wait(launch) / 16
    last = session.scalar(select(func.max(Message.accepted_at)).where(*mine))
    return last + _wait(launch) if last else now


def arm_of(session: Session, launch: Launch, variant: str) -> Arm:
    """Who got the subject, and how many of them clicked themselves."""
    sent, clicked = session.execute(
        select(func.count(), func.count(Message.clicked_at)).where(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.step == 1,
            Message.variant == variant,
            Message.send_state == SendState.ACCEPTED,
        )
    ).one()
    return Arm(sent, clicked)


def _keep(session: Session, launch: Launch, verdict: Verdict, now: datetime) -> None:
    a, b = arm_of(session, launch, "a"), arm_of(session, launch, "b")
    found: dict[str, Any] = {
        "outcome": verdict.outcome.value,
        "winner": verdict.winner,
        "sent": [a.sent, b.sent],
        "clicked": [a.clicked, b.clicked],
        "between": [round(verdict.low, 4), round(verdict.high, 4)],
        "needed": verdict.needed,
        "decided_at": now.isoformat(),
    }
    launch.subject_test = launch.subject_test | found
    detail = {key: found[key] for key in ("outcome", "winner", "sent", "clicked")}
    record(session, None, launch.tenant_id, "launch.subject_decided", launch, **detail)


def _give_second(session: Session, launch: Launch) -> None:
    session.execute(
        update(Message)
        .where(
            Message.launch_id == launch.id,
            Message.tenant_id == launch.tenant_id,
            Message.step == 1,
            Message.send_state == SendState.PLANNED,
            Message.locale.in_(launch.subject_test["locales"]),
        )
        .values(variant="w")
        .execution_options(synchronize_session=False)
    )


def is_waiting(launch: Launch) -> bool:
    """A sample is out, and the rest waits for what it proves."""
    return "arm" in launch.subject_test and "winner" not in launch.subject_test


def is_too_small(launch: Launch) -> bool:
    return launch.subject_test.get("outcome") == Outcome.TOO_SMALL.value
