"""Headers, cookies, CSRF and limits: on every kind of answer."""

import re
from dataclasses import replace

import pytest
from flask import request

from tests import factories
from tpma.app import create_app
from tpma.core.settings import Settings
from tpma.web import security
from tpma.web.security import FRAMED_POLICY, SCRIPTLESS_POLICY, framed, limiter, scriptless

ALWAYS = {
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "X-Frame-Options",
    "Cross-Origin-Opener-Policy",
    "Permissions-Policy",
}
ANSWERS = [
    ("GET", "/healthz", 200),
    ("GET", "/sign-in", 200),
    ("GET", "/", 303),
    ("GET", "/portal/kits/", 303),
    ("GET", "/nothing-here", 404),
    ("PUT", "/sign-in", 405),
    ("POST", "/sign-in", 422),
    ("GET", "/static/tpma.js", 200),
    ("GET", "/static/none.js", 404),
    ("GET", "/u/forged", 404),
    ("GET", "/l/none/en", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_headers(client, method, path, status):
    answer = client.open(path, method=method, buffered=True)
    assert answer.status_code == status
    assert set(answer.headers.keys()) >= ALWAYS
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_of_the_product_runs_our_script_and_nothing_inline(as_dana):
    policy = as_dana.get("/account").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy


def test_a_page_keeps_to_the_policy_it_is_sent_with(as_dana):
    html = as_dana.get("/account").text
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", html)
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)


def test_pages_are_not_kept_by_caches_and_static_files_are(client):
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"
    assert (
        "max-age=31536000" in client.get("/static/tpma.js", buffered=True).headers["Cache-Control"]
    )


def test_a_vendors_document_is_locked_into_its_frame(app):
    with app.test_request_context():
        locked = framed(app.make_response("<p style='color:red'>"))
    assert locked.headers["Content-Security-Policy"] == FRAMED_POLICY
    assert "sandbox" in FRAMED_POLICY
    assert "script-src" not in FRAMED_POLICY


def test_a_readers_page_runs_no_script_and_tells_nobody_its_address(app):
    with app.test_request_context():
        locked = scriptless(app.make_response(""))
    assert locked.headers["Content-Security-Policy"] == SCRIPTLESS_POLICY
    assert "script-src" not in SCRIPTLESS_POLICY
    assert locked.headers["Referrer-Policy"] == "no-referrer"


def test_over_https_the_browser_is_told_to_stay_there(client):
    told = client.get("/healthz", headers={"X-Forwarded-Proto": "https"}).headers
    assert "max-age=31536000" in told["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


@pytest.fixture
def whole(system):
    """As in production: CSRF on, cookies over HTTPS only."""
    address = "https://tpma.example.org"
    settings = Settings(**system.settings.model_dump() | {"base_url": address})
    return create_app(replace(system, settings=settings))


@pytest.fixture
def browser(whole):
    return whole.test_client()


SECURE = {
    "base_url": "https://tpma.example.org",
    "headers": {"Referer": "https://tpma.example.org/"},
}


def test_the_session_cookie_is_for_our_server_alone(browser):
    (cookie,) = browser.get("/sign-in", **SECURE).headers.getlist("Set-Cookie")
    parts = cookie.split("; ")
    assert parts[0].startswith("tpma=")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(parts)


def test_without_https_the_cookie_still_works(client):
    cookie = client.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "Secure" not in cookie


def _posts(app) -> list[str]:
    """Every address that takes a POST and is not exempt on purpose."""
    return sorted(
        re.sub(r"<[^>]+>", "00000000-0000-7000-8000-000000000000", rule.rule)
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and app.view_functions[rule.endpoint].tpma_guard[0] != "public"
    )


def test_no_form_is_taken_without_our_token(browser, whole, dana):
    factories.signed_in(browser, *dana)
    addresses = _posts(whole)
    assert len(addresses) > 30
    taken = {
        path: status
        for path in addresses
        if (status := browser.post(path, **SECURE).status_code) not in (400, 404)
    }
    assert taken == {}
    assert browser.post("/account", **SECURE).status_code == 400


def test_signing_in_asks_for_the_token_too(browser):
    answer = browser.post("/sign-in", data={"email": "a@b.example", "password": "x"}, **SECURE)
    assert answer.status_code == 400
    assert "reload the page" in answer.text


def test_another_visitors_token_is_refused(browser, whole):
    stolen = _token(whole.test_client().get("/sign-in", **SECURE).text)
    browser.get("/sign-in", **SECURE)
    assert browser.post("/sign-in", data={"csrf_token": stolen}, **SECURE).status_code == 400


def test_our_own_form_is_taken(browser):
    token = _token(browser.get("/sign-in", **SECURE).text)
    answer = browser.post(
        "/sign-in", data={"csrf_token": token, "email": "", "password": ""}, **SECURE
    )
    assert answer.status_code == 422


def test_a_form_sent_from_another_site_is_refused(browser):
    token = _token(browser.get("/sign-in", **SECURE).text)
    elsewhere = SECURE | {"headers": {"Referer": "https://evil.example/"}}
    assert browser.post("/sign-in", data={"csrf_token": token}, **elsewhere).status_code == 400


def _token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found[1]


def test_only_what_recipients_visitors_and_providers_send_is_exempt():
    exempt = {blueprint.name for blueprint in security.csrf._exempt_blueprints}
    assert exempt == {"hooks", "leads_public", "tracking_public"}
    assert security.csrf._exempt_views == set()


def test_too_many_tries_are_told_to_wait(system, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    app = create_app(system)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sent = [client.post("/sign-in", data={"email": "a@b.example"}) for _try in range(60)]
    assert sent[0].status_code == 422
    assert sent[-1].status_code == 429
    assert "Wait a minute" in sent[-1].text


@pytest.mark.parametrize(
    ("trusted", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.1")]
)
def test_a_visitors_address_is_believed_only_from_proxies_in_front(system, trusted, seen):
    settings = Settings(**system.settings.model_dump() | {"trusted_proxies": trusted})
    app = create_app(replace(system, settings=settings))
    told = []
    app.before_request(lambda: told.append(request.remote_addr))
    header = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    app.test_client().get("/healthz", headers=header)
    assert told == [seen]
