"""Clicks, opens and unsubscribes: what readers, machines and forgers get."""

import string
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import func, select

from tests import factories
from tests.factories import launches, leads, pages, tracking
from tests.factories.tracking import CHROME
from tpma.audiences import queries as audiences
from tpma.audiences.models import (
    Consent,
    ConsentState,
    Contact,
    Suppression,
    SuppressionReason,
)
from tpma.core.signing import ALPHABET, Signer, link_character
from tpma.identity.models import OrganisationStatus
from tpma.launches.models import Launch, LaunchState
from tpma.rendering.mail import TRAP
from tpma.rendering.page_texts import say
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.tracking import queries
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.tracking.words import said

HEADERS = {"User-Agent": CHROME}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def mail(session, clock):
    """A mail accepted ten minutes ago, with a page behind it."""
    message = tracking.message()
    pages.page(session.get_one(Launch, message.launch_id), ("en-US", "de-DE"))
    session.commit()
    clock.forward(minutes=10)
    return message


@pytest.fixture
def token(mail, system):
    return system.signer.token(mail.id)


def link(token: str, number: int) -> str:
    return f"/c/{token}{link_character(number)}"


def events(db) -> list[TrackingEvent]:
    with db.reading() as session:
        return list(session.scalars(select(TrackingEvent).order_by(TrackingEvent.id)))


def rows(db, table) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_click_on_the_page_leads_there_with_code_and_reader(client, token, mail, system, db):
    answer = client.get(link(token, 0), headers=HEADERS)
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    with db.reading() as session:
        launch = session.get_one(Launch, mail.launch_id)
    where = answer.headers["Location"]
    assert where.startswith(f"{system.settings.base_url}/l/{launch.page_slug}?utm_id=")
    assert f"utm_id={launch.campaign_code}&" in where
    assert "utm_medium=email&utm_content=email1.cta&utm_source_platform=tpma" in where
    assert where.endswith(f"&r={token}")


def test_the_way_from_the_mail_to_the_form_keeps_the_reader(client, token, mail):
    where = client.get(link(token, 0), headers=HEADERS).headers["Location"]
    page = client.get(where, headers=HEADERS)
    carried = leads.hidden(page.text)
    assert carried["r"] == token
    assert carried["utm_content"] == "email1.cta"


@pytest.mark.parametrize(
    ("number", "target"),
    [(1, "https://brightline.example/"), (2, "tel:+16145550142")],
)
def test_other_links_lead_to_their_row_and_take_nothing_along(client, token, number, target):
    asked = link(token, number) + "?url=https://evil.example&next=//evil.example&r=1"
    assert client.get(asked, headers=HEADERS).headers["Location"] == target


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_machine_is_let_through_and_not_counted(client, token, db, method):
    answer = getattr(client, method)(link(token, 0), headers={"User-Agent": "curl/8"})
    assert answer.status_code in (302, 200)
    with db.reading() as session:
        counted = session.scalars(
            select(TrackingEvent.id).where(TrackingEvent.verdict == Verdict.HUMAN)
        ).all()
        assert counted == []
        assert session.scalars(select(Message.clicked_at)).one() is None


def test_machine_hits_are_kept(client, token, db):
    client.head(link(token, 0), headers=HEADERS)
    client.get(link(token, 0), headers={"User-Agent": "Barracuda"})
    client.get(link(token, 0), headers=HEADERS | {"Sec-Purpose": "prefetch"})
    assert [(e.verdict, e.rule) for e in events(db)] == [
        (Verdict.BOT, "BOT-01/2"),
        (Verdict.SCANNER, "BOT-02/2"),
        (Verdict.BOT, "BOT-01/2"),
    ]


def test_the_first_click_of_a_person_is_noted_on_the_message(client, token, mail, db, clock):
    client.get(link(token, 0), headers={"User-Agent": "curl/8"})
    first = clock.forward(minutes=1)
    client.get(link(token, 0), headers=HEADERS)
    clock.forward(minutes=1)
    client.get(link(token, 1), headers=HEADERS)
    with db.reading() as session:
        assert session.get_one(Message, mail.id).clicked_at == first
        clicked = session.scalars(queries.human_clicked(mail.launch_id)).all()
    assert clicked == [mail.contact_id]


