from datetime import timedelta
from fractions import Fraction

import pytest

from tests.factories import deals as factories
from tpma.core.errors import Invalid, NotFound
from tpma.core.money import Money
from tpma.deals import service as deals
from tpma.deals.models import OpportunityStage
from tpma.launches.models import CostFunder, LaunchState
from tpma.leads.models import LeadState
from tpma.measurement import charts, exports, queries, service, shown, touches
from tpma.measurement.service import Cost
from tpma.measurement.tally import of_partner, of_vendor
from tpma.pages.models import SubmissionState
from tpma.sending.models import FactKind, SendState
from tpma.tracking.models import EventType, Verdict


class World:
    def __init__(self):
        self.vendor = factories.vendor("Helio Cloud")
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.launch = factories.launch(self.enrolment, goal_leads=20)
        self.sales = factories.partner_actor(self.enrolment)
        self.scope = of_partner(self.enrolment.partner_id, self.vendor.id)


@pytest.fixture
def world(session):
    return World()


@pytest.fixture
def busy(session, world):
    """L13 of the Helio scenario at a tenth of its size, then some noise that does not count."""
    mails = factories.mails(world.launch, 200, delivered=196)
    for message in mails[:49]:
        factories.event(message, EventType.OPEN)
    for message in mails[:10]:
        factories.event(message)
        factories.event(message)  # a second click of the same mail
    factories.event(mails[50], verdict=Verdict.SCANNER)
    factories.event(mails[51], EventType.OPEN, verdict=Verdict.MACHINE_OPEN)
    factories.mails(world.launch, 3, send_state=SendState.SKIPPED, step=2)
    factories.submission(world.launch, state=SubmissionState.SPAM)
    accepted = [
        factories.lead(world.launch, company_domain=f"account{n}.example") for n in range(4)
    ]
    factories.lead(world.launch, state=LeadState.ROUTED, accepted_at=None)
    factories.lead(world.launch, state=LeadState.DUPLICATE, accepted_at=None)
    won = factories.approved(accepted[0], world.sales, value=Money(900_000, "USD"))
    factories.approved(accepted[1], world.sales, value=Money(1_200_000, "USD"))
    deals.set_stage(session, world.sales, won, OpportunityStage.WON)
    factories.cost(world.launch, 260_000)
    factories.cost(world.launch, 140_000, funded_by=CostFunder.VENDOR)
    return world


def test_every_step_of_the_funnel(session, busy):
    tally = queries.launch_funnel(session, busy.scope, busy.launch.id).line.tally
    assert (tally.planned, tally.sent, tally.delivered) == (203, 200, 196)
    assert (tally.opened, tally.clicked, tally.clickers) == (49, 10, 10)
    assert (tally.submissions, tally.leads, tally.duplicates) == (6, 5, 1)
    assert (tally.accepted, tally.registered, tally.deals, tally.won) == (4, 2, 2, 1)


def test_money_of_the_launch(session, busy):
    line = queries.launch_funnel(session, busy.scope, busy.launch.id).line
    assert line.spend == Money(400_000, "USD")
    assert line.pipeline == Money(2_100_000, "USD")
    assert line.won_amount == Money(900_000, "USD")
    assert line.ratio == Fraction(21, 4)
    assert line.tally.funded == {CostFunder.PARTNER: 260_000, CostFunder.VENDOR: 140_000}
    assert shown.headline(line) == "Every US dollar brought 5.25 in pipeline"


def test_a_person_who_clicks_in_two_mails_is_one_clicker(session, world):
    (first,) = factories.mails(world.launch, 1)
    (second,) = factories.mails(world.launch, 1, step=2, rcpt_key=first.rcpt_key)
    factories.event(first)
    factories.event(second)
    tally = queries.launch_funnel(session, world.scope, world.launch.id).line.tally
    assert (tally.clicked, tally.clickers) == (2, 1)


def test_a_mail_that_is_delivered_twice_counts_once(session, world, clock):
    (message,) = factories.mails(world.launch, 1, delivered=1)
    session.add(
        factories.DeliveryFact(
            message_id=message.id, kind=FactKind.DELIVERED, at=clock.now, dedupe="again"
        )
    )
    session.flush()
    assert queries.lines(session, world.scope)[0].tally.delivered == 1


def test_by_language_and_by_step(session, world):
    factories.mails(world.launch, 6, delivered=5)
    factories.mails(world.launch, 2, locale="ja-JP", step=2)
    factories.lead(world.launch, language="ja-JP")
    funnel = queries.launch_funnel(session, world.scope, world.launch.id)
    assert [(r.key, r.sent, r.delivered, r.leads) for r in funnel.by_locale] == [
        ("en-US", 6, 5, 0),
        ("ja-JP", 2, 0, 1),
    ]
    assert [(r.key, r.sent) for r in funnel.by_step] == [("1", 6), ("2", 2)]


