from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from tests.factories import deals as factories
from tests.factories.base import bind
from tests.factories.launches import contact
from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound
from tpma.core.money import Money
from tpma.deals import desk, drafts, queries, service
from tpma.deals.models import DealState, Opportunity, OpportunityStage
from tpma.identity.models import AuditLog
from tpma.jobs import Job
from tpma.leads.models import LeadState
from tpma.sending.deeds import DeedKind, ReaderDeed


@pytest.fixture
def world(session):
    return World()


class World:
    """One vendor, one partner with a launch, and a deal desk."""

    def __init__(self):
        self.vendor = factories.vendor("Helio Cloud")
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.launch = factories.launch(self.enrolment)
        self.sales = factories.partner_actor(self.enrolment)
        self.desk = factories.vendor_actor(self.vendor)

    def rival(self, domain="harborpoint.example", families=("security",)):
        """Another partner's lead at the same company."""
        enrolment = factories.enrolment(self.vendor, "Kestrel")
        kit = factories.kit(self.vendor, product_families=list(families))
        launch = factories.launch(enrolment, kit)
        return factories.lead(launch, company_domain=domain), factories.partner_actor(enrolment)

    def lead(self, domain="harborpoint.example", **changes):
        return factories.lead(self.launch, company_domain=domain, **changes)


def notices(session):
    return [j.payload for j in session.scalars(select(Job).where(Job.name == "sending.notice"))]


def test_a_lead_fills_everything_but_value_day_and_note(session, world):
    lead = world.lead("www.harborpoint.example")
    draft = drafts.draft_from_lead(session, world.sales, lead)

    assert draft.state is DealState.DRAFT
    assert (draft.account_name, draft.account_domain) == (
        "Harbor Point Health",
        "harborpoint.example",
    )
    assert (draft.country, draft.product_families, draft.currency) == ("US", ["security"], "USD")
    assert draft.campaign_code == lead.campaign_code
    assert draft.contact["name"] == "Priya Raman"
    assert [piece["type"] for piece in draft.evidence["items"]] == ["form_submission"]


def test_registering_submits_and_takes_the_lead_along(session, world, clock):
    lead = world.lead()
    deal = factories.deal(lead, world.sales)

    assert deal.state is DealState.SUBMITTED
    assert deal.complete_at == clock.now
    assert deal.answer_due_at == clock.now + timedelta(days=2)  # Monday to Wednesday
    assert deal.estimated_value == Money(1_400_000, "USD")
    assert lead.state is LeadState.DEAL_REGISTERED
    assert len(deal.evidence["items"]) == 2


def test_a_registered_deal_ends_the_mails_to_whom_it_began_with(session, world):
    (first,) = factories.mails(world.launch, 1)
    reader = contact(world.enrolment.partner)
    reader.hmac = first.rcpt_key
    factories.deal(world.lead(contact_id=reader.id), world.sales)
    deed = session.scalars(select(ReaderDeed)).one()
    assert (deed.rcpt_key, deed.kind) == (first.rcpt_key, DeedKind.DEAL)


def test_a_lead_that_still_waits_is_accepted_by_registering_it(session, world, clock):
    lead = world.lead(state=LeadState.ROUTED, accepted_at=None)
    factories.deal(lead, world.sales)
    assert (lead.state, lead.accepted_at) == (LeadState.DEAL_REGISTERED, clock.now)


@pytest.mark.parametrize("state", [LeadState.DECLINED, LeadState.SPAM, LeadState.DUPLICATE])
def test_only_an_open_lead_can_be_registered(session, world, state):
    with pytest.raises(Conflict):
        factories.deal(world.lead(state=state), world.sales)


def test_a_lead_is_registered_once(session, world):
    lead = world.lead()
    deal = factories.deal(lead, world.sales)
    with pytest.raises(Conflict, match=deal.ref):
        factories.deal(lead, world.sales)


def test_references_count_up_within_a_year(session, world, clock):
    first = factories.deal(world.lead("one.example"), world.sales)
    second = factories.deal(world.lead("two.example"), world.sales)
    clock.forward(days=365)
    third = factories.deal(
        world.lead("three.example"), world.sales, expected_close=date(2027, 9, 1)
    )
    assert (first.ref, second.ref, third.ref) == (
        "DR-2026-000001",
        "DR-2026-000002",
        "DR-2027-000001",
    )


