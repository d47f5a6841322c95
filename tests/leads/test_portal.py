"""The partner's inbox: who may see it, what it shows, accept, decline, take back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import leads, pages, tracking
from tpma.audiences.models import Contact
from tpma.core.errors import Conflict
from tpma.identity.models import AuditLog
from tpma.launches.models import Launch
from tpma.leads import queries, service
from tpma.leads.models import Lead, LeadState
from tpma.leads.queries import Filter


@pytest.fixture
def lead(session):
    made = leads.lead()
    session.commit()
    return made


@pytest.fixture
def sales(client, db, session, lead):
    return _signed_in(client, db, lead, "PS")


def _signed_in(client, db, lead, role):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, lead.launch_id)
        member = factories.membership(launch.enrolment.partner, role)
        return factories.signed_in(client, member, launch.enrolment)


def found(db, lead) -> Lead:
    with db.reading() as session:
        return session.get_one(Lead, lead.id)


def test_the_inbox_shows_who_waits_with_code_answers_and_deadline(sales, lead):
    page = sales.get("/portal/leads/").text
    for shown in ("Priya Raman", "Harbor Point Health", lead.email, "Waiting 1", "Answer by"):
        assert shown in page
    assert f'data-copy="{lead.campaign_code}"' in page
    assert 'data-key="a"' in page


def test_the_navigation_counts_who_waits(sales, lead):
    assert '<span class="ct">1</span>' in sales.get("/portal/leads/").text


def test_no_leads_yet_is_explained(client, session):
    launch = pages.launch()
    member = factories.membership(launch.enrolment.partner, "PS")
    session.commit()
    page = factories.signed_in(client, member, launch.enrolment).get("/portal/leads/").text
    assert "No leads yet, and that is normal" in page


def test_accepting_makes_the_lead_ones_own(sales, lead, db, clock):
    now = clock.forward(hours=1)
    answer = sales.post(f"/portal/leads/{lead.id}/accept?show=waiting")
    assert answer.status_code == 303
    kept = found(db, lead)
    assert (kept.state, kept.accepted_at) == (LeadState.ACCEPTED, now)
    with db.reading() as session:
        entry = session.scalars(select(AuditLog).where(AuditLog.action == "lead.accept")).one()
        assert entry.actor_id == kept.owner_id
    page = sales.get(answer.headers["Location"]).text
    assert "Register deal" in page
    assert f"/portal/deals/new/{lead.id}" in page
    assert page.count("btn-primary") == 1


def test_declining_needs_a_reason_and_keeps_what_was_typed(sales, lead, db):
    path = f"/portal/leads/{lead.id}/decline"
    answer = sales.post(path, data={"reason": "other", "note": ""})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="other" selected' in answer.text
    assert "<dialog" in answer.text
    assert found(db, lead).state is LeadState.ROUTED
    assert sales.post(path, data={"reason": "nothing"}).status_code == 422
    assert sales.post(path, data={"reason": "capacity", "note": "{{ x }}"}).status_code == 303
    kept = found(db, lead)
    assert (kept.state, kept.declined_reason, kept.declined_note) == (
        LeadState.DECLINED,
        "capacity",
        "{{ x }}",
    )


@pytest.mark.parametrize(("path", "data"), [("accept", {}), ("decline", {"reason": "capacity"})])
def test_an_answer_can_be_taken_back(sales, lead, db, path, data):
    sales.post(f"/portal/leads/{lead.id}/{path}", data=data)
    assert sales.post(f"/portal/leads/{lead.id}/reopen").status_code == 303
    kept = found(db, lead)
    assert (kept.state, kept.owner_id, kept.accepted_at) == (LeadState.ROUTED, None, None)
    assert (kept.declined_reason, kept.declined_note) == ("", "")
    assert kept.due_at == lead.due_at


def test_two_answers_at_once_are_one_answer_and_a_conflict(sales, lead, db):
    assert sales.post(f"/portal/leads/{lead.id}/accept").status_code == 303
    assert sales.post(f"/portal/leads/{lead.id}/accept").status_code == 409
    declined = sales.post(f"/portal/leads/{lead.id}/decline", data={"reason": "capacity"})
    assert declined.status_code == 409


def test_a_lead_one_spoke_to_is_being_worked_on(sales, lead, db):
    sales.post(f"/portal/leads/{lead.id}/accept")
    sales.post(f"/portal/leads/{lead.id}/contacted")
    assert found(db, lead).state is LeadState.WORKING


@pytest.mark.parametrize(
    ("role", "reads", "answers"),
    [("PA", 200, 303), ("PS", 200, 303), ("PM", 200, 404), ("PV", 404, 404), ("PF", 404, 404)],
)
def test_who_may_see_and_who_may_answer(client, db, session, lead, role, reads, answers):
    user = _signed_in(client, db, lead, role)
    assert user.get(f"/portal/leads/{lead.id}").status_code == reads
    assert user.post(f"/portal/leads/{lead.id}/accept").status_code == answers


PATHS = [("get", ""), ("post", "/accept"), ("post", "/decline"), ("post", "/reopen")]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_partners_lead_is_not_found(client, db, session, lead, method, path):
    with db.transaction() as session:
        factories.bind(session)
        other = pages.launch()
        member = factories.membership(other.enrolment.partner, "PA")
    stranger = factories.signed_in(client, member, other.enrolment)
    answer = getattr(stranger, method)(f"/portal/leads/{lead.id}{path}")
    assert answer.status_code == 404
    assert "Priya" not in answer.text + stranger.get("/portal/leads/?show=all").text


@pytest.mark.parametrize("role", ["VA", "CM", "DD", "PB"])
def test_no_vendor_ever_sees_a_lead(client, db, session, lead, role):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, lead.launch_id)
        member = factories.membership(launch.enrolment.vendor, role)
    vendor = factories.signed_in(client, member)
    for path in ("/portal/leads/", f"/portal/leads/{lead.id}"):
        assert vendor.get(path).status_code == 404


def test_a_vendors_only_door_to_leads_tells_how_many_wait(app):
    """What it says is tested in test_deadlines: counts and codes, nobody's name."""
    leads = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("leads")]
    doors = {rule.endpoint.split(".")[0] for rule in leads}
    assert doors == {"leads_portal", "leads_public", "leads_studio"}
    studio = [rule for rule in leads if rule.endpoint.startswith("leads_studio")]
    assert [(rule.endpoint, "POST" in rule.methods) for rule in studio] == [
        ("leads_studio.answers", False)
    ]


