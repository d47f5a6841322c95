"""What else is known of a hit: other hits of the mail, of the reader, of the network.

Gathers for `tpma.tracking.rules` and applies what they say. As hits come in, only a person's hit
becomes a machine's, because more hits around it can only add to the suspicion; `again` works all
verdicts of some mails out anew.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.db import one_of, values
from tpma.core.prepared import Prepared
from tpma.core.text import is_free_mail, registrable_domain
from tpma.launches.models import Link
from tpma.rendering.links import PAGE
from tpma.sending.models import Message
from tpma.tracking import rules
from tpma.tracking.models import EventType, TrackingEvent
from tpma.tracking.rules import Around, Event, Ruling, Trap

# Form posts and unsubscribes are judged where they are taken.
JUDGED = (
    EventType.OPEN, EventType.CLICK, EventType.PAGE_VIEW, EventType.TRAP, EventType.STYLE,
)  # fmt: skip


class Mail(NamedTuple):
    """A message as far as judging and counting need it."""

    id: int
    launch_id: UUID
    tenant_id: UUID
    step: int
    contact_id: UUID | None
    rcpt_key: bytes
    accepted_at: datetime | None
    clicked_at: datetime | None
    seen: int


def mails(session: Session, ids: Collection[int]) -> dict[int, Mail]:
    """Messages by id, locked one after the other, so that two writers never wait crosswise."""
    session.flush()
    found = _mails.rows(session, ids=values(session, [*ids]))
    return {row[0]: Mail(*row) for row in found}


@Prepared
def _mails(session: Session) -> Any:
    return (
        select(
            Message.id,
            Message.launch_id,
            Message.tenant_id,
            Message.step,
            Message.contact_id,
            Message.rcpt_key,
            Message.accepted_at,
            Message.clicked_at,
            Message.seen,
        )
        .where(one_of(session, Message.id, "ids"))
        .order_by(Message.id)
        .with_for_update(key_share=True)
    )


@dataclass(slots=True)
class Scene:
    """The events of some mails, stored and new, with what is known around them."""

    mails: Mapping[int, Mail]
    now: datetime
    events: list[Event] = field(default_factory=list)
    bursts: set[int] = field(default_factory=set)  # id() of events
    gateways: set[int] = field(default_factory=set)
    traps: dict[UUID, list[Trap]] = field(default_factory=dict)  # by contact
    links: dict[UUID, dict[str, str]] = field(default_factory=dict)  # launch → key → target
    styles: dict[int, list[datetime]] = field(default_factory=dict)

    def ruling(self, event: Event) -> Ruling:
        mail = self.mails.get(event.message_id or 0)
        if mail is None:
            return rules.judge(event)
        around = Around(
            traps=self.traps.get(mail.contact_id, ()) if mail.contact_id else (),
            accepted_at=mail.accepted_at,
            in_burst=id(event) in self.bursts,
            at_gateway=id(event) in self.gateways,
            loaded=self._loaded(event),
        )
        return rules.judge(event, around)

    def is_pending(self, event: Event) -> bool:
        """Whether half a minute will tell more: a click from a listed network on our page."""
        return event.is_human and self._asks_for_style(event) and self._loaded(event) is None

    def _asks_for_style(self, event: Event) -> bool:
        is_listed = event.kind is EventType.CLICK and rules.LISTED in event.signs.split()
        targets = self.links.get(event.launch_id, {}) if event.launch_id else {}
        return is_listed and targets.get(event.link_key) == PAGE

    def _loaded(self, event: Event) -> bool | None:
        if not self._asks_for_style(event):
            return None
        until = event.at + rules.STYLE_SPAN
        fetched = self.styles.get(event.message_id or 0, ())
        if any(event.at <= at <= until for at in fetched):
            return True
        return None if self.now <= until else False


def scene(
    session: Session,
    known: Mapping[int, Mail],
    new: Sequence[Event],
    now: datetime,
    *,
    all_time: bool = False,
) -> Scene:
    """The new events and the stored ones near them; with `all_time` every one of these mails."""
    made = Scene(known, now)
    moments = [event.at for event in new]
    span = None if all_time or not moments else (min(moments), max(moments))
    made.events = [*_stored(session, known, span), *new]
    launches = {mail.launch_id for mail in known.values()}
    for launch_id, key, target in session.execute(
        select(Link.launch_id, Link.key, Link.target).where(Link.launch_id.in_(launches))
    ):
        made.links.setdefault(launch_id, {})[key] = target
    made.traps = _traps(session, made)
    _find_bursts(made)
    _find_gateways(session, made)
    for event in made.events:
        if event.kind is EventType.STYLE and event.message_id:
            made.styles.setdefault(event.message_id, []).append(event.at)
    return made


def event_columns() -> Any:
    return select(
        TrackingEvent.type,
        TrackingEvent.occurred_at,
        TrackingEvent.message_id,
        TrackingEvent.link_key,
        TrackingEvent.ip_prefix,
        TrackingEvent.ua_family,
        TrackingEvent.signs,
        TrackingEvent.verdict,
        TrackingEvent.rule,
        TrackingEvent.id,
        TrackingEvent.launch_id,
    )


def _stored(
    session: Session, known: Mapping[int, Mail], span: tuple[datetime, datetime] | None
) -> list[Event]:
    query = event_columns().where(
        TrackingEvent.message_id.in_(known), TrackingEvent.type.in_(JUDGED)
    )
    if span is not None:
        first, last = span
        query = query.where(
            TrackingEvent.occurred_at.between(first - rules.TRAP_SPAN, last + rules.TRAP_SPAN)
        )
    return [Event(*row) for row in session.execute(query)]


def _traps(session: Session, made: Scene) -> dict[UUID, list[Trap]]:
    """Who was caught in the traps of these readers' mails, stored ones and new ones."""
    found: dict[UUID, list[Trap]] = {}
    new = [event for event in made.events if event.kind is EventType.TRAP and not event.id]
    for event in new:
        mail = made.mails.get(event.message_id or 0)
        if mail is not None and mail.contact_id:
            trap = Trap(event.network, event.family, event.at, event.at)
            found.setdefault(mail.contact_id, []).append(trap)
    moments = [event.at for event in made.events]
    contacts = {mail.contact_id for mail in made.mails.values() if mail.contact_id}
    if not moments or not contacts:
        return found
    rows = session.execute(
        select(
            Message.contact_id,
            TrackingEvent.ip_prefix,
            TrackingEvent.ua_family,
            func.min(TrackingEvent.occurred_at),
            func.max(TrackingEvent.occurred_at),
        )
        .join(Message, Message.id == TrackingEvent.message_id)
        .where(TrackingEvent.type == EventType.TRAP, Message.contact_id.in_(contacts))
        .where(
            TrackingEvent.occurred_at.between(
                min(moments) - rules.TRAP_SPAN, max(moments) + rules.TRAP_SPAN
            )
        )
        .group_by(Message.contact_id, TrackingEvent.ip_prefix, TrackingEvent.ua_family)
    )
    for contact_id, network, family, first, last in rows:
        if contact_id is not None:
            found.setdefault(contact_id, []).append(Trap(network, family, first, last))
    return found


