"""The partner's pages: the whole road through a browser's eyes, and who is kept out."""

import io
import re

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories.audiences import SIGNER
from tpma import jobs
from tpma.audiences import importing, segments, service
from tpma.audiences.models import (
    Contact,
    ContactImport,
    ImportState,
    Segment,
    Suppression,
    SuppressionReason,
)
from tpma.identity.models import OrganisationKind

LIST = [
    ("E-Mail", "Vorname", "Land", "Religion"),
    ("ada@x.example", "Ada", "USA", "secret"),
    ("kaputt", "Zoë", "USA", "secret"),
]
ANSWERS = {
    "column-0": "email",
    "column-1": "given_name",
    "column-2": "country",
    "basis": "consent",
    "consent_source": "signed up at our stand",
}


@pytest.fixture
def person(db, client):
    """Signs a member of a new company in; with roles, and in any kind of organisation."""

    def sign_in(*roles, kind=OrganisationKind.PARTNER):
        with db.transaction() as session:
            factories.bind(session)
            company = factories.organisation(kind)
            enrolment = factories.enrolment(company=company) if kind == "partner" else None
            member = factories.membership(company, *roles)
            factories.signed_in(client, member, enrolment)
        return company

    return sign_in


@pytest.fixture
def company(person):
    return person("PM")


def upload(client, rows=LIST, **form):
    file = (factories.csv_file(rows, "cp1252", ";"), "kunden.csv")
    return client.post("/portal/audiences/import", data={"file": file} | form)


def uploaded(client, rows=LIST):
    return upload(client, rows).location


def test_the_empty_page_teaches(client, company):
    page = client.get("/portal/audiences/").text
    assert "Nobody here yet" in page
    assert "/portal/audiences/import" in page


def test_from_file_to_people_in_three_requests(client, company, db):
    address = uploaded(client)
    check = client.get(address).text
    assert "kunden.csv" in check
    assert "Windows-1252" in check
    assert "semicolon" in check
    assert "secret" not in check  # a refused column is not even shown

    done = client.post(f"{address}/start", data=ANSWERS)
    page = client.get(done.location).text
    assert "1 new person in your audience" in page
    assert "1 person you may write to" in client.get("/portal/audiences/").text


def test_the_launch_wizard_gets_its_person_back_with_the_list(client, company):
    answer = upload(client, next="/portal/launches/7/audience?step=1")
    assert "next=" in answer.location
    hidden = re.search(r'name="next" value="([^"]*)"', client.get(answer.location).text)
    start = answer.location.split("?")[0] + "/start"
    done = client.post(start, data=ANSWERS | {"next": hidden[1].replace("&amp;", "&")})
    assert done.status_code == 303
    assert done.location.startswith("/portal/launches/7/audience?step=1&import=")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_never_leads_away(client, company, target):
    start = upload(client).location + "/start"
    done = client.post(start, data=ANSWERS | {"next": target})
    assert done.location.startswith("/portal/audiences/imports/")


def test_a_large_list_shows_its_progress_and_asks_for_the_page_when_done(
    client, company, system, monkeypatch, clock
):
    monkeypatch.setattr(importing, "SMALL", 0)
    address = uploaded(client)
    client.post(f"{address}/start", data=ANSWERS)
    page = client.get(address).text
    assert 'hx-trigger="every 1s"' in page
    assert "<progress" in page
    assert "HX-Refresh" not in client.get(f"{address}/progress").headers
    assert jobs.run_due(system) == 1
    assert client.get(f"{address}/progress").headers["HX-Refresh"] == "true"


def test_the_rows_left_out_can_be_fetched(client, company):
    address = uploaded(client)
    client.post(f"{address}/start", data=ANSWERS)
    answer = client.get(f"{address}/left-out.csv")
    assert answer.mimetype == "text/csv"
    assert answer.data.decode("utf-8-sig").splitlines()[1].startswith("kaputt,Zoë,USA,3,")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"basis": ""}, "Say how these people agreed"),
        ({"consent_source": ""}, "Say where these people agreed"),
        ({"column-0": ""}, "which column holds the e-mail address"),
        ({"column-1": "email"}, "Two columns"),
        ({"column-99": "email"}, "offered fields"),
        ({"column-3": "company"}, "cannot be taken in"),
    ],
)
def test_a_faulty_answer_shows_the_form_again_with_what_was_entered(client, company, change, words):
    address = uploaded(client)
    answer = client.post(f"{address}/start", data=ANSWERS | {"tags": "fair 2026"} | change)
    assert answer.status_code == 422
    assert words in answer.text
    assert "fair 2026" in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(900), "not a list"),
        (b"PK\x03\x04" + bytes(90), "cannot be opened"),
        (b"email\n", "nobody under it"),
        (b"a," * 500 + b"\nb", "200 columns"),
        (b"email\n" + b"x" * 200_000, "100,000 characters"),
    ],
)
def test_a_file_that_is_no_list_is_refused_at_its_field(client, company, content, words):
    answer = client.post("/portal/audiences/import", data={"file": (io.BytesIO(content), "a.csv")})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_no_file_at_all_is_told(client, company):
    assert "Choose a CSV or XLSX" in client.post("/portal/audiences/import", data={}).text


