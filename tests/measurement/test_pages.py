import pytest

from tests.factories import deals as factories
from tests.factories.base import bind
from tests.factories.tracking import event
from tpma.core.money import Money
from tpma.launches.models import CostEntry, Launch
from tpma.tracking.models import Verdict


class Place:
    def __init__(self):
        self.vendor = factories.vendor("Helio Cloud")
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.launch = factories.launch(self.enrolment, goal_leads=20)
        self.code = self.launch.campaign_code
        self.marketing = factories.partner_actor(self.enrolment, "PM")
        self.sales = factories.partner_actor(self.enrolment, "PS")
        self.desk = factories.vendor_actor(self.vendor, "DD")
        self.executive = factories.vendor_actor(self.vendor, "EX")
        self.lead = factories.lead(self.launch, company_domain="harborpoint.example")
        factories.approved(self.lead, self.sales, value=Money(2_100_000, "USD"))
        factories.mails(self.launch, 20, delivered=19)
        factories.cost(self.launch, 400_000)


@pytest.fixture
def place(db):
    with db.transaction() as session:
        bind(session)
        return Place()


def test_the_report_says_its_result_first(client, place):
    factories.signed_in(client, place.marketing)
    answer = client.get(f"/portal/reports/{place.code}")
    assert answer.status_code == 200
    assert "<h1>Every US dollar brought 5.25 in pipeline</h1>" in answer.text
    assert "5.25 : 1" in answer.text
    assert "pipeline-to-spend v1" in answer.text
    assert "Harbor Point Health" in answer.text


def test_what_did_it_bring_is_one_click_from_the_list(client, place):
    factories.signed_in(client, place.marketing)
    assert f"/portal/reports/{place.code}" in client.get("/portal/reports/").text


@pytest.mark.parametrize("role", ["PA", "PM", "PS", "PF", "PV"])
def test_every_role_of_a_partner_reads_reports(client, db, place, role):
    with db.transaction() as session:
        bind(session)
        reader = factories.partner_actor(session.merge(place.enrolment), role)
    factories.signed_in(client, reader)
    for path in ("/portal/reports/", f"/portal/reports/{place.code}"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("role", ["VA", "PB", "DD", "EX"])
@pytest.mark.parametrize(
    "path",
    [
        "/studio/",
        "/studio/reports/",
        "/studio/reports/{code}",
        "/studio/reports/{code}.csv",
        "/studio/reports/{code}/funnel",
    ],
)
def test_every_role_of_a_vendor_reads_reports(client, db, place, role, path):
    with db.transaction() as session:
        bind(session)
        reader = factories.vendor_actor(session.merge(place.vendor), role)
    factories.signed_in(client, reader)
    answer = client.get(path.format(code=place.code))
    assert answer.status_code == 200
    assert place.lead.email not in answer.text
    assert "Raman" not in answer.text


def test_a_brand_reviewer_has_no_reports(client, db, place):
    with db.transaction() as session:
        bind(session)
        reviewer = factories.vendor_actor(session.merge(place.vendor), "BR")
    factories.signed_in(client, reviewer)
    assert client.get("/studio/").status_code == 404


@pytest.mark.parametrize("ending", ["", ".csv", ".pdf"])
def test_strangers_find_no_report(client, db, place, ending):
    with db.transaction() as session:
        bind(session)
        them = factories.partner_actor(factories.enrolment(session.merge(place.vendor)), "PA")
        outside = factories.vendor_actor(factories.vendor(), "VA")
    factories.signed_in(client, them)
    assert client.get(f"/portal/reports/{place.code}{ending}").status_code == 404
    factories.signed_in(client, outside)
    assert client.get(f"/studio/reports/{place.code}{ending}").status_code == 404
    assert client.get(f"/studio/reports/{place.code}/funnel").status_code == 404


def test_the_csv_opens_in_a_spreadsheet(client, place):
    factories.signed_in(client, place.marketing)
    answer = client.get(f"/portal/reports/{place.code}.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert f'filename="{place.code}.csv"' in answer.headers["Content-Disposition"]
    text = answer.data.decode("utf-8-sig")
    assert f"Campaign code,{place.code}" in text
    assert "Pipeline to spend,5.25" in text
    assert client.get("/portal/reports/all.csv").status_code == 200


def test_the_pdf_is_made_of_the_same_figures(client, system, place):
    factories.signed_in(client, place.marketing)
    answer = client.get(f"/portal/reports/{place.code}.pdf")
    assert answer.content_type == "application/pdf"
    (html,) = system.pdf.asked
    assert "Every US dollar brought 5.25 in pipeline" in html
    assert "font:9.2pt/1.45 tpma" in html
    assert "Letter" in html


def test_the_vendors_pdf_names_no_person(client, system, place):
    factories.signed_in(client, place.executive)
    assert client.get(f"/studio/reports/{place.code}.pdf").status_code == 200
    assert "Raman" not in system.pdf.asked[0]


GOOD = {"amount": "1,400.50", "category": "agency", "incurred_on": "2026-03-01"}


def costs(db):
    with db.reading() as session:
        return [(c.amount_minor, c.category) for c in session.query(CostEntry)]


def test_a_cost_is_added_removed_and_brought_back(client, db, place):
    factories.signed_in(client, place.marketing)
    url = f"/portal/reports/{place.code}/costs"
    assert client.post(url, data=GOOD | {"funded_by": "partner"}).status_code == 303
    assert (140_050, "agency") in costs(db)
    with db.reading() as session:
        entry = session.query(CostEntry).filter_by(category="agency").one()
    client.post(f"{url}/{entry.id}/remove")
    assert (140_050, "agency") not in costs(db)
    assert "$1,400.50 removed." in client.get(f"/portal/reports/{place.code}").text
    client.post(f"{url}/undo")
    assert (140_050, "agency") in costs(db)
    client.post(f"{url}/undo")  # only once
    assert len(costs(db)) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": ""}, "Enter an amount above 0"),
        ({"amount": "lots"}, "Enter an amount in USD"),
        ({"amount": "-3"}, "Enter an amount from 0"),
        ({"category": ""}, "Choose what the money"),
        ({"funded_by": "thief"}, "Choose who paid"),
        ({"incurred_on": "2030-01-01"}, "still to come"),
        ({"incurred_on": "x"}, "Enter a date"),
        ({"note": "a\nb"}, "on one line"),
        ({"invoice_no": "9" * 61}, "Use at most 60"),
    ],
)
def test_a_wrong_cost_comes_back_with_its_fault(client, place, changes, said):
    factories.signed_in(client, place.marketing)
    answer = client.post(f"/portal/reports/{place.code}/costs", data=GOOD | changes)
    assert answer.status_code == 422
    assert said in answer.text


