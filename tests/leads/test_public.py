"""A form becomes a lead: everything in one transaction, once, literally, in four languages."""

import io
import re
from dataclasses import replace
from html import escape

import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.factories import launches, leads, pages, tracking
from tests.factories.tracking import CHROME
from tests.fakes import FakeMail
from tpma import jobs
from tpma.app import create_app
from tpma.audiences import queries as audiences
from tpma.audiences import suppressing
from tpma.audiences.models import (
    Consent,
    ConsentPurpose,
    ConsentState,
    ConsentText,
    Contact,
    SuppressionReason,
)
from tpma.core.errors import Conflict
from tpma.identity.models import AuditLog, Organisation
from tpma.launches.models import Launch
from tpma.leads import sheets
from tpma.leads.models import Lead, LeadState
from tpma.leads.words import said as leads_said
from tpma.pages import rules as page_rules
from tpma.pages.models import FormSubmission, LandingPage, PageState, SubmissionState
from tpma.pages.words import said as page_said
from tpma.ports.mail import Outcome, SendResult
from tpma.rendering.page_texts import say
from tpma.sending.deeds import DeedKind, ReaderDeed
from tpma.sending.models import Notice
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.web.security import limiter
from tpma.worker import handlers

HEADERS = {"User-Agent": CHROME}
BOTH = {"consent_partner_marketing": "1", "consent_share_with_vendor": "1"}
WRITTEN = (FormSubmission, Lead, TrackingEvent, Contact, Consent)


@pytest.fixture
def page(session):
    made = pages.page()
    launch = session.get_one(Launch, made.launch_id)
    company = launch.enrolment.partner
    launches.membership(company, "PS", user=factories.user(locale="de-DE"))
    launches.membership(company, "PV")
    launches.membership(company, "PS", pending=True)
    launches.membership(launch.enrolment.vendor, "VA")
    session.commit()
    return made


def one(db, table):
    with db.reading() as session:
        return session.scalars(select(table)).one()


def every(db, table):
    with db.reading() as session:
        return session.scalars(select(table)).all()


def nothing_written(db):
    """A page view is all that may be there."""
    with db.reading() as session:
        views = {EventType.PAGE_VIEW}
        assert set(session.scalars(select(TrackingEvent.type))) <= views
        for table in (FormSubmission, Lead, Consent, ConsentText):
            assert session.scalar(select(func.count()).select_from(table)) == 0, table
        told = select(jobs.Job).where(jobs.Job.name == "sending.notice")
        assert session.scalars(told).all() == []


def test_a_form_becomes_everything_at_once(client, page, carried, db, clock):
    answer = leads.send_form(client, page, carried, **BOTH)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/l/{page.slug}/en-US/thanks?sheet=")
    lead, submission = one(db, Lead), one(db, FormSubmission)
    with db.reading() as session:
        launch = session.get_one(Launch, page.launch_id)
        event = session.scalars(
            select(TrackingEvent).where(TrackingEvent.type == EventType.FORM_SUBMIT)
        ).one()
        person = session.scalars(select(Contact)).one()
        entry = session.scalars(select(AuditLog).where(AuditLog.action == "lead.created")).one()
    assert (lead.campaign_code, lead.launch_id) == (launch.campaign_code, launch.id)
    assert (lead.tenant_id, lead.vendor_id) == (launch.tenant_id, launch.vendor_id)
    assert (lead.state, lead.submission_id) == (LeadState.ROUTED, submission.id)
    assert (lead.given_name, lead.email) == ("Priya", "priya.raman@harborpoint.example")
    assert lead.answers == {"Sites to check": "More than 5"}
    assert (lead.company_domain, lead.country) == ("harborpoint.example", "US")
    assert lead.share_with_vendor
    assert lead.due_at > clock()
    assert submission.state is SubmissionState.ACCEPTED
    assert (event.verdict, event.contact_id) == (Verdict.HUMAN, person.id)
    assert (person.source, person.source_detail) == ("form", launch.campaign_code)
    assert entry.object_id == str(lead.id)
    assert "priya" not in str(entry.detail).casefold()


