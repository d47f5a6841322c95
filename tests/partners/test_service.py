"""Programmes, tiers, enrolments: who is in, where, how high, and who may see it."""

from datetime import date

import pytest
from sqlalchemy import select

from tests import factories
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.identity.models import AuditLog, OrganisationKind
from tpma.partners import queries, rules, service
from tpma.partners.models import EnrolmentState, PartnerType

State = EnrolmentState


def of(name):
    """The organisation of a vendor called so."""
    return factories.vendor(trading_name=name).organisation


def vendor(session, **given):
    company = {"legal_name": "Helio Cloud, Inc.", "country": "US", "code_prefix": "HC"}
    return service.create_vendor(session, None, **company | given)


def test_a_vendor_has_the_letters_its_codes_start_with(session):
    made = vendor(session, code_prefix=" hc ")
    assert (made.code_prefix, made.organisation.kind) == ("HC", OrganisationKind.VENDOR)


@pytest.mark.parametrize("prefix", ["", "H", "HELIO", "H1", "Ä!", "H C"])
def test_a_prefix_is_two_to_four_letters(session, prefix):
    with pytest.raises(Invalid) as refusal:
        vendor(session, code_prefix=prefix)
    assert refusal.value.field == "code_prefix"


def test_no_two_vendors_share_a_prefix(session):
    vendor(session)
    with pytest.raises(Invalid):
        vendor(session, legal_name="Other", code_prefix="hc")


def test_a_programme_starts_with_four_tiers_of_ninety_days(session):
    company = vendor(session).organisation
    programme = service.create_programme(session, None, company, name="Helio Cloud")
    session.flush()
    found = [(t.key, t.protection_days) for t in queries.tiers(session, company.id, programme.id)]
    assert found == [("registered", 90), ("silver", 90), ("gold", 90), ("platinum", 90)]


def test_an_enrolment_belongs_to_the_vendor_and_names_the_partner(session, clock):
    programme = factories.programme()
    partner = factories.partner().organisation
    made = service.enrol(session, None, programme, partner, "gold", territories=["DE"])
    assert (made.tenant_id, made.partner_id) == (programme.tenant_id, partner.id)
    assert made.agreement_signed_on == date(2026, 3, 2)


def test_a_partner_joins_a_programme_once(session):
    enrolment = factories.enrolment()
    with pytest.raises(Conflict):
        service.enrol(session, None, enrolment.programme, enrolment.partner, "silver")


def test_a_vendor_is_no_partner(session):
    with pytest.raises(Invalid):
        service.enrol(session, None, factories.programme(), factories.vendor().organisation, "gold")


def test_a_programme_has_only_its_own_tiers(session):
    with pytest.raises(NotFound):
        service.enrol(
            session, None, factories.programme(), factories.partner().organisation, "diamond"
        )


def test_a_new_tier_is_written_down_with_the_old_one(session):
    enrolment = factories.enrolment(tier="silver")
    service.set_tier(session, None, enrolment, "gold")
    session.flush()
    entry = session.scalars(select(AuditLog)).one()
    assert (entry.action, entry.detail) == (
        "enrolment.tier_changed",
        {"before": "silver", "after": "gold"},
    )


def test_the_same_tier_again_changes_nothing(session):
    enrolment = factories.enrolment(tier="silver")
    service.set_tier(session, None, enrolment, "silver")
    session.flush()
    assert session.scalars(select(AuditLog)).all() == []


ALLOWED = {
    (State.INVITED, State.ACTIVE),
    (State.INVITED, State.CLOSED),
    (State.ONBOARDING, State.ACTIVE),
    (State.ONBOARDING, State.CLOSED),
    (State.ACTIVE, State.SUSPENDED),
    (State.ACTIVE, State.CLOSED),
    (State.SUSPENDED, State.ACTIVE),
    (State.SUSPENDED, State.CLOSED),
}


@pytest.mark.parametrize("to", list(State))
@pytest.mark.parametrize("state", list(State))
def test_an_enrolment_moves_only_as_the_table_says(state, to):
    assert rules.may_move(state, to) is ((state, to) in ALLOWED)


@pytest.mark.parametrize(
    ("state", "launches"),
    [
        (State.INVITED, False),
        (State.ONBOARDING, True),
        (State.ACTIVE, True),
        (State.SUSPENDED, False),
        (State.CLOSED, False),
    ],
)
def test_who_may_launch(state, launches):
    assert rules.may_launch(state) is launches


def test_only_a_suspended_partner_is_reinstated(session):
    enrolment = factories.enrolment(state=State.INVITED)
    maya = factories.actor(factories.membership(enrolment.vendor))
    with pytest.raises(Conflict):
        service.reinstate(session, maya, enrolment)