def test_the_wording_and_the_way_stand_on_the_page(client, session, db, clock, system):
    launch = pages.launch()
    message = tracking.message(launch)
    page = pages.page(launch)
    member = factories.membership(
        launch.enrolment.partner, "PS", user=factories.user(name="Jo Lee")
    )
    session.commit()
    clock.forward(minutes=5)
    query = f"?r={system.signer.token(message.id)}&utm_medium=email"
    carried = leads.open_form(client, page, query=query)
    clock.forward(seconds=30)
    with db.reading() as session:
        email = session.get_one(Contact, message.contact_id).email
    leads.send_form(client, page, carried, email=email, consent_partner_marketing="1")
    sales = factories.signed_in(client, member, launch.enrolment)
    with db.reading() as session:
        lead = session.scalars(select(Lead)).one()
    sales.post(f"/portal/leads/{lead.id}/accept")
    text = sales.get(f"/portal/leads/{lead.id}").text
    for shown in (
        "may send me e-mail.",
        "Wording TST 1.0.0 1",
        "Received mail 1",
        "Sent the form",
        "Visited the page",
        "Accepted by Jo Lee",
        "More than 5",
        "Sites to check",
    ):
        assert shown in text, shown


def test_filters_stand_in_the_address_and_narrow_the_list(session, clock):
    launch = pages.launch()
    page = pages.page(launch, ("en-US",))
    tenant = launch.tenant_id
    tom = leads.lead(launch, page, given_name="Tom", family_name="Mercer", company="Lakeview 100%")
    clock.forward(minutes=1)
    aisha = leads.lead(launch, page, given_name="Aisha", state=LeadState.ACCEPTED)

    def ids(**wanted):
        return [one.id for one in queries.inbox(session, tenant, Filter(**wanted))]

    assert ids() == [tom.id]
    assert ids(show="working") == [aisha.id]
    assert ids(show="all") == [aisha.id, tom.id]
    assert ids(show="all", text="mercer lake") == [tom.id]
    assert ids(show="all", text="100%") == [tom.id]
    assert ids(show="all", text="%") == [tom.id]
    assert ids(show="all", text="_") == []
    assert ids(show="all", code=launch.campaign_code) == [aisha.id, tom.id]
    assert ids(show="all", code="HC-SEC-7K3M9QA") == []
    assert queries.counts(session, tenant) == {"waiting": 1, "working": 1, "all": 2}
    assert queries.waiting(session, tenant) == 1


def test_pages_of_the_list_join_without_gap_or_overlap(session, clock):
    launch = pages.launch()
    page = pages.page(launch, ("en-US",))
    made = []
    for _number in range(7):
        made.append(leads.lead(launch, page).id)
        clock.forward(minutes=1)
    for show, expected in (("waiting", made), ("all", made[::-1])):
        seen, last = [], None
        while True:
            rows = queries.inbox(session, launch.tenant_id, Filter(show=show), last, most=3)
            if not rows:
                break
            seen += [row.id for row in rows]
            last = rows[-1].id
        assert seen == expected


@pytest.mark.parametrize(
    "query", ["after=x", "show=%00", "q=%25%25", "code='--", "after=" + "9" * 400]
)
def test_a_mangled_address_still_shows_the_inbox(sales, lead, query):
    assert sales.get(f"/portal/leads/?{query}").status_code == 200


def test_an_overdue_lead_says_so_and_stays(sales, lead, clock):
    clock.forward(days=10)
    assert "Answer was due" in sales.get(f"/portal/leads/{lead.id}").text


def test_the_deadline_does_not_move_an_own_lead_away(session, clock):
    lead = leads.lead()
    clock.forward(days=30)
    assert lead.due_at < clock() - timedelta(days=20)
    service.accept(
        session, factories.actor(factories.membership(lead.launch.enrolment.partner)), lead
    )
    with pytest.raises(Conflict):
        service.decline(
            session,
            factories.actor(factories.membership(lead.launch.enrolment.partner)),
            lead,
            "capacity",
            "",
        )
