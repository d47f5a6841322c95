"""Who gets a mail, who does not, and why; written once whatever is repeated."""

from threading import Thread

import pytest
from sqlalchemy import func, select

from tests.conftest import NOW
from tests.factories import launches as make
from tests.factories import sending as look
from tpma.audiences import service as audiences
from tpma.audiences.models import (
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    SuppressedDomain,
    SuppressionReason,
    SuppressionScope,
)
from tpma.identity.models import Organisation
from tpma.launches import compiling
from tpma.launches.models import Launch
from tpma.sending import planning, queueing, service
from tpma.sending.models import Message, SendChunk, SendState
from tpma.tracking import unsubscribing

BASE = "http://localhost:8000"


@pytest.fixture
def draft(session):
    return make.launch(contacts=0)


def _company(session, launch):
    return session.get_one(Organisation, launch.tenant_id)


def _planned(session, launch):
    make.schedule(launch)
    return session.scalars(select(Message).where(Message.launch_id == launch.id)).all()


def _only(session, launch, person):
    """The row of this reader; another one makes sure that the launch may start at all."""
    make.contact(_company(session, launch))
    return next(row for row in _planned(session, launch) if row.contact_id == person.id)


def test_a_reader_who_agreed_is_planned_in_their_language(session, draft):
    person = make.contact(_company(session, draft), locale="de", country="US")
    row = _only(session, draft, person)
    assert (row.send_state, row.locale, row.reason) == (SendState.PLANNED, "de", "")


def test_without_consent_nobody_is_written_to(session, draft):
    person = make.contact(_company(session, draft), consent=False)
    row = _only(session, draft, person)
    assert (row.send_state, row.reason) == (SendState.SKIPPED, "no_consent")


def test_consent_that_waits_for_its_confirmation_is_none(session, draft):
    person = make.contact(_company(session, draft), consent=False)
    make.agree(person, state=ConsentState.PENDING_DOI)
    assert _only(session, draft, person).reason == "no_consent"


def test_a_weak_basis_does_not_carry_mail_where_opt_in_is_the_law(session, draft):
    person = make.contact(_company(session, draft), consent=False, country="DE", locale="en")
    make.agree(person, ConsentBasis.LEGITIMATE_INTEREST)
    other = make.contact(_company(session, draft), consent=False, country="US")
    make.agree(other, ConsentBasis.LEGITIMATE_INTEREST)
    rows = {row.contact_id: row for row in _plan_only(session, draft)}
    assert (rows[person.id].reason, rows[other.id].reason) == ("no_consent", "")


def _plan_only(session, launch):
    """Plans without the gate, for what the gate would stop for other reasons."""
    drawing = compiling.drawing(session, launch, BASE)
    locales = planning.locale_plan(drawing, planning.reader_locales(session, launch))
    planning.plan_first(session, drawing, locales)
    return session.scalars(select(Message).where(Message.launch_id == launch.id)).all()


@pytest.mark.parametrize("scope", list(SuppressionScope))
def test_each_list_keeps_its_addresses_out(session, draft, scope):
    person = make.contact(_company(session, draft))
    owner = {
        SuppressionScope.PLATFORM: None,
        SuppressionScope.VENDOR: draft.vendor_id,
        SuppressionScope.PARTNER: draft.tenant_id,
    }[scope]
    audiences.suppress(
        session, make.SIGNER, owner, person.email, SuppressionReason.MANUAL, "test", scope
    )
    row = _only(session, draft, person)
    assert row.send_state is SendState.SKIPPED
    told = "vendor_list" if scope is SuppressionScope.VENDOR else "suppressed"
    assert row.reason == told


def test_another_partners_list_concerns_nobody_here(session, draft):
    stranger = make.launch(contacts=0)
    person = make.contact(_company(session, draft))
    audiences.suppress(
        session,
        make.SIGNER,
        stranger.tenant_id,
        person.email,
        SuppressionReason.COMPLAINT,
        "test",
    )
    assert _only(session, draft, person).send_state is SendState.PLANNED


