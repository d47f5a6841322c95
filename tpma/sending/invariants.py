"""What must hold of the ledger at every moment, whatever died: `tpma doctor delivery`.

Each invariant is one question for the rows that break it. They read whole tables; on a large
ledger run them from a timer at night. Order: messages, attempts, chunks and lanes, counters.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Select, String, and_, exists, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.launches.models import Launch
from tpma.ports.mail import Outcome
from tpma.sending import open_work
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    LaunchPace,
    Message,
    Notice,
    NoticeState,
    QuotaCounter,
    SendChunk,
    SendLane,
    SendState,
)
from tpma.sending.rules import MOST_GENERATIONS

Rows = Select[Any]  # the rows that break an invariant, one key each
_TRIED = (SendState.SUBMITTING, SendState.IN_DOUBT, SendState.UNCONFIRMED, SendState.ACCEPTED)
_REASONED = (SendState.SKIPPED, SendState.FAILED, SendState.DEAD)


def findings(session: Session) -> Iterator[tuple[bool, str]]:
    """(holds or not, one line with the number of rows that break it)."""
    for line, rows in INVARIANTS:
        broken = session.scalar(select(func.count()).select_from(rows().subquery())) or 0
        yield not broken, f"{line}: {broken}"


def _illegal_states() -> Rows:
    known = [state.value for state in SendState]
    return select(Message.id).where(type_coerce(Message.send_state, String).not_in(known))


def _illegal_notices() -> Rows:
    known = [state.value for state in NoticeState]
    return select(Notice.id).where(type_coerce(Notice.state, String).not_in(known))


def _of_another_tenant() -> Rows:
    return (
        select(Message.id)
        .join(Launch, Launch.id == Message.launch_id)
        .where(Launch.tenant_id != Message.tenant_id)
    )


def _of_nobody() -> Rows:
    """What a foreign key would forbid, had a row of the ledger one."""
    return (
        select(Message.id)
        .outerjoin(Launch, Launch.id == Message.launch_id)
        .outerjoin(Contact, Contact.id == Message.contact_id)
        .where(
            or_(Launch.id.is_(None), and_(Message.contact_id.is_not(None), Contact.id.is_(None)))
        )
    )


def _accepted_unattempted() -> Rows:
    attempted = exists().where(Attempt.message_id == Message.id)
    return select(Message.id).where(Message.send_state == SendState.ACCEPTED, ~attempted)


def _accepted_factless() -> Rows:
    told = exists().where(
        DeliveryFact.message_id == Message.id, DeliveryFact.kind == FactKind.ACCEPTED
    )
    return select(Message.id).where(Message.send_state == SendState.ACCEPTED, ~told)


def _tried_without_its_attempt() -> Rows:
    """The attempt a message stands at is there: the intent was committed with the state."""
    newest = exists().where(Attempt.message_id == Message.id, Attempt.n == Message.attempt_n)
    tried = [state for state in _TRIED if state is not SendState.ACCEPTED]
    return select(Message.id).where(Message.send_state.in_(tried), ~newest)


def _miscounted() -> Rows:
    """`attempt_n` is the number of attempts and that of the newest."""
    held = (
        select(Attempt.message_id, func.count().label("n"), func.max(Attempt.n).label("newest"))
        .group_by(Attempt.message_id)
        .subquery()
    )
    return (
        select(Message.id)
        .join(held, held.c.message_id == Message.id)
        .where(or_(held.c.n != Message.attempt_n, held.c.newest != Message.attempt_n))
    )


def _unexplained() -> Rows:
    return select(Message.id).where(Message.send_state.in_(_REASONED), Message.reason == "")


def _third_generation() -> Rows:
    wrong = or_(Message.generation < 1, Message.generation > MOST_GENERATIONS)
    return select(Message.id).where(wrong)


def _attempt_of_nothing() -> Rows:
    return (
        select(Attempt.id)
        .outerjoin(Message, Message.id == Attempt.message_id)
        .where(Message.id.is_(None))
    )


def _attempt_outcomes() -> Rows:
    known = [outcome.value for outcome in Outcome]
    return select(Attempt.id).where(Attempt.outcome.is_not(None), Attempt.outcome.not_in(known))


def _shared_provider_ids() -> Rows:
    """The outbox names a file by message and generation, so two attempts may share an id; two
    messages may not."""
    return (
        select(Attempt.provider_id)
        .where(Attempt.provider_id.is_not(None))
        .group_by(Attempt.provider_id)
        .having(func.count(func.distinct(Attempt.message_id)) > 1)
    )


def _accepted_too_often() -> Rows:
    """More acceptances than generations: a copy nobody asked for."""
    return (
        select(Attempt.message_id)
        .join(Message, Message.id == Attempt.message_id)
        .where(Attempt.outcome == Outcome.ACCEPTED.value)
        .group_by(Attempt.message_id, Message.generation)
        .having(func.count(func.distinct(Attempt.provider_id)) > Message.generation)
    )


def _queued_outside() -> Rows:
    """A queued message that no worker will ever look at."""
    return (
        select(Message.id)
        .outerjoin(SendChunk, SendChunk.id == Message.chunk_id)
        .where(Message.send_state == SendState.QUEUED)
        .where(or_(SendChunk.id.is_(None), SendChunk.finished_at.is_not(None)))
    )


def _finished_with_open() -> Rows:
    return select(SendChunk.id).where(SendChunk.finished_at.is_not(None), open_work.HAS_OPEN)


def _under_way_in_an_untouched() -> Rows:
    """The reconcilers look for mails under way in chunks that a worker had."""
    under_way = [SendState.SUBMITTING, SendState.IN_DOUBT]
    return (
        select(Message.id)
        .outerjoin(SendChunk, SendChunk.id == Message.chunk_id)
        .where(Message.send_state.in_(under_way), or_(SendChunk.id.is_(None), ~SendChunk.begun))
    )


def _in_anothers_chunk() -> Rows:
    return (
        select(Message.id)
        .join(SendChunk, SendChunk.id == Message.chunk_id)
        .where(or_(SendChunk.launch_id != Message.launch_id, SendChunk.step != Message.step))
    )


def _in_anothers_lane() -> Rows:
    return (
        select(SendChunk.id)
        .join(Launch, Launch.id == SendChunk.launch_id)
        .join(SendLane, SendLane.id == SendChunk.lane_id)
        .where(SendLane.tenant_id != Launch.tenant_id)
    )


def _leased_by_nobody() -> Rows:
    half = and_(SendChunk.lease_owner.is_(None), SendChunk.lease_until.is_not(None))
    return select(SendChunk.id).where(half)


def _negative_counters() -> Rows:
    return select(QuotaCounter.scope).where(QuotaCounter.taken < 0)


def _paces() -> Rows:
    wrong = or_(LaunchPace.released < 0, LaunchPace.canary < 0)
    return select(LaunchPace.launch_id).where(wrong)


def _steps() -> Rows:
    return select(Launch.id).where(Launch.steps_queued > Launch.steps)


INVARIANTS: tuple[tuple[str, Callable[[], Rows]], ...] = (
    ("messages in a state there is not", _illegal_states),
    ("notices in a state there is not", _illegal_notices),
    ("messages of another tenant than their launch", _of_another_tenant),
    ("messages of a launch or a reader there is not", _of_nobody),
    ("accepted messages without an attempt", _accepted_unattempted),
    ("accepted messages without the fact", _accepted_factless),
    ("messages under way, in doubt or unconfirmed without their attempt",
     _tried_without_its_attempt),
    ("messages that count their attempts wrongly", _miscounted),
    ("messages skipped, failed or dead without a reason", _unexplained),
    ("messages of a third generation", _third_generation),
    ("attempts without a message", _attempt_of_nothing),
    ("attempts with an outcome there is not", _attempt_outcomes),
    ("provider ids of several messages", _shared_provider_ids),
    ("messages accepted more often than they have generations", _accepted_too_often),
    ("queued messages no worker will find", _queued_outside),
    ("finished chunks with open messages", _finished_with_open),
    ("messages under way in a chunk no worker had", _under_way_in_an_untouched),
    ("messages in a chunk of another launch or step", _in_anothers_chunk),
    ("chunks in the lane of another tenant", _in_anothers_lane),
    ("chunks leased by nobody", _leased_by_nobody),
    ("quota counters below zero", _negative_counters),
    ("paces below zero", _paces),
    ("launches with more mails queued than their kit has", _steps),
)  # fmt: skip