def test_a_file_can_be_read_in_another_way_and_thrown_away(client, company, db):
    address = uploaded(client)
    wrong = client.post(f"{address}/reading", data={"encoding": "utf-8-sig", "separator": "1"})
    assert wrong.status_code == 422
    assert "UTF-8" in wrong.text
    assert client.post(f"{address}/reading", data={"encoding": "cp1250", "separator": "1"}).location
    assert client.post(f"{address}/discard").status_code == 303
    with db.reading() as session:
        assert session.scalars(select(ContactImport)).all() == []


def known(db, tenant, **given):
    with db.transaction() as session:
        factories.bind(session)
        return factories.mailable_contact(tenant, **given).id


def test_a_contact_shows_its_history_and_can_be_stopped_and_forgotten(client, company, db):
    contact_id = known(db, company, email="ada@x.example")
    page = client.get(f"/portal/audiences/contacts/{contact_id}").text
    assert "Ada Lovelace" in page
    assert "They signed up" in page

    client.post(f"/portal/audiences/contacts/{contact_id}/withdraw")
    assert "They unsubscribed" in client.get(f"/portal/audiences/contacts/{contact_id}").text

    client.post(f"/portal/audiences/contacts/{contact_id}/erase")
    assert client.get(f"/portal/audiences/contacts/{contact_id}").status_code == 404


def test_the_list_is_searched_filtered_and_paged(client, company, db):
    for number in range(60):
        known(db, company, email=f"p{number}@x.example", country="FR" if number else "DE")
    page = client.get("/portal/audiences/")
    assert page.text.count('<th scope="row"><a') == 50
    older = re.search(r'href="([^"]*before=[^"]*)"', page.text)[1].replace("&amp;", "&")
    assert client.get(older).text.count('<th scope="row"><a') == 10
    assert client.get("/portal/audiences/?country=DE").text.count('<th scope="row"><a') == 1
    assert "Nobody fits" in client.get("/portal/audiences/?q=nobody-such").text


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=", "country=<b>", "state=drop", "q=%00%27%22", "tag=%00", "locale=%00"],
)
def test_nonsense_in_the_address_is_harmless(client, company, db, query):
    known(db, company)
    assert client.get(f"/portal/audiences/?{query}").status_code == 200


def test_hostile_names_are_shown_as_text(client, company, db):
    known(db, company, given_name="<script>alert(1)</script>", company="{{ 7*7 }}")
    page = client.get("/portal/audiences/").text
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page


def test_the_export_is_disarmed_and_written_down(client, company, db):
    known(db, company, given_name="=1+1", email="ada@x.example")
    text = client.get("/portal/audiences/contacts.csv").data.decode("utf-8-sig")
    assert "ada@x.example,'=1+1," in text


def test_addresses_are_suppressed_by_hand_and_taken_off(client, company, db):
    address = "/portal/audiences/suppressions"
    assert client.post(address, data={"email": "nobody"}).status_code == 422
    client.post(address, data={"email": "Ada@x.example", "source": "phone"})
    page = client.get(address).text
    assert "1 address you do not write to" in page
    assert "A…@x.example" in page
    lift = re.search(r'action="([^"]*/lift)"', page)[1]
    client.post(lift)
    assert "You may write to every address" in client.get(address).text


def test_a_list_of_opt_outs_is_taken(client, company, db):
    file = (factories.csv_file([("mail",), ("a@x.example",), ("b@x.example",)]), "outs.csv")
    answer = client.post("/portal/audiences/suppressions/list", data={"file": file})
    assert "2 new entries would be blocked" in client.get(answer.location).text
    with db.reading() as session:
        assert session.scalars(select(Suppression)).all() == []
    client.post(f"{answer.location}/apply")
    with db.reading() as session:
        assert len(session.scalars(select(Suppression)).all()) == 2