def test_a_click_right_after_the_mail_left_is_a_scanners(client, session, db, system):
    message = tracking.message()
    session.commit()
    client.get(link(system.signer.token(message.id), 1), headers=HEADERS)
    assert [e.verdict for e in events(db)] == [Verdict.SCANNER]


def test_a_burst_takes_its_earlier_clicks_down_too(client, token, mail, db, clock):
    for number in range(3):
        client.get(link(token, number), headers=HEADERS)
        clock.forward(seconds=1)
    assert [e.verdict for e in events(db)] == [Verdict.SCANNER] * 3
    with db.reading() as session:
        assert session.get_one(Message, mail.id).clicked_at is None
        assert session.scalars(queries.human_clicked(mail.launch_id)).all() == []


def test_after_the_scanner_the_person_still_counts(client, token, mail, db, clock):
    for number in range(3):
        client.get(link(token, number), headers=HEADERS)
    later = clock.forward(minutes=5)
    client.get(link(token, 0), headers=HEADERS)
    assert [e.verdict for e in events(db)] == [Verdict.SCANNER] * 3 + [Verdict.HUMAN]
    with db.reading() as session:
        assert session.get_one(Message, mail.id).clicked_at == later


def test_a_burst_over_two_mails_is_none(client, mail, session, db, system, clock):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, mail.launch_id)
        other = tracking.message(launch, accepted_at=clock() - timedelta(hours=1))
    for message_id, number in ((mail.id, 0), (other.id, 1), (mail.id, 2)):
        client.get(link(system.signer.token(message_id), number), headers=HEADERS)
        clock.forward(seconds=1)
    assert [e.verdict for e in events(db)] == [Verdict.HUMAN] * 3


def test_of_a_person_only_network_and_program_are_kept(client, token, db):
    client.get(link(token, 0), headers=HEADERS, environ_base={"REMOTE_ADDR": "203.0.113.77"})
    found = events(db)[0]
    assert (found.ip_prefix, found.ua_family) == ("203.0.113.0/24", "Chrome")


def test_the_pixel_is_there_and_counts_by_kind_of_reader(client, token, db):
    for agent in (CHROME, "Mozilla/5.0", "x via ggpht.com GoogleImageProxy"):
        answer = client.get(f"/o/{token}.gif", headers={"User-Agent": agent})
        assert (answer.status_code, answer.mimetype) == (200, "image/gif")
    assert [(e.type, e.verdict, e.ip_prefix) for e in events(db)] == [
        (EventType.OPEN, Verdict.HUMAN, "127.0.0.0/24"),
        (EventType.OPEN, Verdict.MACHINE_OPEN, "127.0.0.0/24"),
        (EventType.OPEN, Verdict.HUMAN, ""),  # a proxy's address says nothing of the reader
    ]


@pytest.mark.parametrize("forged", ["x", "A" * 24, "A" * 5000, "{{7*7}}"])
def test_the_pixel_is_there_for_a_forged_token_too_and_nothing_is_written(client, mail, db, forged):
    assert client.get(f"/o/{forged}.gif", headers=HEADERS).status_code == 200
    assert events(db) == []


def forgeries(token: str) -> list[str]:
    """One character wrong at each place, tokens cut and padded, other purposes and secrets."""
    swapped = [
        token[:i] + ALPHABET[(ALPHABET.index(c) + 1) % 64] + token[i + 1 :]
        for i, c in enumerate(token)
    ]
    return [*swapped, token[:-1], token + "A", token[::-1], token.swapcase(), token + "%0A", ""]


def test_every_altered_token_is_refused_and_writes_nothing(client, token, db):
    for forged in forgeries(token):
        assert client.get(f"/c/{forged}A", headers=HEADERS).status_code == 404, forged
        if forged:
            assert client.post(f"/u/{forged}", data=ONE_CLICK).status_code == 404, forged
    assert events(db) == []
    assert rows(db, Suppression) == 0
    assert rows(db, DeliveryFact) == 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some.text(string.ascii_letters + string.digits + "-_", min_size=25, max_size=25))