def test_who_lives_where_the_kit_may_not_be_used_is_left_out(session, draft):
    person = make.contact(_company(session, draft), country="RU")
    assert _only(session, draft, person).reason == "territory"


def test_a_language_the_kit_lacks_is_held_back_not_guessed(session, draft):
    person = make.contact(_company(session, draft), locale="ja")
    assert _only(session, draft, person).reason == "locale"


def test_the_partner_may_accept_the_main_language_instead(session, draft):
    draft.accepted_fallback = True
    person = make.contact(_company(session, draft), locale="ja")
    row = _only(session, draft, person)
    assert (row.send_state, row.locale) == (SendState.PLANNED, draft.primary_locale)


def test_who_told_no_language_gets_the_main_one(session, draft):
    person = make.contact(_company(session, draft), locale="")
    assert _only(session, draft, person).locale == draft.primary_locale


def test_an_erased_person_is_not_even_counted(session, draft):
    person = make.contact(_company(session, draft))
    make.contact(_company(session, draft))
    audiences.erase(session, None, person)
    assert person.id not in {row.contact_id for row in _planned(session, draft)}


def test_another_partners_readers_are_never_reached(session, draft):
    make.launch(contacts=2)
    own = make.contact(_company(session, draft))
    assert {row.contact_id for row in _planned(session, draft)} == {own.id}


def test_planning_again_adds_nobody(session):
    launch = make.scheduled_launch(contacts=3)
    drawing = compiling.drawing(session, launch, BASE)
    locales = planning.locale_plan(drawing, planning.reader_locales(session, launch))
    assert planning.plan_first(session, drawing, locales) == 0
    assert planning.counts(session, launch.id) == {"planned": 3}


def test_two_planners_at_once_plan_everybody_once(db, session):
    launch = make.launch(contacts=40)
    session.commit()

    def plan():
        with db.transaction() as own:
            mine = own.get_one(Launch, launch.id)
            drawing = compiling.drawing(own, mine, BASE)
            locales = planning.locale_plan(drawing, planning.reader_locales(own, mine))
            planning.plan_first(own, drawing, locales)

    _at_once(plan, plan)
    assert len(look.messages(db, launch.id)) == 40


def _at_once(*works):
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_taken_back_before_its_hour_nothing_of_a_launch_stays(session):
    launch = make.scheduled_launch(contacts=3)
    service.unschedule(session, make.actor(make.member_of(_company(session, launch))), launch)
    assert planning.counts(session, launch.id) == {}


def test_queueing_puts_every_row_in_a_chunk_of_at_most_500(session, clock, monkeypatch):
    monkeypatch.setattr(queueing, "CHUNK", 4)
    launch = make.scheduled_launch(contacts=10)
    assert queueing.queue(session, launch, 1, clock()) == 3
    rows = session.execute(select(Message.chunk_id, func.count()).group_by(Message.chunk_id)).all()
    assert sorted(n for _chunk, n in rows) == [2, 4, 4]
    assert planning.counts(session, launch.id) == {"queued": 10}


def test_queueing_again_takes_in_only_who_came_since(session, clock):
    launch = make.scheduled_launch(contacts=3)
    queueing.queue(session, launch, 1, clock())
    assert queueing.queue(session, launch, 1, clock()) == 0
    late = session.scalars(select(Message).where(Message.launch_id == launch.id)).first()
    late.send_state, late.chunk_id = SendState.PLANNED, None
    session.flush()
    assert queueing.queue(session, launch, 1, clock()) == 1
    assert planning.counts(session, launch.id) == {"queued": 3}
    assert session.scalar(select(func.count(SendChunk.id))) == 2


