import pytest

from tests.factories import deals as factories
from tests.factories.base import bind
from tpma.core.money import Money
from tpma.deals import queries
from tpma.deals.models import DealState


class Place:
    """A vendor and a partner, as ids that outlive the session that made them."""

    def __init__(self):
        self.vendor = factories.vendor("Helio Cloud")
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.launch = factories.launch(self.enrolment)
        self.lead = factories.lead(self.launch, company_domain="harborpoint.example")
        self.sales = factories.partner_actor(self.enrolment, "PS", "PM")
        self.desk = factories.vendor_actor(self.vendor)


@pytest.fixture
def place(db):
    with db.transaction() as session:
        bind(session)
        return Place()


@pytest.fixture
def deal(db, place):
    with db.transaction() as session:
        bind(session)
        return factories.deal(place.lead, place.sales)


def reload(db, deal):
    with db.reading() as session:
        return session.get_one(factories.DealRegistration, deal.id)


GOOD = {"value": "14,000", "close": "2026-09-30", "note": "Call on Friday."}


def test_the_form_asks_three_things_and_knows_the_rest(client, place):
    factories.signed_in(client, place.sales)
    answer = client.get(f"/portal/deals/new/{place.lead.id}")
    html = answer.text
    assert answer.status_code == 200
    assert "Register Harbor Point Health" in html
    assert html.count('class="fld new"') + html.count('class="new"') == 3
    assert "Priya Raman, IT director" in html
    assert place.lead.campaign_code in html


def test_from_lead_to_deal_in_two_clicks_and_three_fields(client, db, place):
    factories.signed_in(client, place.sales)
    answer = client.post(f"/portal/deals/new/{place.lead.id}", data=GOOD)
    assert answer.status_code == 303
    receipt = client.get(answer.location)
    assert receipt.status_code == 200
    assert "DR-2026-000001" in receipt.text
    assert "Helio Cloud answers by" in receipt.text
    assert "$14,000.00" in receipt.text