def test_references_stay_apart_when_two_register_at_once(db):
    with db.transaction() as session:
        bind(session)
        world = World()
        leads = [world.lead(f"c{n}.example").id for n in range(6)]
    together, refs = Barrier(6), []

    def register(lead_id):
        together.wait()
        with db.transaction() as session:
            deal = service.register(session, world.sales, lead_id, factories.answers())
            refs.append(deal.ref)

    threads = [Thread(target=register, args=(lead_id,)) for lead_id in leads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refs) == [f"DR-2026-{n:06d}" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": Money(0, "USD")}, "value"),
        ({"value": Money(100, "EUR")}, "value"),
        ({"expected_close": None}, "close"),
        ({"expected_close": date(2026, 3, 1)}, "close"),
        ({"stage": "won"}, "stage"),
        ({"note_type": "form_submission"}, "note_type"),
        ({"note": "x" * 1001}, "note"),
        ({"note": "nul\x00"}, "note"),
        ({"account_domain": "gmail.com"}, "account_domain"),
        ({"account_domain": "not a host"}, "account_domain"),
        ({"account_name": "two\nlines"}, "account_name"),
    ],
)
def test_what_is_wrong_is_named(session, world, changes, field):
    with pytest.raises(Invalid) as refusal:
        factories.deal(world.lead(), world.sales, **changes)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "typed",
    ["https://www.harborpoint.example/shop", "priya@harborpoint.example", " HarborPoint.example "],
)
def test_a_domain_is_understood_however_it_was_pasted(session, world, typed):
    deal = factories.deal(world.lead(""), world.sales, account_domain=typed)
    assert deal.account_domain == "harborpoint.example"


def test_a_free_mail_lead_needs_the_companys_domain(session, world):
    with pytest.raises(Invalid) as refusal:
        factories.deal(world.lead("gmail.com"), world.sales)
    assert refusal.value.field == "account_domain"


def test_the_agreement_bounds_country_and_product(session, world):
    world.enrolment.territories = ["DE"]
    with pytest.raises(Invalid) as refusal:
        factories.deal(world.lead(), world.sales)
    assert refusal.value.field == "country"


def test_another_partners_lead_is_not_found(session, world):
    lead, _them = world.rival()
    with pytest.raises(NotFound):
        factories.deal(lead, world.sales)


@pytest.mark.parametrize("verb", [service.withdraw, lambda s, a, d: service.resubmit(s, a, d, "x")])
def test_another_partners_registration_is_not_found(session, world, verb):
    deal = factories.deal(world.lead(), world.sales)
    _lead, them = world.rival()
    with pytest.raises(NotFound):
        verb(session, them, deal)
    with pytest.raises(NotFound):
        queries.get_for_partner(session, them.organisation_id, deal.id)


def test_another_vendors_desk_finds_nothing(session, world):
    deal = factories.deal(world.lead(), world.sales)
    stranger = factories.vendor_actor(factories.vendor())
    with pytest.raises(NotFound):
        queries.get_for_vendor(session, stranger.organisation_id, deal.id)
    with pytest.raises(NotFound):
        desk.approve(session, stranger, deal)


def test_a_draft_is_the_partners_own(session, world):
    draft = drafts.draft_from_lead(session, world.sales, world.lead())
    with pytest.raises(NotFound):
        queries.get_for_vendor(session, world.vendor.id, draft.id)


def test_approval_protects_and_opens_the_opportunity(session, world, clock):
    deal = factories.approved(world.lead(), world.sales)

    assert deal.state is DealState.APPROVED
    assert (deal.protected_from, deal.protected_until) == (clock.now, date(2026, 5, 31))
    opportunity = session.scalars(select(Opportunity)).one()
    assert opportunity.sourcing_code == world.launch.campaign_code
    assert opportunity.amount == Money(1_400_000, "USD")
    assert opportunity.tenant_id == world.vendor.id
    assert opportunity.stage is OpportunityStage.QUALIFIED


def test_every_step_has_one_audit_row(session, world):
    deal = factories.approved(world.lead(), world.sales)
    rows = session.scalars(
        select(AuditLog).where(AuditLog.object_id == str(deal.id)).order_by(AuditLog.seq)
    ).all()
    assert [row.action for row in rows] == ["deal.submitted", "deal.taken", "deal.approved"]
    assert [row.tenant_id for row in rows] == [
        deal.tenant_id,
        world.vendor.id,
        world.vendor.id,
    ]


