"""What a person reads when something is refused or breaks: words, the way on, and no secrets."""

import io

import pytest
from flask import request
from sqlalchemy.orm.exc import StaleDataError
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable


def _boom():
    secret_inside = "hunter2"
    raise RuntimeError(f"cannot reach the database with {secret_inside}")


@pytest.fixture
def app(fresh_app):
    """An address can be added to an app only before its first request."""
    return fresh_app


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound, 404), (NotAllowed, 403), (Invalid, 422), (Conflict, 409), (Unavailable, 503)],
)
def test_a_refusal_says_its_words_with_its_status(client, faulty, error, status):
    def fail():
        raise error("The launch has started already.")

    faulty.append(fail)
    answer = client.get("/fault")
    assert answer.status_code == status
    assert "The launch has started already." in answer.text
    assert 'href="/"' in answer.text


def test_a_bug_leaks_nothing_and_gives_a_reference(client, faulty):
    faulty.append(_boom)
    answer = client.get("/fault")
    assert answer.status_code == 500
    assert "Something broke on our side. Nothing was saved. Reference: " in answer.text
    for secret in ("hunter2", "RuntimeError", "Traceback", "test_errors"):
        assert secret not in answer.text


def test_the_reference_of_a_bug_is_in_the_log(client, faulty):
    faulty.append(_boom)
    with capture_logs(processors=[merge_contextvars]) as lines:
        reference = client.get("/fault").text.split("Reference: ")[1].split(".")[0]
    assert len(reference) == 12
    assert [(line["event"], line["request"]) for line in lines] == [("unhandled", reference)]


def test_the_later_of_two_who_save_the_same_thing_is_told(client, faulty):
    def overtaken():
        raise StaleDataError("UPDATE statement on table 'launches' expected to update 1 row(s)")

    faulty.append(overtaken)
    answer = client.get("/fault")
    assert answer.status_code == 409
    assert "Somebody else changed this a moment ago" in answer.text
    assert "launches" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nothing-here", 404, "There is nothing at this address"),
        ("GET", "/static/../tpma.db", 404, "There is nothing at this address"),
        ("GET", "/portal/kits/a%00b", 404, "There is nothing at this address"),
        ("GET", "/c/%00", 404, "There is nothing at this address"),
        ("GET", f"/admin/mailbox/{10**30}", 404, "There is nothing at this address"),
        ("DELETE", "/sign-in", 405, "does not take that kind of request"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_in_words(as_dana, method, path, status, words):
    answer = as_dana.open(path, method=method)
    assert answer.status_code == status
    assert words in answer.text


def test_a_file_above_the_limit_is_told(client, app, faulty):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    faulty.append(lambda: str(request.form))
    sent = {"list": (io.BytesIO(b"x" * 2000), "list.csv")}
    answer = client.post("/fault", data=sent)
    assert answer.status_code == 413
    assert "larger than the limit" in answer.text


def test_a_form_field_is_no_way_to_fill_the_memory(client, app, faulty):
    faulty.append(lambda: str(request.form))
    assert app.config["MAX_FORM_MEMORY_SIZE"] <= 1024 * 1024
    assert client.post("/fault", data={"note": "x" * 600_000}).status_code == 413
    many = {f"f{number}": "x" for number in range(500)}
    answer = client.post("/fault", data=many, content_type="multipart/form-data")
    assert answer.status_code == 413


def test_a_program_that_asks_for_json_gets_a_problem(client, faulty):
    def fail():
        raise Invalid("Enter a whole number.", field="goal")

    faulty.append(fail)
    answer = client.get("/fault", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {"title": "Enter a whole number.", "status": 422, "field": "goal"}


def test_a_refusal_is_spoken_in_the_readers_language(client, system):
    answer = client.get("/nothing-here?lang=en-XA")
    assert 'lang="en-XA"' in answer.text
    assert "[Théré ís" in answer.text


def test_a_missing_token_is_told_in_the_readers_language_too(client, app):
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post("/sign-in?lang=en-XA")
    assert answer.status_code == 400
    assert "[Thís réqúést" in answer.text


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_was_asked_for_is_never_run(as_dana, hostile):
    answer = as_dana.get("/jump", query_string={"q": hostile})
    assert answer.status_code == 404
    assert hostile not in answer.text
