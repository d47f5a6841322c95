import pytest

from tests.factories import deals as factories
from tests.factories import kits
from tests.factories.base import bind
from tpma.branding.models import BrandState
from tpma.core.money import Money
from tpma.deals import desk
from tpma.leads.models import LeadState


class Place:
    def __init__(self):
        self.vendor = factories.vendor("Helio Cloud")
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.kit = kits.kit_version(self.vendor)
        self.sales = factories.partner_actor(self.enrolment, "PS", "PM")
        self.brand = factories.brand(self.enrolment)


@pytest.fixture
def place(db):
    with db.transaction() as session:
        bind(session)
        return Place()


@pytest.fixture
def busy(db, place):
    with db.transaction() as session:
        bind(session)
        enrolment = session.get_one(factories.Enrolment, place.enrolment.id)
        session.get_one(factories.BrandProfile, place.brand.id).state = BrandState.VALIDATED
        launch = factories.launch(enrolment, session.get_one(kits.KitVersion, place.kit.id))
        factories.lead(launch, state=LeadState.ROUTED, accepted_at=None, company="Lakeview")
        factories.lead(launch, company="Mercy Valley", company_domain="mercy.example")
        asked = factories.deal(factories.lead(launch, company="Tri-County"), place.sales)
        desk.request_info(session, factories.vendor_actor(place.vendor), asked, "Which sites?")
        won = factories.lead(launch, company_domain="won.example")
        factories.approved(won, place.sales, value=Money(2_100_000, "USD"))
        factories.cost(launch, 400_000)
    return place


def test_a_new_partner_gets_the_first_steps(client, place):
    factories.signed_in(client, place.sales)
    answer = client.get("/portal/")
    assert answer.status_code == 200
    assert "3 steps to your first campaign, Dana" in answer.text
    assert "Put your name on it" in answer.text
    assert "Small kit" in answer.text


def test_three_things_each_with_its_reason_and_button(client, busy):
    factories.signed_in(client, busy.sales)
    html = client.get("/portal/").text
    assert "Three things worth doing, Dana" in html
    assert "Answer the question about Tri-County" in html
    assert "Answer Priya Raman of Lakeview" in html
    assert "Register Mercy Valley as a deal" in html
    assert "5.25 : 1" in html


@pytest.mark.parametrize("role", ["PA", "PM", "PS", "PF", "PV"])
def test_the_home_opens_for_every_role(client, db, busy, role):
    with db.transaction() as session:
        bind(session)
        reader = factories.partner_actor(
            session.get_one(factories.Enrolment, busy.enrolment.id), role
        )
    factories.signed_in(client, reader)
    answer = client.get("/portal/")
    assert answer.status_code == 200
    assert ("Priya Raman" in answer.text) is (role in {"PA", "PM", "PS"})


def test_the_start_page_leads_home(client, busy):
    factories.signed_in(client, busy.sales)
    assert client.get("/").location == "/portal/"


def test_a_brand_reviewer_starts_where_they_may_enter(client, db, place):
    with db.transaction() as session:
        bind(session)
        reviewer = factories.vendor_actor(place.vendor, "BR")
    factories.signed_in(client, reviewer)
    assert client.get(client.get("/").location).status_code == 200


def test_another_partners_leads_stay_away(client, db, busy):
    with db.transaction() as session:
        bind(session)
        them = factories.partner_actor(factories.enrolment(busy.vendor, "Kestrel"), "PS", "PM")
    factories.signed_in(client, them)
    html = client.get("/portal/").text
    assert "Lakeview" not in html
    assert "Mercy Valley" not in html


def test_the_vendor_has_no_partner_home(client, db, place):
    with db.transaction() as session:
        bind(session)
        admin = factories.vendor_actor(place.vendor, "VA")
    factories.signed_in(client, admin)
    assert client.get("/portal/").status_code == 404


@pytest.mark.parametrize("lang", ["de", "ar-XB", "en-XA"])
def test_the_home_opens_in_other_languages(client, busy, lang):
    factories.signed_in(client, busy.sales)
    assert client.get(f"/portal/?lang={lang}").status_code == 200
