"""The team page: one's own people, and nobody else's."""

import pytest

from tests import factories
from tpma.identity.models import Membership, OrganisationKind
from tpma.web.security import limiter


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def dana(db) -> Membership:
    with db.transaction() as session:
        factories.bind(session)
        return factories.membership(factories.enrolment().partner, "PA")


@pytest.fixture
def colleague(db, dana) -> Membership:
    with db.transaction() as session:
        factories.bind(session)
        return factories.membership(session.get_one(Membership, dana.id).organisation, "PS")


@pytest.fixture
def stranger(db) -> Membership:
    with db.transaction() as session:
        factories.bind(session)
        return factories.membership()


@pytest.fixture
def browser(client, dana):
    return factories.signed_in(client, dana)


FORM = {"name": "Ada Kerr", "email": "ada@kestrel.example", "roles": ["PS", "PM"]}


def test_everybody_of_the_company_is_listed_and_nobody_else(browser, dana, colleague, stranger):
    page = browser.get("/team/").text
    assert dana.user.name in page
    assert colleague.user.email in page
    assert stranger.user.email not in page


def test_somebody_alone_is_told_whom_to_ask(browser):
    assert "Ask a salesperson in" in browser.get("/team/").text


def test_an_invited_person_is_listed_with_the_day_the_link_ends(browser):
    assert browser.post("/team/invite", data=FORM).status_code == 303
    page = browser.get("/team/").text
    assert "ada@kestrel.example" in page
    assert "Mar 16, 2026" in page


def test_a_lapsed_link_is_said_to_be_lapsed(browser, clock):
    browser.post("/team/invite", data=FORM)
    clock.forward(days=15)
    assert "Link has expired" in browser.get("/team/").text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "A\nB"),
        ("email", "nobody"),
        ("email", "a@b.example\r\nBcc: c@d.example"),
        ("roles", []),
        ("roles", ["VA"]),
    ],
)
def test_what_is_typed_wrong_is_shown_at_its_field(browser, field, value):
    answer = browser.post("/team/invite", data=FORM | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_what_was_typed_stands_there_again(browser):
    page = browser.post("/team/invite", data=FORM | {"email": "nobody"}).text
    assert 'value="Ada Kerr"' in page
    assert 'value="PM" checked' in page


def test_markup_in_a_name_is_text(browser):
    browser.post("/team/invite", data=FORM | {"name": "<img src=x onerror=alert(1)>"})
    page = browser.get("/team/").text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_a_colleague_gets_other_roles(browser, db, colleague):
    browser.post(f"/team/{colleague.id}/roles", data={"roles": ["PF", "PV"]})
    with db.reading() as session:
        assert session.get_one(Membership, colleague.id).roles == ["PF", "PV"]


def test_a_colleague_can_be_removed(browser, db, colleague, clock):
    browser.post(f"/team/{colleague.id}/remove")
    with db.reading() as session:
        assert session.get_one(Membership, colleague.id).ended_at == clock()


@pytest.mark.parametrize(
    ("path", "form"), [("remove", {}), ("roles", {"roles": ["PM"]})], ids=["remove", "roles"]
)
def test_the_last_admin_stays_and_the_page_says_why(browser, dana, path, form):
    answer = browser.post(f"/team/{dana.id}/{path}", data=form)
    assert answer.status_code == 409
    assert "is the last admin" in answer.text


@pytest.mark.parametrize("path", ["roles", "remove", "invite-again"])
def test_another_companys_member_is_not_found(browser, stranger, path):
    answer = browser.post(f"/team/{stranger.id}/{path}", data={"roles": ["PM"]})
    assert answer.status_code == 404


def test_another_companys_member_has_no_page_here(browser, stranger):
    assert browser.get(f"/team/{stranger.id}").status_code == 404


@pytest.mark.parametrize("role", ["PM", "PS", "PF", "PV"])
def test_only_admins_have_a_team_page(client, db, dana, role):
    with db.transaction() as session:
        factories.bind(session)
        member = factories.membership(session.get_one(Membership, dana.id).organisation, role)
    factories.signed_in(client, member)
    assert client.get("/team/").status_code == 404
    assert client.post("/team/invite", data=FORM).status_code == 404


def test_a_vendors_admin_manages_the_vendors_people(client, db):
    with db.transaction() as session:
        factories.bind(session)
        maya = factories.membership(factories.organisation(OrganisationKind.VENDOR), "VA")
    factories.signed_in(client, maya)
    assert client.post("/team/invite", data=FORM | {"roles": ["DD"]}).status_code == 303