def test_an_empty_launch_has_no_numbers_to_divide(session, world):
    line = queries.launch_funnel(session, world.scope, world.launch.id).line
    assert line.ratio is None
    assert shown.headline(line) == "Nothing has been sent yet"
    assert charts.funnel(line).factor == 1
    assert [p.value for p in shown.passports(line, line.created_at)] == [
        "n/a",
        "0",
        "n/a",
        "$0",
        "$0",
    ]


def test_yen_are_counted_without_minor_digits(session, world):
    launch = factories.launch(world.enrolment, currency="JPY")
    lead = factories.lead(launch, company_domain="sakura.example")
    factories.approved(lead, world.sales, value=Money(6_000_000, "JPY"))
    factories.cost(launch, 1_000_000)
    line = queries.launch_funnel(session, world.scope, launch.id).line
    assert line.ratio == 6
    assert shown.money(line.pipeline) == "¥6,000,000"
    assert shown.headline(line) == "Every Japanese yen brought 6.00 in pipeline"


def test_currencies_are_never_added(session, busy):
    launch = factories.launch(busy.enrolment, currency="JPY")
    factories.cost(launch, 500)
    overview = queries.for_partner(session, busy.enrolment.partner_id, busy.vendor.id)
    assert {(s.currency, s.spend.minor) for s in overview.sums} == {("USD", 400_000), ("JPY", 500)}


def test_a_cost_in_another_currency_is_not_added(session, world):
    factories.cost(world.launch, 100, currency="EUR")
    assert queries.lines(session, world.scope)[0].tally.spend == 0


def test_another_partners_report_is_not_found(session, busy):
    stranger = factories.enrolment(busy.vendor)
    scope = of_partner(stranger.partner_id, busy.vendor.id)
    with pytest.raises(NotFound):
        queries.launch_funnel(session, scope, busy.launch.id)
    with pytest.raises(NotFound):
        queries.launch_id_of(session, scope, busy.launch.campaign_code)
    assert queries.lines(session, scope) == []


def test_another_vendors_launches_stay_out_of_sight(session, busy):
    other = factories.vendor()
    assert queries.for_vendor(session, other.id).lines == []
    assert queries.lines(session, of_partner(busy.enrolment.partner_id, other.id)) == []


@pytest.mark.parametrize("state", [LaunchState.DRAFT, LaunchState.READY, LaunchState.CANCELLED])
def test_a_vendor_sees_no_drafts(session, world, state):
    world.launch.state = state
    session.flush()
    assert queries.for_vendor(session, world.vendor.id).lines == []


def test_a_channel_manager_counts_assigned_partners_only(session, busy):
    manager = factories.user()
    assert queries.for_vendor(session, busy.vendor.id, manager.id).lines == []
    busy.enrolment.manager_id = manager.id
    session.flush()
    assert len(queries.for_vendor(session, busy.vendor.id, manager.id).lines) == 1


def everything_said_to(session, vendor_id, launch):
    scope = of_vendor(vendor_id)
    funnel = queries.for_vendor_eyes(queries.launch_funnel(session, scope, launch.id))
    started = queries.deals_started(session, scope, launch.id)
    return "\n".join(
        [
            repr(queries.for_vendor(session, vendor_id)),
            repr(funnel),
            repr([(s.account, s.ref) for s in started]),
            repr(list(exports.report(funnel, started, [], vendor=True))),
            repr(list(exports.listing(queries.for_vendor(session, vendor_id), vendor=True))),
            repr([touches.sentence(t) for t in touches.touches(session, scope)]),
        ]
    )


def test_no_vendor_answer_holds_a_person(session, busy):
    said = everything_said_to(session, busy.vendor.id, busy.launch)
    for lead in session.query(factories.Lead):
        for personal in (lead.email, lead.email_norm, lead.given_name, lead.family_name):
            assert personal not in said
    assert "@" not in said


def test_few_readers_are_hidden_from_the_vendor(session, world):
    factories.mails(world.launch, 4, delivered=4)
    scope = of_vendor(world.vendor.id)
    funnel = queries.for_vendor_eyes(queries.launch_funnel(session, scope, world.launch.id))
    assert not funnel.line.mails_shown
    assert (funnel.by_locale, funnel.by_step) == ([], [])
    rows = list(exports.report(funnel, [], [], vendor=True))
    assert "Sent" not in [row[0] for row in rows if row]