def test_no_guessed_token_leads_anywhere(client, mail, guess):
    assert client.get(f"/c/{guess}", headers=HEADERS).status_code == 404


@pytest.mark.parametrize("purpose", ["page", "doi", "invitation"])
def test_a_token_made_for_something_else_is_refused(client, mail, system, purpose):
    other = system.signer.token(mail.id, purpose)
    assert client.get(link(other, 0), headers=HEADERS).status_code == 404
    assert client.post(f"/u/{other}", data=ONE_CLICK).status_code == 404


def test_a_token_of_another_installation_is_refused(client, mail):
    foreign = Signer("another secret").token(mail.id)
    assert client.get(link(foreign, 0), headers=HEADERS).status_code == 404


def test_a_message_we_do_not_have_is_refused(client, mail, system):
    assert client.get(link(system.signer.token(2**50), 0), headers=HEADERS).status_code == 404


def test_no_click_ever_leaves_the_launchs_own_links(client, token, system):
    ours = {*pages.LINKS.values()} - {"page"}
    for number in range(64):
        answer = client.get(link(token, number), headers=HEADERS)
        if number < len(pages.LINKS) or number == TRAP:
            where = answer.headers["Location"]
            assert where in ours or where.startswith(f"{system.settings.base_url}/l/")
        else:
            assert answer.status_code == 404


@pytest.mark.parametrize("browser", ["en", "de", "ja", "ar"])
def test_an_unknown_link_is_answered_in_the_readers_words(client, mail, browser):
    answer = client.get("/c/" + "A" * 25, headers=HEADERS | {"Accept-Language": browser})
    assert answer.status_code == 404
    assert say(browser, "not_found_title") in answer.text
    assert "script" not in answer.headers["Content-Security-Policy"]


# Unsubscribe


def test_looking_at_the_unsubscribe_page_changes_nothing(client, token, mail, db):
    for agent in (CHROME, "curl/8", "Barracuda"):
        answer = client.get(f"/u/{token}", headers={"User-Agent": agent})
        assert answer.status_code == 200
    client.head(f"/u/{token}", headers=HEADERS)
    assert (rows(db, Suppression), rows(db, DeliveryFact), events(db)) == (0, 0, [])
    with db.reading() as session:
        assert session.scalars(select(Consent.state)).all() == [ConsentState.GRANTED]


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-AE"])
def test_the_page_speaks_the_mails_language_and_names_the_sender(client, session, system, locale):
    message = tracking.message(locale=locale)
    launch = session.get_one(Launch, message.launch_id)
    pages.page(launch)
    sender = launch.enrolment.partner.trading_name
    session.commit()
    token = system.signer.token(message.id)
    answer = client.get(f"/u/{token}", headers=HEADERS | {"Accept-Language": "sv"})
    assert f'<html lang="{locale}"' in answer.text
    assert say(locale, "unsubscribe_title", partner=sender) in answer.text
    assert answer.text.count("<button") == 1
    done = client.post(f"/u/{token}", headers=HEADERS)
    assert say(locale, "unsubscribed_title", partner=sender) in done.text
    back = client.post(f"/u/{token}/undo", headers=HEADERS)
    assert said(locale, "back_title", sender) in back.text


def test_the_page_shows_whose_address_it_is_but_not_all_of_it(client, token, mail, db):
    with db.reading() as session:
        address = session.get_one(Contact, mail.contact_id).email
    text = client.get(f"/u/{token}", headers=HEADERS).text
    assert address not in text
    assert f"{address[0]}…@reader.example" in text


@pytest.mark.parametrize(
    ("data", "channel"), [(ONE_CLICK, "one_click"), ({}, "page"), ({"x": "y"}, "page")]
)
def test_a_post_acts_at_once_and_in_one_transaction(client, token, mail, db, data, channel):
    answer = client.post(f"/u/{token}", data=data, headers=HEADERS)
    assert answer.status_code == 200
    with db.reading() as session:
        entry = session.scalars(select(Suppression)).one()
        person = session.get_one(Contact, mail.contact_id)
        fact = session.scalars(select(DeliveryFact)).one()
        last = session.scalars(select(Consent).order_by(Consent.seq.desc())).first()
        writable = session.scalars(
            select(Contact.id).where(audiences.granted(), ~audiences.suppressed())
        ).all()
    assert (entry.email_hmac, entry.reason) == (person.hmac, SuppressionReason.UNSUBSCRIBE)
    assert (fact.message_id, fact.kind) == (mail.id, FactKind.UNSUBSCRIBED)
    assert (last.state, last.evidence) == (ConsentState.WITHDRAWN, {"channel": channel})
    assert writable == []
    assert [(e.type, e.verdict) for e in events(db)] == [(EventType.UNSUBSCRIBE, Verdict.HUMAN)]


