"""A batch of mails made ready to leave: read, rendered, checked. Nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.ids import uuid7s
from tpma.core.log import logger
from tpma.launches.compiling import SECOND
from tpma.launches.models import Launch, LaunchAsset
from tpma.ports.mail import Envelope, Form
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending.envelopes import From, Paper, Recipient, build, paper_of, sender_of
from tpma.sending.models import Attempt, Message, SendState
from tpma.sending.rules import MOST_REQUEUES, WORN_OUT_AFTER, Unsendable
from tpma.sending.split_rules import SECOND_VARIANTS
from tpma.system import System

_log = logger("sending")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail ready to leave: rendered and checked, its intent not yet committed."""

    recipient: Recipient
    attempt_id: UUID
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Batch:
    """What of some queued messages can be sent, and what cannot: message id, why, in detail."""

    ready: list[Prepared]
    broken: list[tuple[int, Unsendable, str]]


def waiting(session: Session, chunk_id: int, most: int, now: datetime) -> list[Recipient]:
    """The next queued messages of a chunk whose time has come, in the order they were planned."""
    rows = session.execute(
        select(
            Message.id,
            Message.generation,
            Message.attempt_n,
            Message.locale,
            Message.step,
            Message.variant,
            Contact.id,
            Contact.email,
            Contact.given_name,
            Contact.family_name,
            Contact.company,
            Contact.country,
        )
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.chunk_id == chunk_id, Message.send_state == SendState.QUEUED)
        .where(or_(Message.not_before.is_(None), Message.not_before <= now))
        .order_by(Message.seq)
        .limit(most)
    )
    # In the order of the columns: names of columns are looked up for each row anew.
    return [
        Recipient(key, generation, tries, locale, step, who, email, Person(*facts), variant)
        for key, generation, tries, locale, step, variant, who, email, *facts in rows
    ]


def prepare(
    session: Session, system: System, launch_id: UUID, recipients: Sequence[Recipient]
) -> Batch:
    """Read what the mails of these need, and make them at once."""
    return Press.read(session, system, launch_id, recipients).batch(recipients)


@dataclass(frozen=True, slots=True)
class Press:
    """Everything the mails of a turn are made from, read once; nothing is read after that.

    So the mails of the next wave are made while those of the last are on the network, and no
    transaction is open then.
    """

    system: System
    sender: From
    skeletons: Mapping[tuple[int, str, str], MailSkeleton | Exception]
    worn_out: frozenset[int]
    forms: dict[str, Form] = field(default_factory=dict)  # of a transport that fills them

    @classmethod
    def read(
        cls, session: Session, system: System, launch_id: UUID, recipients: Sequence[Recipient]
    ) -> "Press":
        launch = session.get_one(Launch, launch_id)
        sender = sender_of(session, system.settings, launch)
        wanted = {_kind(one): one for one in recipients}
        found = {kind: _skeleton_or_fault(session, launch, one) for kind, one in wanted.items()}
        often = [one for one in recipients if one.attempt_n >= MOST_REQUEUES]
        limit = system.clock() - WORN_OUT_AFTER
        worn_out = frozenset(one.message_id for one in often if _first_tried(session, one) < limit)
        return cls(system, sender, found, worn_out)

    def batch(self, recipients: Sequence[Recipient]) -> Batch:
        """Render every mail. One that cannot be built is told apart: it fails alone."""
        system, now = self.system, self.system.clock()
        paper, batch = paper_of(self.sender, system.settings, now), Batch([], [])
        ids = uuid7s(now, len(recipients))
        tokens = system.signer.tokens(one.message_id for one in recipients)
        for one, attempt_id, token in zip(recipients, ids, tokens, strict=True):
            made = self._fault_of(one) or self._made(one, paper, attempt_id, token)
            if isinstance(made, Prepared):
                batch.ready.append(made)
            else:
                batch.broken.append((one.message_id, *made))
        return batch

    def _fault_of(self, one: Recipient) -> tuple[Unsendable, str] | None:
        """What can be seen before the mail is built."""
        if not one.address:
            return Unsendable.GONE, "erased"
        if one.message_id in self.worn_out:
            return Unsendable.POISON, "too_many_requeues"
        return None

    def _made(
        self, one: Recipient, paper: Paper, attempt_id: UUID, token: str
    ) -> Prepared | tuple[Unsendable, str]:
        mail = self.system.mail
        try:
            skeleton = self.skeletons[_kind(one)]
            if isinstance(skeleton, Exception):
                raise skeleton
            envelope = build(
                skeleton,
                one,
                paper,
                attempt_id=attempt_id,
                token=token,
                forms=self.forms if mail.capabilities.batch_max > 1 else None,
            )
        except Invalid as fault:
            return Unsendable.INVALID, f"invalid_{fault.field or 'mail'}"
        except (NotFound, LookupError, ValueError):  # T20: poison, told, in nobody's way
            _log.exception("mail cannot be built", message=one.message_id)
            return Unsendable.POISON, "cannot_be_built"
        if problems := mail.problems(envelope):
            _log.warning("mail refused before sending", message=one.message_id, why=problems)
            return Unsendable.INVALID, "invalid_envelope"
        return Prepared(one, attempt_id, envelope)


def _kind(one: Recipient) -> tuple[int, str, str]:
    """What decides which frozen mail somebody gets."""
    return one.step, one.locale, one.variant


def _first_tried(session: Session, one: Recipient) -> datetime:
    found = session.scalar(
        select(func.min(Attempt.started_at)).where(Attempt.message_id == one.message_id)
    )
    assert found is not None, "a message with an attempt number has attempts"
    return found


def _skeleton_or_fault(
    session: Session, launch: Launch, one: Recipient
) -> MailSkeleton | Exception:
    try:
        return skeleton_of(session, launch, one)
    except (NotFound, LookupError, ValueError) as fault:
        return fault


def skeleton_of(session: Session, launch: Launch, one: Recipient) -> MailSkeleton:
    """The frozen mail of a step, in the locale and subject of a message row. Raises NotFound."""
    asset = launch.frozen_manifest["steps"][one.step - 1]["asset"]
    row = session.execute(
        select(LaunchAsset.sha256, LaunchAsset.seq).where(
            LaunchAsset.launch_id == launch.id,
            LaunchAsset.asset == (SECOND if one.variant in SECOND_VARIANTS else asset),
            LaunchAsset.locale == one.locale,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(_("This launch has no such mail or page."))
    return _parsed.get(row.sha256) or _parse(session, row.seq, row.sha256)


_parsed: dict[str, MailSkeleton] = {}
_MOST_PARSED = 64


def _parse(session: Session, seq: int, sha256: str) -> MailSkeleton:
    """Artefacts never change and are known by their hash, so a parsed one may be kept."""
    compiled = session.scalars(select(LaunchAsset.compiled).where(LaunchAsset.seq == seq)).one()
    if len(_parsed) >= _MOST_PARSED:
        _parsed.clear()
    return _parsed.setdefault(sha256, MailSkeleton.from_bytes(compiled))
