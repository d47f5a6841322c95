"""A partner comes to a vendor: invited with its data, then there by itself."""

import pytest
from sqlalchemy import select

from tests import factories
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.identity import credentials
from tpma.identity.credentials import Newcomer
from tpma.identity.models import Membership, Organisation, OrganisationStatus
from tpma.identity.queries import active_memberships
from tpma.jobs import Job
from tpma.partners import invitations, queries
from tpma.partners.companies import Company
from tpma.partners.invitations import Invitation
from tpma.partners.models import Enrolment, EnrolmentState, PartnerType

BASE = "https://tpma.example"
KESTREL = Company(
    legal_name="Kestrel Networks Ltd",
    trading_name="Kestrel Networks",
    country="GB",
    default_locale="en-GB",
    city="Bristol",
    website="kestrel.example",
    phone="+44 117 496 0123",
    legal={"register_no": "09876543"},
)


def invite(session, programme, email="ada@kestrel.example", company=KESTREL, **given):
    maya = factories.actor(factories.membership(_company(session, programme.tenant_id)))
    wanted = {
        "company": company,
        "name": "Ada Kerr",
        "email": email,
        "partner_type": PartnerType.VAR,
        "tier": "silver",
        "territories": [],
        "product_families": [],
    }
    return invitations.invite_partner(session, maya, programme, Invitation(**wanted | given), BASE)


def _company(session, organisation_id) -> Organisation:
    return session.get_one(Organisation, organisation_id)


def test_all_data_travel_with_the_invitation(session):
    enrolment, _issued = invite(session, factories.programme())
    company = enrolment.partner
    assert (company.city, company.website, company.phone) == (
        "Bristol",
        "https://kestrel.example",
        "+441174960123",
    )
    assert (company.legal, company.timezone, company.base_currency) == (
        {"register_no": "09876543"},
        "Europe/London",
        "GBP",
    )


def test_without_territories_a_partner_sells_at_home(session):
    enrolment, _issued = invite(session, factories.programme())
    assert enrolment.territories == ["GB"]


def test_an_invited_partner_may_not_launch_yet(session):
    enrolment, _issued = invite(session, factories.programme())
    assert enrolment.state is EnrolmentState.INVITED


def test_the_first_person_gets_every_role_a_first_launch_and_a_first_deal_need(session):
    enrolment, _issued = invite(session, factories.programme())
    member = queries.invited_member(session, enrolment)
    assert member.roles == ["PA", "PM", "PS"]


def test_the_mail_goes_to_the_person_in_the_partners_language(session):
    invite(session, factories.programme())
    session.flush()
    job = session.scalars(select(Job)).one()
    assert (job.payload["recipient"], job.payload["locale"]) == ("ada@kestrel.example", "en-GB")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "person_email"),
        ({"name": ""}, "person_name"),
        ({"name": "Ada\nKerr"}, "person_name"),
        ({"company": Company(legal_name="", country="GB")}, "legal_name"),
        ({"company": Company(legal_name="K", country="")}, "country"),
        ({"company": Company(legal_name="K", country="GB", email="x")}, "email"),
    ],
)
def test_what_is_typed_wrong_is_named(session, given, field):
    with pytest.raises(Invalid) as refusal:
        invite(session, factories.programme(), **given)
    assert refusal.value.field == field


def test_accepting_makes_the_partner_active(session):
    enrolment, issued = invite(session, factories.programme())
    newcomer = Newcomer("a good password", "Ada Kerr", "en-GB")
    member = credentials.accept_invitation(session, issued.secret, newcomer)
    invitations.welcome(session, member, None)
    assert enrolment.state is EnrolmentState.ACTIVE


def test_a_second_member_of_a_partner_changes_no_enrolment(session):
    enrolment = factories.enrolment(state=EnrolmentState.SUSPENDED)
    invitations.welcome(session, factories.membership(enrolment.partner), None)
    assert enrolment.state is EnrolmentState.SUSPENDED


def test_only_an_unanswered_invitation_is_sent_again(session):
    enrolment = factories.enrolment()
    maya = factories.actor(factories.membership(enrolment.vendor))
    with pytest.raises(Conflict):
        invitations.invite_again(session, maya, enrolment, BASE)


@pytest.fixture
def dana(session):
    """An admin of a partner of one vendor, invited by another under another name."""
    home = factories.enrolment().partner
    member = factories.membership(home, "PA")
    programme = factories.programme()
    enrolment, issued = invite(session, programme, member.user.email)
    session.flush()
    joining = credentials.accept_invitation(session, issued.secret, by=member.user_id)
    return home, joining, enrolment


def test_the_second_vendor_is_not_told_of_the_first(session, dana):
    _home, _joining, enrolment = dana
    assert enrolment.partner.trading_name == "Kestrel Networks"
    assert queries.of_vendor(session, enrolment.tenant_id) == [enrolment]


def test_an_admin_may_bring_the_company_they_have(session, dana):
    home, joining, enrolment = dana
    invitations.welcome(session, joining, home.id)
    session.flush()
    assert (enrolment.partner_id, enrolment.state) == (home.id, EnrolmentState.ACTIVE)
    assert len(queries.places_of(session, home.id)) == 2


def test_the_company_made_for_the_invitation_is_put_away(session, dana):
    home, joining, _enrolment = dana
    invitations.welcome(session, joining, home.id)
    session.flush()
    assert joining.organisation.status is OrganisationStatus.SUSPENDED
    assert [m.organisation_id for m in active_memberships(session, joining.user_id)] == [home.id]


def test_or_keep_the_two_apart(session, dana):
    home, joining, enrolment = dana
    invitations.welcome(session, joining, None)
    assert enrolment.partner_id != home.id
    assert len(active_memberships(session, joining.user_id)) == 2


def test_nobody_brings_a_company_that_is_not_theirs(session, dana):
    _home, joining, enrolment = dana
    stranger = factories.membership().organisation
    with pytest.raises(NotFound):
        invitations.welcome(session, joining, stranger.id)
    assert enrolment.state is EnrolmentState.INVITED


def test_whoever_is_no_admin_there_brings_no_company(session, dana):
    home, joining, _enrolment = dana
    there = session.scalars(
        select(Membership).where(
            Membership.user_id == joining.user_id, Membership.organisation_id == home.id
        )
    ).one()
    there.roles = ["PM"]
    session.flush()
    with pytest.raises(NotFound):
        invitations.welcome(session, joining, home.id)


def test_a_company_is_not_enrolled_twice_in_one_programme(session, dana):
    home, joining, enrolment = dana
    factories.enrolment(enrolment.programme, home)
    with pytest.raises(Conflict):
        invitations.welcome(session, joining, home.id)
    assert session.get_one(Enrolment, enrolment.id).partner_id != home.id