def test_the_wording_is_kept_word_for_word_with_its_evidence(client, page, carried, db):
    client_answers = {"consent_partner_marketing": "1"}
    leads.send_form(client, page, carried, **client_answers)
    submission = one(db, FormSubmission)
    consent = one(db, Consent)
    texts = {str(text.id): text for text in every(db, ConsentText)}
    assert [(box["purpose"], box["ticked"]) for box in submission.consents] == [
        ("partner_marketing", True),
        ("share_with_vendor", False),
    ]
    shown = client.get(f"/l/{page.slug}/en-US", headers=HEADERS).text
    for box in submission.consents:
        assert escape(texts[box["text_id"]].text) in shown
        assert texts[box["text_id"]].sha256 == box["sha256"]
    assert len(texts[submission.consents[1]["text_id"]].recipients_named) == 2
    assert consent.purpose is ConsentPurpose.PARTNER_MARKETING
    assert consent.state is ConsentState.GRANTED
    assert str(consent.text_id) == submission.consents[0]["text_id"]
    assert consent.evidence["shown_text_sha256"] == submission.consents[0]["sha256"]
    assert consent.evidence["form"] == str(submission.id)
    assert consent.evidence["ip_prefix"] == "127.0.0.0/24"


def test_without_a_tick_there_is_a_lead_and_no_consent(client, page, carried, db):
    leads.send_form(client, page, carried)
    assert every(db, Consent) == []
    assert not one(db, Lead).share_with_vendor


def test_boxes_are_never_ticked_beforehand(client, page, carried):
    assert " checked" not in client.get(f"/l/{page.slug}", headers=HEADERS).text
    again = leads.send_form(client, page, carried, email="x", **BOTH)
    assert " checked" not in again.text


def test_sales_and_admins_are_told_in_their_language_and_no_vendor_is(client, page, carried, db):
    leads.send_form(client, page, carried)
    lead = one(db, Lead)
    with db.reading() as session:
        told = [
            job.payload
            for job in session.scalars(select(jobs.Job).where(jobs.Job.name == "sending.notice"))
            if job.payload["recipient"] != lead.email
        ]
    assert sorted(notice["locale"] for notice in told) == ["de", "en"]  # sales, and the admin
    for notice in told:
        assert notice["tenant_id"] == str(page.tenant_id)
        assert f"/portal/leads/{lead.id}" in notice["body"]
        assert lead.campaign_code in notice["body"]
        assert "\n" not in notice["subject"]


@pytest.mark.parametrize("locale", pages.LOCALES)
def test_the_form_works_in_every_language_without_a_script(client, page, clock, db, locale):
    carried = leads.open_form(client, page, locale)
    clock.forward(seconds=30)
    sites = "More than 5"
    wrong = leads.send_form(client, page, carried, locale, email="priya@harborpoint", sites=sites)
    assert wrong.status_code == 422
    assert f'<html lang="{locale}"' in wrong.text
    assert say(locale, "email_ending") in wrong.text
    assert 'value="priya@harborpoint"' in wrong.text
    assert f"<option selected>{sites}</option>" in wrong.text
    assert 'aria-invalid="true"' in wrong.text
    right = leads.send_form(client, page, leads.hidden(wrong.text), locale, sites=sites)
    assert right.status_code == 303
    thanks = client.get(right.headers["Location"], headers=HEADERS)
    assert thanks.status_code == 200
    assert f'<html lang="{locale}"' in thanks.text
    assert "Your request is with us" in thanks.text
    assert one(db, Lead).language == locale


def test_a_faulty_form_writes_nothing(client, page, carried, db):
    assert leads.send_form(client, page, carried, given_name="").status_code == 422
    nothing_written(db)


def test_a_double_click_is_one_lead(client, page, carried, db):
    for _click in range(3):
        assert leads.send_form(client, page, carried).status_code == 303
    assert len(every(db, Lead)) == len(every(db, FormSubmission)) == 1