def test_sales_reads_costs_and_cannot_change_them(client, place):
    factories.signed_in(client, place.sales)
    assert "Add cost" not in client.get(f"/portal/reports/{place.code}").text
    assert client.post(f"/portal/reports/{place.code}/costs", data=GOOD).status_code == 404


def test_the_vendors_home_answers_who_works(client, place):
    factories.signed_in(client, place.desk)
    html = client.get("/studio/").text
    assert "1 of 1 partner ran a campaign this quarter" in html
    assert "100.00%" in html
    assert "$21,000" in html


def test_a_new_vendors_home_says_what_to_do(client, db):
    with db.transaction() as session:
        bind(session)
        admin = factories.vendor_actor(factories.vendor(), "VA")
    factories.signed_in(client, admin)
    html = client.get("/studio/").text
    assert "Invite the first partner" in html
    assert client.get("/studio/reports/").status_code == 200


def test_a_new_partner_learns_what_will_be_here(client, db):
    with db.transaction() as session:
        bind(session)
        viewer = factories.partner_actor(factories.enrolment(factories.vendor()), "PV")
    factories.signed_in(client, viewer)
    assert "No campaigns yet" in client.get("/portal/reports/").text


@pytest.mark.parametrize("path", ["/portal/reports/{code}", "/portal/reports/"])
@pytest.mark.parametrize("lang", ["de", "ar-XB", "en-XA"])
def test_reports_open_in_other_languages(client, place, path, lang):
    factories.signed_in(client, place.marketing)
    assert client.get(f"{path.format(code=place.code)}?lang={lang}").status_code == 200


def test_the_live_page_and_the_vendor_see_people_and_machines_side_by_side(client, place, db):
    with db.transaction() as session:
        bind(session)
        launch = session.get_one(Launch, place.launch.id)
        event(launch)
        event(launch, verdict=Verdict.SCANNER)
    factories.signed_in(client, place.marketing)
    panel = client.get(f"/portal/reports/{place.code}/machines")
    assert "By people" in panel.text
    assert "By machines" in panel.text
    factories.signed_in(client, place.executive)
    assert "People and machines" in client.get(f"/studio/reports/{place.code}").text
