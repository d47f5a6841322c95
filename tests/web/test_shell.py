"""The frame: language, navigation by permission, find-or-go, the age of a static file."""

import re

import pytest

from tests import factories
from tpma.identity.models import OrganisationKind
from tpma.identity.rules import ROLE_TABLE
from tpma.web.shell import _NAVIGATION, _TABS, initials


@pytest.mark.parametrize(
    ("asked", "browser", "shown"),
    [
        ("", "de-AT,de;q=0.9", "de"),
        ("", "fr", "en"),
        ("", "", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
        ("ar-XB", "de", "ar-XB"),
        ("../../etc/passwd", "en", "en"),
    ],
)
def test_the_language_of_a_page(client, asked, browser, shown):
    html = client.get(
        "/sign-in", query_string={"lang": asked}, headers={"Accept-Language": browser}
    ).text
    assert f'<html lang="{shown}"' in html


def test_a_language_asked_for_is_remembered(client):
    client.get("/sign-in?lang=de")
    assert '<html lang="de"' in client.get("/sign-in").text


def test_a_mirrored_page_says_so_and_loads_the_mirrored_styles(client):
    html = client.get("/sign-in?lang=ar-XB").text
    assert 'dir="rtl"' in html
    assert "tabler.rtl.min.css" in html


def test_one_readers_language_is_not_the_next_ones(client, app):
    client.get("/sign-in?lang=de")
    assert '<html lang="en"' in app.test_client().get("/sign-in").text


def test_a_static_file_is_named_with_its_age(as_dana):
    html = as_dana.get("/account").text
    assert re.search(r'href="/static/tpma\.css\?v=\d+"', html)


@pytest.mark.parametrize("kind", ["vendor", "partner", "operator"])
def test_every_entry_of_the_navigation_is_a_page_somebody_may_open(app, kind):
    permissions = set().union(
        *(role.permissions for role in ROLE_TABLE.values() if role.kind == OrganisationKind(kind))
    )
    entries = [entry for _title, group in _NAVIGATION[kind] for entry in group]
    for endpoint, _icon, _label, permission in entries:
        assert endpoint in app.view_functions
        _kind, needed = app.view_functions[endpoint].tpma_guard
        assert permission in permissions
        assert needed in permissions
    assert set(_TABS[kind]) <= {entry[0] for entry in entries}


@pytest.mark.parametrize("role", sorted(ROLE_TABLE))
def test_the_navigation_offers_only_what_opens(db, client, app, role):
    with db.transaction() as session:
        factories.bind(session)
        kind = ROLE_TABLE[role].kind
        if kind == OrganisationKind.PARTNER:
            company, enrolled = (made := factories.enrolment()).partner, made
        elif kind == OrganisationKind.VENDOR:
            company, enrolled = factories.vendor().organisation, None
            factories.programme(company)  # every vendor is made with one
        else:
            company, enrolled = factories.organisation(kind), None
        member = factories.membership(company, role)
    factories.signed_in(client, member, enrolled)
    html = client.get("/account").text
    offered = set(re.findall(r'<a class="n" href="([^"]+)"', html))
    assert {path: client.get(path).status_code for path in offered} == dict.fromkeys(offered, 200)


def test_find_or_go_opens_a_room_by_its_name(as_dana):
    answer = as_dana.get("/jump", query_string={"q": " kits "})
    assert (answer.status_code, answer.location) == (303, "/portal/kits/")


@pytest.mark.parametrize("wanted", ["", "nowhere", "x" * 5000, "%", "HC-SEC-000000-0"])
def test_find_or_go_says_that_nothing_is_called_so(as_dana, wanted):
    answer = as_dana.get("/jump", query_string={"q": wanted})
    assert answer.status_code == 404
    assert "Nothing is called" in answer.text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Dana Whitfield", "DW"),
        ("Brightline", "BR"),
        ("Jan van der Berg", "JB"),
        ("山田 太郎", "山太"),
        ("", ""),
        ("(x) & Co", "CO"),
        ("  ", ""),
    ],
)
def test_initials(name, letters):
    assert initials(name) == letters


def test_alive_and_ready_are_for_anybody(client):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")
