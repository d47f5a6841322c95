"""The rehearsal's own ledger: a database of one file with a copy of the launch and its readers.

The engine, the guards and the recovery write there what they would write of a launch. The real
database is read, and nothing else: no row of the rehearsal's mails ever stands in it.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, insert, select
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.audiences.models import Consent, Contact
from tpma.audiences.suppressing import address_hash
from tpma.branding.models import CoBrandedKit, Customisation
from tpma.core.clock import Clock
from tpma.core.db import throw_away
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.launches import compiling
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch, LaunchState
from tpma.ports.rehearsal import Stage
from tpma.sending import planning
from tpma.sending.domains import link_hosts, senders
from tpma.sending.domains.models import LaunchSender, SendingDomain
from tpma.sending.envelopes import sender_of
from tpma.sending.models import Warmup
from tpma.sending.rehearsing import cast
from tpma.sending.warmup import organisational
from tpma.sending.windows import EVERY_DAY
from tpma.system import System

MOST_MAILS = 2_000  # of one rehearsal; a larger audience is sampled
_OPEN_FOR = timedelta(days=90)  # a rehearsed launch never ends by itself
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Script:
    """All a rehearsal needs of the real database, read once."""

    launch_id: UUID
    plan: Drawing
    rows: dict[Table, Rows]
    readers: int  # who would get the first mail
    sampled: int
    parts: list[str]  # of the sampled, in the order of their rows
    locales: dict[str, str | None]
    sender_domain: str
    markets: str  # as `Launch.markets`
    link_host: str  # as `Launch.link_host`

    @property
    def steps(self) -> int:
        """Mails a reader's own deed sends are not played: nobody clicks in a rehearsal."""
        return sum(not mail.is_triggered for mail in self.plan.content.mails)


