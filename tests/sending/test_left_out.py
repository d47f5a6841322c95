"""Whom their country's law protects is left out, as the launch is planned and as a mail leaves."""

import csv
import io

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.factories import launches as make
from tests.factories import sending as look
from tests.factories import tracking
from tests.fakes import FakeMail
from tpma.audiences import queries
from tpma.audiences import service as audiences
from tpma.audiences.models import (
    ConsentBasis,
    ConsentState,
    Contact,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.rules import months_before
from tpma.identity.models import AuditLog, Organisation
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.sending import engine, left_out, service
from tpma.sending.findings import Tone
from tpma.sending.models import Message, SendState


@pytest.fixture
def draft(session):
    return make.launch(contacts=2)


def company(session, launch):
    return session.get_one(Organisation, launch.tenant_id)


def begin(session, launch):
    make.schedule(launch)
    launches.start(session, launch)
    service.queue_step(session, launch, 1, NOW)


def fates(session, launch):
    rows = session.execute(
        select(Message.contact_id, Message.send_state, Message.reason).where(
            Message.launch_id == launch.id
        )
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def relation(person, **given):
    """Changes the newest consent of this person."""
    row = factories.consent(person, basis=ConsentBasis.SOFT_OPT_IN)
    for name, value in given.items():
        setattr(row, name, value)


def test_readers_the_law_protects_are_planned_as_left_out_with_its_rule(session, draft):
    home = company(session, draft)
    german = make.contact(home, country="DE")
    polish = make.contact(home, country="PL", consent=False)
    make.agree(polish, ConsentBasis.SOFT_OPT_IN)
    lapsed = make.contact(home, country="CA", consent=False)
    relation(lapsed, obtained_on=months_before(NOW.date(), 25))
    bought = make.contact(home, consent=False)
    relation(bought, evidence={"purchased": True})
    unknown = make.contact(home, country="")
    vendors = make.contact(home)
    vendors.source = "vendor"
    make.schedule(draft)
    found = fates(session, draft)
    assert found == found | {
        german.id: (SendState.SKIPPED, "CONS-02"),
        polish.id: (SendState.SKIPPED, "CONS-01"),
        lapsed.id: (SendState.SKIPPED, "CONS-03"),
        bought.id: (SendState.SKIPPED, "CONS-04"),
        unknown.id: (SendState.SKIPPED, "CONS-05"),
        vendors.id: (SendState.SKIPPED, "CONS-06"),
    }
    assert [state for state, _reason in found.values()].count(SendState.PLANNED) == 2


def test_the_others_get_their_mails(db, session, draft, system):
    make.contact(company(session, draft), country="DE")
    begin(session, draft)
    session.commit()
    engine.drain(system, look.owner())
    assert look.states(db, draft.id) == ["accepted", "accepted", "skipped"]


def between(db, change):
    """A stand-in for the commit of an intent, with something that commits just before it."""
    commit_intent = engine._commit_intent

    def late(system, lease, prepared):
        with db.transaction() as session:
            factories.bind(session)
            change(session, session.get_one(Contact, prepared[0].recipient.contact_id))
        return commit_intent(system, lease, prepared)

    return late


def moves_to_germany(_session, person):
    person.country = "DE"


def is_a_customer_of_long_ago(_session, person):
    person.country = "CA"
    relation(person, obtained_on=months_before(NOW.date(), 25))


def withdraws(_session, person):
    factories.consent(person, state=ConsentState.WITHDRAWN)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (moves_to_germany, "CONS-02"),
        (is_a_customer_of_long_ago, "CONS-03"),
        (withdraws, "no_consent"),
    ],
)
def test_what_changes_before_the_intent_holds_the_reader_back(
    db, session, draft, system, monkeypatch, change, reason
):
    begin(session, draft)
    session.commit()
    monkeypatch.setattr(engine, "_commit_intent", between(db, change))
    mail = FakeMail()
    engine.drain(look.by(system, mail, send_batch=50), look.owner(), most_batches=1)
    assert len(mail.asked) == 1
    reasons = [m.reason for m in look.messages(db, draft.id) if m.send_state is SendState.SKIPPED]
    assert reasons == [reason]


