"""Many readers stop the mails at once: one transaction, and each is treated as if alone."""

import pytest
from sqlalchemy import func, select

from tests.factories import launches as make
from tpma.audiences.models import Consent, ConsentState, Contact, Suppression
from tpma.identity.models import AuditLog
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.tracking import counting
from tpma.tracking.models import EventType, TrackingEvent
from tpma.tracking.unsubscribing import ONE_CLICK, PAGE, Stop, stop_all


@pytest.fixture
def mails(session):
    """The messages of a launch to five people."""
    launch = make.running_launch(contacts=5)
    session.flush()
    query = select(Message).where(Message.launch_id == launch.id).order_by(Message.id)
    return list(session.scalars(query))


def stop(mail, clock, channel=ONE_CLICK):
    return Stop(mail if isinstance(mail, int) else mail.id, make.visit(clock()), channel)


def count(session, table, *conditions):
    return session.scalar(select(func.count()).select_from(table).where(*conditions))


def withdrawn(session):
    return set(
        session.scalars(select(Consent.contact_id).where(Consent.state == ConsentState.WITHDRAWN))
    )


def test_each_is_withdrawn_and_nobody_else(session, clock, mails):
    assert stop_all(session, [stop(mail, clock) for mail in mails[:3]]) == [True] * 3
    assert withdrawn(session) == {mail.contact_id for mail in mails[:3]}


def test_each_address_is_suppressed(session, clock, mails):
    stop_all(session, [stop(mail, clock) for mail in mails[:3]])
    hashes = session.scalars(select(Contact.hmac).where(Contact.id.in_(withdrawn(session))))
    assert set(session.scalars(select(Suppression.email_hmac))) >= set(hashes)


def test_each_is_an_event_a_fact_and_a_line_of_the_audit_log(session, clock, mails):
    stop_all(session, [stop(mail, clock) for mail in mails[:3]])
    assert count(session, TrackingEvent, TrackingEvent.type == EventType.UNSUBSCRIBE) == 3
    assert count(session, DeliveryFact, DeliveryFact.kind == FactKind.UNSUBSCRIBED) == 3
    assert count(session, AuditLog, AuditLog.action == "consent.withdrawn") == 3


def test_the_figures_agree_with_the_events(session, clock, mails):
    stop_all(session, [stop(mail, clock) for mail in mails])
    session.flush()
    assert all(well for well, _line in counting.findings(session))


def test_the_same_click_twice_in_one_transaction_is_once(session, clock, mails):
    twice = [stop(mails[0], clock), stop(mails[0], clock, PAGE)]
    assert stop_all(session, twice) == [True, False]
    assert count(session, Consent, Consent.state == ConsentState.WITHDRAWN) == 1
    assert count(session, TrackingEvent, TrackingEvent.type == EventType.UNSUBSCRIBE) == 1


def test_a_click_repeated_later_is_no_news(session, clock, mails):
    stop_all(session, [stop(mails[0], clock)])
    assert stop_all(session, [stop(mails[0], clock), stop(mails[1], clock)]) == [False, True]


def test_the_channel_kept_is_that_of_each_one_s_own_click(session, clock, mails):
    stop_all(session, [stop(mails[0], clock), stop(mails[1], clock, PAGE)])
    rows = session.scalars(select(Consent).where(Consent.state == ConsentState.WITHDRAWN))
    channels = {row.contact_id: row.evidence["channel"] for row in rows}
    assert channels == {mails[0].contact_id: ONE_CLICK, mails[1].contact_id: PAGE}


def test_a_mail_that_is_not_known_is_told_so_and_disturbs_nobody(session, clock, mails):
    assert stop_all(session, [stop(10**9, clock), stop(mails[0], clock)]) == [None, True]
    assert withdrawn(session) == {mails[0].contact_id}