def test_a_suspended_partner_can_be_reinstated(session):
    enrolment = factories.enrolment()
    maya = factories.actor(factories.membership(enrolment.vendor))
    service.suspend(session, maya, enrolment)
    service.reinstate(session, maya, enrolment)
    assert enrolment.state is State.ACTIVE


@pytest.mark.parametrize(
    ("territories", "country", "covered"),
    [([], "JP", True), (["DE", "AT"], "AT", True), (["DE", "AT"], "CH", False)],
)
def test_territories(territories, country, covered):
    assert rules.covers(territories, country) is covered


def test_another_vendors_enrolment_is_not_found(session):
    theirs, mine = factories.enrolment(), factories.vendor().organisation
    with pytest.raises(NotFound):
        queries.get(session, mine.id, theirs.id)


def test_another_partners_enrolment_is_not_found(session):
    theirs, mine = factories.enrolment(), factories.partner().organisation
    with pytest.raises(NotFound):
        queries.own(session, mine.id, theirs.id)


def test_a_vendor_lists_only_its_own_partners(session):
    mine, _theirs = factories.enrolment(), factories.enrolment()
    assert queries.of_vendor(session, mine.tenant_id) == [mine]


def test_one_partner_of_two_vendors_is_two_enrolments_apart(session):
    partner = factories.partner().organisation
    helio = factories.enrolment(company=partner)
    nimbus = factories.enrolment(company=partner)
    assert queries.enrolment_for(session, partner.id, helio.tenant_id) is helio
    assert queries.of_vendor(session, nimbus.tenant_id) == [nimbus]
    assert len(queries.places_of(session, partner.id)) == 2


def test_a_closed_enrolment_is_no_place_to_work(session):
    enrolment = factories.enrolment(state=State.CLOSED)
    assert queries.places_of(session, enrolment.partner_id) == []
    assert queries.enrolment_for(session, enrolment.partner_id, enrolment.tenant_id) is None


def test_a_place_is_named_by_vendor_and_tier(session):
    enrolment = factories.enrolment(factories.programme(of("Helio Cloud")), tier="gold")
    assert queries.places_of(session, enrolment.partner_id)[0].words == "Helio Cloud, Gold"


def test_a_suspended_place_says_so_and_stands_last(session):
    partner = factories.partner().organisation
    factories.enrolment(factories.programme(of("Nimbus")), partner, state=State.SUSPENDED)
    factories.enrolment(factories.programme(of("Helio")), partner)
    words = [place.words for place in queries.places_of(session, partner.id)]
    assert words == ["Helio, Gold", "Nimbus, suspended"]


def test_a_channel_manager_sees_only_the_partners_assigned_to_them(session):
    mine = factories.enrolment()
    other = factories.enrolment(mine.programme)
    ben = factories.membership(mine.vendor, "CM")
    mine.manager_id = ben.user_id
    session.flush()
    only = queries.assigned_to(factories.actor(ben))
    assert queries.of_vendor(session, mine.tenant_id, manager_id=only) == [mine]
    with pytest.raises(NotFound):
        queries.get(session, mine.tenant_id, other.id, only)


@pytest.mark.parametrize("roles", [("VA",), ("CM", "VA"), ("DD",), ("EX",), ("PB",)])
def test_every_other_role_sees_all_partners_of_its_vendor(session, roles):
    member = factories.membership(factories.vendor().organisation, *roles)
    assert queries.assigned_to(factories.actor(member)) is None


def test_somebody_of_another_company_cannot_look_after_a_partner(session):
    enrolment = factories.enrolment()
    maya = factories.actor(factories.membership(enrolment.vendor))
    stranger = factories.membership(factories.vendor().organisation, "CM")
    with pytest.raises(Invalid) as refusal:
        service.set_scope(
            session,
            maya,
            enrolment,
            territories=[],
            product_families=[],
            manager_id=stranger.user_id,
        )
    assert refusal.value.field == "manager"


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        (queries.Filter(), 2),
        (queries.Filter(named="bright"), 1),
        (queries.Filter(named="%"), 0),
        (queries.Filter(tier="gold"), 1),
        (queries.Filter(state="suspended"), 1),
        (queries.Filter(state="no such state"), 2),
        (queries.Filter(country="DE"), 1),
        (queries.Filter(named="bright", country="DE"), 0),
    ],
)
def test_the_list_is_narrowed(session, narrowed, found):
    programme = factories.programme()
    factories.enrolment(programme, factories.partner(trading_name="Brightline").organisation)
    factories.enrolment(
        programme,
        factories.partner(trading_name="Rheinwerk", country="DE").organisation,
        "silver",
        state=State.SUSPENDED,
    )
    assert len(queries.of_vendor(session, programme.tenant_id, narrowed)) == found


def test_every_type_of_partner_has_a_name():
    assert all(rules.type_words(kind) for kind in PartnerType)