def test_one_shared_computer_is_two_people(client, page, carried, db):
    leads.send_form(client, page, carried)
    leads.send_form(client, page, carried, email="tom@lakeview.example", given_name="Tom")
    assert {lead.given_name for lead in every(db, Lead)} == {"Priya", "Tom"}


def test_the_same_person_again_is_added_to_the_open_lead(client, page, carried, db, clock):
    leads.send_form(client, page, carried)
    clock.forward(days=1)
    again = leads.open_form(client, page)
    clock.forward(seconds=30)
    leads.send_form(client, page, again, email="PRIYA.raman@HarborPoint.example")
    first, second = sorted(every(db, Lead), key=lambda lead: lead.created_at)
    assert (second.state, second.duplicate_of_id) == (LeadState.DUPLICATE, first.id)
    states = {s.id: s.state for s in every(db, FormSubmission)}
    assert states[second.submission_id] is SubmissionState.DUPLICATE
    with db.reading() as session:
        notices = select(func.count()).where(jobs.Job.name == "sending.notice")
        assert session.scalar(notices) == 3  # two people told and one answer, for the first alone


@pytest.mark.parametrize(
    ("days", "state", "expected"),
    [
        (180, LeadState.ROUTED, LeadState.DUPLICATE),
        (180, LeadState.DEAL_REGISTERED, LeadState.DUPLICATE),
        (181, LeadState.ROUTED, LeadState.ROUTED),
        (1, LeadState.LOST, LeadState.ROUTED),
        (1, LeadState.DECLINED, LeadState.ROUTED),
        (1, LeadState.CONVERTED, LeadState.ROUTED),
    ],
)
def test_only_an_open_lead_of_half_a_year_takes_the_second_in(
    client, page, carried, db, clock, days, state, expected
):
    leads.send_form(client, page, carried)
    with db.transaction() as session:
        session.scalars(select(Lead)).one().state = state
    clock.forward(days=days, minutes=-2)
    again = leads.open_form(client, page)
    clock.forward(seconds=30)
    leads.send_form(client, page, again)
    newest = max(every(db, Lead), key=lambda lead: lead.created_at)
    assert newest.state is expected


def test_another_partners_lead_of_the_same_person_is_not_looked_at(
    client, page, carried, session, db, clock
):
    leads.send_form(client, page, carried)
    with db.transaction() as session:
        factories.bind(session)
        other = pages.page()
    theirs = leads.open_form(client, other)
    clock.forward(seconds=30)
    leads.send_form(client, other, theirs)
    assert [lead.state for lead in every(db, Lead)] == [LeadState.ROUTED] * 2


@pytest.mark.parametrize(
    ("change", "wait", "sign"),
    [
        ({"website": "https://spam.example"}, 30, "honeypot"),
        ({"given_name": "Buy at www.spam.top"}, 30, "address_in_name"),
        ({}, 1, "too_fast"),
    ],
)
def test_spam_is_thanked_and_kept_and_becomes_no_lead(client, page, db, clock, change, wait, sign):
    carried = leads.open_form(client, page)
    clock.forward(seconds=wait)
    answer = leads.send_form(client, page, carried, **change)
    assert answer.headers["Location"].startswith(f"/l/{page.slug}/en-US/thanks?sheet=")
    submission = one(db, FormSubmission)
    assert (submission.state, submission.spam_signs) == (SubmissionState.SPAM, [sign])
    assert every(db, Lead) == every(db, Contact) == []
    posted = [e for e in every(db, TrackingEvent) if e.type is EventType.FORM_SUBMIT]
    assert [(e.verdict, e.rule) for e in posted] == [(Verdict.BOT, "BOT-11")]


