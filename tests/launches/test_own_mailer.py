"""Launches a partner sends with its own mailer: finished mails, coded links, no list here."""

import io
import re
import zipfile
from email import message_from_bytes
from email.policy import default as modern

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.factories import launches as build
from tests.factories import leads
from tests.factories.tracking import CHROME
from tpma.audiences.models import Contact
from tpma.launches import service
from tpma.launches.models import Launch, LaunchState
from tpma.leads.models import Lead
from tpma.measurement import charts, queries
from tpma.measurement.tally import of_partner
from tpma.pages.models import LandingPage
from tpma.rendering.mail import UNSUBSCRIBE
from tpma.sending import service as sending
from tpma.sending.models import Message
from tpma.tracking.models import TrackingEvent
from tpma.worker.loop import settle

# What a file holds is the same wherever it was read from.
on_one_database = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
HEADERS = {"User-Agent": CHROME}


@pytest.fixture
def live(session, system):
    """Launched without a single contact, its page live."""
    made = build.launch(contacts=0, mails=2, own_mailer=True)
    build.schedule(made)
    session.commit()
    settle(system)
    return made


@pytest.fixture
def partner(client, db, live):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, live.id)
        member = factories.membership(launch.enrolment.partner, "PM")
        return factories.signed_in(client, member, launch.enrolment)


@pytest.fixture
def visitor(app):
    return app.test_client()


def url(launch, rest=""):
    return f"/portal/launches/{launch.id}/own-mailer{rest}"


def taken(client, launch, query=""):
    answer = client.get(url(launch, f".zip{query}"))
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as folder:
        return {name: folder.read(name) for name in folder.namelist()}


def links(html):
    return sorted(set(re.findall(r"/m/[A-Za-z0-9_-]{25}", html)))


def count(db, table):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def line(db, launch):
    with db.reading() as session:
        scope = of_partner(launch.tenant_id, launch.vendor_id)
        return queries.launch_funnel(session, scope, launch.id).line


def test_clicks_and_leads_appear_under_the_code_with_zero_contact_rows(
    db, partner, visitor, live, clock
):
    html = taken(partner, live)["01-en.html"].decode()
    assert len(links(html)) == 1
    click = visitor.get(links(html)[0], headers=HEADERS)
    assert click.status_code == 302
    assert f"utm_id={live.campaign_code}" in click.headers["Location"]
    assert "&r=" not in click.headers["Location"]
    with db.reading() as session:
        page = session.scalars(select(LandingPage)).one()
    carried = leads.open_form(visitor, page, "en")

    assert (count(db, Contact), count(db, Message)) == (0, 0)
    found = line(db, live)
    assert (found.tally.hits, found.tally.views, found.tally.leads) == (1, 1, 0)

    clock.forward(seconds=30)
    answers = {"email": "priya@harborpoint.example", "size": "Small"}
    visitor.post(f"/l/{page.slug}/en", data=carried | {"website": ""} | answers, headers=HEADERS)
    assert (count(db, Contact), count(db, Message)) == (1, 0)
    with db.reading() as session:
        assert session.scalars(select(Lead)).one().campaign_code == live.campaign_code
    assert line(db, live).tally.leads == 1


def test_a_machines_click_is_led_on_and_not_counted(db, partner, visitor, live):
    link = links(taken(partner, live)["01-en.html"].decode())[0]
    assert visitor.get(link, headers={"User-Agent": "curl/8.0"}).status_code == 302
    assert (line(db, live).tally.hits, count(db, TrackingEvent)) == (0, 1)


@on_one_database
def test_every_mail_is_there_as_html_text_subject_and_draft(partner, live):
    found = taken(partner, live)
    expected = {"README.txt"} | {
        f"{number}-en{ending}"
        for number in ("01", "02")
        for ending in (".html", ".txt", "-subject.txt", ".eml")
    }
    assert set(found) == expected
    draft = message_from_bytes(found["01-en.eml"], policy=modern)
    assert (draft["To"], draft["X-Unsent"]) == (None, "1")
    assert draft["From"] == "Dana Whitfield <dana@brightline.example>"
    assert draft["Subject"] == found["01-en-subject.txt"].decode("utf-8-sig")
    kinds = [part.get_content_type() for part in draft.iter_parts()]
    assert kinds == ["text/plain", "text/html"]


@on_one_database
def test_nothing_that_names_a_person_or_counts_an_open_is_in_it(partner, live):
    for name, content in taken(partner, live).items():
        text = content.decode("utf-8-sig")
        assert not re.search("/[ouc]/", text), name


WAYS_OUT = [
    ("mailbox", "mailto:dana@brightline.example?subject=Unsubscribe%20"),
    ("mailchimp", "*|UNSUB|*"),
    ("brevo", "{{ unsubscribe }}"),
    ("other", UNSUBSCRIBE),
]


