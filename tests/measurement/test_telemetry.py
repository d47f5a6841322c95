"""/metrics: what it counts, who may read it, and that it holds nobody's name."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.audiences.models import Contact
from tpma.jobs import Job
from tpma.measurement.telemetry import Exposition, exposition
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import limits, watermark
from tpma.sending.events import counting
from tpma.sending.events.models import Feed
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    Message,
    ProviderAccount,
    Warmup,
)
from tpma.tracking import counting as figures
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.worker.loop import Worker, settle


@pytest.fixture
def launch(db):
    with db.transaction() as session:
        factories.bind(session)
        return make.running_launch(contacts=3)


def told(system) -> dict[tuple, float]:
    """(name, values of its labels by their names…) → value, read by the library's own parser."""
    text = exposition(system).decode()
    return {
        (sample.name, *(value for _name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_mails_that_wait_are_counted_by_state_and_lane(launch, system, clock):
    clock.forward(seconds=90)
    found = told(system)
    assert found["tpma_mail_state", "queued"] == 3
    assert found["tpma_lane_backlog", str(launch.tenant_id)] == 3
    assert found["tpma_lane_oldest_ready_seconds", str(launch.tenant_id)] == 90
    assert found["tpma_dead_letters",] == found["tpma_mail_duplicate_acceptance_total",] == 0


def test_what_came_of_attempts_is_counted(launch, system):
    settle(system)
    found = told(system)
    assert found["tpma_mail_state", "accepted"] == 3
    assert found["tpma_mail_attempts_total", "", "accepted", "outbox"] == 3
    assert found["tpma_bounce_rate", "platform", "24h"] == 0
    assert found["tpma_mail_results", "platform", "24h"] == 3


def test_a_doubt_has_an_age(launch, system, clock):
    Worker(look.by(system, FakeMail(lambda _mail: SendResult(Outcome.MAYBE)))).round()
    clock.forward(minutes=61)
    found = told(system)
    assert found["tpma_mail_state", "in_doubt"] == 3
    assert found["tpma_mail_in_doubt_age_seconds", "max"] == 3660
    assert found["tpma_mail_in_doubt_age_seconds", "p99"] == 3660


def test_two_acceptances_of_one_mail_are_seen(db, launch, system):
    settle(system)
    with db.transaction() as session:
        first = session.scalars(select(Attempt).limit(1)).one()
        known = {c.key: getattr(first, c.key) for c in Attempt.__table__.columns}
        session.add(Attempt(**known | {"id": launch.id, "n": 2, "provider_id": "another"}))
    assert told(system)["tpma_mail_duplicate_acceptance_total",] == 1


def test_account_feeds_events_clicks_and_jobs_are_told(db, launch, system, clock):
    with db.transaction() as session:
        session.add(
            ProviderAccount(
                transport="ses",
                read_at=clock(),
                max_per_second=14,
                max_24h=1000,
                sent_24h=920,
                sending_enabled=True,
                sandbox=False,
                enforcement="HEALTHY",
            )  # fmt: skip
        )
        limits.set_rate(session, "account:ses", 12.5, clock())
        limits.hold_account(session, "ses", "Throttling", clock(), clock(), throttled=True)
        watermark.watch(session, "ses:tpma")
        session.execute(update(Feed).values(seen_through=clock() - timedelta(minutes=12)))
        session.add(Job(name="test.gone", payload={}, run_at=clock(), dead_at=clock()))
        session.add(
            TrackingEvent(
                tenant_id=launch.tenant_id,
                launch_id=launch.id,
                campaign_code="C",
                type=EventType.CLICK,
                occurred_at=clock(),
                verdict=Verdict.SCANNER,
                rule="BOT-02",
            )  # fmt: skip
        )
        session.flush()
        figures.rebuild(session)
        counting.count(session, clock(), "ses", "delivery", "applied")
    found = told(system)
    assert found["tpma_quota_used_ratio", "account:ses"] == 0.92
    assert found["tpma_rate_current", "ses"] == 6.25
    assert found["tpma_rate_ceiling", "ses"] == 12.5
    assert found["tpma_ses_throttled_total", "ses"] == 1
    assert found["tpma_feed_watermark_age_seconds", "ses:tpma"] == 720
    assert found["tpma_events_total", "applied", "delivery"] == 1
    assert found["tpma_click_verdict_total", "BOT-02", "scanner"] == 1
    assert found["tpma_jobs", "dead"] == 1


def test_no_name_and_no_address_is_told(db, launch, system):
    settle(system)
    text = exposition(system).decode()
    with db.reading() as session:
        people = session.scalars(select(Contact)).all()
    assert len(people) == 3
    assert [p.email for p in people if p.email in text or p.family_name in text] == []
    assert "@" not in text


def test_an_answer_is_kept_as_long_as_it_cost(launch, system, db):
    moment = [0.0]

    def ticking() -> float:
        moment[0] += 1.0  # a second passes between two looks: the answer took one
        return moment[0]

    kept = Exposition(ticking)
    first = kept.text(system)  # from 1 to 2, good until 22
    with db.transaction() as session:
        session.execute(update(Message).values(send_state="cancelled"))
    moment[0] = 20.5
    assert kept.text(system) == first
    assert kept.text(system) != first


TOKEN = "a-token-of-24-letters-xyz"


@pytest.fixture
def asking(app, client, system):
    """Ask as from another machine unless told otherwise."""

    def ask(*, token="", address="203.0.113.9", **headers):
        app.extensions["tpma"] = look.by(
            system, system.mail, metrics_token="a-token-of-24-letters-xyz"
        )
        app.extensions.pop("tpma.exposition", None)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given["Authorization"] = f"Bearer {token}"
        answer = client.get("/metrics", headers=given, environ_base={"REMOTE_ADDR": address})
        return answer.status_code

    return ask


def test_only_this_machine_or_who_knows_the_token_may_read(asking, launch):
    assert asking(address="127.0.0.1") == 200
    assert asking(address="::1") == 200
    assert asking(token=TOKEN) == 200
    assert asking() == 404
    assert asking(token="another") == 404
    assert asking(token="ä") == 404
    assert asking(address="") == 404


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"])
def test_who_comes_by_a_proxy_on_this_machine_is_not_this_machine(asking, launch, header):
    assert asking(address="127.0.0.1", **{header: "127.0.0.1"}) == 404


def test_without_a_token_nobody_guesses_an_empty_one(app, client, launch):
    answer = client.get(
        "/metrics",
        headers={"Authorization": "Bearer "},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )
    assert answer.status_code == 404


def test_a_warm_up_and_a_provider_that_puts_off_are_told(db, launch, system, clock):
    with db.transaction() as session:
        session.add(Warmup(domain="rheinwerk-mail.de", step=1, day=clock().date(), taken=40))
        session.add(Warmup(domain="old-and-known.com", warmed_at=clock()))
    away = look.by(system, FakeMail(), mail_domain="rheinwerk-mail.de")
    settle(away)
    with db.transaction() as session:
        late = session.scalars(select(Message.id).order_by(Message.id)).first()
        session.add(DeliveryFact(message_id=late, kind=FactKind.DELAYED, at=clock()))
    found = told(system)
    assert found["tpma_warmup_cap", "rheinwerk-mail.de"] == 100
    assert found["tpma_warmup_taken", "rheinwerk-mail.de"] == 43
    assert ("tpma_warmup_cap", "old-and-known.com") not in found
    assert found["tpma_deferral_rate", "other"] == pytest.approx(1 / 3)
