"""A mail program's one click, answered before Flask; anything else finds its way to the page."""

import pytest
from sqlalchemy import func, select

from tests.factories import tracking
from tpma.app import create_app
from tpma.audiences.models import Suppression
from tpma.identity.models import AuditLog
from tpma.web import security

BODY = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def token(session, system, clock):
    message = tracking.message()
    session.commit()
    clock.forward(minutes=10)
    return system.signer.token(message.id)


@pytest.fixture
def client(app):
    return app.test_client(use_cookies=False)


def _post(client, token, body=BODY, kind=FORM):
    return client.post(f"/u/{token}", data=body, content_type=kind)


def _stopped(db):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Suppression))


def test_it_is_answered_with_nothing_to_read(client, token, db):
    answer = _post(client, token)
    assert (answer.status_code, answer.data) == (200, b"")
    assert _stopped(db) == 1


def test_it_has_the_headers_of_every_answer(client, token):
    page = client.get(f"/u/{token}")
    own = {"Content-Type", "Content-Length", "Vary"}
    assert {name for name, _value in page.headers} - own <= set(_post(client, token).headers.keys())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BODY, f"{FORM}; charset=utf-8"),
        (BODY, FORM.upper()),
        ({"List-Unsubscribe": "One-Click"}, "multipart/form-data"),  # RFC 8058 allows it
        (f"{BODY}&a=b", FORM),
        ("List-Unsubscribe=Two-Click", FORM),
        ("", FORM),
    ],
)
def test_whatever_is_posted_the_reader_is_written_to_no_more(client, token, db, body, kind):
    assert _post(client, token, body, kind).status_code == 200
    assert _stopped(db) == 1


def test_a_token_that_was_not_made_here_stops_nobody(client, token, db):
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert _post(client, forged).status_code == 404
    assert _stopped(db) == 0


def test_a_body_shorter_than_it_says_is_no_click(app, token, db):
    answer = app.test_client().post(
        f"/u/{token}", data="List", content_type=FORM, headers={"Content-Length": str(len(BODY))}
    )
    assert answer.status_code < 500


def test_one_mail_is_heard_thirty_times_a_minute(system, token, monkeypatch):
    monkeypatch.setattr(security.limiter, "enabled", True)
    client = create_app(system).test_client()
    security.limiter.reset()
    answers = [_post(client, token).status_code for _time in range(31)]
    security.limiter.reset()
    assert answers == [200] * 30 + [429]


def test_its_request_is_named_in_the_audit(client, token, db):
    _post(client, token)
    with db.reading() as session:
        row = session.scalars(select(AuditLog).where(AuditLog.action == "consent.withdrawn")).one()
    assert len(row.request_id) == 12
