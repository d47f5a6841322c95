"""The proof: every mail of a launch, as it is, to the person who launches it.

Marked in the subject, and inert: its links carry a token no message has, so nothing that is
clicked in it counts, unsubscribes or opens a page.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from tpma.core.i18n import gettext as _
from tpma.core.i18n import speaking
from tpma.identity.models import User
from tpma.launches import compiling
from tpma.launches.models import Launch
from tpma.ports.mail import Envelope
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailSkeleton
from tpma.sending import gate, gathering, marks, notices, planning
from tpma.sending.domains import link_hosts
from tpma.sending.envelopes import Recipient, build, paper_of, sender_of
from tpma.sending.models import GateMark
from tpma.system import System

MOST = 12  # mails of one proof


@dataclass(frozen=True, slots=True)
class _Proof:
    name: str  # asset and locale
    envelope: Envelope
    subject: str
    code: str


def send(system: System, mark_id: UUID, turn: int) -> None:
    """Send what was asked for. A later asking, or a changed content, has overtaken this one."""
    with system.db.reading() as session:
        mark = session.get_one(GateMark, mark_id)
        launch = session.get_one(Launch, mark.launch_id)
        if mark.times != turn:
            return
        user = session.get_one(User, mark.user_id)
        if gate.fingerprint(gathering.parts(session, system, launch)) != mark.gate_hash:
            return
        with speaking(user.locale):
            proofs = list(_proofs(session, system, launch, user))
    for proof in proofs:
        _hand_over(system, mark, user, proof)


def _proofs(session: Session, system: System, launch: Launch, user: User) -> Iterator[_Proof]:
    plan = compiling.drawing(session, launch, link_hosts.base_of(session, system.settings, launch))
    spoken = planning.reader_locales(session, launch)
    tags = [launch.primary_locale, *sorted(tag for tag in spoken if tag)]
    wanted = [tag for tag in dict.fromkeys(tags) if plan.served(tag)]
    countries = [land for land in planning.reader_countries(session, launch) if land]
    pairs = [(asset.key, tag) for tag in wanted for asset in plan.content.mails]
    for asset, tag in pairs[:MOST]:
        skeleton = compiling.mail(session, plan, asset, tag, countries=countries)
        yield _proof(session, system, launch, user, skeleton, tag)
    for tag in wanted[: MOST - len(pairs[:MOST])]:
        second = compiling.second_mail(session, plan, tag, countries)
        if second is not None:
            yield _proof(session, system, launch, user, second, tag, "b")


def _proof(
    session: Session,
    system: System,
    launch: Launch,
    user: User,
    skeleton: MailSkeleton,
    tag: str,
    variant: str = "",
) -> _Proof:
    mark = _("[Proof]")
    marked = (f"{mark} {skeleton.subject_runs[0]}", *skeleton.subject_runs[1:])
    first, _blank, last = user.name.partition(" ")
    person = Person(first, last, "", "")
    envelope = build(
        replace(skeleton, subject_runs=marked),
        Recipient(gathering.SAMPLE_SUBJECT, 1, 0, tag, 1, UUID(int=0), user.email, person),
        paper_of(sender_of(session, system.settings, launch), system.settings, system.clock()),
        attempt_id=uuid4(),
        token=system.signer.token(gathering.SAMPLE_SUBJECT),
    )
    subject = replace(skeleton, subject_runs=marked).subject(person)
    return _Proof(f"{skeleton.asset}{variant}:{tag}", envelope, subject, launch.campaign_code)


def _hand_over(system: System, mark: GateMark, user: User, proof: _Proof) -> None:
    cause = f"{marks.cause(mark)}{proof.name}"
    notice_id = notices.keep(
        system,
        str(mark.tenant_id),
        cause,
        user.email,
        proof.subject,
        "",
        user.locale,
    )
    envelope = replace(
        proof.envelope,
        attempt_id=notice_id.hex,
        name=f"n{notice_id.hex}",
        tags={"tpma-attempt": notice_id.hex, "tpma-env": system.settings.environment},
    )
    notices.hand_over(system, notice_id, envelope, code=proof.code)
