"""Mails without a launch: one a cause, at least once, and nobody else's header."""

import email
from datetime import timedelta
from email.policy import default as modern

import pytest
from sqlalchemy import func, select

from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma import jobs
from tpma.core.errors import Invalid, Unavailable
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import notices
from tpma.sending.events.models import Feed
from tpma.sending.models import Notice, NoticeState, OutboxMail
from tpma.worker.loop import settle

BODY = "Hello,\n\nopen this:\n\nhttp://localhost:8000/join/abc\n\nBye <b>"


def told(**changes):
    values = {
        "tenant_id": None,
        "cause": "invitation:1",
        "recipient": "ada@reader.example",
        "subject": "Your invitation",
        "body": BODY,
        "locale": "en",
    }
    return values | changes


def _stored(system):
    return [
        email.message_from_bytes(file.read_bytes(), policy=modern)
        for file in system.settings.outbox_folder.glob("new/n*.eml")
    ]


def test_a_notice_arrives_in_both_parts(system):
    notices.send(system, **told())
    (mail,) = _stored(system)
    assert mail["To"] == "ada@reader.example"
    assert "http://localhost:8000/join/abc" in mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert 'href="http://localhost:8000/join/abc"' in html
    assert "&lt;b&gt;" in html


def test_one_cause_has_one_notice(db, system):
    for _time in range(3):
        notices.send(system, **told())
    with db.reading() as session:
        assert session.scalar(select(func.count(Notice.id))) == 1
        assert session.scalar(select(func.count(OutboxMail.id))) == 1
    assert len(_stored(system)) == 1


def test_a_notice_that_did_not_leave_comes_again(db, system):
    answers = iter([SendResult(Outcome.NOT_SENT, code="later")])
    flaky = look.by(system, FakeMail(lambda _e: next(answers, None)))
    with pytest.raises(Unavailable):
        notices.send(flaky, **told())
    notices.send(flaky, **told())
    assert len(flaky.mail.asked) == 2
    assert _state(db) is NoticeState.ACCEPTED


def _doubtful(system):
    """A transport that never says what became of a mail, and the notice it was given."""
    unclear = look.by(system, FakeMail(lambda _e: SendResult(Outcome.MAYBE, code="timeout")))
    with pytest.raises(Unavailable):
        notices.send(unclear, **told())
    return unclear


def test_a_notice_in_doubt_is_not_repeated_before_half_an_hour(db, system, clock):
    unclear = _doubtful(system)
    clock.forward(minutes=29)
    with pytest.raises(Unavailable):
        notices.send(unclear, **told())
    assert (len(unclear.mail.asked), _state(db)) == (1, NoticeState.IN_DOUBT)


def test_after_half_an_hour_it_is_sent_again(db, system, clock):
    unclear = _doubtful(system)
    unclear.mail.script = None
    clock.forward(minutes=31)
    notices.send(unclear, **told())
    assert (len(unclear.mail.asked), _state(db)) == (2, NoticeState.ACCEPTED)


def test_nobody_gets_a_third_copy(db, system, clock):
    unclear = _doubtful(system)
    clock.forward(minutes=31)
    with pytest.raises(Unavailable):
        notices.send(unclear, **told())
    for _again in range(3):
        clock.forward(hours=2)
        notices.send(unclear, **told())
    assert (len(unclear.mail.asked), _state(db)) == (2, NoticeState.UNCONFIRMED)


def test_an_event_that_proves_it_ends_the_doubt(db, system, clock):
    unclear = _doubtful(system)
    with db.transaction() as session:
        assert notices.proved(session, session.scalars(select(Notice.id)).one(), "ses-1")
    clock.forward(hours=2)
    notices.send(unclear, **told())
    assert (len(unclear.mail.asked), _state(db)) == (1, NoticeState.ACCEPTED)


def test_a_worker_that_died_in_the_middle_leaves_a_doubt(db, system, clock):
    class Died(BaseException):
        """A kill, from the inside."""

    def die(_envelope):
        raise Died

    dying = look.by(system, FakeMail(die))
    with pytest.raises(Died):
        notices.send(dying, **told())
    dying.mail.script = None
    with pytest.raises(Unavailable):
        notices.send(dying, **told())
    clock.forward(minutes=31)
    notices.send(dying, **told())
    assert (len(dying.mail.asked), _state(db)) == (2, NoticeState.ACCEPTED)


def test_a_transport_that_knows_a_mail_again_need_not_wait(db, system):
    answers = iter([SendResult(Outcome.MAYBE, code="timeout")])
    knowing = look.by(system, FakeMail(lambda _e: next(answers, None), idempotent=True))
    with pytest.raises(Unavailable):
        notices.send(knowing, **told())
    notices.send(knowing, **told())
    assert _state(db) is NoticeState.ACCEPTED