def test_a_consent_that_lapses_while_a_launch_waits_carries_no_mail(db, session, clock, system):
    launch = make.launch(contacts=0)
    person = make.contact(company(session, launch), country="CA", consent=False)
    relation(person, obtained_on=months_before(NOW.date(), 6), evidence={"relation": "inquiry"})
    begin(session, launch)
    session.commit()
    clock.forward(days=1)
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert mail.asked == []
    assert [m.reason for m in look.messages(db, launch.id)] == ["CONS-03"]


def test_a_reader_of_unknown_country_is_judged_by_the_markets_of_the_planning(
    db, session, draft, system
):
    make.contact(company(session, draft), country="")
    begin(session, draft)
    make.contact(company(session, draft), country="DE")  # a market that came too late to count
    session.commit()
    engine.drain(system, look.owner())
    assert look.launch(db, draft.id).markets == "US"
    assert look.states(db, draft.id) == ["accepted"] * 3


def test_who_is_named_says_nothing_of_the_vendors_list(session, draft):
    """On the list or not, they are left out for what they agreed to."""
    home = company(session, draft)
    people = [make.contact(home, country="DE") for _one in range(2)]
    audiences.suppress(
        session,
        make.SIGNER,
        draft.vendor_id,
        people[0].email,
        SuppressionReason.MANUAL,
        "test",
        SuppressionScope.VENDOR,
    )
    make.schedule(draft)
    assert {fates(session, draft)[one.id][1] for one in people} == {"CONS-02"}


# --- the page ------------------------------------------------------------------------------


def signed_in(client, db, draft, role="PM"):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, draft.id)
        member = factories.membership(launch.enrolment.partner, role)
        return factories.signed_in(client, member, launch.enrolment)


@pytest.fixture
def protected(session, draft):
    home = company(session, draft)
    make.contact(home, country="DE", email="=cmd@reader.example", given_name="Käthe")
    make.contact(home, consent=False, email="nobody@reader.example")
    session.commit()
    return draft


def scheduled(db, draft, change=None):
    with db.transaction() as session:
        factories.bind(session)
        make.schedule(session.get_one(Launch, draft.id))
        if change:
            change(session)