HOSTILE = [
    "{{ 7*7 }}{% for x in y %}${7*7}#{7*7}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><b>bold</b>',
    "'; DROP TABLE leads; --",
    "%(partner)s %s {0}",
    "=cmd|' /C calc'!A0",
    "\u202eevil\u202c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_code_in_a_field_comes_out_as_it_was_typed(client, page, carried, session, db, text):
    wrong = leads.send_form(client, page, carried, given_name=text, email="x")
    assert escape(text) in wrong.text
    assert leads.send_form(client, page, carried, given_name=text).status_code == 303
    assert one(db, Lead).given_name == text
    with db.transaction() as session:
        factories.bind(session)
        company = session.get_one(Launch, page.launch_id).enrolment.partner
        member = launches.membership(company, "PS")
    shown = factories.signed_in(client, member).get("/portal/leads/").text
    assert str(escape(text)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in shown


@pytest.mark.parametrize("field", ["given_name", "phone", "email", "sites"])
@pytest.mark.parametrize("text", ["A\r\nBcc: all@x.example", "A\nB", "A\x00B", "A\u2028B"])
def test_no_field_brings_a_line_break_in(client, page, carried, db, field, text):
    leads.send_form(client, page, carried, **{field: text})
    for lead in every(db, Lead):
        kept = " ".join([lead.given_name, lead.phone, lead.email, *lead.answers.values()])
        assert kept.isprintable()
    with db.reading() as session:
        for job in session.scalars(select(jobs.Job).where(jobs.Job.name == "sending.notice")):
            assert "\n" not in job.payload["subject"]
            assert "\r" not in job.payload["subject"] + job.payload["recipient"]


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "A" * 24},
        {"token": "x" * 10_000},
        {"code": "HC-SEC-7K3M9QA"},
        {"code": ""},
        {"r": "A" * 24},
        {"r": "nonsense"},
    ],
)
def test_changed_marks_are_answered_clearly_and_write_nothing(client, page, carried, db, change):
    answer = leads.send_form(client, page, carried | change)
    assert answer.status_code == 422
    assert escape(page_said("en", "again")) in answer.text
    assert 'value="Priya"' in answer.text
    nothing_written(db)
    again = leads.send_form(client, page, leads.hidden(answer.text))
    assert again.status_code == 303
    assert one(db, Lead).given_name == "Priya"


def test_the_token_of_another_page_is_not_taken(client, page, carried, session, db, clock):
    with db.transaction() as session:
        factories.bind(session)
        other = pages.page(locales=("en-US",))
    foreign = leads.open_form(client, other)
    clock.forward(seconds=30)
    assert leads.send_form(client, page, foreign).status_code == 422
    mixed = carried | {"token": foreign["token"]}
    assert leads.send_form(client, page, mixed).status_code == 422
    nothing_written(db)


def test_a_page_left_open_for_days_asks_to_send_once_more(client, page, carried, db, clock):
    clock.forward(days=3)
    answer = leads.send_form(client, page, carried)
    assert answer.status_code == 422
    assert leads.send_form(client, page, leads.hidden(answer.text)).status_code == 303


def test_the_mail_that_brought_the_visit_is_kept(client, page, session, db, system, clock):
    with db.transaction() as session:
        factories.bind(session)
        message = tracking.message(session.get_one(Launch, page.launch_id))
    query = f"?r={system.signer.token(message.id)}&utm_medium=email"
    carried = leads.open_form(client, page, query=query)
    clock.forward(seconds=30)
    leads.send_form(client, page, carried)
    submission = one(db, FormSubmission)
    assert submission.message_id == message.id
    assert submission.utm == {"utm_medium": "email"}


def test_who_sends_the_form_leaves_the_way_of_the_mails(client, page, db, system, clock):
    with db.transaction() as session:
        factories.bind(session)
        message = tracking.message(session.get_one(Launch, page.launch_id))
    carried = leads.open_form(client, page, query=f"?r={system.signer.token(message.id)}")
    clock.forward(seconds=30)
    leads.send_form(client, page, carried)
    deed = one(db, ReaderDeed)
    assert (deed.rcpt_key, deed.kind) == (message.rcpt_key, DeedKind.FORM)


