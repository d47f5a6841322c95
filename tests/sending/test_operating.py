"""What the operator sees of the sending and does to it, and that nobody else may."""

from datetime import timedelta

import pytest
from sqlalchemy import func, or_, select, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.audiences.models import Contact, ContactStatus
from tpma.core.errors import Conflict
from tpma.identity.models import AuditLog, Organisation
from tpma.identity.words import action_words
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import lanes, limits, operating, overseeing
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import (
    LaunchPace,
    Message,
    ProviderAccount,
    SendChunk,
    SendLane,
    SendState,
    Warmup,
)
from tpma.web.security import limiter
from tpma.worker.loop import Worker, settle


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def launch(db) -> Launch:
    with db.transaction() as session:
        factories.bind(session)
        made = make.running_launch(contacts=3)
        assert made.enrolment.partner  # loaded, for tests that read its name
        return made


@pytest.fixture
def partner(db, launch, client):
    """The browser of the partner's admin."""
    with db.transaction() as session:
        factories.bind(session)
        seat = make.member_of(session.get_one(Organisation, launch.tenant_id))
    return factories.signed_in(client, seat, launch.enrolment)


@pytest.fixture
def omar(db):
    with db.transaction() as session:
        factories.bind(session)
        return factories.operator()


@pytest.fixture
def browser(client, omar):
    return factories.signed_in(client, omar)


def page(browser) -> str:
    answer = browser.get("/admin/delivery/")
    assert answer.status_code == 200
    return answer.text


def audited(db) -> list[tuple[str, dict]]:
    """What was written down of the operator's deeds, each with words of its own."""
    with db.reading() as session:
        rows = session.scalars(
            select(AuditLog).where(AuditLog.actor_id.is_not(None)).order_by(AuditLog.seq)
        ).all()
    found = [(row.action, row.detail) for row in rows if row.action in OURS]
    assert all(action_words(action) for action, _detail in found)
    return found


OURS = {
    "launch.let_go", "launch.dead_queued", "lane.released", "account.released",
    "launch.paused", "launch.resumed",
}  # fmt: skip


def bury(db, launch, reason="too_many_requeues"):
    """All mails of the launch dead, their chunk finished: as a worker leaves them."""
    with db.transaction() as session:
        session.execute(
            update(Message)
            .where(Message.launch_id == launch.id)
            .values(send_state=SendState.DEAD, reason=reason, not_before=None)
        )
        session.execute(
            update(SendChunk)
            .where(SendChunk.launch_id == launch.id)
            .values(finished_at=launch.created_at)
        )


def test_before_the_first_mail_the_page_teaches(db, browser):
    assert "No mail has been sent yet" in page(browser)


def test_who_waits_is_shown_with_their_company_and_code(db, launch, browser):
    text = page(browser)
    assert "3 mails wait their turn" in text
    assert launch.campaign_code in text
    assert launch.enrolment.partner.trading_name in text


def test_a_held_lane_is_tried_again_at_once(db, launch, system, clock, browser):
    until = clock() + timedelta(hours=1)
    with db.transaction() as session:
        lane = session.scalars(select(SendLane)).one()
        lanes.hold_lane(session, lane.id, until, "SendingPaused")
        session.execute(update(SendChunk).values(not_before=until))
    assert "SendingPaused" in page(browser)
    settle(system)
    assert look.states(db, launch.id) == ["queued"] * 3
    answer = browser.post(f"/admin/delivery/lanes/{launch.tenant_id}/release")
    assert answer.status_code == 303
    settle(system)
    assert look.states(db, launch.id) == ["accepted"] * 3
    assert audited(db) == [("lane.released", {"cause": "SendingPaused"})]
    assert browser.post(f"/admin/delivery/lanes/{launch.tenant_id}/release").status_code == 409


def test_a_held_account_is_asked_again_at_once(db, launch, system, clock, browser):
    until = clock() + timedelta(minutes=15)
    with db.transaction() as session:
        limits.hold_account(session, "outbox", "quota", until, clock(), throttled=False)
        session.execute(update(SendChunk).values(not_before=until))
    assert "The provider holds mails back" in page(browser)
    assert browser.post("/admin/delivery/account/release").status_code == 303
    settle(system)
    assert look.states(db, launch.id) == ["accepted"] * 3
    assert audited(db) == [("account.released", {"scope": "account:outbox", "cause": "quota"})]
    assert browser.post("/admin/delivery/account/release").status_code == 409


def test_the_rest_of_a_launch_goes_without_waiting_for_its_first(db, launch, clock, browser):
    with db.transaction() as session:
        pace = session.get_one(LaunchPace, launch.id)
        pace.canary, pace.released, pace.held_until = 1, 1, clock() + timedelta(minutes=15)
    assert "the rest waits for what they bring" in page(browser)
    assert browser.post(f"/admin/delivery/launches/{launch.id}/let-go").status_code == 303
    with db.transaction() as session:
        assert lanes.canary_room(session, launch.id, 20) == 20
        lanes.hold_after_canary(session, launch.id, clock() + timedelta(minutes=15))
        assert session.get_one(LaunchPace, launch.id).held_until == clock()
    assert audited(db) == [("launch.let_go", {"released": 1})]
    assert browser.post(f"/admin/delivery/launches/{launch.id}/let-go").status_code == 409


