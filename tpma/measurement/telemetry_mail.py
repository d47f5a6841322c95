"""The mail figures a monitoring system reads: one question a family, each over whole tables."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from tpma.core.db import clock_of
from tpma.ports.mail import Outcome
from tpma.sending import brakes, open_work, overseeing, overseeing_domains
from tpma.sending.events.models import DeadEvent, EventCount, EventOrphan, Feed
from tpma.sending.models import Attempt, DeliveryFact, FactKind, Message, SendLane, SendState
from tpma.tracking import surplus
from tpma.tracking.models import EventType, TrackingCount

_WINDOW = timedelta(hours=24)


def families(session: Session) -> Iterator[Metric]:
    now = clock_of(session)()
    yield from _ledger(session)
    yield from _doubts(session, now)
    yield from _accounts(session, now)
    yield from _domains(session, now)
    yield from _lanes(session, now)
    yield from _events(session, now)
    yield from _reputation(session, now)


def _gauge(name: str, says: str, labels: Sequence[str], rows: Iterable[Sequence[Any]]) -> Metric:
    """Rows of labels, the value last; one without a value is left out."""
    made = GaugeMetricFamily(name, says, labels=labels)
    for *given, value in rows:
        if value is not None:
            made.add_metric([str(label) for label in given], float(value))
    return made


def _counter(name: str, says: str, labels: Sequence[str], rows: Iterable[Sequence[Any]]) -> Metric:
    made = CounterMetricFamily(name, says, labels=labels)
    for *given, value in rows:
        made.add_metric([str(label) for label in given], float(value))
    return made


def _ledger(session: Session) -> Iterator[Metric]:
    counted = dict(
        session.execute(select(Message.send_state, func.count()).group_by(Message.send_state)).all()
    )
    yield _gauge(
        "tpma_mail_state", "Mails of launches by state.", ["state"],
        [(state.value, counted.get(state, 0)) for state in SendState],
    )  # fmt: skip
    yield _gauge(
        "tpma_mail_unconfirmed_total", "Mails nobody can vouch for; falls when a late event comes.",
        [], [(counted.get(SendState.UNCONFIRMED, 0),)],
    )  # fmt: skip
    yield _gauge(
        "tpma_dead_letters", "Mails that could not be built, or came back for days.",
        [], [(counted.get(SendState.DEAD, 0),)],
    )  # fmt: skip
    outcome = func.coalesce(Attempt.outcome, "open")
    attempts = session.execute(
        select(Attempt.transport, outcome, Attempt.code, func.count()).group_by(
            Attempt.transport, outcome, Attempt.code
        )
    ).all()
    yield _counter(
        "tpma_mail_attempts", "Submissions by what came of them.",
        ["transport", "outcome", "code"], attempts,
    )  # fmt: skip
    yield from _told_by_attempts(session, attempts)


def _told_by_attempts(session: Session, attempts: Sequence[Any]) -> Iterator[Metric]:
    resolved = dict.fromkeys(("event", "lookup"), 0)
    late = 0
    for _transport, _outcome, code, number in attempts:
        if code in resolved:
            resolved[code] += number
        late += number if code == "DeadlinePassed" else 0
    yield _counter(
        "tpma_mail_in_doubt_resolved", "Doubts settled, by what settled them.",
        ["by"], sorted(resolved.items()),
    )  # fmt: skip
    yield _counter(
        "tpma_mail_zombie_blocked", "Submissions stopped because their worker came too late.",
        [], [(late,)],
    )  # fmt: skip
    yield _counter(
        "tpma_mail_duplicate_acceptance", "Mails the provider took twice, under two ids.",
        [], [(duplicates(session),)],
    )  # fmt: skip


def duplicates(session: Session) -> int:
    """Messages with acceptances under two provider ids; must be 0 without a second generation."""
    first, again = aliased(Attempt), aliased(Attempt)
    query = (
        select(func.count(func.distinct(again.message_id)))
        .join(first, and_(first.message_id == again.message_id, first.n < again.n))
        .where(again.n > 1, again.outcome == Outcome.ACCEPTED.value)
        .where(first.outcome == Outcome.ACCEPTED.value, first.provider_id != again.provider_id)
    )
    return session.scalar(query) or 0


def _doubts(session: Session, now: datetime) -> Iterator[Metric]:
    in_doubt = (
        select(Attempt.started_at)
        .join(Message, and_(Message.id == Attempt.message_id, Message.attempt_n == Attempt.n))
        .where(open_work.in_state(session, SendState.IN_DOUBT))
    )
    number = session.scalar(select(func.count()).select_from(in_doubt.subquery())) or 0
    # Of a hundred doubts, one is older than the 99th percentile.
    marks = {"max": 0, "p99": number // 100}
    rows = []
    for stat, skipped in marks.items():
        oldest = session.scalar(in_doubt.order_by(Attempt.started_at).offset(skipped).limit(1))
        rows.append((stat, (now - oldest).total_seconds() if oldest else 0.0))
    yield _gauge("tpma_mail_in_doubt_age_seconds", "Age of doubts that are open.", ["stat"], rows)


def _accounts(session: Session, now: datetime) -> Iterator[Metric]:
    accounts = overseeing.accounts(session, now)
    yield _gauge(
        "tpma_rate_current", "Mails a second we allow ourselves.",
        ["account"], [(one.transport, one.per_second) for one in accounts],
    )  # fmt: skip
    yield _gauge(
        "tpma_rate_ceiling", "Mails a second the provider allows, less our margin.",
        ["account"], [(one.transport, one.ceiling) for one in accounts],
    )  # fmt: skip
    yield _gauge(
        "tpma_quota_used_ratio", "Share of the provider's 24 hours that is taken.",
        ["scope"], [(one.scope, one.used) for one in accounts],
    )  # fmt: skip
    yield _counter(
        "tpma_ses_throttled", "Times the provider said: not now.",
        ["account"], [(one.transport, one.throttled) for one in accounts],
    )  # fmt: skip
    yield _gauge(
        "tpma_account_sends", "1 while the provider takes mail from us.",
        ["account"],
        [(one.transport, int(one.enabled and one.held_until is None)) for one in accounts],
    )  # fmt: skip


def _domains(session: Session, now: datetime) -> Iterator[Metric]:
    standings = overseeing_domains.warm_ups(session, now)
    yield _gauge(
        "tpma_warmup_cap", "Mails a domain may send today; none where nothing limits it.",
        ["domain"], [(one.domain, one.cap) for one in standings],
    )  # fmt: skip
    yield _gauge(
        "tpma_warmup_taken", "Mails of today's cap that are taken.",
        ["domain"], [(one.domain, one.taken) for one in standings],
    )  # fmt: skip
    found = brakes.deferrals(session, now)
    boxes = sorted({one.mailbox for one in found})
    sums = [
        (box.name.lower(),
         sum(one.deferred for one in found if one.mailbox is box)
         / max(sum(one.accepted for one in found if one.mailbox is box), 1))
        for box in boxes
    ]  # fmt: skip
    yield _gauge(
        "tpma_deferral_rate", "Mails of the last four hours a provider put off, over accepted.",
        ["mbp"], sums,
    )  # fmt: skip


def _lanes(session: Session, now: datetime) -> Iterator[Metric]:
    lanes = overseeing.lanes_of(session, now)
    yield _gauge(
        "tpma_lane_backlog", "Mails that wait, by tenant.",
        ["tenant"], [(lane.tenant_id, lane.backlog) for lane in lanes],
    )  # fmt: skip
    yield _gauge(
        "tpma_lane_oldest_ready_seconds", "How long a tenant's oldest mail could have been sent.",
        ["tenant"], [(lane.tenant_id, _age(lane.oldest, now)) for lane in lanes],
    )  # fmt: skip
    yield _gauge(
        "tpma_lane_held", "1 while the provider refuses this tenant.",
        ["tenant"], [(lane.tenant_id, int(lane.held_until is not None)) for lane in lanes],
    )  # fmt: skip
    busy = [lane.vtime for lane in lanes if lane.backlog]
    yield _gauge(
        "tpma_lane_vtime_spread", "How far the lanes that wait are apart, in mails.",
        [], [(max(busy) - min(busy) if busy else 0.0,)],
    )  # fmt: skip
    yield _gauge(
        "tpma_lanes", "Lanes there are.", [],
        [(session.scalar(select(func.count()).select_from(SendLane)) or 0,)],
    )  # fmt: skip


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0


def _events(session: Session, now: datetime) -> Iterator[Metric]:
    yield _counter(
        "tpma_events", "Events of providers, by kind and what became of them.", ["type", "result"],
        session.execute(
            select(EventCount.kind, EventCount.result, func.sum(EventCount.n))
            .group_by(EventCount.kind, EventCount.result)
            .order_by(EventCount.kind, EventCount.result)
        ).all(),
    )  # fmt: skip
    feeds = session.scalars(select(Feed).order_by(Feed.name)).all()
    yield _gauge(
        "tpma_feed_watermark_age_seconds", "How long ago a feed last told of a mail.",
        ["feed"],
        [(feed.name, _age(feed.seen_through, now) if feed.seen_through else None)
         for feed in feeds],
    )  # fmt: skip
    yield _gauge(
        "tpma_feed_watched", "1 for a feed that canaries are sent through.",
        ["feed"], [(feed.name, int(feed.is_watched)) for feed in feeds],
    )  # fmt: skip
    for name, says, table in (
        ("tpma_events_waiting", "Events that name no mail of ours yet.", EventOrphan),
        ("tpma_events_dead", "Events put aside because they could not be read.", DeadEvent),
    ):
        number = session.scalar(select(func.count()).select_from(table)) or 0
        yield _gauge(name, says, [], [(number,)])


def _reputation(session: Session, now: datetime) -> Iterator[Metric]:
    """What came back of the mails of the last 24 hours, over all tenants."""
    facts = dict(
        session.execute(
            select(DeliveryFact.kind, func.count(func.distinct(DeliveryFact.message_id)))
            .join(Message, Message.id == DeliveryFact.message_id)
            .where(Message.accepted_at > now - _WINDOW)
            .group_by(DeliveryFact.kind)
        ).all()
    )
    delivered, bounced = (facts.get(k, 0) for k in (FactKind.DELIVERED, FactKind.BOUNCED_HARD))
    here = ["scope", "window"]
    yield _gauge(
        "tpma_bounce_rate", "Hard bounces over results.", here,
        [("platform", "24h", bounced / max(delivered + bounced, 1))],
    )  # fmt: skip
    yield _gauge(
        "tpma_complaint_rate", "Complaints over delivered mails.", here,
        [("platform", "24h", facts.get(FactKind.COMPLAINED, 0) / max(delivered, 1))],
    )  # fmt: skip
    yield _gauge(
        "tpma_mail_results", "Mails delivered or bounced: what the shares stand on.", here,
        [("platform", "24h", delivered + bounced)],
    )  # fmt: skip
    yield _counter(
        "tpma_click_verdict", "Clicks by who made them, and the rule that says so.",
        ["verdict", "rule"],
        [(verdict.value, rule, int(number)) for verdict, rule, number in session.execute(
            select(TrackingCount.verdict, TrackingCount.rule, func.sum(TrackingCount.hits))
            .where(TrackingCount.type == EventType.CLICK)
            .group_by(TrackingCount.verdict, TrackingCount.rule)
            .having(func.sum(TrackingCount.hits) > 0)
        )],
    )  # fmt: skip
    yield _gauge(
        "tpma_clicks_per_visit",
        "Clicks on links to the landing page for each visit of it, both as people's, of launches "
        "under way with enough clicks.",
        ["launch"],
        [(str(one.launch_id), one.each) for one in surplus.surpluses(session)],
    )