def test_the_partner_hears_of_each_answer(session, world):
    factories.approved(world.lead(), world.sales)
    assert {notice["subject"] for notice in notices(session)} >= {
        "DR-2026-000001 registered: Harbor Point Health",
        "Harbor Point Health is protected for you",
    }


def test_the_desk_hears_that_somebody_waits(session, world):
    factories.deal(world.lead(), world.sales)
    assert any(n["subject"].startswith("Brightline registered") for n in notices(session))


def test_nobody_decides_for_a_company_of_their_own(session, world):
    deal = factories.deal(world.lead(), world.sales)
    person = session.get_one(factories.User, world.desk.user_id)
    factories.member(session.get_one(factories.Organisation, deal.tenant_id), "PV", person=person)
    for verb in (
        lambda: desk.approve(session, world.desk, deal),
        lambda: desk.reject(session, world.desk, deal, "duplicate", "no"),
        lambda: desk.request_info(session, world.desk, deal, "why?"),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_the_desk_sees_the_first_complete_first(session, world, clock):
    """T-63: who completed first comes first, whoever began first."""
    late, early = world.lead("a.example"), world.lead("b.example")
    draft = drafts.draft_from_lead(session, world.sales, late)  # drafted first
    clock.forward(minutes=30)
    first = factories.deal(early, world.sales)
    clock.forward(minutes=30)
    drafts.complete(session, draft, factories.answers())
    service.submit(session, world.sales, draft)
    assert [row.deal for row in queries.desk(session, world.vendor.id)] == [first, draft]


def test_the_second_for_an_account_cannot_be_approved_before_the_first(session, world, clock):
    first = factories.deal(world.lead(), world.sales)
    clock.forward(minutes=1)
    lead, them = world.rival()
    second = factories.deal(lead, them)

    with pytest.raises(Conflict, match="number 2 in line") as refusal:
        desk.approve(session, world.desk, second)
    assert "Brightline" not in refusal.value.message
    assert first.state is DealState.SUBMITTED


def test_within_one_minute_more_evidence_goes_first(session, world, clock):
    first = factories.deal(world.lead(), world.sales, note="")
    clock.forward(seconds=20)
    lead, them = world.rival()
    second = factories.deal(lead, them)
    with pytest.raises(Conflict, match="number 2"):
        desk.approve(session, world.desk, first)
    desk.approve(session, world.desk, second)


def test_approving_the_first_puts_the_second_in_line(session, world, clock):
    first = factories.deal(world.lead(), world.sales)
    clock.forward(minutes=1)
    lead, them = world.rival()
    second = factories.deal(lead, them)
    desk.approve(session, world.desk, first)
    assert second.state is DealState.QUEUED


def test_a_protected_account_and_product_queues_the_next(session, world):
    factories.approved(world.lead(), world.sales)
    lead, them = world.rival()
    assert factories.deal(lead, them).state is DealState.QUEUED


def test_other_products_of_a_protected_account_are_free(session, world):
    factories.approved(world.lead(), world.sales)
    lead, them = world.rival(families=("backup",))
    assert factories.deal(lead, them).state is DealState.SUBMITTED


def test_a_partners_second_lead_of_the_account_names_its_own_registration(session, world):
    first = factories.approved(world.lead(), world.sales)
    with pytest.raises(Conflict, match=first.ref):
        factories.deal(world.lead(), world.sales)


def test_what_the_queued_partner_reads_names_nobody(session, world):
    factories.approved(world.lead(), world.sales)
    lead, them = world.rival()
    factories.deal(lead, them)
    (told,) = [n for n in notices(session) if "waits in line" in n["subject"]]
    assert "Brightline" not in told["body"]


def test_losing_the_deal_lets_the_next_one_up(session, world):
    first = factories.approved(world.lead(), world.sales)
    lead, them = world.rival()
    queued = factories.deal(lead, them)
    service.set_stage(session, world.sales, first, OpportunityStage.LOST)
    assert queued.state is DealState.IN_REVIEW
    assert queued.answer_due_at is not None


def test_winning_the_deal_turns_the_next_one_away(session, world):
    first = factories.approved(world.lead(), world.sales)
    lead, them = world.rival()
    queued = factories.deal(lead, them)
    service.set_stage(session, world.sales, first, OpportunityStage.WON)
    assert (queued.state, queued.reject_code) == (DealState.REJECTED, "duplicate")
    assert lead.state is LeadState.WORKING
    assert "Brightline" not in queued.reason


@pytest.mark.parametrize(
    ("stage", "deal_state", "lead_state"),
    [
        (OpportunityStage.WON, DealState.WON, LeadState.CONVERTED),
        (OpportunityStage.LOST, DealState.LOST, LeadState.LOST),
    ],
)
def test_closing_the_opportunity_closes_the_loop(
    session, world, clock, stage, deal_state, lead_state
):
    lead = world.lead()
    deal = factories.approved(lead, world.sales)
    opportunity = service.set_stage(session, world.sales, deal, stage)
    assert (deal.state, lead.state) == (deal_state, lead_state)
    assert opportunity.closed_at == clock.now
    with pytest.raises(Conflict):
        service.set_stage(session, world.sales, deal, OpportunityStage.PROPOSAL)


def test_a_stage_needs_an_approval(session, world):
    deal = factories.deal(world.lead(), world.sales)
    with pytest.raises(Conflict):
        service.set_stage(session, world.sales, deal, OpportunityStage.PROPOSAL)


def test_protection_ends_and_the_line_moves_up(session, world, clock):
    first = factories.approved(world.lead(), world.sales)
    lead, them = world.rival()
    queued = factories.deal(lead, them)

    clock.now = factories.at(2026, 6, 1, 3, 59)  # 23:59 in New York on the last day
    assert service.expire_due(session) == 0
    clock.forward(minutes=1)
    assert service.expire_due(session) == 1
    assert (first.state, queued.state) == (DealState.EXPIRED, DealState.IN_REVIEW)
    assert service.expire_due(session) == 0


def test_a_deal_can_be_won_after_its_protection(session, world, clock):
    lead = world.lead()
    deal = factories.approved(lead, world.sales)
    clock.forward(days=120)
    service.expire_due(session)
    service.set_stage(session, world.sales, deal, OpportunityStage.WON)
    assert (deal.state, lead.state) == (DealState.EXPIRED, LeadState.CONVERTED)


def test_approval_plans_its_own_end(session, world):
    factories.approved(world.lead(), world.sales)
    job = session.scalars(select(Job).where(Job.name == "deals.expire")).one()
    assert job.run_at == factories.at(2026, 6, 1, 4, 1)


def test_an_answer_in_five_working_days_keeps_the_time(session, world, clock):
    deal = factories.deal(world.lead(), world.sales)
    complete_at = deal.complete_at
    clock.forward(hours=4)
    desk.request_info(session, world.desk, deal, "Which sites?")
    assert (deal.state, deal.reason) == (DealState.ACTION_REQUIRED, "Which sites?")

    clock.forward(days=6, hours=23)  # 08:00 in New York, five working days later to the minute
    service.resubmit(session, world.sales, deal, "All eleven.")
    assert (deal.state, deal.complete_at) == (DealState.IN_REVIEW, complete_at)
    assert deal.answer_due_at == factories.at(2026, 3, 11, 8)
    assert deal.evidence["items"][-1]["note"] == "All eleven."


def test_a_later_answer_starts_anew(session, world, clock):
    deal = factories.deal(world.lead(), world.sales)
    desk.request_info(session, world.desk, deal, "Which sites?")
    clock.forward(days=7, minutes=1)
    service.resubmit(session, world.sales, deal, "All eleven.")
    assert deal.complete_at == clock.now


def test_an_empty_answer_is_refused(session, world):
    deal = factories.deal(world.lead(), world.sales)
    desk.request_info(session, world.desk, deal, "Which sites?")
    with pytest.raises(Invalid):
        service.resubmit(session, world.sales, deal, "  ")


def test_a_question_that_stays_open_ends_the_registration(session, world, clock):
    lead = world.lead()
    deal = factories.deal(lead, world.sales)
    desk.request_info(session, world.desk, deal, "Which sites?")
    clock.forward(days=13)
    assert service.lapse_due(session) == 0
    clock.forward(days=2)
    assert service.lapse_due(session) == 1
    assert (deal.state, deal.reject_code) == (DealState.REJECTED, "incomplete")
    assert lead.state is LeadState.WORKING


def test_a_rejection_needs_a_rule_and_a_reason(session, world):
    deal = factories.deal(world.lead(), world.sales)
    for code, reason, field in (("because", "no", "code"), ("below_minimum", " ", "reason")):
        with pytest.raises(Invalid) as refusal:
            desk.reject(session, world.desk, deal, code, reason)
        assert refusal.value.field == field


def test_a_rejection_never_names_the_other_partner(session, world, clock):
    factories.deal(world.lead(), world.sales)
    clock.forward(minutes=1)
    lead, them = world.rival()
    second = factories.deal(lead, them)
    with pytest.raises(Invalid) as refusal:
        desk.reject(session, world.desk, second, "duplicate", "brightline was faster")
    assert refusal.value.field == "reason"


def test_a_rejected_lead_is_free_for_another_try(session, world):
    lead = world.lead()
    deal = factories.deal(lead, world.sales)
    desk.reject(session, world.desk, deal, "insufficient_evidence", "A form alone is thin.")
    assert lead.state is LeadState.WORKING
    again = factories.deal(lead, world.sales)
    assert again.ref != deal.ref


def test_a_withdrawn_registration_frees_the_lead_and_stays(session, world):
    lead = world.lead()
    deal = factories.deal(lead, world.sales)
    service.withdraw(session, world.sales, deal)
    assert (deal.state, lead.state) == (DealState.WITHDRAWN, LeadState.WORKING)
    with pytest.raises(Conflict):
        service.submit(session, world.sales, deal)


def test_an_approved_registration_cannot_be_withdrawn(session, world):
    deal = factories.approved(world.lead(), world.sales)
    with pytest.raises(Conflict):
        service.withdraw(session, world.sales, deal)


def test_the_campaign_code_never_changes(session, world):
    deal = factories.approved(world.lead(), world.sales)
    with session.begin_nested() as nested:
        deal.campaign_code = factories.codes.mint("HC", "SEC")
        with pytest.raises(Conflict):
            session.flush()
        nested.rollback()
    opportunity = queries.opportunity_of(session, deal)
    with session.begin_nested() as nested:
        opportunity.sourcing_code = "HC-SEC-ZQCGZXW"
        with pytest.raises(Conflict):
            session.flush()
        nested.rollback()


def test_totals_of_a_launch_add_creation_amounts_whatever_the_stage(session, world):
    won = factories.approved(world.lead("a.example"), world.sales, value=Money(900_000, "USD"))
    factories.approved(world.lead("b.example"), world.sales, value=Money(1_200_000, "USD"))
    lost = factories.approved(world.lead("c.example"), world.sales, value=Money(100, "USD"))
    service.set_stage(session, world.sales, won, OpportunityStage.WON)
    service.set_stage(session, world.sales, lost, OpportunityStage.LOST)
    run = world.launch
    totals = queries.totals_of_launch(session, run.tenant_id, run.id, run.campaign_code, "USD")
    assert totals.pipeline == Money(2_100_100, "USD")
    assert (totals.won, totals.deals, totals.deals_won) == (Money(900_000, "USD"), 3, 1)


def test_yen_have_no_minor_digits(session, world):
    launch = factories.launch(world.enrolment, currency="JPY")
    lead = factories.lead(launch, company_domain="sakura.example")
    deal = factories.approved(lead, world.sales, value=Money(8_000_000_000, "JPY"))
    assert queries.opportunity_of(session, deal).amount.major() == 8_000_000_000


def test_waiting_counts_are_each_sides_own(session, world):
    deal = factories.deal(world.lead(), world.sales)
    assert queries.waiting_for_desk(session, world.vendor.id) == 1
    assert queries.waiting_for_partner(session, deal.tenant_id, world.vendor.id) == 0
    desk.request_info(session, world.desk, deal, "Which sites?")
    assert queries.waiting_for_desk(session, world.vendor.id) == 0
    assert queries.waiting_for_partner(session, deal.tenant_id, world.vendor.id) == 1


def test_the_history_names_only_ones_own_people(session, world):
    deal = factories.approved(world.lead(), world.sales)
    steps = queries.history(session, deal, deal.tenant_id)
    assert [(step.event, bool(step.who)) for step in steps] == [
        ("submitted", True),
        ("taken", False),
        ("approved", False),
    ]
