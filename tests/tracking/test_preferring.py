"""What a reader chooses: at once, in their language, by POST only, and theirs alone."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.factories import pages, tracking
from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact, MailChoice
from tpma.launches.models import Launch
from tpma.rendering.page_texts import say


@pytest.fixture
def mail(session):
    message = tracking.message()
    pages.page(session.get_one(Launch, message.launch_id), ("en-US",))
    session.commit()
    return message


@pytest.fixture
def path(mail, system):
    return f"/u/{system.signer.token(mail.id)}"


def mailable(db, mail):
    with db.reading() as session:
        vendor = session.get_one(Launch, mail.launch_id).vendor_id
        counted = audiences.counts(session, mail.tenant_id, None, vendor)
        return counted.writable


def vendor_box(db, mail):
    with db.reading() as session:
        return f"v-{session.get_one(Launch, mail.launch_id).vendor_id}"


def test_the_unsubscribe_page_leads_there_and_looking_changes_nothing(client, path, db):
    assert f'href="{path}/preferences"' in client.get(path).text
    page = client.get(f"{path}/preferences")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert " checked" in page.text
    with db.reading() as session:
        assert session.scalars(select(MailChoice)).all() == []


def test_a_vendor_taken_out_is_out_at_once_and_comes_back(client, path, db, mail):
    assert mailable(db, mail) == 1
    answer = client.post(f"{path}/preferences", data={})
    assert 'role="status"' in answer.text
    assert mailable(db, mail) == 0
    assert " checked" not in client.get(f"{path}/preferences").text
    client.post(f"{path}/preferences", data={vendor_box(db, mail): "1"})
    assert mailable(db, mail) == 1


def test_another_vendors_mails_are_not_stopped(client, path, db, mail):
    client.post(f"{path}/preferences", data={})
    with db.transaction() as session:
        factories.bind(session)
        other = make.launch(contacts=0)
    with db.reading() as reading:
        assert audiences.counts(reading, mail.tenant_id, None, other.vendor_id).writable == 1


def test_the_button_stops_everything_and_shows_the_way_back(client, path, db, mail):
    answer = client.post(f"{path}/preferences", data={"all": "1", vendor_box(db, mail): "1"})
    assert f"{path}/undo" in answer.text
    assert mailable(db, mail) == 0
    assert f"{path}/undo" in client.get(f"{path}/preferences").text
    client.post(f"{path}/preferences", data={vendor_box(db, mail): "1"})  # no way around it
    assert mailable(db, mail) == 0


def test_the_language_is_one_of_the_kits(client, path, db, mail):
    client.post(f"{path}/preferences", data={vendor_box(db, mail): "1", "language": "de"})
    with db.reading() as session:
        assert session.get_one(Contact, mail.contact_id).locale == "de"
    answer = client.post(f"{path}/preferences", data={"language": "tlh"})
    assert answer.status_code == 400
    assert mailable(db, mail) == 1


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-AE"])
def test_the_page_speaks_the_mails_language(client, session, system, locale):
    message = tracking.message(locale=locale)
    pages.page(session.get_one(Launch, message.launch_id))
    session.commit()
    page = client.get(f"/u/{system.signer.token(message.id)}/preferences").text
    assert f'<html lang="{locale}" dir="{"rtl" if locale == "ar-AE" else "ltr"}"' in page
    assert say(locale, "preferences_title") in page
    assert say(locale, "stop") in page


@pytest.mark.parametrize("token", ["A" * 24, "x"])
def test_a_forged_link_chooses_nothing(client, db, mail, token):
    assert client.get(f"/u/{token}/preferences").status_code == 404
    assert client.post(f"/u/{token}/preferences", data={"all": "1"}).status_code == 404
    assert mailable(db, mail) == 1