def sheet(client, draft):
    answer = client.get(f"/portal/launches/{draft.id}/left-out.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


def test_the_check_says_who_is_left_out_and_leads_to_them(client, db, protected):
    marketer = signed_in(client, db, protected)
    check = marketer.get(f"/portal/launches/{protected.id}/check").text
    assert "1 reader never confirmed by mail (Germany)" in check
    assert f"/portal/launches/{protected.id}/left-out" in check
    assert "2 people will receive this" in check
    page = marketer.get(f"/portal/launches/{protected.id}/left-out").text
    assert "2 people would be left out" in page
    assert "Käthe" in page
    assert "nobody@reader.example" in page


@pytest.mark.parametrize("launched", [False, True])
def test_the_sheet_has_everybody_with_the_cure(client, db, protected, launched):
    if launched:
        scheduled(db, protected)
    head, *rows = sheet(signed_in(client, db, protected), protected)
    assert head == ["E-mail", "Name", "Country", "Rule", "Left out because", "Cure"]
    assert [row[3] for row in rows] == ["CONS-02", "no_consent"]
    assert rows[0][0] == "'=cmd@reader.example"
    assert all(row[5] for row in rows)
    with db.reading() as reading:
        actions = reading.scalars(select(AuditLog.action)).all()
    assert "contacts.left_out_exported" in actions


def test_who_may_not_see_contacts_gets_no_names(client, db, protected):
    viewer = signed_in(client, db, protected, "PV")
    assert viewer.get(f"/portal/launches/{protected.id}/left-out").status_code == 404
    assert viewer.get(f"/portal/launches/{protected.id}/left-out.csv").status_code == 404
    panel = viewer.get(f"/portal/launches/{protected.id}/progress").text
    assert "/left-out" not in panel


def test_the_live_page_counts_them_by_reason_and_leads_to_them(client, db, protected):
    scheduled(db, protected)
    panel = signed_in(client, db, protected).get(f"/portal/launches/{protected.id}/progress").text
    assert "Never confirmed by mail, as their country asks 1" in panel
    assert f"/portal/launches/{protected.id}/left-out" in panel


def moved(session):
    for person in session.scalars(select(Contact).where(Contact.country == "DE")):
        person.country = "US"


def test_a_sent_launch_names_whom_it_left_out_whatever_became_of_them(client, db, protected):
    scheduled(db, protected, moved)
    rows = sheet(signed_in(client, db, protected), protected)
    assert "CONS-02" in {row[3] for row in rows}


def forgotten(home, months=25, **given):
    """Somebody who agreed so long ago, as a list tells it."""
    made = make.contact(home, consent=False, **given)
    make.agree(made)
    row = factories.consent(made, basis=ConsentBasis.CONSENT)
    row.obtained_on = months_before(NOW.date(), months)
    return made


def test_who_waits_over_two_years_for_a_first_mail_is_left_out(session, draft):
    made = forgotten(company(session, draft))
    make.schedule(draft)
    assert fates(session, draft)[made.id] == (SendState.SKIPPED, "CONS-07")


@pytest.mark.parametrize(("months", "rule"), [(24, ""), (25, "CONS-07")])
def test_two_years_to_the_day_are_not_over_two_years(session, draft, months, rule):
    made = forgotten(company(session, draft), months)
    problem = queries.problem(session, draft.tenant_id, NOW)
    assert session.scalar(select(problem).where(Contact.id == made.id)) == rule


def test_nobody_left_is_red(session):
    draft = make.launch(contacts=0)
    forgotten(company(session, draft))
    report = service.check(session, make._system(), draft)
    assert "CONS-01" in {check.rule for check in report.checks if check.tone is Tone.RED}


def test_who_had_a_mail_of_this_partner_is_not_forgotten(session, draft):
    made = forgotten(company(session, draft))
    earlier = make.launch(draft.enrolment, contacts=0, content={"semver": "1.2.0"})
    tracking.message(earlier, made)
    make.schedule(draft)
    assert fates(session, draft)[made.id] == (SendState.PLANNED, "")


def test_a_mail_that_was_never_taken_reminded_nobody(session, draft):
    made = forgotten(company(session, draft))
    earlier = make.launch(draft.enrolment, contacts=0, content={"semver": "1.2.0"})
    tracking.message(earlier, made, send_state=SendState.FAILED, accepted_at=None)
    make.schedule(draft)
    assert fates(session, draft)[made.id] == (SendState.SKIPPED, "CONS-07")


def test_a_mail_of_another_partner_reminded_nobody_of_this_one(session, draft):
    made = forgotten(company(session, draft))
    tracking.message(make.launch(contacts=0), made)
    make.schedule(draft)
    assert fates(session, draft)[made.id] == (SendState.SKIPPED, "CONS-07")


def test_the_check_counts_who_was_forgotten_and_is_not_red_for_it(session, draft):
    forgotten(company(session, draft))
    report = service.check(session, make._system(), draft)
    told = [check for check in report.checks if check.rule == "CONS-07"]
    assert [(check.tone, check.wants_word) for check in told][0] == (Tone.AMBER, False)
    assert not any(check.tone is Tone.RED for check in told)


def test_who_was_forgotten_is_named_with_the_cure(session, draft, system):
    made = forgotten(company(session, draft), email="old@reader.example")
    plan = compiling.drawing(session, draft, "")
    [group] = left_out.groups(session, plan, NOW)
    assert (group.reason, [one.contact_id for one in group.people]) == ("CONS-07", [made.id])
    assert "sign up on your page" in group.cure