def test_what_the_operator_pauses_the_operator_resumes(db, launch, system, browser):
    assert browser.post(f"/admin/delivery/launches/{launch.id}/pause").status_code == 303
    settle(system)
    assert look.states(db, launch.id) == ["queued"] * 3
    assert "by the operator" in page(browser)
    assert browser.post(f"/admin/delivery/launches/{launch.id}/resume").status_code == 303
    settle(system)
    assert look.states(db, launch.id) == ["accepted"] * 3
    assert [action for action, _detail in audited(db)] == ["launch.paused", "launch.resumed"]


def test_a_partner_cannot_lift_the_operators_pause(db, launch, partner):
    with db.transaction() as session:
        launches.pause(session, None, session.get_one(Launch, launch.id), operating.OPERATOR)
    assert partner.post(f"/portal/launches/{launch.id}/resume").status_code == 409
    assert look.launch(db, launch.id).state is LaunchState.PAUSED


def test_a_pause_of_somebody_elses_is_theirs_to_lift(db, launch, omar, system):
    with db.transaction() as session:
        held = session.get_one(Launch, launch.id)
        launches.pause(session, None, held, "complaints")
        with pytest.raises(Conflict, match="not yours"):
            operating.resume(session, factories.actor(omar), held, system.settings)


def test_dead_letters_are_queued_again_and_leave_once(db, launch, system, browser):
    bury(db, launch)
    text = page(browser)
    assert "3 dead letters need you" in text
    assert "Came back for three days" in text
    path = f"/admin/delivery/launches/{launch.id}/queue-again"
    assert browser.post(path, data={"reason": "another"}).status_code == 409
    assert browser.post(path, data={"reason": "too_many_requeues"}).status_code == 303
    assert look.states(db, launch.id) == ["queued"] * 3
    settle(system)
    assert look.states(db, launch.id) == ["accepted"] * 3
    assert {attempt.n for attempt in look.attempts(db)} == {1}
    assert audited(db) == [("launch.dead_queued", {"mails": 3, "reason": "too_many_requeues"})]


def test_dead_letters_of_a_launch_that_is_over_stay(db, launch, browser):
    bury(db, launch)
    with db.transaction() as session:
        session.get_one(Launch, launch.id).state = LaunchState.ENDED
    path = f"/admin/delivery/launches/{launch.id}/queue-again"
    assert browser.post(path, data={"reason": "too_many_requeues"}).status_code == 409
    assert "the launch is over" in page(browser)


def test_a_letter_that_was_revived_and_unsubscribed_meanwhile_stays_unsent(
    db, launch, system, browser
):
    bury(db, launch)
    with db.transaction() as writing:
        message = writing.scalars(select(Message).order_by(Message.id).limit(1)).one()
        writing.get_one(Contact, message.contact_id).status = ContactStatus.ERASED
    browser.post(
        f"/admin/delivery/launches/{launch.id}/queue-again", data={"reason": "too_many_requeues"}
    )
    settle(system)
    assert look.states(db, launch.id) == ["accepted", "accepted", "skipped"]


def test_doubts_are_counted_by_launch_with_their_age(db, launch, system, clock, browser):
    Worker(look.by(system, FakeMail(lambda _mail: SendResult(Outcome.MAYBE)))).round()
    clock.forward(hours=2)
    with db.reading() as session:
        [doubt] = overseeing.doubts(session)
    assert (doubt.in_doubt, doubt.unconfirmed) == (3, 0)
    assert doubt.since == clock() - timedelta(hours=2)
    assert "2 hours ago" in page(browser)


def test_the_account_says_how_much_of_the_day_is_used(db, launch, clock, browser):
    with db.transaction() as session:
        session.add(
            ProviderAccount(
                transport="ses",
                read_at=clock(),
                max_per_second=14,
                max_24h=1000,
                sent_24h=950,
                sending_enabled=True,
                sandbox=True,
                enforcement="PROBATION",
            )  # fmt: skip
        )
        limits.set_rate(session, "account:ses", 12.6, clock())
    text = page(browser)
    for word in ("12.6 a second", "95.0%", "Quota nearly used up", "Sandbox", "PROBATION"):
        assert word in text


@pytest.mark.parametrize(
    "path",
    ["account/release", "lanes/{tenant}/release", "launches/{launch}/pause",
     "launches/{launch}/resume", "launches/{launch}/let-go", "launches/{launch}/queue-again",
     "warm-ups/declare", "warm-ups/take-up", "warm-ups/limit", "mailboxes/release",
     "mailboxes/limit"],
)  # fmt: skip
def test_only_the_operator_comes_here(db, launch, partner, path):
    where = path.format(tenant=launch.tenant_id, launch=launch.id)
    assert partner.post(f"/admin/delivery/{where}").status_code == 404
    assert partner.get("/admin/delivery/").status_code == 404
    assert look.launch(db, launch.id).state is LaunchState.RUNNING


