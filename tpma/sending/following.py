"""A reader did something: the mails that answers, written in the transaction of the deed.

Told by the rooms that see it happen (`tpma.tracking`, `tpma.leads`, `tpma.deals`). A mail that
follows is a planned row with its moment (`not_before`), one a launch, step and recipient;
`release` hands the due ones to the workers each second.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from tpma.core.db import Base, clock_of, upsert
from tpma.launches import steps
from tpma.launches.models import Launch, LaunchState
from tpma.launches.steps import Step
from tpma.sending import queueing, sequences
from tpma.sending.deeds import DeedKind, ReaderDeed
from tpma.sending.models import Message, SendState
from tpma.system import System

# A burst of clicks shows itself as a machine's within five seconds (BOT-05).
SETTLE = timedelta(seconds=10)
_LISTENING = (LaunchState.RUNNING, LaunchState.PAUSED)


@dataclass(frozen=True, slots=True)
class Click:
    """Of a person, as far as can be told."""

    launch_id: UUID
    message_id: int
    link_key: str  # <asset>.<link key>
    at: datetime


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a launch does about clicks: keep them for its links' sake, and send these mails."""

    keeps: bool
    steps: Sequence[Step]


def clicked(session: Session, clicks: Sequence[Click]) -> None:
    """People clicked: whoever waits for that gets the mail that follows. Twice is once.

    Any number at a time, of any launches: two statements read (the second where a launch waits for
    clicks), two at most write.
    """
    answers = _answers(session, {click.launch_id for click in clicks})
    messages = _messages(
        session, {click.message_id for click in clicks if click.launch_id in answers}
    )
    deeds: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for click in clicks:
        message = messages.get(click.message_id)
        answer = answers.get(message.launch_id) if message else None
        if message is None or answer is None:
            continue
        if answer.keeps:
            deeds.append(_deed(message, DeedKind.CLICK, click.at, click.link_key))
        link = click.link_key.partition(".")[2]
        rows += [
            _row(step, message, click.at + max(step.delay, SETTLE))
            for step in answer.steps
            if step.link in ("", link) and message.step < step.number
        ]
    _add(session, ReaderDeed, deeds)
    _add(session, Message, rows)


def _answers(session: Session, launches: AbstractSet[UUID]) -> dict[UUID, _Answers]:
    """Of those among these launches that do anything about a click."""
    found = {
        launch.id: _Answers(
            any(step.link for step in steps.of(launch)), steps.triggered_by(launch, "clicked")
        )
        for launch in _listening(session, launches).values()
    }
    return {id_: answer for id_, answer in found.items() if answer.keeps or answer.steps}


def took_back(session: Session, human: Mapping[int, AbstractSet[str]]) -> None:
    """Clicks proved to be a machine's: what waits because of them alone is dropped.

    `human` is message → the link keys that people clicked all the same. `messages.clicked_at`
    says so already.
    """
    messages = _messages(session, human.keys())
    for message_id, kept in human.items():
        session.execute(
            delete(ReaderDeed)
            .where(ReaderDeed.message_id == message_id, ReaderDeed.kind == DeedKind.CLICK)
            .where(ReaderDeed.link_key.not_in(kept))
        )
    launches = _listening(session, {message.launch_id for message in messages.values()})
    for launch in launches.values():
        keys = [m.rcpt_key for m in messages.values() if m.launch_id == launch.id]
        for step in steps.triggered_by(launch, "clicked"):
            session.execute(
                delete(Message)
                .where(
                    Message.launch_id == launch.id,
                    Message.tenant_id == launch.tenant_id,
                    Message.step == step.number,
                    Message.rcpt_key.in_(keys),
                    Message.rcpt_key.not_in(sequences.did(launch.id, step)),
                    Message.send_state.in_(sequences.WAITING),
                    Message.attempt_n == 0,
                )
                .execution_options(synchronize_session=False)
            )


@dataclass(frozen=True, slots=True)
class Submitted:
    """Somebody sent the form. `address` is the keyed hash of the address they typed, `message_id`
    the mail of this launch that brought them."""

    launch: Launch
    address: bytes
    message_id: int | None
    at: datetime


def submitted(session: Session, forms: Sequence[Submitted]) -> None:
    """Both leave the way: the reader with that address, and the one whose mail brought the visit.
    A mail that answers the form goes to the address alone, if the launch wrote to it.

    Any number at a time: two statements a launch, and more where its readers sent the forms.
    """
    by_launch: dict[UUID, list[Submitted]] = {}
    for form in forms:
        by_launch.setdefault(form.launch.id, []).append(form)
    for some in by_launch.values():
        _submitted(session, some[0].launch, some)