def test_what_the_person_decided_has_no_button_and_no_way(client, company, db):
    with db.transaction() as session:
        entry = service.suppress(
            session, SIGNER, company.id, "a@x.example", SuppressionReason.COMPLAINT, ""
        )
    page = client.get("/portal/audiences/suppressions").text
    assert "/lift" not in page
    assert client.post(f"/portal/audiences/suppressions/{entry.id}/lift").status_code == 403


def test_a_segment_is_built_with_a_live_count(client, company, db):
    known(db, company, country="FR")
    known(db, company, country="US")
    assert ">1<" in client.get("/portal/audiences/segments/count?countries=FR").text
    assert client.get("/portal/audiences/segments/count?countries=Narnia").status_code == 200
    bad = client.post("/portal/audiences/segments", data={"countries": "FR"})
    assert bad.status_code == 422
    assert "Give the segment a name" in bad.text
    client.post("/portal/audiences/segments", data={"countries": "FR", "name": "France"})
    with db.reading() as session:
        found = session.scalars(select(Segment)).one()
    assert "France" in client.get("/portal/audiences/").text
    assert "checked" in client.get(f"/portal/audiences/segments/{found.id}").text
    client.post(f"/portal/audiences/segments/{found.id}/delete")
    assert "France</a>" not in client.get("/portal/audiences/").text


READS = [
    "/portal/audiences/",
    "/portal/audiences/import",
    "/portal/audiences/contacts.csv",
    "/portal/audiences/suppressions",
    "/portal/audiences/segments/new",
    "/portal/audiences/segments/count",
]


@pytest.fixture
def belongings(make_desk):
    """Addresses of things of another partner."""
    desk = make_desk()
    found = desk.bring(factories.csv_file(LIST))
    waiting = desk.receive(factories.csv_file(LIST))
    with desk.db.transaction() as session:
        factories.bind(session)
        pending = importing.upload(session, desk.actor, desk.tenant_id, waiting)
        person = session.scalars(select(Contact)).one()
        entry = service.suppress(
            session, SIGNER, desk.tenant_id, "z@x.example", SuppressionReason.MANUAL, ""
        )
        segment = segments.save_segment(
            session, desk.actor, desk.tenant_id, "France", {"countries": ["FR"]}
        )
    base = "/portal/audiences"
    return {
        "get": [
            f"{base}/contacts/{person.id}",
            f"{base}/imports/{found.id}",
            f"{base}/imports/{found.id}/progress",
            f"{base}/imports/{found.id}/left-out.csv",
            f"{base}/segments/{segment.id}",
        ],
        "post": [
            f"{base}/contacts/{person.id}/withdraw",
            f"{base}/contacts/{person.id}/erase",
            f"{base}/imports/{pending.id}/start",
            f"{base}/imports/{pending.id}/reading",
            f"{base}/imports/{pending.id}/discard",
            f"{base}/segments/{segment.id}",
            f"{base}/segments/{segment.id}/delete",
            f"{base}/suppressions/{entry.id}/lift",
        ],
    }


def test_another_partners_things_are_not_there(client, company, belongings, db):
    for address in belongings["get"]:
        assert client.get(address).status_code == 404, address
    for address in belongings["post"]:
        assert (
            client.post(address, data=ANSWERS | {"name": "x", "countries": "FR"}).status_code == 404
        ), address
    with db.reading() as session:
        assert session.scalars(select(Segment.name)).all() == ["France"]
        assert ImportState.UPLOADED in session.scalars(select(ContactImport.state)).all()


@pytest.mark.parametrize("role", ["VA", "PB", "BR", "CM", "DD", "EX"])
def test_no_role_of_a_vendor_reaches_anything_here(client, person, belongings, role):
    person(role, kind=OrganisationKind.VENDOR)
    for address in [*READS, *belongings["get"]]:
        assert client.get(address).status_code == 404, address
    for address in [*belongings["post"], "/portal/audiences/import", "/portal/audiences/segments"]:
        assert client.post(address, data=ANSWERS).status_code == 404, address


@pytest.mark.parametrize("role", ["PF", "PV"])
def test_finance_and_viewers_of_the_partner_see_no_contacts(client, person, role):
    person(role)
    for address in READS:
        assert client.get(address).status_code == 404, address


def test_sales_looks_and_does_not_touch(client, person):
    person("PS")
    assert client.get("/portal/audiences/").status_code == 200
    assert client.get("/portal/audiences/import").status_code == 404
    assert client.get("/portal/audiences/contacts.csv").status_code == 404


def test_a_stranger_is_asked_to_sign_in(client):
    answer = client.get("/portal/audiences/")
    assert answer.status_code == 303
    assert "next=/portal/audiences/" in answer.location.replace("%2F", "/")
