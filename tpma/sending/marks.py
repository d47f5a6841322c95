"""What people do before a launch: take a warning on, get the proof, approve. Each audited."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.models import User
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.models import Launch
from tpma.sending.facts import NO_PROOF, ProofFacts
from tpma.sending.findings import Check
from tpma.sending.models import GateMark, GateSetting, MarkKind, Notice, NoticeState

MOST_PROOFS = 10  # of one content to one person


@dataclass(frozen=True, slots=True)
class Word:
    """Who took a warning on, and when."""

    rule: str
    name: str
    at: datetime


def words(session: Session, launch: Launch, gate_hash: str) -> dict[str, Word]:
    """Rule → who acknowledged it for exactly this content, the first one."""
    rows = session.execute(
        select(GateMark.rule, User.name, GateMark.created_at)
        .join(User, User.id == GateMark.user_id)
        .where(*_of(launch, gate_hash, MarkKind.ACKNOWLEDGED))
        .order_by(GateMark.created_at.desc())
    )
    return {row.rule: Word(row.rule, row.name, row.created_at) for row in rows}


def acknowledge(
    session: Session,
    actor: Actor,
    launch: Launch,
    gate_hash: str,
    checks: Iterable[Check],
    rules: Iterable[str],
) -> None:
    """Take warnings on, by name. Raises Invalid for a rule that warns of nothing here: what
    blocks cannot be acknowledged away."""
    warnings = {check.rule for check in checks if check.wants_word}
    known = words(session, launch, gate_hash)
    for rule in dict.fromkeys(rules):
        if rule not in warnings:
            raise Invalid(_("This is no warning that can be taken on."), field="word")
        if rule not in known:
            _mark(session, actor, launch, gate_hash, MarkKind.ACKNOWLEDGED, rule)


def approve(session: Session, actor: Actor, launch: Launch, gate_hash: str) -> None:
    """A second person looked. Who asked for the proof to launch it may not be the one."""
    if _mine(session, launch, gate_hash, MarkKind.PROOF, actor.user_id) is not None:
        raise Conflict(_("Somebody else has to approve: you prepared this launch."))
    if _mine(session, launch, gate_hash, MarkKind.APPROVED, actor.user_id) is None:
        _mark(session, actor, launch, gate_hash, MarkKind.APPROVED)


def ask_proof(session: Session, actor: Actor, launch: Launch, gate_hash: str) -> GateMark:
    """Send this person the mails as they are. Asked again, they come again, ten times at most."""
    mark = _mine(session, launch, gate_hash, MarkKind.PROOF, actor.user_id)
    if mark is None:
        mark = _mark(session, actor, launch, gate_hash, MarkKind.PROOF)
    elif mark.times >= MOST_PROOFS:
        raise Conflict(_("You have had this proof ten times. Change something, or launch."))
    else:
        mark.times += 1
    session.flush()
    jobs.enqueue(
        session,
        "sending.proof",
        clock_of(session)(),
        key=f"sending.proof:{mark.id}:{mark.times}",
        mark_id=str(mark.id),
        turn=mark.times,
    )
    return mark


def ensure_proof(session: Session, actor: Actor, launch: Launch, gate_hash: str) -> None:
    """The platform sends the proof by itself, once."""
    if _mine(session, launch, gate_hash, MarkKind.PROOF, actor.user_id) is None:
        ask_proof(session, actor, launch, gate_hash)


def proof(session: Session, launch: Launch, gate_hash: str, who: Actor | None) -> ProofFacts:
    """How far the proof for this person is; for nobody in particular: for anybody."""
    user_id = who.user_id if who else None
    needed = needs_approval(session, launch.tenant_id)
    approved = needed and _approved(session, launch, gate_hash, user_id)
    found = _mine(session, launch, gate_hash, MarkKind.PROOF, user_id)
    if found is None:
        return ProofFacts(
            asked=False,
            refused=False,
            arrived=False,
            needs_approval=needed,
            approved=approved,
            address=NO_PROOF.address,
        )
    states = set(session.scalars(select(Notice.state).where(Notice.cause.startswith(cause(found)))))
    return ProofFacts(
        asked=True,
        refused=NoticeState.FAILED in states,
        arrived=states == {NoticeState.ACCEPTED},
        needs_approval=needed,
        approved=approved,
        address=session.get_one(User, found.user_id).email,
    )


def cause(mark: GateMark) -> str:
    """What the notices of the newest asking begin with."""
    return f"proof:{mark.id.hex}:{mark.times}:"


def needs_approval(session: Session, tenant_id: UUID) -> bool:
    return bool(
        session.scalar(select(GateSetting.four_eyes).where(GateSetting.tenant_id == tenant_id))
    )


def set_approval(session: Session, actor: Actor, tenant_id: UUID, needed: bool) -> None:
    """Whether a second person of the company has to approve each launch."""
    found = session.scalar(select(GateSetting).where(GateSetting.tenant_id == tenant_id))
    if found is None:
        found = GateSetting(tenant_id=tenant_id, four_eyes=False)
        session.add(found)
    if found.four_eyes is not needed:
        found.four_eyes = needed
        record(session, actor, tenant_id, "gate.four_eyes", found, needed=needed)


def _of(launch: Launch, gate_hash: str, kind: MarkKind) -> tuple[ColumnElement[bool], ...]:
    return (
        GateMark.launch_id == launch.id,
        GateMark.tenant_id == launch.tenant_id,
        GateMark.gate_hash == gate_hash,
        GateMark.kind == kind,
    )


def _mine(
    session: Session, launch: Launch, gate_hash: str, kind: MarkKind, user_id: UUID | None
) -> GateMark | None:
    query = select(GateMark).where(*_of(launch, gate_hash, kind)).order_by(GateMark.created_at)
    if user_id is not None:
        query = query.where(GateMark.user_id == user_id)
    return session.scalars(query.limit(1)).first()


def _approved(session: Session, launch: Launch, gate_hash: str, user_id: UUID | None) -> bool:
    """Somebody other than who launches."""
    query = select(GateMark.id).where(*_of(launch, gate_hash, MarkKind.APPROVED))
    if user_id is not None:
        query = query.where(GateMark.user_id != user_id)
    return session.scalar(query.limit(1)) is not None


def _mark(
    session: Session,
    actor: Actor,
    launch: Launch,
    gate_hash: str,
    kind: MarkKind,
    rule: str = "",
) -> GateMark:
    mark = GateMark(
        tenant_id=launch.tenant_id,
        launch_id=launch.id,
        gate_hash=gate_hash,
        kind=kind,
        rule=rule,
        user_id=actor.user_id,
        times=1,
    )
    session.add(mark)
    session.flush()
    detail = {"gate": gate_hash[:12], "code": launch.campaign_code} | (
        {"rule": rule} if rule else {}
    )
    record(session, actor, launch.tenant_id, f"gate.{kind.value}", launch, **detail)
    return mark