def _find_bursts(made: Scene) -> None:
    by_mail: dict[int, list[Event]] = {}
    for event in made.events:
        if event.kind is EventType.CLICK and event.message_id:
            by_mail.setdefault(event.message_id, []).append(event)
    for message_id, clicks in by_mail.items():
        if len(clicks) < 2 or message_id not in made.mails:
            continue
        clicks.sort(key=lambda click: click.at)
        keys = made.links.get(made.mails[message_id].launch_id, {})
        asset = clicks[0].link_key.split(".")[0] + "."
        links = sum(key.startswith(asset) for key in keys)
        made.bursts |= {id(clicks[place]) for place in rules.bursts(clicks, links)}


def _find_gateways(session: Session, made: Scene) -> None:
    """Marks the scene's clicks that came from a network with many readers of one company."""
    ours: dict[str, list[Event]] = {}
    for event in made.events:
        if _may_be_gateway(event):
            ours.setdefault(event.network, []).append(event)
    if not ours:
        return
    clicks = _clicks_from(session, ours)
    domains = _domains(session, clicks, ours)
    for network, stored in clicks.items():
        here = {event.id: event for event in ours[network] if event.id}
        together = [
            *(here.get(event.id, event) for event in stored),
            *(event for event in ours[network] if not event.id),
        ]
        made.gateways |= {id(together[place]) for place in rules.gateways(together, domains)}


def _may_be_gateway(event: Event) -> bool:
    """Behind a proxy that hides its visitors all come from one inner address: no gateway."""
    return (
        event.kind is EventType.CLICK
        and bool(event.network and event.message_id)
        and not rules.is_inner(event.network)
    )


def _clicks_from(session: Session, ours: Mapping[str, Sequence[Event]]) -> dict[str, list[Event]]:
    """Stored clicks near ours, for each network that enough messages were clicked from."""
    moments = [event.at for events in ours.values() for event in events]
    query = event_columns().where(
        TrackingEvent.type == EventType.CLICK,
        TrackingEvent.ip_prefix.in_(ours),
        TrackingEvent.occurred_at.between(
            min(moments) - rules.GATEWAY_SPAN, max(moments) + rules.GATEWAY_SPAN
        ),
    )
    found: dict[str, list[Event]] = {network: [] for network in ours}
    for row in session.execute(query):
        event = Event(*row)
        found[event.network].append(event)
    return {
        network: events
        for network, events in found.items()
        if len({e.message_id for e in (*events, *ours[network])}) >= rules.GATEWAY_READERS
    }


def siblings(session: Session, new: Sequence[Event], known: Mapping[int, Mail]) -> set[int]:
    """Mails whose stored hits may become a machine's by the new ones: other mails of a trapped
    reader, and mails clicked from the same network just before."""
    caught = {
        mail.contact_id
        for event in new
        if event.kind is EventType.TRAP
        and (mail := known.get(event.message_id or 0))
        and mail.contact_id
    }
    found: set[int] = set()
    if caught:
        found |= set(session.scalars(select(Message.id).where(Message.contact_id.in_(caught))))
    ours: dict[str, list[Event]] = {}
    for event in new:
        if _may_be_gateway(event):
            ours.setdefault(event.network, []).append(event)
    if ours:
        clicks = _clicks_from(session, ours)
        domains = _domains(session, clicks, ours)
        for network, stored in clicks.items():
            together = [*stored, *ours[network]]
            places = rules.gateways(together, domains)
            found |= {together[place].message_id or 0 for place in places}
    return found - set(known)


def _domains(
    session: Session, clicks: Mapping[str, Sequence[Event]], ours: Mapping[str, Sequence[Event]]
) -> dict[int, str]:
    """Message → the company its reader's address belongs to; without free mail."""
    ids = {e.message_id for network in clicks for e in (*clicks[network], *ours[network])}
    if not clicks:
        return {}
    rows = session.execute(
        select(Message.id, Contact.email)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.id.in_(ids))
    )
    return {message_id: domain for message_id, email in rows if (domain := _company(email or ""))}


def _company(email: str) -> str:
    host = email.rpartition("@")[2]
    return "" if is_free_mail(host) else registrable_domain(host) or ""