def test_a_formula_in_a_name_is_text_in_the_csv(session, busy):
    busy.launch.name = '=HYPERLINK("http://evil.example")'
    factories.cost(busy.launch, 1, note="+SUM(A1)")
    session.flush()
    from tpma.core.sheets import to_csv

    funnel = queries.launch_funnel(session, busy.scope, busy.launch.id)
    costs = queries.costs(session, busy.launch.tenant_id, busy.launch.id)
    text = to_csv(exports.report(funnel, [], costs, vendor=False)).decode()
    assert "'=HYPERLINK" in text
    assert "'+SUM" in text


def test_deals_it_started(session, busy):
    found = queries.deals_started(session, busy.scope, busy.launch.id)
    assert {s.opportunity.stage for s in found} == {
        OpportunityStage.WON,
        OpportunityStage.QUALIFIED,
    }


def test_what_happened_day_by_day(session, busy):
    said = [touches.sentence(t) for t in touches.touches(session, busy.scope.only(busy.launch.id))]
    assert "Launched" in said
    assert "Mail 1 went to 200 readers" in said
    assert "10 mails clicked" in said
    assert "2 deals registered" in said
    assert "1 deal won" in said


def test_partners_that_ran_and_that_could(session, busy, clock):
    factories.enrolment(busy.vendor)
    lines = queries.lines(session, of_vendor(busy.vendor.id))
    assert queries.partners_that_ran(lines, clock.now) == ["Brightline"]
    assert queries.partners_that_ran(lines, clock.now + timedelta(days=1)) == []
    assert queries.active_partners(session, busy.vendor.id) == 2


def test_the_return_chart_ranks_and_marks_the_low_ones(session, busy):
    weak = factories.launch(busy.enrolment)
    factories.cost(weak, 100)
    chart = charts.returns(queries.lines(session, busy.scope))
    assert [(row.value, row.low) for row in chart.rows] == [("5.25", False), ("0.00", True)]
    assert charts.returns([]) is None


def test_last_runs_compare_with_earlier_ones(session, busy, clock):
    assert charts.last_runs(queries.lines(session, busy.scope)[0], []) is None
    clock.forward(days=1)
    again = factories.launch(busy.enrolment, name="Again")
    factories.cost(again, 100)
    lines = queries.lines(session, busy.scope)
    chart = charts.last_runs(lines[0], lines)
    assert [(run.label, run.here) for run in chart.runs] == [
        ("Secure Edge", False),
        ("Again", True),
    ]


def cost(**changes):
    values = {
        "category": "media",
        "amount": Money(100, "USD"),
        "incurred_on": factories.date(2026, 3, 2),
    }
    return Cost(**values | changes)


def test_a_cost_is_entered_and_taken_out(session, world):
    code = world.launch.campaign_code
    entry = service.add_cost(session, world.sales, code, cost(funded_by="mdf", note="Ads"))
    assert queries.costs(session, world.launch.tenant_id, world.launch.id) == [entry]
    removed = service.remove_cost(session, world.sales, code, entry.id)
    assert queries.costs(session, world.launch.tenant_id, world.launch.id) == []
    again = service.add_cost(session, world.sales, code, removed)
    assert (again.amount_minor, again.funded_by, again.note) == (100, CostFunder.MDF, "Ads")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"category": "party"}, "category"),
        ({"funded_by": "nobody"}, "funded_by"),
        ({"amount": Money(0, "USD")}, "amount"),
        ({"amount": Money(-1, "USD")}, "amount"),
        ({"amount": Money(1, "EUR")}, "amount"),
        ({"incurred_on": None}, "incurred_on"),
        ({"incurred_on": factories.date(2026, 3, 3)}, "incurred_on"),
        ({"note": "x" * 201}, "note"),
        ({"invoice_no": "a\nb"}, "invoice_no"),
    ],
)
def test_a_wrong_cost_is_refused_at_its_field(session, world, changes, field):
    with pytest.raises(Invalid) as refusal:
        service.add_cost(session, world.sales, world.launch.campaign_code, cost(**changes))
    assert refusal.value.field == field


def test_costs_of_others_are_not_found(session, world):
    entry = factories.cost(world.launch, 100)
    stranger = factories.partner_actor(factories.enrolment(world.vendor), "PA")
    with pytest.raises(NotFound):
        service.add_cost(session, stranger, world.launch.campaign_code, cost())
    with pytest.raises(NotFound):
        service.remove_cost(session, stranger, world.launch.campaign_code, entry.id)
    own = factories.launch(factories.enrolment(world.vendor))
    with pytest.raises(NotFound):
        service.remove_cost(session, world.sales, own.campaign_code, entry.id)
