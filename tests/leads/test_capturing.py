"""Many forms at once: one transaction, and each is treated as if it had come alone."""

import pickle
import random
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.factories import launches, pages, tracking
from tests.factories.launches import SIGNER
from tests.factories.tracking import CHROME
from tpma import jobs
from tpma.audiences.models import Consent, ConsentText, Contact, ContactStatus
from tpma.core.errors import NotFound
from tpma.identity.models import AuditLog, Organisation
from tpma.launches.models import Launch
from tpma.leads.capturing import Captured, Form, PageClosed, capture_all
from tpma.leads.models import Lead, LeadState
from tpma.pages import rules as page_rules
from tpma.pages.models import FormSubmission, LandingPage, PageState, SubmissionState
from tpma.pages.rules import FormFault
from tpma.sending.deeds import ReaderDeed
from tpma.sending.models import Message
from tpma.tracking import counting
from tpma.tracking.models import EventType, TrackingCount, TrackingEvent
from tpma.tracking.rules import Visit

BASE = "https://x.example"
BOTH = {"consent_partner_marketing": "1", "consent_share_with_vendor": "1"}


@pytest.fixture
def page(session):
    made = pages.page()
    company = session.get_one(Organisation, made.tenant_id)
    launches.membership(company, "PS", user=factories.user(locale="de-DE"))
    session.commit()
    return made


@pytest.fixture
def form(page, db, clock):
    """A form of this page, filled in half a minute after it was shown; `chance` is its view's."""
    with db.reading() as session:
        code = session.get_one(Launch, page.launch_id).campaign_code

    def made(email="priya@harborpoint.example", chance=1, dwell=30, **given):
        shown = clock().timestamp() - dwell
        subject = int(shown * 10) << 20 | chance
        marks = {
            "token": SIGNER.token(subject, page_rules.token_purpose(page.launch_id)),
            "code": code,
        }
        answers = {"given_name": "Priya", "email": email, "phone": "", "sites": "More than 5"}
        where = {"slug": given.pop("slug", page.slug), "locale": given.pop("locale", "en-US")}
        visit = Visit(clock(), "POST", CHROME, "", "192.0.2.7")
        request = given.pop("request_id", f"request{chance}")
        return Form(values=marks | answers | given, visit=visit, request_id=request, **where)

    return made


def capture(db, forms):
    with db.transaction() as session:
        return capture_all(session, SIGNER, BASE, forms)


def count(db, table, *conditions):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*conditions))


def every(db, table, order=None):
    with db.reading() as session:
        return session.scalars(select(table).order_by(order)).all()


def people(form, number):
    return [form(f"visitor{n}@harborpoint.example", n, **BOTH) for n in range(number)]


def test_each_form_is_a_lead_of_its_own_submission(db, form):
    results = capture(db, people(form, 5))
    assert [type(result) for result in results] == [Captured] * 5
    leads = {lead.id: lead.email for lead in every(db, Lead)}
    assert [leads[result.lead_id] for result in results] == [
        f"visitor{n}@harborpoint.example" for n in range(5)
    ]
    assert len({lead.submission_id for lead in every(db, Lead)}) == 5


def test_each_ticked_box_is_a_row_of_the_ledger_with_one_wording(db, form):
    capture(db, people(form, 5))
    assert (count(db, Consent), count(db, ConsentText)) == (10, 2)


def test_the_audit_log_names_the_request_of_each_form(db, form):
    capture(db, people(form, 3))
    entries = [e for e in every(db, AuditLog, AuditLog.seq) if e.action == "lead.created"]
    assert [entry.request_id for entry in entries] == ["request0", "request1", "request2"]


def test_the_figures_agree_with_the_events_of_many_forms(db, form):
    capture(db, [*people(form, 5), form(website="spam", chance=9)])
    with db.reading() as session:
        assert all(well for well, _line in counting.findings(session))


def test_a_double_click_in_one_transaction_is_one_lead(db, form):
    first, second = capture(db, [form(), form()])
    assert first.lead_id is not None
    assert second == Captured(first.launch_id, None)
    assert count(db, FormSubmission) == count(db, Lead) == count(db, TrackingEvent) == 1


def test_the_second_click_changes_nothing_of_the_first(db, form):
    capture(db, [form(), form(title="Countess")])
    [contact] = every(db, Contact)
    assert contact.title == ""


def test_one_person_twice_in_one_transaction_has_one_open_lead(db, form):
    first, second = capture(db, [form(chance=1), form("PRIYA@harborpoint.example", chance=2)])
    leads = {lead.id: lead for lead in every(db, Lead)}
    assert leads[first.lead_id].state is LeadState.ROUTED
    assert leads[second.lead_id].duplicate_of_id == first.lead_id
    states = {s.id: s.state for s in every(db, FormSubmission)}
    assert states[leads[second.lead_id].submission_id] is SubmissionState.DUPLICATE