def test_one_click_needs_no_cookie_and_no_csrf_token(app, token):
    app.config["WTF_CSRF_ENABLED"] = True
    answer = app.test_client(use_cookies=False).post(f"/u/{token}", data=ONE_CLICK)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers


def test_once_or_ten_times_is_the_same(client, token, db):
    for _time in range(10):
        assert client.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert (rows(db, Suppression), rows(db, DeliveryFact), len(events(db))) == (1, 1, 1)


def test_it_works_when_launch_and_sender_are_long_over(client, token, mail, db, clock):
    with db.transaction() as session:
        launch = session.get_one(Launch, mail.launch_id)
        launch.state = LaunchState.ARCHIVED
        launch.enrolment.partner.status = OrganisationStatus.SUSPENDED
    clock.forward(days=399)
    assert client.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert rows(db, Suppression) == 1


def test_a_mistake_is_taken_back_within_a_day(client, token, db, clock):
    client.post(f"/u/{token}", headers=HEADERS)
    clock.forward(hours=23)
    assert client.post(f"/u/{token}/undo", headers=HEADERS).status_code == 200
    with db.reading() as session:
        assert session.scalars(select(Suppression)).one().lifted_at is not None
        writable = select(func.count()).where(audiences.granted(), ~audiences.suppressed())
        assert session.scalar(writable.select_from(Contact)) == 1


def test_stopped_taken_back_and_stopped_again_ends_stopped(client, token, db):
    for path in (f"/u/{token}", f"/u/{token}/undo", f"/u/{token}"):
        client.post(path, headers=HEADERS)
    with db.reading() as session:
        writable = select(func.count()).where(audiences.granted(), ~audiences.suppressed())
        assert session.scalar(writable.select_from(Contact)) == 0
    assert [e.type for e in events(db)] == [EventType.UNSUBSCRIBE] * 2


def test_after_a_day_it_stays(client, token, db, clock):
    client.post(f"/u/{token}", headers=HEADERS)
    clock.forward(days=1, seconds=1)
    answer = client.post(f"/u/{token}/undo", headers=HEADERS)
    assert said("en", "nothing_title", "") in answer.text
    with db.reading() as session:
        assert session.scalars(select(Suppression)).one().lifted_at is None


def test_nobody_is_signed_up_by_an_undo_they_never_needed(client, token, db):
    answer = client.post(f"/u/{token}/undo", headers=HEADERS)
    assert said("en", "nothing_title", "") in answer.text
    assert rows(db, Consent) == 1


def test_an_undo_does_not_lift_a_complaint(client, token, mail, db, session):
    client.post(f"/u/{token}", headers=HEADERS)
    with db.transaction() as session:
        session.scalars(select(Suppression)).one().reason = SuppressionReason.COMPLAINT
    client.post(f"/u/{token}/undo", headers=HEADERS)
    with db.reading() as session:
        assert session.scalars(select(Suppression)).one().lifted_at is None


def test_another_partners_list_is_not_touched(client, session, db, system):
    mine, theirs = tracking.message(), tracking.message()
    person = session.get_one(Contact, mine.contact_id)
    twin = launches.contact(
        session.get_one(Launch, theirs.launch_id).enrolment.partner, email=person.email
    )
    session.commit()
    client.post(f"/u/{system.signer.token(mine.id)}", data=ONE_CLICK)
    with db.reading() as session:
        free = session.scalars(
            select(Contact.id).where(audiences.granted(), ~audiences.suppressed())
        ).all()
    assert twin.id in free
    assert person.id not in free