def in_a_day(clock) -> Launch:
    made = make.launch(contacts=2, start_at=clock() + timedelta(days=1))
    make.schedule(made)
    return made


def test_after_a_restore_nothing_leaves_until_a_person_says_so(db, launch, system, clock):
    with db.transaction() as session:
        factories.bind(session)
        later = in_a_day(clock)
        paused = make.running_launch(contacts=1)
        launches.pause(session, None, paused)
    with db.transaction() as restored:
        assert operating.pause_all(restored, operating.RESTORED) == 3
    with db.transaction() as again:
        assert operating.pause_all(again, operating.RESTORED) == 0
    clock.forward(days=2)
    settle(system)
    for one in (launch, later, paused):
        found = look.launch(db, one.id)
        assert (found.state, found.paused_cause) == (LaunchState.PAUSED, "restored")
    with db.reading() as reading:
        count = select(func.count()).where(Message.send_state == SendState.ACCEPTED)
        assert reading.scalar(count) == 0


@pytest.mark.parametrize(("days", "leave_at_once"), [(0, False), (2, True)])
def test_a_launch_paused_before_its_hour_starts_at_it_when_resumed(
    db, system, clock, omar, days, leave_at_once
):
    with db.transaction() as session:
        factories.bind(session)
        later = in_a_day(clock)
        operating.pause_all(session, operating.RESTORED)
    clock.forward(days=days)
    with db.transaction() as writing:
        held = operating.get_launch(writing, later.id)
        operating.resume(writing, factories.actor(omar), held, system.settings)
    settle(system)
    assert (look.states(db, later.id) == ["accepted"] * 2) is leave_at_once
    clock.forward(days=1)
    settle(system)
    assert look.states(db, later.id) == ["accepted"] * 2


def test_a_collecting_launch_with_mails_in_its_queue_is_held_after_a_restore(
    db, launch, system, clock
):
    with db.transaction() as writing:
        writing.get_one(Launch, launch.id).state = LaunchState.COLLECTING
        writing.flush()
        assert operating.pause_all(writing, operating.RESTORED) == 1
    clock.forward(days=2)
    settle(system)
    assert look.states(db, launch.id) == ["queued"] * 3
    with db.reading() as reading:
        [shown] = overseeing.sending(reading, clock())
    assert shown.held_back


@pytest.fixture
def domains(db, clock):
    """One domain on its way, one stopped, and a provider that is slowed down."""
    with db.transaction() as session:
        session.add(Warmup(domain="rheinwerk-mail.de", step=2, day=clock().date(), taken=9))
        session.add(Warmup(domain="brightline.com", stopped="complaints", verdict="stop"))
        scope = limits.mailbox_scope("rheinwerk-mail.de", Mailbox.GMAIL)
        limits.brake(session, scope, 0.5, clock(), clock() + timedelta(hours=4), "deferred")


def test_the_page_shows_warm_ups_and_slowed_providers(browser, domains):
    page = browser.get("/admin/delivery/").text
    assert all(words in page for words in ("rheinwerk-mail.de", "Rung 3", "too many complaints"))
    assert all(words in page for words in ("Gmail", "1,800 an hour", "Full speed now"))


@pytest.mark.parametrize(
    ("where", "form", "again"),
    [
        ("warm-ups/declare", {"domain": "rheinwerk-mail.de"}, 409),
        ("warm-ups/take-up", {"domain": "brightline.com"}, 409),
        ("warm-ups/limit", {"domain": "rheinwerk-mail.de", "mails": "70"}, 303),
        ("mailboxes/release", {"domain": "rheinwerk-mail.de", "mailbox": "gmail"}, 409),
        ("mailboxes/limit",
         {"domain": "rheinwerk-mail.de", "mailbox": "yahoo", "mails": "70"}, 303),
    ],
)  # fmt: skip
def test_what_the_operator_decides_on_a_domain_is_audited(browser, db, domains, where, form, again):
    assert browser.post(f"/admin/delivery/{where}", data=form).status_code == 303
    assert browser.post(f"/admin/delivery/{where}", data=form).status_code == again
    with db.reading() as session:
        kinds = ("warmup.%", "mailbox.%")
        entry = session.scalars(
            select(AuditLog).where(or_(*(AuditLog.action.like(kind) for kind in kinds)))
        ).first()
    assert entry.actor_id is not None


@pytest.mark.parametrize(
    ("where", "form", "status"),
    [
        ("warm-ups/declare", {"domain": "nobody.net"}, 404),
        ("warm-ups/limit", {"domain": "rheinwerk-mail.de", "mails": "many"}, 422),
        ("mailboxes/limit", {"domain": "rheinwerk-mail.de", "mailbox": "fax"}, 422),
        ("mailboxes/release", {"domain": "rheinwerk-mail.de", "mailbox": "yahoo"}, 409),
    ],
)
def test_a_domain_or_provider_there_is_not_is_refused(browser, domains, where, form, status):
    assert browser.post(f"/admin/delivery/{where}", data=form).status_code == status