@on_one_database
def test_the_way_out_is_that_of_the_mailer(partner, live):
    for mailer, tag in WAYS_OUT:
        found = taken(partner, live, f"?mailer={mailer}")
        assert f'href="{tag}' in found["01-en.html"].decode(), mailer
        assert tag in found["01-en.txt"].decode("utf-8-sig"), mailer
        if mailer != "mailbox":
            assert tag in found["README.txt"].decode("utf-8-sig"), mailer


@on_one_database
def test_our_legal_footer_stays(partner, live):
    found = taken(partner, live)
    assert "Broad Street" in found["01-en.html"].decode()
    assert "Broad Street" in found["01-en.txt"].decode("utf-8-sig")


@on_one_database
def test_the_other_languages_of_the_kit_are_there(partner, live):
    assert "02-de.eml" in taken(partner, live, "?locale=de")
    assert "Auswahl" not in partner.get(url(live, "?locale=de")).text
    assert partner.get(url(live, ".zip?locale=fr")).status_code == 422


@on_one_database
def test_the_page_offers_each_part_to_copy(partner, live):
    page = partner.get(url(live)).text
    assert page.count("Copy the") == 6
    assert live.campaign_code in page


@on_one_database
def test_a_forged_or_foreign_token_leads_nowhere(visitor, partner, live, system):
    link = links(taken(partner, live)["01-en.html"].decode())[0]
    other = "x" if link[5] != "x" else "y"
    for wrong in (link[:-1] + "_", link[:5] + other + link[6:], f"/m/{system.signer.token(1)}A"):
        assert visitor.get(wrong, headers=HEADERS).status_code == 404


def test_the_report_says_that_the_number_is_not_known_until_the_partner_says_it(db, partner, live):
    sent = charts.funnel(line(db, live)).mails[0]
    assert (sent.count, sent.small) == (None, "not known (your own mailer)")
    report = partner.get(f"/portal/reports/{live.campaign_code}").text
    assert "not known (your own mailer)" in report

    assert partner.post(url(live, "/sent"), data={"own_sent": "1,240"}).status_code == 303
    assert charts.funnel(line(db, live)).mails[0].count == 1240
    assert partner.post(url(live, "/sent"), data={"own_sent": "many"}).status_code == 422
    assert partner.post(url(live, "/sent"), data={"own_sent": ""}).status_code == 303
    assert line(db, live).own_sent is None


def test_it_runs_through_its_states_without_a_message(db, session, system, clock):
    made = build.launch(contacts=3, mails=2, own_mailer=True)  # contacts it does not write to
    build.schedule(made)
    assert made.state is LaunchState.SCHEDULED
    session.commit()
    seen = []
    for forward in ({}, {"days": 4}, {"days": 90}):
        clock.forward(**forward)
        settle(system)
        with db.reading() as own:
            seen.append(own.get_one(Launch, made.id).state)
    assert seen == [LaunchState.RUNNING, LaunchState.COLLECTING, LaunchState.ENDED]
    assert count(db, Message) == 0


def test_a_pause_closes_nothing_that_is_out(db, partner, visitor, live):
    link = links(taken(partner, live)["01-en.html"].decode())[0]
    with db.transaction() as session:
        service.pause(session, None, session.get_one(Launch, live.id))
        slug = session.scalars(select(LandingPage.slug)).one()
    assert visitor.get(link, headers=HEADERS).status_code == 302
    assert visitor.get(f"/l/{slug}/en", headers=HEADERS).status_code == 200
    assert partner.get(url(live, ".zip")).status_code == 409
    assert partner.get(url(live)).status_code == 200


def test_the_check_asks_for_content_and_not_for_readers(session, system):
    made = build.launch(contacts=0, own_mailer=True)
    report = sending.check(session, build._system(), made)
    assert report.green
    families = {check.family for check in report.checks if check.tone.value == "ok"}
    assert {"body", "locale", "spend"} <= families
    assert not families & {"consent", "auth", "suppression", "volume"}


def test_choosing_it_on_the_first_screen_needs_no_contact(client, db, session):
    made = build.launch(contacts=0)
    member = factories.membership(made.enrolment.partner, "PM")
    session.commit()
    with db.transaction() as own:
        factories.bind(own)
        signed = factories.signed_in(client, member, made.enrolment)
    screen = f"/portal/launches/{made.id}/audience"
    assert "own mailer" in signed.get(screen).text
    assert signed.post(screen, data={"segment": "own"}).status_code == 303
    with db.reading() as own:
        assert own.get_one(Launch, made.id).own_mailer
    assert "Who may be written to" in signed.get(screen).text
    for rest in ("message", "goal", "time", "check"):
        assert signed.get(f"/portal/launches/{made.id}/{rest}").status_code == 200