def test_who_withdrew_since_the_planning_is_skipped_when_queued(session, clock):
    launch = make.scheduled_launch(contacts=2)
    row = session.scalars(select(Message).where(Message.launch_id == launch.id)).first()
    person = session.get_one(make.Contact, row.contact_id)
    audiences.withdraw(session, person, ConsentPurpose.PARTNER_MARKETING, "portal")
    queueing.queue(session, launch, 1, clock())
    session.refresh(row)
    assert (row.send_state, row.reason) == (SendState.SKIPPED, "suppressed")


@pytest.fixture
def reminded(session, clock):
    """A launch of two mails whose first reached everybody but one."""
    launch = make.running_launch(contacts=4, mails=2)
    rows = session.scalars(
        select(Message).where(Message.launch_id == launch.id).order_by(Message.seq)
    ).all()
    for row in rows[:3]:
        row.send_state, row.accepted_at = SendState.ACCEPTED, clock()
    rows[3].send_state = SendState.UNCONFIRMED
    session.flush()
    return launch, rows


def _second(session, launch):
    return session.scalars(
        select(Message).where(Message.launch_id == launch.id, Message.step == 2)
    ).all()


def test_the_second_mail_goes_only_to_those_who_have_the_first(session, clock, reminded):
    launch, rows = reminded
    service.queue_step(session, launch, 2, clock())
    assert {r.rcpt_key for r in _second(session, launch)} == {r.rcpt_key for r in rows[:3]}


def test_who_clicked_is_not_reminded(session, clock, reminded):
    launch, rows = reminded
    rows[0].clicked_at = clock()
    session.flush()
    service.queue_step(session, launch, 2, clock())
    assert rows[0].rcpt_key not in {row.rcpt_key for row in _second(session, launch)}


def test_who_unsubscribed_from_the_first_mail_gets_no_second(session, clock, reminded):
    launch, rows = reminded
    unsubscribing.unsubscribe(session, rows[0], make.visit(clock()), unsubscribing.ONE_CLICK)
    service.queue_step(session, launch, 2, clock())
    row = next(row for row in _second(session, launch) if row.rcpt_key == rows[0].rcpt_key)
    assert (row.send_state, row.reason) == (SendState.SKIPPED, "suppressed")


def test_queueing_the_second_mail_twice_adds_only_the_late(session, clock, reminded):
    launch, rows = reminded
    service.queue_step(session, launch, 2, clock())
    rows[3].send_state = SendState.ACCEPTED
    session.flush()
    service.queue_step(session, launch, 2, clock())
    assert planning.counts(session, launch.id, 2) == {"queued": 4}


def test_the_vendors_domain_holds_a_reader_back_now_and_as_the_mail_leaves(session, draft):
    company = _company(session, draft)
    person = make.contact(company, email="ada@eu.blocked.example")
    late = make.contact(company, email="tom@late.example")
    entry = {"tenant_id": draft.vendor_id, "scope": SuppressionScope.VENDOR, "subdomains": True}
    session.add(SuppressedDomain(domain="blocked.example", **entry))
    session.flush()
    row = _only(session, draft, person)
    assert (row.send_state, row.reason) == (SendState.SKIPPED, "vendor_list")
    session.add(SuppressedDomain(domain="late.example", **entry))
    session.flush()
    planning.drop_unmailable(session, draft, 1, SendState.PLANNED, NOW.date())
    theirs = Message.contact_id == late.id
    again = session.scalars(select(Message).where(theirs)).one()
    session.refresh(again)
    assert (again.send_state, again.reason) == (SendState.SKIPPED, "vendor_list")
    # Two are too few to be told as the vendor's.
    assert planning.skipped(session, draft.id) == {"suppressed": 2}


def test_with_opt_in_only_who_did_not_sign_up_is_left_out(session, draft):
    company = _company(session, draft)
    person = make.contact(company, consent=False)
    make.agree(person, ConsentBasis.SOFT_OPT_IN)
    session.get_one(Organisation, draft.vendor_id).opt_in_only = True
    row = _only(session, draft, person)
    assert (row.send_state, row.reason) == (SendState.SKIPPED, "not_opted_in")