def test_only_the_first_of_one_person_s_forms_is_told_of(db, form):
    capture(db, [form(chance=1), form(chance=2)])
    assert count(db, jobs.Job, jobs.Job.key.startswith("lead.created:")) == 2  # admin and sales
    assert count(db, jobs.Job, jobs.Job.key.startswith("lead.thanks:")) == 1


def test_a_later_form_fills_the_person_but_not_the_lead_before(db, form):
    first, second = capture(db, [form(chance=1), form(chance=2, phone="+1 614 555 0186")])
    leads = {lead.id: lead for lead in every(db, Lead)}
    assert every(db, Contact)[0].phone == "+1 614 555 0186"
    assert (leads[first.lead_id].phone, leads[second.lead_id].phone) == ("", "+1 614 555 0186")


def test_a_faulty_form_among_good_ones_fails_alone(db, form):
    results = capture(db, [form("a@x.example", 1), form("nobody", 2), form("b@x.example", 3)])
    assert [type(result) for result in results] == [Captured, FormFault, Captured]
    assert {lead.email for lead in every(db, Lead)} == {"a@x.example", "b@x.example"}
    assert count(db, FormSubmission) == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"slug": "none"}, NotFound),
        ({"locale": "xx-XX"}, NotFound),
        ({"token": "A" * 24}, FormFault),
        ({"code": "HC-SEC-7K3M9QA"}, FormFault),
        ({"r": "A" * 24}, FormFault),
    ],
)
def test_what_is_refused_is_refused_alone(db, form, change, error):
    refused, taken = capture(db, [form(chance=1, **change), form(chance=2)])
    assert type(refused) is error
    assert isinstance(taken, Captured)
    assert count(db, Lead) == 1


def test_a_closed_page_takes_none_of_its_forms(db, form, page):
    with db.transaction() as session:
        session.get_one(LandingPage, page.id).state = PageState.CLOSED
    assert [type(result) for result in capture(db, people(form, 2))] == [PageClosed] * 2
    assert count(db, FormSubmission) == count(db, Contact) == 0


def test_forms_of_two_partners_stay_apart(db, form, page):
    with db.transaction() as session:
        factories.bind(session)
        other = pages.page()
        code = session.get_one(Launch, other.launch_id).campaign_code
    subject = page_rules.token_subject(form().visit.at, lambda _bits: 5) - (300 << 20)
    token = SIGNER.token(subject, page_rules.token_purpose(other.launch_id))
    capture(db, [form(), form(slug=other.slug, token=token, code=code)])
    leads = every(db, Lead)
    assert {lead.tenant_id for lead in leads} == {page.tenant_id, other.tenant_id}
    assert [lead.state for lead in leads] == [LeadState.ROUTED] * 2
    assert len({lead.contact_id for lead in leads}) == 2


def test_who_was_erased_comes_back_as_a_stranger(db, form):
    capture(db, [form(chance=1)])
    with db.transaction() as session:
        erased = {"email_norm": "erased:1", "hmac": None, "status": ContactStatus.ERASED}
        session.execute(update(Contact).values(erased))
    capture(db, [form(chance=2), form(chance=3)])
    assert count(db, Contact) == 2


# The same forms, together or one by one


def _mixed(form, rng, tokens):
    """Forms that meet one another: few people, few page views, with faults and spam among them."""
    changes = [
        {}, BOTH, BOTH, {"consent_partner_marketing": "1"}, {"phone": "+1 614 555 0186"},
        {"website": "x"}, {"given_name": ""}, {"slug": "none"}, {"r": "A" * 24}, {"dwell": 1},
        {"given_name": "Tom", "utm_medium": "email"}, {"locale": "de-DE"},
        *({"r": token, **BOTH} for token in tokens),
    ]  # fmt: skip
    names = ("priya", "PRIYA", "tom", "lee", "reader")
    return [
        form(
            f"{rng.choice(names)}@harborpoint.example",
            rng.randrange(6),
            request_id=f"n{number}",
            **rng.choice(changes),
        )
        for number in range(12)
    ]


class _Undone(Exception):
    """So that the next one finds the same database."""


def _outcome(db, forms, size):
    """Everything that forms give rise to, in batches of `size`; nothing of it stays."""
    found = {}
    with suppress(_Undone), db.transaction() as session:
        told = []
        for at in range(0, len(forms), size):
            told += capture_all(session, SIGNER, BASE, forms[at : at + size])
        session.flush()
        session.expire_all()
        found = _rows(session, told)
        raise _Undone
    return found


