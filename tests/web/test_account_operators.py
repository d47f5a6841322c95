"""The operator's rooms, and that nobody else has a key to them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tpma.identity import service
from tpma.identity.models import AuditLog, Membership, Organisation, OrganisationStatus
from tpma.jobs import Job
from tpma.partners import queries
from tpma.partners.models import Vendor
from tpma.web.security import limiter

PAGES = [
    "/admin/",
    "/admin/organisations/",
    "/admin/jobs/",
    "/admin/audit/",
    "/admin/organisations/new/",
]


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def omar(db) -> Membership:
    with db.transaction() as session:
        factories.bind(session)
        return factories.operator()


@pytest.fixture
def browser(client, omar):
    return factories.signed_in(client, omar)


@pytest.fixture
def dead(db, clock) -> Job:
    with db.transaction() as session:
        job = Job(
            name="sending.notice",
            payload={"recipient": "secret@person.example"},
            run_at=clock() - timedelta(hours=5),
            dead_at=clock(),
            attempts=8,
            error="Unavailable: Amazon SES cannot be reached.",
        )
        session.add(job)
        session.flush()
        return job


@pytest.mark.parametrize("path", PAGES)
def test_the_operator_comes_in(browser, path):
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("roles", [("VA", "PB", "BR", "CM", "DD", "EX"), ("PA", "PM", "PS")])
def test_nobody_else_does(client, db, path, roles):
    with db.transaction() as session:
        factories.bind(session)
        kind = factories.vendor() if roles[0] == "VA" else factories.partner()
        member = factories.membership(kind.organisation, *roles)
    factories.signed_in(client, member)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_sign_in(client, path):
    assert client.get(path).status_code == 303


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/"])
def test_a_dead_job_is_shown_with_its_error_and_without_its_payload(browser, dead, path):
    page = browser.get(path).text
    assert "Amazon SES cannot be reached" in page
    assert "secret@person.example" not in page


def test_a_dead_job_is_tried_again_from_now(browser, db, dead, clock):
    browser.post(f"/admin/jobs/{dead.id}/retry")
    with db.reading() as session:
        job = session.get_one(Job, dead.id)
        assert (job.dead_at, job.attempts, job.run_at) == (None, 0, clock())


def test_a_job_that_is_not_dead_is_left_alone(browser, dead):
    browser.post(f"/admin/jobs/{dead.id}/retry")
    assert browser.post(f"/admin/jobs/{dead.id}/retry").status_code == 409


@pytest.mark.parametrize("query", ["?state=nonsense", "?state=%00"])
def test_a_state_no_job_has_is_not_found(browser, query):
    assert browser.get(f"/admin/jobs/{query}").status_code == 404


@pytest.mark.parametrize("query", ["?kind=partner", "?q=%00%0a", "?q=%25", "?kind=nonsense&q=a_b"])
def test_filters_take_whatever_is_typed(browser, query):
    assert browser.get(f"/admin/organisations/{query}").status_code == 200


@pytest.mark.parametrize("query", ["?action=%00", "?before=x", "?before=-1", "?before=99"])
def test_the_audit_log_takes_whatever_is_typed(browser, query):
    assert browser.get(f"/admin/audit/{query}").status_code == 200


def test_the_audit_log_pages_back_to_the_first_line(browser, db, omar):
    with db.transaction() as session:
        member = session.get_one(Membership, omar.id)
        for number in range(60):
            service.record(session, None, None, f"test.n{number}", member)
    first = browser.get("/admin/audit/").text
    assert "test.n59" in first
    assert "test.n9<" not in first
    with db.reading() as session:
        shown = session.scalars(select(AuditLog.seq).order_by(AuditLog.seq.desc())).all()[49]
    assert f"before={shown}" in first
    assert "test.n9<" in browser.get(f"/admin/audit/?before={shown}").text


NEW = {
    "kind": "vendor",
    "trading_name": "Helio Cloud",
    "legal_name": "Helio Cloud, Inc.",
    "country": "US",
    "default_locale": "en-US",
    "code_prefix": "HC",
    "programme": "Helio Cloud",
    "name": "Maya Okafor",
    "email": "maya@helio.example",
}


def test_a_vendor_comes_in_with_a_programme_and_an_invited_admin(browser, db):
    assert browser.post("/admin/organisations/new/", data=NEW).status_code == 303
    with db.reading() as session:
        vendor = session.scalars(select(Vendor)).one()
        programme = queries.first_programme(session, vendor.organisation_id)
        assert (vendor.code_prefix, programme.name) == ("HC", "Helio Cloud")
        assert session.scalars(select(Job)).one().payload["recipient"] == "maya@helio.example"


def test_a_partner_comes_in(browser, db):
    form = NEW | {"kind": "partner", "partner_type": "msp"}
    assert browser.post("/admin/organisations/new/", data=form).status_code == 303


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legal_name", ""),
        ("country", "XX"),
        ("default_locale", "?"),
        ("code_prefix", "1"),
        ("email", "nobody"),
        ("name", "A\r\nB"),
        ("website", "javascript:alert(1)"),
    ],
)
def test_a_company_typed_wrong_makes_nothing(browser, db, field, value):
    answer = browser.post("/admin/organisations/new/", data=NEW | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    with db.reading() as session:
        assert session.scalars(select(Vendor)).all() == []


def test_an_organisation_is_suspended_and_reinstated(browser, db):
    with db.transaction() as session:
        factories.bind(session)
        company = factories.organisation()
    for status in ("suspended", "active"):
        browser.post(f"/admin/organisations/{company.id}/status", data={"status": status})
        with db.reading() as session:
            found = session.get_one(Organisation, company.id)
            assert found.status is OrganisationStatus(status)


def test_an_organisation_that_is_not_there_is_not_found(browser, omar):
    assert browser.get(f"/admin/organisations/{omar.id}").status_code == 404