def read(session: Session, system: System, launch: Launch, seed: int) -> Script:
    """Raises Invalid if there is nobody to write to."""
    plan = compiling.drawing(session, launch, link_hosts.base_of(session, system.settings, launch))
    law = audiences.problem(session, launch.tenant_id, system.clock())
    writable = [
        *planning.audience(session, launch),
        audiences.held_back(launch.vendor_id, law=law) == "",
    ]
    readers = session.scalar(select(func.count(Contact.id)).where(*writable)) or 0
    if not readers:
        raise Invalid(
            _("There is nobody to write to. Choose an audience with readers, then rehearse."),
            field="segment",
        )
    people = _people(session, writable, MOST_MAILS // max(len(plan.content.mails), 1))
    parts = cast.parts(len(people), seed)
    sender = sender_of(session, system.settings, launch)
    return Script(
        launch_id=launch.id,
        plan=plan,
        rows={
            **_surroundings(session, launch),
            **_sender(session, system, launch),
            **_agreed(session, people),
            _CONTACTS: people,
        },
        readers=readers,
        sampled=len(people),
        parts=parts,
        locales=planning.locale_plan(plan, planning.reader_locales(session, launch)),
        sender_domain=sender.address.split("@", 1)[1],
        markets=" ".join(audiences.markets(session, launch.tenant_id)),
        link_host=link_hosts.current(session, system.settings, launch.tenant_id),
    )


_CONTACTS: Any = Contact.__table__
_CONSENTS: Any = Consent.__table__
_LAUNCHES: Any = Launch.__table__
_ORGANISATIONS: Any = Organisation.__table__
_DOMAINS: Any = SendingDomain.__table__
_SENDERS: Any = LaunchSender.__table__
_COBRANDED: Any = CoBrandedKit.__table__
_WORDS: Any = Customisation.__table__


def _people(session: Session, writable: Sequence[ColumnElement[bool]], most: int) -> Rows:
    """A sample by the keyed hash of the address, which has nothing to do with who they are."""
    return _rows(session, _CONTACTS, *writable, order=_CONTACTS.c.hmac, most=most)


def _surroundings(session: Session, launch: Launch) -> dict[Table, Rows]:
    companies = (launch.tenant_id, launch.vendor_id)
    mine = _WORDS.c.tenant_id == launch.tenant_id
    kit = launch.cobranded_kit_id
    return {
        _ORGANISATIONS: _rows(session, _ORGANISATIONS, _ORGANISATIONS.c.id.in_(companies)),
        _LAUNCHES: _rows(
            session,
            _LAUNCHES,
            _LAUNCHES.c.id == launch.id,
            _LAUNCHES.c.tenant_id == launch.tenant_id,
        ),
        _COBRANDED: _rows(
            session,
            _COBRANDED,
            _COBRANDED.c.id == kit,
            _COBRANDED.c.tenant_id == launch.tenant_id,
        ),
        _WORDS: _rows(session, _WORDS, mine, _WORDS.c.cobranded_kit_id == kit),
    }


def _sender(session: Session, system: System, launch: Launch) -> dict[Table, Rows]:
    """The partner's own domain, so that rehearsed mails come from it; its place at the real
    provider is not copied, the simulated one knows of none."""
    own = senders.of_launch(session, system.settings, launch)
    if own is None:
        return {}
    return {
        _DOMAINS: _rows(session, _DOMAINS, _DOMAINS.c.id == own.id),
        _SENDERS: [{"launch_id": launch.id, "domain_id": own.id}],
    }


def _agreed(session: Session, people: Rows) -> dict[Table, Rows]:
    ids = [person["id"] for person in people]
    return {_CONSENTS: _rows(session, _CONSENTS, _CONSENTS.c.contact_id.in_(ids))}


def _rows(
    session: Session, table: Table, *where: Any, order: Any = None, most: int | None = None
) -> Rows:
    query = select(*table.columns).where(*where).order_by(order).limit(most)
    return [dict(row) for row in session.execute(query).mappings()]


class SkippingClock:
    """The real time, and what was skipped of it: a rehearsal does not sit through waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._skipped = timedelta()

    def __call__(self) -> Any:
        return self._clock() + self._skipped

    def skip(self, span: timedelta) -> None:
        self._skipped += span


@contextmanager
def opened(
    system: System, script: Script, stage: Stage, file: Path, clock: SkippingClock
) -> Iterator[System]:
    """The system as the engine knows it, over the copy and the stage; the launch runs there.

    Its secret is its own: no link of a rehearsed mail means anything here.
    """
    db = throw_away(file, clock)
    copy = System(
        db=db,
        mail=stage.mail,
        pdf=system.pdf,
        signer=Signer(secrets.token_hex(32)),
        settings=system.settings.model_copy(update={"send_rate": 0.0}),
        clock=clock,
        events=stage.events,
    )
    try:
        with db.transaction() as session:
            _write(session, copy, script)
        yield copy
    finally:
        db.close()


def _write(session: Session, copy: System, script: Script) -> None:
    people = [
        _masked(person, cast.address(word, number), copy.signer)
        for number, (person, word) in enumerate(
            zip(script.rows[_CONTACTS], script.parts, strict=True), start=1
        )
    ]
    for table, rows in (script.rows | {_CONTACTS: people}).items():
        if rows:
            session.execute(insert(table), rows)
    launch = session.get_one(Launch, script.launch_id)
    now = copy.clock()
    launch.state, launch.segment_id = LaunchState.RUNNING, None  # the copy holds the chosen only
    launch.markets, launch.link_host = script.markets, script.link_host
    launch.started_at, launch.ends_at = now, now + _OPEN_FOR
    launch.steps_queued = 0
    _without_waits(session, launch, script.sender_domain)
    plan = replace(script.plan, launch=launch)
    countries = {person["country"] for person in people if person["country"]}
    wanted = {locale for locale in script.locales.values() if locale}
    compiling.freeze(session, plan, wanted, countries)
    launch.subject_test = {}  # nobody clicks in a rehearsal, so there is nothing to wait for
    planning.plan_first(session, plan, script.locales)


def _without_waits(session: Session, launch: Launch, sender_domain: str) -> None:
    """Warm-up, hours and spreading take days; what a rehearsal is about does not need them."""
    domain = organisational(sender_domain)
    if domain:
        session.add(Warmup(domain=domain, warmed_at=launch.started_at))
    launch.reader_time, launch.chosen_start, launch.spread_hours = False, None, 0
    launch.hours_from, launch.hours_until, launch.weekdays = 0, 24, EVERY_DAY


def _masked(person: dict[str, Any], address: str, signer: Signer) -> dict[str, Any]:
    """Names stay, since they are what a mail is made of; nothing else that leads to a person."""
    return person | {
        "email": address,
        "email_norm": address,
        "hmac": address_hash(signer, address),
        "phone": "",
        "title": "",
        "source_detail": "",
    }
