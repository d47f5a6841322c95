"""The pages of the suppression lists, as a partner and as a vendor use them."""

import pytest
from sqlalchemy import select

from tests import factories
from tpma.audiences.models import SuppressedDomain, Suppression, SuppressionScope
from tpma.identity.models import AuditLog, Organisation
from tpma.web.security import limiter

PORTAL, STUDIO = "/portal/audiences/suppressions", "/studio/suppressions"
DOORS = pytest.mark.parametrize("address", [PORTAL, STUDIO])


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def enter(client, db):
    """Sign in at one of the two doors; the client and the company whose list it is."""

    def go(address: str, *roles: str):
        with db.transaction() as session:
            factories.bind(session)
            place = factories.enrolment()
            company = place.vendor if address == STUDIO else place.partner
            member = factories.membership(company, *roles)
        return factories.signed_in(client, member, None if address == STUDIO else place), company

    return go


@DOORS
def test_an_address_is_put_on_the_owners_list_and_taken_off(db, enter, address):
    browser, company = enter(address)
    assert browser.post(address, data={"email": "nobody"}).status_code == 422
    browser.post(address, data={"email": "ada@x.example", "source": "phone"})
    with db.reading() as session:
        (entry,) = session.scalars(select(Suppression)).all()
    wanted = SuppressionScope.VENDOR if address == STUDIO else SuppressionScope.PARTNER
    assert (entry.tenant_id, entry.scope) == (company.id, wanted)
    assert "a…@x.example" in browser.get(address).text
    browser.post(f"{address}/{entry.id}/lift")
    assert "a…@x.example" not in browser.get(address).text


@DOORS
def test_a_domain_is_blocked_and_freed(db, enter, address):
    browser, _company = enter(address)
    refused = browser.post(f"{address}/domains", data={"domain": "co.uk"})
    assert refused.status_code == 422
    assert "nobody" in refused.text
    browser.post(f"{address}/domains", data={"domain": "@X.example", "subdomains": "1"})
    page = browser.get(f"{address}?show=domains").text
    assert "x.example" in page
    assert "It and everything under it" in page
    with db.reading() as session:
        (entry,) = session.scalars(select(SuppressedDomain)).all()
    browser.post(f"{address}/domains/{entry.id}/lift")
    assert "No company is blocked" in browser.get(f"{address}?show=domains").text


@DOORS
def test_a_mail_provider_is_asked_about_again(db, enter, address):
    browser, _company = enter(address)
    asked = browser.post(f"{address}/domains", data={"domain": "gmail.com"})
    assert asked.status_code == 422
    assert 'name="confirmed"' in asked.text
    sent = {"domain": "gmail.com", "confirmed": "1"}
    assert browser.post(f"{address}/domains", data=sent).status_code == 303


@DOORS
def test_a_pasted_list_is_shown_applied_and_taken_back(db, enter, address):
    browser, _company = enter(address)
    answer = browser.post(f"{address}/list", data={"pasted": "a@x.example\nx.example\nnonsense"})
    page = browser.get(answer.location).text
    assert "2 new entries would be blocked" in page
    sheet = browser.get(f"{answer.location}/left-out.csv").data.decode("utf-8-sig")
    assert "3,nonsense," in sheet
    browser.post(f"{answer.location}/apply")
    assert "The list is applied" in browser.get(answer.location).text
    assert browser.get(f"{answer.location}/progress").headers["HX-Refresh"] == "true"
    browser.post(f"{answer.location}/undo")
    assert "The list was taken back" in browser.get(answer.location).text
    with db.reading() as session:
        live = select(Suppression).where(Suppression.lifted_at.is_(None))
        assert session.scalars(live).all() == []


@DOORS
def test_a_list_is_thrown_away(enter, address):
    browser, _company = enter(address)
    answer = browser.post(f"{address}/list", data={"pasted": "a@x.example"})
    browser.post(f"{answer.location}/discard")
    assert browser.get(answer.location).status_code == 404


@DOORS
@pytest.mark.parametrize("sent", [{}, {"pasted": " "}, {"pasted": "nothing to block"}])
def test_a_list_of_nothing_is_told_at_its_field(enter, address, sent):
    browser, _company = enter(address)
    answer = browser.post(f"{address}/list", data=sent)
    assert answer.status_code == 422
    assert 'class="err"' in answer.text


@DOORS
def test_the_rule_on_sign_ups_is_switched(db, enter, address):
    browser, company = enter(address)
    for sent, on in (({"opt_in_only": "1"}, True), ({}, False)):
        browser.post(f"{address}/opt-in-only", data=sent)
        with db.reading() as session:
            assert session.get_one(Organisation, company.id).opt_in_only is on


@DOORS
def test_tracking_of_readers_is_switched_and_written_down(db, enter, address):
    browser, company = enter(address)
    for sent, on in (({}, False), ({"tracks_readers": "1"}, True)):
        browser.post(f"{address}/tracks-readers", data=sent)
        with db.reading() as session:
            assert session.get_one(Organisation, company.id).tracks_readers is on
            audited = session.scalars(
                select(AuditLog.detail).where(AuditLog.action == "organisation.tracks_readers")
            ).all()
        assert {"on": on} in audited


@pytest.mark.parametrize("role", ["PB", "BR", "CM", "DD", "EX"])
def test_only_the_vendors_admin_keeps_its_list(enter, role):
    browser, _company = enter(STUDIO, role)
    assert browser.get(STUDIO).status_code == 404
    assert browser.post(STUDIO, data={"email": "a@x.example"}).status_code == 404


def test_a_partner_cannot_open_the_vendors_list(enter):
    browser, _company = enter(PORTAL)
    assert browser.get(STUDIO).status_code == 404