def test_a_free_mail_lead_asks_for_the_domain_too(client, db, place):
    with db.transaction() as session:
        bind(session)
        lead = factories.lead(session.merge(place.launch), company_domain="gmail.com")
    factories.signed_in(client, place.sales)
    assert "free mail address" in client.get(f"/portal/deals/new/{lead.id}").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": ""}, "Enter the value you expect"),
        ({"value": "plenty"}, "Enter an amount in USD"),
        ({"value": "-5"}, "Enter an amount from 0"),
        ({"value": "9" * 30}, "Enter an amount from 0"),
        ({"value": "NaN"}, "Enter an amount"),
        ({"close": "someday"}, "Enter a date"),
        ({"close": "2020-01-01"}, "This day has passed"),
        ({"note": "x" * 1001}, "Use at most 1000"),
        ({"stage": "won"}, "Choose a stage"),
        ({"stage": "<b>"}, "Choose one of the options"),
        ({"note_type": "form_submission"}, "Choose one of the options"),
        ({"account_domain": "web.de"}, "own web domain"),
    ],
)
def test_a_fault_is_told_and_what_was_typed_stays(client, place, changes, said):
    factories.signed_in(client, place.sales)
    answer = client.post(f"/portal/deals/new/{place.lead.id}", data=GOOD | changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert changes.get("note", "Call on Friday.")[:20] in answer.text


def test_a_script_in_the_note_is_text(client, db, place):
    factories.signed_in(client, place.sales)
    sent = client.post(
        f"/portal/deals/new/{place.lead.id}", data=GOOD | {"note": "<script>alert(1)</script>"}
    )
    deal_id = sent.location.split("/")[-1].split("?")[0]
    factories.signed_in(client, place.desk)
    html = client.get(f"/studio/deals/{deal_id}").text
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html


def test_a_registered_lead_leads_to_its_receipt(client, place, deal):
    factories.signed_in(client, place.sales)
    answer = client.get(f"/portal/deals/new/{place.lead.id}")
    assert (answer.status_code, answer.location) == (303, f"/portal/deals/{deal.id}")


@pytest.mark.parametrize("path", ["/portal/deals/", "/portal/deals/{deal}"])
def test_pages_of_the_partner_open(client, place, deal, path):
    factories.signed_in(client, place.sales)
    answer = client.get(path.format(deal=deal.id))
    assert answer.status_code == 200
    assert deal.ref in answer.text


def test_the_desk_lists_the_order_and_the_clock(client, place, deal):
    factories.signed_in(client, place.desk)
    html = client.get("/studio/deals/").text
    assert "1 registration waits for your answer" in html
    assert "Harbor Point Health" in html
    assert "in 2 days" in html


@pytest.mark.parametrize("view", ["open", "line", "protected", "closed", "nonsense"])
def test_every_view_of_the_desk_opens(client, place, deal, view):
    factories.signed_in(client, place.desk)
    assert client.get(f"/studio/deals/?view={view}").status_code == 200


def test_the_vendor_reads_the_contact_only_with_consent(client, db, place, deal):
    factories.signed_in(client, place.desk)
    hidden = client.get(f"/studio/deals/{deal.id}").text
    assert "Raman" not in hidden
    assert place.lead.email not in hidden
    with db.transaction() as session:
        session.get_one(factories.Lead, place.lead.id).share_with_vendor = True
    shown = client.get(f"/studio/deals/{deal.id}").text
    assert "Priya Raman, IT director" in shown
    assert place.lead.email in shown


def test_the_desk_approves(client, db, place, deal):
    factories.signed_in(client, place.desk)
    answer = client.post(f"/studio/deals/{deal.id}/approve")
    assert answer.status_code == 303
    assert reload(db, deal).state is DealState.APPROVED
    assert client.get(answer.location).status_code == 200


def test_an_approval_out_of_turn_says_the_place(client, db, place, deal, clock):
    clock.forward(minutes=2)
    with db.transaction() as session:
        bind(session)
        second = factories.enrolment(session.merge(place.vendor), "Kestrel")
        launch = factories.launch(second)
        lead = factories.lead(launch, company_domain="harborpoint.example")
        later = factories.deal(lead)
    factories.signed_in(client, place.desk)
    answer = client.post(f"/studio/deals/{later.id}/approve")
    assert answer.status_code == 409
    assert "number 2 in line" in answer.text


@pytest.mark.parametrize(
    ("verb", "data", "said"),
    [
        ("reject", {"code": "", "reason": "x"}, "Choose the rule"),
        ("reject", {"code": "duplicate", "reason": ""}, "Write the reason"),
        ("reject", {"code": "duplicate", "reason": "x" * 501}, "Use at most 500"),
        ("ask", {"question": ""}, "Write the question"),
    ],
)
def test_the_desks_faults_open_the_dialog_again(client, place, deal, verb, data, said):
    factories.signed_in(client, place.desk)
    answer = client.post(f"/studio/deals/{deal.id}/{verb}", data=data)
    assert answer.status_code == 422
    assert said in answer.text
    assert "data-show" in answer.text


def test_question_and_answer(client, db, place, deal):
    factories.signed_in(client, place.desk)
    client.post(f"/studio/deals/{deal.id}/ask", data={"question": "Which sites?"})
    factories.signed_in(client, place.sales)
    page = client.get(f"/portal/deals/{deal.id}").text
    assert "Which sites?" in page
    assert client.post(f"/portal/deals/{deal.id}/answer", data={}).status_code == 422
    client.post(f"/portal/deals/{deal.id}/answer", data={"answer": "All eleven."})
    assert reload(db, deal).state is DealState.IN_REVIEW


def test_a_declined_registration_says_why(client, db, place, deal):
    factories.signed_in(client, place.desk)
    client.post(
        f"/studio/deals/{deal.id}/reject",
        data={"code": "below_minimum", "reason": "We protect from 20,000 on."},
    )
    factories.signed_in(client, place.sales)
    page = client.get(f"/portal/deals/{deal.id}").text
    assert "We protect from 20,000 on." in page
    assert "Below the smallest value" in page


def test_the_partner_closes_the_deal(client, db, place):
    with db.transaction() as session:
        bind(session)
        deal = factories.approved(place.lead, place.sales, value=Money(900_000, "USD"))
    factories.signed_in(client, place.sales)
    assert "Mark as won" in client.get(f"/portal/deals/{deal.id}").text
    client.post(f"/portal/deals/{deal.id}/stage", data={"stage": "won"})
    assert reload(db, deal).state is DealState.WON
    assert client.post(f"/portal/deals/{deal.id}/stage", data={"stage": "lost"}).status_code == 409


def test_withdrawing(client, db, place, deal):
    factories.signed_in(client, place.sales)
    assert client.post(f"/portal/deals/{deal.id}/withdraw").status_code == 303
    assert reload(db, deal).state is DealState.WITHDRAWN


@pytest.mark.parametrize(
    "path", ["/portal/deals/{deal}", "/portal/deals/new/{lead}", "/studio/deals/{deal}"]
)
def test_strangers_find_nothing(client, db, place, deal, path):
    with db.transaction() as session:
        bind(session)
        other_vendor = factories.vendor()
        them = factories.partner_actor(factories.enrolment(session.merge(place.vendor)))
        outside = factories.vendor_actor(other_vendor)
    url = path.format(deal=deal.id, lead=place.lead.id)
    for stranger in (them, outside, place.desk if "portal" in path else place.sales):
        factories.signed_in(client, stranger)
        assert client.get(url).status_code == 404


def test_a_channel_manager_sees_only_assigned_partners(client, db, place, deal):
    with db.transaction() as session:
        bind(session)
        manager = factories.vendor_actor(session.merge(place.vendor), "CM")
    factories.signed_in(client, manager)
    assert client.get(f"/studio/deals/{deal.id}").status_code == 404
    with db.transaction() as session:
        session.get_one(factories.Enrolment, place.enrolment.id).manager_id = manager.user_id
    assert client.get(f"/studio/deals/{deal.id}").status_code == 200
    assert client.post(f"/studio/deals/{deal.id}/approve").status_code == 404


def test_the_navigation_counts_who_waits(client, place, deal):
    factories.signed_in(client, place.desk)
    assert '<span class="ct">1</span>' in client.get("/studio/deals/").text


def test_nothing_is_left_in_the_desk_after_deciding(db, place, deal):
    with db.reading() as session:
        assert [row.deal.id for row in queries.desk(session, place.vendor.id)] == [deal.id]


def test_the_second_in_line_leads_to_the_first(client, db, place, deal, clock):
    clock.forward(minutes=2)
    with db.transaction() as session:
        bind(session)
        second = factories.enrolment(session.merge(place.vendor), "Kestrel")
        lead = factories.lead(factories.launch(second), company_domain="harborpoint.example")
        later = factories.deal(lead)
    factories.signed_in(client, place.desk)
    html = client.get(f"/studio/deals/{later.id}").text
    assert "Number 2 in line" in html
    assert f'href="/studio/deals/{deal.id}"' in html
    assert 'data-dialog="approve"' not in html