def test_the_mail_of_another_launch_is_refused(client, page, carried, session, db, system):
    with db.transaction() as session:
        factories.bind(session)
        other = pages.launch()
        person = launches.contact(other.enrolment.partner, consent=False)
        stranger = tracking.message(other, person)
    forged = carried | {"r": system.signer.token(stranger.id)}
    assert leads.send_form(client, page, forged).status_code == 422
    nothing_written(db)


@pytest.mark.parametrize("size", [page_rules.MOST_BODY, 10 * 1024 * 1024])
@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ar-AE"])
def test_a_form_that_is_too_large_is_refused_in_words(client, page, db, size, locale):
    answer = client.post(
        f"/l/{page.slug}/{locale}", data={"given_name": "x" * size}, headers=HEADERS
    )
    assert answer.status_code == 413
    assert page_said(locale, "large_title") in answer.text
    nothing_written(db)


def test_a_large_upload_in_parts_is_refused_too(client, page, db):
    file = (io.BytesIO(b"x" * 4 * page_rules.MOST_BODY), "a.bin")
    answer = client.post(
        f"/l/{page.slug}/en-US", data={"file": file}, content_type="multipart/form-data"
    )
    assert answer.status_code == 413
    nothing_written(db)


def test_too_many_forms_from_one_place_are_slowed_down_in_words(system, page, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    client = create_app(system).test_client()
    limiter.reset()
    answers = [client.post(f"/l/{page.slug}/de-DE", data={}) for _time in range(21)]
    limiter.reset()
    assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    assert page_said("de", "often_title") in answers[-1].text


@pytest.mark.parametrize("state", [PageState.CLOSED, PageState.BLOCKED])
def test_a_closed_page_takes_no_form(client, page, carried, db, state):
    with db.transaction() as session:
        session.get_one(LandingPage, page.id).state = state
    answer = leads.send_form(client, page, carried)
    assert answer.status_code == 410
    assert say("en", "closed_title") in answer.text
    nothing_written(db)


@pytest.mark.parametrize("path", ["/l/none/en-US", "/l/{slug}/xx-XX"])
def test_a_form_to_nowhere_is_not_found(client, page, carried, db, path):
    answer = client.post(path.format(slug=page.slug), data=carried, headers=HEADERS)
    assert answer.status_code == 404
    nothing_written(db)


def test_a_form_needs_no_cookie_and_sets_none(app, page, clock):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client(use_cookies=False)
    carried = leads.open_form(client, page)
    clock.forward(seconds=30)
    answer = leads.send_form(client, page, carried)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers


# The second yes


def _ask_in(client, session, db, clock, country: str):
    with db.transaction() as session:
        factories.bind(session)
        made = pages.launch()
        made.enrolment.partner.country = country
        page = pages.page(made, ("de-DE",))
    carried = leads.open_form(client, page, "de-DE")
    clock.forward(seconds=30)
    leads.send_form(client, page, carried, "de-DE", consent_partner_marketing="1")
    with db.reading() as session:
        job = session.scalar(select(jobs.Job).where(jobs.Job.key.startswith("consent.ask:")))
        consent = session.scalars(select(Consent).order_by(Consent.seq.desc())).first()
    return job, consent


@pytest.mark.parametrize(("answers", "end"), [(1, "accepted"), (2, "unconfirmed")])
def test_the_question_leaves_at_least_once_and_at_most_twice(
    client, session, db, clock, system, answers, end
):
    """T16: an answer that is lost is waited for half an hour, and then it is asked once more."""
    handlers.load()
    job, consent = _ask_in(client, session, db, clock, "DE")
    lost = iter([SendResult(Outcome.MAYBE, code="timeout")] * answers)
    flaky = replace(system, mail=FakeMail(lambda _envelope: next(lost, None)))
    for _hour in range(8):
        jobs.run(flaky, job.id)
        clock.forward(hours=1)
    asked = [envelope.rcpt_to for envelope in flaky.mail.asked]
    assert asked == [leads.ANSWERS["email"]] * 2
    with db.reading() as session:
        notice = session.scalars(select(Notice)).one()
        assert (notice.cause, notice.state.value) == (f"consent.ask:{consent.seq}", end)


def _writable(db) -> int:
    with db.reading() as session:
        wanted = select(func.count()).select_from(Contact)
        return session.scalar(wanted.where(audiences.granted(), ~audiences.suppressed()))


@pytest.mark.parametrize("country", ["DE", "AT", "CH", "LU"])
def test_where_the_law_wants_it_a_tick_is_confirmed_by_post(client, session, db, clock, country):
    job, consent = _ask_in(client, session, db, clock, country)
    assert consent.state is ConsentState.PENDING_DOI
    assert _writable(db) == 0
    assert job.payload["recipient"] == leads.ANSWERS["email"]
    path = "/confirm/" + job.payload["body"].split("/confirm/")[1].split()[0]
    assert client.get(path, headers=HEADERS).status_code == 200
    assert _writable(db) == 0  # scanners look at links
    for _click in range(2):
        assert client.post(path, headers=HEADERS).status_code == 200
    assert _writable(db) == 1


def test_elsewhere_one_tick_is_enough(client, session, db, clock):
    job, consent = _ask_in(client, session, db, clock, "US")
    assert job is None
    assert consent.state is ConsentState.GRANTED


def test_after_seven_days_the_question_is_closed(client, session, db, clock):
    job, _consent = _ask_in(client, session, db, clock, "DE")
    path = "/confirm/" + job.payload["body"].split("/confirm/")[1].split()[0]
    clock.forward(days=7, seconds=1)
    assert client.post(path, headers=HEADERS).status_code == 409
    assert _writable(db) == 0


def test_the_proof_of_a_confirmed_yes_is_whole(client, session, db, clock):
    job, asked = _ask_in(client, session, db, clock, "DE")
    path = "/confirm/" + job.payload["body"].split("/confirm/")[1].split()[0]
    asked_at = clock()
    clock.forward(hours=2)
    client.post(path, headers=HEADERS)
    with db.reading() as session:
        proof = session.scalars(select(Consent).order_by(Consent.seq.desc())).first()
        text = session.get_one(ConsentText, proof.text_id)
        tenant = session.scalars(select(Contact.tenant_id)).one()
        lawful = select(func.count()).where(audiences.lawful(session, tenant, clock()))
        assert session.scalar(lawful.select_from(Contact)) == 1
    assert (asked.asked_at, proof.asked_at, proof.confirmed_at) == (asked_at, asked_at, clock())
    assert (proof.text_id, proof.locale) == (asked.text_id, asked.locale)
    assert text.sha256 == proof.evidence["shown_text_sha256"]
    assert proof.evidence["ip_prefix"] == proof.evidence["confirmed_from"] == "127.0.0.0/24"
    assert proof.evidence["signed_up_at"] == asked_at.isoformat()
    assert text.text in job.payload["body"]


def test_nobody_is_asked_more_than_three_times_a_week_or_twice_in_ten_minutes(
    client, session, db, clock
):
    _ask_in(client, session, db, clock, "DE")
    page = one(db, LandingPage)

    def asks() -> int:
        with db.reading() as session:
            wanted = select(func.count()).where(jobs.Job.key.startswith("consent.ask:"))
            return session.scalar(wanted.select_from(jobs.Job))

    def again(**later) -> int:
        clock.forward(**later)
        carried = leads.open_form(client, page, "de-DE")
        clock.forward(seconds=30)
        leads.send_form(client, page, carried, "de-DE", consent_partner_marketing="1")
        return asks()

    assert [again(minutes=1), again(minutes=20), again(days=1), again(days=1)] == [1, 2, 3, 3]
    assert again(days=8) == 4


def test_a_forged_confirmation_confirms_nothing(client, session, db, clock, system):
    _job, consent = _ask_in(client, session, db, clock, "DE")
    for token in ("A" * 24, system.signer.token(consent.seq), system.signer.token(999_999, "doi")):
        assert client.post(f"/confirm/{token}", headers=HEADERS).status_code == 404
    assert _writable(db) == 0


# The source stays


@pytest.mark.parametrize("column", ["campaign_code", "launch_id", "submission_id", "tenant_id"])
def test_the_source_of_a_lead_never_changes(db, session, column):
    lead, other = leads.lead(), leads.lead()
    session.commit()
    with db.transaction() as session:
        found = session.get_one(Lead, lead.id)
        setattr(found, column, getattr(session.get_one(Lead, other.id), column))
        with pytest.raises(Conflict):
            session.flush()
        session.rollback()


def test_no_statement_goes_past_the_guard(session):
    leads.lead()
    with pytest.raises(Conflict):
        session.execute(update(Lead).values(campaign_code="HC-SEC-7K3M9QA"))


def test_who_sent_the_form_gets_the_data_sheet_for_a_week(client, page, carried, system, clock):
    sent = leads.send_form(client, page, carried)
    thanks = client.get(sent.headers["Location"], headers=HEADERS)
    (address,) = re.findall(r'href="(/l/[^"]+[.]pdf)"', thanks.text)

    answer = client.get(address, headers=HEADERS)
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert one(system.db, Launch).campaign_code in system.pdf.asked[-1]

    clock.forward(days=7, seconds=1)
    assert client.get(address, headers=HEADERS).status_code == 404


def partner_of(db, page):
    with db.reading() as session:
        return session.get_one(Organisation, page.tenant_id).trading_name


def thanks_of(db, lead):
    with db.reading() as session:
        told = session.scalars(select(jobs.Job).where(jobs.Job.name == "sending.notice"))
        return [job.payload for job in told if job.payload["recipient"] == lead.email]


@pytest.mark.parametrize("locale", pages.LOCALES)
def test_the_form_is_answered_by_a_mail_in_its_language(client, page, clock, db, system, locale):
    carried = leads.open_form(client, page, locale)
    clock.forward(seconds=30)
    leads.send_form(client, page, carried, locale)
    [mail] = thanks_of(db, one(db, Lead))
    partner = partner_of(db, page)
    assert mail["locale"] == locale
    assert mail["subject"] == leads_said(locale, "thanks_subject", partner=partner)
    address = re.search(r"http\S+\.pdf", mail["body"]).group()
    key = re.fullmatch(rf".*/l/{page.slug}/{locale}/sheet/(.+)[.]pdf", address).group(1)
    assert sheets.opens(system.signer, page.launch_id, key, clock())


def test_who_is_on_the_partners_list_gets_no_answer_by_mail(client, page, carried, db, system):
    with db.transaction() as session:
        suppressing.suppress(
            session,
            system.signer,
            page.tenant_id,
            "priya.raman@harborpoint.example",
            SuppressionReason.COMPLAINT,
            "test",
        )
    assert leads.send_form(client, page, carried).status_code == 303
    assert thanks_of(db, one(db, Lead)) == []


def test_nothing_that_was_typed_stands_in_the_mail_of_thanks(client, page, carried, db):
    leads.send_form(client, page, carried, given_name="Buy now")
    [mail] = thanks_of(db, one(db, Lead))
    assert "Buy now" not in mail["subject"] + mail["body"]


def test_without_the_form_there_is_no_data_sheet(client, page, carried):
    thanks = f"/l/{page.slug}/en-US/thanks"
    for key in ("", "?sheet=" + "A" * 24, "?sheet=" + carried[page_rules.TOKEN], "?sheet=x%00"):
        assert ".pdf" not in client.get(thanks + key, headers=HEADERS).text
    for key in ("A" * 24, carried[page_rules.TOKEN], "x"):
        assert client.get(f"/l/{page.slug}/en-US/sheet/{key}.pdf").status_code == 404
