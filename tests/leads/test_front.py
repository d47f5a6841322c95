"""The form's door before Flask: what it answers itself, and what it leaves to the view."""

import io

import pytest
from sqlalchemy import func, select

from tests.factories import leads, pages
from tpma.app import create_app
from tpma.identity.models import AuditLog
from tpma.leads import front
from tpma.leads.models import Lead
from tpma.web.security import limiter


@pytest.fixture
def page(session):
    made = pages.page(locales=("en-US",))
    session.commit()
    return made


def count(db, table):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_form_that_is_taken_needs_no_framework(app, client, page, carried, monkeypatch):
    monkeypatch.setattr(app, "full_dispatch_request", lambda: pytest.fail("Flask was asked"))
    assert leads.send_form(client, page, carried).status_code == 303


def test_its_answer_has_the_headers_of_every_other(client, page, carried):
    answer = leads.send_form(client, page, carried)
    other = client.get("/sign-in")
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Permissions-Policy"):
        assert answer.headers[name] == other.headers[name]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80@x.example"])
def test_it_leads_to_no_other_site_whatever_host_is_asked(client, page, carried, host):
    data = carried | leads.ANSWERS
    headers = leads.HEADERS | {"Host": host}
    answer = client.post(
        f"/l/{page.slug}/en-US?next=https://evil.example", data=data, headers=headers
    )
    assert answer.headers["Location"].startswith(f"/l/{page.slug}/en-US/thanks?sheet=")


@pytest.mark.parametrize(
    "path", ["/l//evil.example", "/l///evil.example/en-US", "/l/a/b/c", "/l/a\r\nX: 1/en-US"]
)
def test_a_crooked_address_leads_nowhere(client, carried, db, path):
    answer = client.post(path, data=carried | leads.ANSWERS, headers=leads.HEADERS)
    assert answer.status_code in (308, 404, 405)
    assert "evil" not in answer.headers.get("Location", "").split("/l/")[0]
    assert count(db, Lead) == 0


def test_it_stays_under_the_path_the_site_is_served_at(client, page, carried):
    answer = client.post(
        f"/l/{page.slug}/en-US",
        data=carried | leads.ANSWERS,
        headers=leads.HEADERS,
        environ_overrides={"SCRIPT_NAME": "/partners"},
    )
    assert answer.headers["Location"].startswith("/partners/l/")


def test_a_form_sent_in_parts_is_taken_too(client, page, carried, db):
    answer = client.post(
        f"/l/{page.slug}/en-US",
        data=carried | leads.ANSWERS,
        headers=leads.HEADERS,
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303
    assert count(db, Lead) == 1


def test_of_two_answers_to_one_question_the_first_counts(client, page, carried, db):
    data = {**carried, **leads.ANSWERS, "given_name": ["Priya", "Tom"]}
    client.post(f"/l/{page.slug}/en-US", data=data, headers=leads.HEADERS)
    with db.reading() as session:
        assert session.scalar(select(Lead.given_name)) == "Priya"


class Unread(io.BytesIO):
    def read(self, *_size):
        raise AssertionError("it was read")

    readinto = readline = read


def test_what_comes_too_often_is_not_read(system, page, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    client = create_app(system).test_client()
    limiter.reset()
    for _time in range(20):
        client.post(f"/l/{page.slug}/en-US", data={})
    answer = client.post(
        f"/l/{page.slug}/en-US",
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"CONTENT_LENGTH": "100", "wsgi.input": Unread()},
    )
    limiter.reset()
    assert answer.status_code == 429


def test_what_is_said_to_be_too_large_is_not_read(client, page):
    answer = client.post(
        f"/l/{page.slug}/en-US",
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"CONTENT_LENGTH": "1000000", "wsgi.input": Unread()},
    )
    assert answer.status_code == 413


def test_a_fault_of_ours_is_answered_as_any_other(client, page, carried, monkeypatch, db):
    def broken(*_given):
        raise ValueError("a bug")

    monkeypatch.setattr(front, "capture_all", broken)
    answer = leads.send_form(client, page, carried)
    assert answer.status_code == 500
    assert "Reference:" in answer.text
    assert count(db, Lead) == 0


def test_the_audit_log_has_the_name_of_the_request(client, page, carried, db):
    leads.send_form(client, page, carried)
    with db.reading() as session:
        entry = session.scalars(select(AuditLog).where(AuditLog.action == "lead.created")).one()
    assert len(entry.request_id) == 12