def _submitted(session: Session, launch: Launch, forms: Sequence[Submitted]) -> None:
    through = _keys(session, launch, {form.message_id for form in forms if form.message_id})
    keys = {form.address for form in forms} | set(through.values())
    readers = _readers(session, launch, keys)
    if not readers:
        return
    deeds = []
    for form in forms:
        both = {form.address, through.get(form.message_id or 0, form.address)}
        deeds += [
            _deed(readers[key], DeedKind.FORM, form.at) for key in sorted(both) if key in readers
        ]
    _add(session, ReaderDeed, deeds)
    sequences.leave(session, launch, readers.keys())
    if launch.state not in _LISTENING:
        return
    answers = steps.triggered_by(launch, "form")
    rows = [
        _row(step, readers[form.address], form.at + step.delay)
        for form in forms
        if form.address in readers
        for step in answers
    ]
    _add(session, Message, rows)


def deal_registered(session: Session, launch: Launch, address: bytes) -> None:
    """The reader with this address is a customer in the making: no more mails of the launch."""
    now = clock_of(session)()
    readers = _readers(session, launch, {address})
    deeds = [_deed(reader, DeedKind.DEAL, now) for reader in readers.values()]
    _add(session, ReaderDeed, deeds)
    sequences.leave(session, launch, readers.keys())


def _keys(session: Session, launch: Launch, ids: Collection[int]) -> dict[int, bytes]:
    """Whom these mails of the launch went to."""
    if not ids:
        return {}
    rows = session.execute(
        select(Message.id, Message.rcpt_key).where(
            Message.id.in_(ids), Message.launch_id == launch.id
        )
    )
    return dict(rows.all())


def _readers(
    session: Session, launch: Launch, addresses: Collection[bytes]
) -> dict[bytes, Message]:
    """Their first mails of this launch."""
    given = {"launch": launch.id, "tenant": launch.tenant_id, "keys": [*addresses]}
    return {message.rcpt_key: message for message in session.scalars(_READERS, given)}


_READERS = (
    select(Message)
    .where(Message.launch_id == bindparam("launch"), Message.tenant_id == bindparam("tenant"))
    .where(Message.step == 1, Message.rcpt_key.in_(bindparam("keys", expanding=True)))
)


def _messages(session: Session, ids: Collection[int]) -> dict[int, Message]:
    if not ids:
        return {}
    found = session.scalars(select(Message).where(Message.id.in_(list(ids))))
    return {message.id: message for message in found}


def _listening(session: Session, ids: Collection[UUID]) -> dict[UUID, Launch]:
    """The launches among these that are under way and have more than one mail."""
    if not ids:
        return {}
    found = session.scalars(
        select(Launch)
        .where(Launch.id.in_(list(ids)), Launch.state.in_(_LISTENING))
        .where(Launch.steps + Launch.triggered > 1)
    )
    return {launch.id: launch for launch in found}


def _deed(reader: Message, kind: DeedKind, at: datetime, link_key: str = "") -> dict[str, Any]:
    return {
        "tenant_id": reader.tenant_id,
        "launch_id": reader.launch_id,
        "rcpt_key": reader.rcpt_key,
        "kind": kind,
        "link_key": link_key,
        "message_id": reader.id if kind is DeedKind.CLICK else None,
        "at": at,
    }


def _row(step: Step, reader: Message, due: datetime) -> dict[str, Any]:
    return {
        "tenant_id": reader.tenant_id,
        "launch_id": reader.launch_id,
        "step": step.number,
        "seq": reader.seq,
        "contact_id": reader.contact_id,
        "rcpt_key": reader.rcpt_key,
        "locale": reader.locale,
        "send_state": SendState.PLANNED,
        "reason": "",
        "generation": 1,
        "attempt_n": 0,
        "not_before": due,
        "variant": "",
    }


def _add(session: Session, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """The unique keys of both tables keep a row single, however often it comes."""
    if rows:
        session.execute(upsert(session, table).on_conflict_do_nothing(), rows)


def release(system: System) -> int:
    """Put the mails whose moment has come into chunks that workers lease (T3); how many chunks."""
    now = system.clock()
    with system.db.reading() as session:
        due = session.execute(
            select(Message.launch_id, Message.step)
            .join(Launch, Launch.id == Message.launch_id)
            .where(Launch.state == LaunchState.RUNNING, Launch.triggered > 0)
            .where(Message.not_before <= now, Message.chunk_id.is_(None))
            .where(Message.send_state == SendState.PLANNED, Message.step > Launch.steps)
            .distinct()
            .limit(100)
        ).all()
    return sum(_release(system, launch_id, step, now) for launch_id, step in due)


def _release(system: System, launch_id: UUID, step: int, now: datetime) -> int:
    with system.db.transaction() as session:
        launch = session.get_one(Launch, launch_id, with_for_update=True)
        if launch.state is not LaunchState.RUNNING:
            return 0
        return queueing.queue(session, launch, step, now, only=Message.not_before <= now)