def test_what_provably_did_not_leave_is_no_copy(db, system):
    answers = [SendResult(Outcome.NOT_SENT, code="later")] * 5
    flaky = look.by(system, FakeMail(lambda _e: answers.pop() if answers else None))
    for _time in range(5):
        with pytest.raises(Unavailable):
            notices.send(flaky, **told())
    notices.send(flaky, **told())
    assert _state(db) is NoticeState.ACCEPTED


def test_a_refused_notice_is_not_tried_for_ever(db, system):
    flaky = look.by(system, FakeMail(lambda _e: SendResult(Outcome.REFUSED, code="no")))
    notices.send(flaky, **told())
    notices.send(flaky, **told())
    assert (len(flaky.mail.asked), _state(db)) == (1, NoticeState.FAILED)


def _state(db):
    with db.reading() as session:
        return session.scalars(select(Notice.state)).one()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "Hello\r\nBcc: all@reader.example"),
        ("subject", "Hello\nX: y"),
        ("recipient", "ada@reader.example\r\nBcc: all@reader.example"),
        ("recipient", "ada@reader.example, eve@reader.example"),
        ("recipient", "nobody"),
    ],
)
def test_a_line_break_opens_no_header(system, field, value):
    with pytest.raises(Invalid):
        notices.send(system, **told(**{field: value}))
    assert _stored(system) == []


def test_a_hostile_body_stays_text(system):
    notices.send(system, **told(body='<script>x</script>\n\nhttp://a.example/"onclick="x'))
    html = _stored(system)[0].get_body(("html",)).get_content()
    assert "<script>" not in html
    assert '"onclick="' not in html


@pytest.mark.parametrize("locale", ["de", "ar", "ja"])
def test_a_notice_says_its_language_and_direction(system, locale):
    notices.send(system, **told(locale=locale))
    html = _stored(system)[0].get_body(("html",)).get_content()
    assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in html


def test_the_job_sends_it(db, session, system, clock):
    jobs.enqueue(session, "sending.notice", clock(), **told())
    session.commit()
    settle(system)
    assert len(_stored(system)) == 1


def test_the_job_tries_again_later(db, session, system, clock):
    answers = iter([SendResult(Outcome.NOT_SENT, code="later")])
    flaky = look.by(system, FakeMail(lambda _e: next(answers, None)))
    jobs.enqueue(session, "sending.notice", clock(), **told())
    session.commit()
    settle(flaky)
    clock.forward(seconds=6)
    settle(flaky)
    assert _state(db) is NoticeState.ACCEPTED


@pytest.fixture
def told_by_a_feed(db):
    """A watched feed that has told of nothing since nine."""

    def feed(seen, started):
        with db.transaction() as session:
            known = session.get(Feed, "ses:main") or Feed(name="ses:main", is_watched=True)
            known.seen_through, known.attempts_through = seen, started
            session.add(known)

    return feed


def test_while_the_feed_is_silent_a_doubt_is_no_evidence(db, system, clock, told_by_a_feed):
    """T16 freezes: half an hour is over, and nobody knows whether the mail arrived."""
    told_by_a_feed(clock(), clock())
    unclear = _doubtful(system)
    unclear.mail.script = None
    clock.forward(hours=5)
    with pytest.raises(Unavailable):
        notices.send(unclear, **told())
    assert notices.settle(unclear) == 0
    assert (len(unclear.mail.asked), _state(db)) == (1, NoticeState.IN_DOUBT)


def test_once_the_feed_has_told_of_later_mails_it_is_sent_again(db, system, clock, told_by_a_feed):
    """By the sweep: its job has been given up long ago."""
    unclear = _doubtful(system)
    unclear.mail.script = None
    told_by_a_feed(clock() + timedelta(minutes=3), clock() + timedelta(minutes=1))
    clock.forward(hours=5)
    assert notices.settle(unclear) == 1
    assert (len(unclear.mail.asked), _state(db)) == (2, NoticeState.ACCEPTED)
    assert notices.settle(unclear) == 0


def test_nobody_waits_for_a_silent_feed_longer_than_a_day(db, system, clock, told_by_a_feed):
    told_by_a_feed(clock(), clock())
    unclear = _doubtful(system)
    for _again in range(3):
        clock.forward(hours=24)
        notices.settle(unclear)
    assert (len(unclear.mail.asked), _state(db)) == (2, NoticeState.UNCONFIRMED)