def _rows(session, told):
    """Rows without what differs by chance: ids are named by the form they came with."""
    keys = {row.id: row.idempotency_key for row in session.scalars(select(FormSubmission))}
    leads = session.scalars(select(Lead)).all()
    of = {lead.id: keys[lead.submission_id] for lead in leads}
    contacts = {row.id: row.email_norm for row in session.scalars(select(Contact))}
    texts = {row.id: row.sha256 for row in session.scalars(select(ConsentText))}
    named = {str(id_): name for id_, name in (of | keys | contacts | texts).items()}

    def plain(value):
        text = re.sub(r"/confirm/\S+|consent\.ask:\d+", "a question", repr(value))
        return re.sub(r"[0-9a-f-]{36}", lambda found: named.get(found[0], found[0]), text)

    def columns(row, *without):
        table = type(row).__table__.columns
        return [plain(getattr(row, c.key)) for c in table if c.key not in ("id", "seq", *without)]

    def rows(table, order=None):
        return [columns(row) for row in session.scalars(select(table).order_by(order))]

    tables = (FormSubmission, Lead, Contact, ConsentText, ReaderDeed, TrackingEvent, jobs.Job)
    counts = select(TrackingCount.type, TrackingCount.verdict, func.sum(TrackingCount.hits))
    grouped = counts.group_by(TrackingCount.type, TrackingCount.verdict)
    return {
        "told": [(type(one).__name__, plain(getattr(one, "lead_id", ""))) for one in told],
        **{table.__name__: sorted(rows(table)) for table in tables},
        "consents": rows(Consent, Consent.seq),
        "audit": rows(AuditLog, AuditLog.seq),
        "seen": session.execute(select(Message.id, Message.seen).order_by(Message.id)).all(),
        "counts": sorted(map(str, session.execute(grouped))),
    }


@pytest.mark.parametrize("country", ["US", "DE"])
@pytest.mark.parametrize("seed", range(8))
def test_together_they_give_what_they_give_one_by_one(db, form, page, country, seed):
    with db.transaction() as session:
        factories.bind(session)
        company = session.get_one(Organisation, page.tenant_id)
        company.country = country
        launch = session.get_one(Launch, page.launch_id)
        known = launches.contact(company, email="reader@harborpoint.example", country="")
        tokens = [
            SIGNER.token(tracking.message(launch, person).id)
            for person in (known, launches.contact(company))
        ]
    forms = _mixed(form, random.Random(seed), tokens)
    alone = _outcome(db, forms, 1)
    assert len(alone["Lead"]) >= 2
    for size in (len(forms), 5):
        assert _outcome(db, forms, size) == alone


# Processes


def _process(db, clock, forms, *, dies=False):
    made = subprocess.Popen(
        [sys.executable, "-m", "tests.leads.posting"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    url = db.engine.url.render_as_string(hide_password=False) if db.dialect != "sqlite" else db.url
    made.stdin.write(pickle.dumps((url, clock(), forms, dies)))
    made.stdin.flush()
    assert made.stdout.readline() == b"ready\n"
    return made


def _go(processes):
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    codes = [process.wait(60) for process in processes]
    for process in processes:
        process.stdin.close()
        process.stdout.close()
    return codes


def test_two_processes_with_the_same_people_end_in_one_lead_each(db, form, clock):
    emails = [f"visitor{n}@harborpoint.example" for n in range(8)]
    one = [form(email, n, **BOTH) for n, email in enumerate(emails)]
    other = [form(email, 100 + n, **BOTH) for n, email in enumerate(reversed(emails))]
    assert _go([_process(db, clock, one), _process(db, clock, other)]) == [0, 0]
    leads = every(db, Lead)
    assert count(db, Contact) == 8
    assert sorted(lead.email for lead in leads if lead.state is LeadState.ROUTED) == emails
    originals = {lead.id: lead.email for lead in leads if lead.state is LeadState.ROUTED}
    repeated = [lead for lead in leads if lead.state is LeadState.DUPLICATE]
    assert [originals[lead.duplicate_of_id] for lead in repeated] == [r.email for r in repeated]
    assert len(repeated) == 8


def test_two_processes_with_the_same_click_keep_it_once(db, form, clock):
    forms = [form(f"visitor{n}@harborpoint.example", n) for n in range(8)]
    assert _go([_process(db, clock, forms), _process(db, clock, forms[::-1])]) == [0, 0]
    assert count(db, FormSubmission) == count(db, Lead) == 8
    assert count(db, TrackingEvent, TrackingEvent.type == EventType.FORM_SUBMIT) == 8


def test_a_process_killed_before_the_commit_leaves_nothing(db, form, clock):
    [code] = _go([_process(db, clock, people(form, 3), dies=True)])
    assert code == -9
    for table in (FormSubmission, Lead, Contact, Consent, ConsentText, TrackingEvent):
        assert count(db, table) == 0, table
    assert count(db, jobs.Job, jobs.Job.name == "sending.notice") == 0
    assert [type(result) for result in capture(db, people(form, 3))] == [Captured] * 3
