"""Places in an organisation: invited, changed, ended; and never without an admin."""

import pytest
from sqlalchemy import select

from tests import factories
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.identity import members, queries, service
from tpma.identity.models import (
    AuditLog,
    Membership,
    OrganisationKind,
    OrganisationStatus,
    User,
    UserStatus,
)
from tpma.jobs import Job

BASE = "https://tpma.example"


def invite(session, company, email="ada@kestrel.example", name="Ada", roles=("PS",), by=None):
    return members.invite(
        session,
        by,
        company,
        email=email,
        name=name,
        roles=roles,
        base_url=BASE,
    )


def test_an_invitation_is_mailed_in_the_language_of_the_organisation(session, clock):
    company = factories.organisation(default_locale="de-DE", trading_name="Rheinwerk")
    issued = invite(session, company)
    session.flush()
    job = session.scalars(select(Job)).one()
    assert (job.name, job.run_at) == ("sending.notice", clock())
    assert job.payload["locale"] == "de-DE"
    assert job.payload["recipient"] == "ada@kestrel.example"
    assert f"{BASE}/invitation/{issued.secret}" in job.payload["body"]


def test_an_invited_member_is_not_a_member_yet(session):
    company = factories.organisation()
    issued = invite(session, company)
    assert queries.active_memberships(session, issued.token.user_id) == []


def test_inviting_again_keeps_one_membership_and_one_link(session):
    company = factories.organisation()
    first, second = invite(session, company), invite(session, company)
    assert first.token.membership_id == second.token.membership_id
    session.refresh(first.token)
    assert first.token.used_at is not None


def test_a_member_cannot_be_invited_again(session):
    member = factories.membership()
    with pytest.raises(Invalid) as refusal:
        invite(session, member.organisation, email=member.user.email.upper())
    assert refusal.value.field == "email"


def test_somebody_who_left_can_come_back(session):
    company = factories.organisation()
    factories.membership(company)
    member = factories.membership(company, "PS")
    members.revoke_membership(session, factories.actor(member), member)
    issued = invite(session, company, email=member.user.email)
    assert issued.token.membership_id == member.id
    assert member.ended_at is None


def test_a_closed_account_is_not_invited(session):
    person = factories.user(status=UserStatus.DEACTIVATED)
    with pytest.raises(Invalid):
        invite(session, factories.organisation(), email=person.email)


@pytest.mark.parametrize(
    ("email", "name", "roles", "field"),
    [
        ("no-at-sign", "Ada", ["PS"], "email"),
        ("", "Ada", ["PS"], "email"),
        ("ada@kestrel.example\nBcc: eve@evil.example", "Ada", ["PS"], "email"),
        ("ada@kestrel.example\r\n", "Ada", ["PS"], None),  # trailing white space is trimmed
        ("ädä@kestrel.example", "Ada", ["PS"], "email"),
        ("ada@kestrel.example", "Ada\r\nBcc: eve@evil.example", ["PS"], "name"),
        ("ada@kestrel.example", "Ada\x00", ["PS"], "name"),
        ("ada@kestrel.example", "", ["PS"], "name"),
        ("ada@kestrel.example", "A" * 121, ["PS"], "name"),
        ("ada@kestrel.example", "Ada", [], "roles"),
        ("ada@kestrel.example", "Ada", ["VA"], "roles"),
        ("ada@kestrel.example", "Ada", ["PS", "OP"], "roles"),
        ("ada@kestrel.example", "Ada", ["nonsense"], "roles"),
    ],
)
def test_what_is_typed_wrong_is_named(session, email, name, roles, field):
    company = factories.organisation()
    if field is None:
        assert invite(session, company, email, name, roles).token
        return
    with pytest.raises(Invalid) as refusal:
        invite(session, company, email, name, roles)
    assert refusal.value.field == field


def test_no_header_can_be_written_with_a_name(session):
    company = factories.organisation(trading_name="Fine Ltd")
    invite(session, company, name="<b>Ada</b> \u202eevil")
    session.flush()
    payload = session.scalars(select(Job)).one().payload
    assert "\n" not in payload["subject"]
    assert "\r" not in payload["subject"]


def test_the_last_admin_cannot_be_removed(session):
    member = factories.membership()
    with pytest.raises(Conflict):
        members.revoke_membership(session, factories.actor(member), member)


def test_the_last_admin_cannot_give_up_the_role(session):
    member = factories.membership()
    with pytest.raises(Conflict):
        members.change_roles(session, factories.actor(member), member, ["PM"])


def test_the_last_admins_account_cannot_be_closed(session):
    member = factories.membership()
    with pytest.raises(Conflict):
        members.deactivate_user(session, None, member.user)


@pytest.mark.parametrize("other", ["invited", "left", "closed", "no admin"])
def test_who_is_not_there_does_not_count_as_an_admin(session, clock, other):
    member = factories.membership()
    second = factories.membership(member.organisation)
    if other == "invited":
        second.pending = True
    elif other == "left":
        second.ended_at = clock()
    elif other == "closed":
        second.user.status = UserStatus.DEACTIVATED
    else:
        second.roles = ["PM"]
    session.flush()
    with pytest.raises(Conflict):
        members.revoke_membership(session, factories.actor(member), member)


def test_an_admin_of_another_organisation_does_not_count(session):
    member = factories.membership()
    factories.membership(factories.organisation())
    with pytest.raises(Conflict):
        members.revoke_membership(session, factories.actor(member), member)


def test_of_two_admins_one_may_go(session, clock):
    member = factories.membership()
    factories.membership(member.organisation)
    members.revoke_membership(session, factories.actor(member), member)
    assert member.ended_at == clock()


def test_withdrawing_an_invitation_ends_its_link(session):
    company = factories.organisation()
    admin = factories.membership(company)
    issued = invite(session, company)
    member = session.get_one(Membership, issued.token.membership_id)
    members.revoke_membership(session, factories.actor(admin), member)
    session.refresh(issued.token)
    assert issued.token.used_at is not None


def test_closing_an_account_ends_its_sessions(session):
    person = factories.user()
    epoch = person.session_epoch
    members.deactivate_user(session, None, person)
    assert person.session_epoch == epoch + 1
    assert queries.session_user(session, person.id, epoch) is None


def test_another_organisations_member_is_not_found(session):
    theirs, mine = factories.membership(), factories.organisation()
    with pytest.raises(NotFound):
        queries.member(session, mine.id, theirs.id)


def test_a_change_of_roles_is_written_down_with_both_states(session):
    member = factories.membership(None, "PM")
    members.change_roles(session, factories.actor(member), member, ["PV", "PS"])
    session.flush()
    entry = session.scalars(select(AuditLog)).one()
    assert (entry.action, entry.tenant_id) == ("membership.roles_changed", member.organisation_id)
    assert entry.detail == {"before": ["PM"], "after": ["PS", "PV"]}


def test_the_trail_of_one_tenant_shows_nothing_of_another(session):
    mine, theirs = factories.membership(), factories.membership()
    for member in (mine, theirs):
        service.record(
            session, factories.actor(member), member.organisation_id, "launch.created", member
        )
    session.flush()
    rows = queries.audit_page(session, tenant_id=mine.organisation_id)
    assert [row.object_id for row in rows] == [str(mine.id)]


@pytest.mark.parametrize(("prefix", "found"), [("launch", 1), ("launch.", 1), ("%", 0), ("_", 0)])
def test_a_filter_of_the_trail_is_a_prefix_and_no_pattern(session, prefix, found):
    member = factories.membership()
    service.record(session, None, None, "launch.created", member)
    session.flush()
    assert len(queries.audit_page(session, action=prefix)) == found


def test_a_suspended_organisation_is_no_place_to_work(session):
    member = factories.membership()
    service.set_organisation_status(
        session, factories.actor(member), member.organisation, OrganisationStatus.SUSPENDED
    )
    assert queries.active_memberships(session, member.user_id) == []


def test_the_operator_cannot_suspend_itself(session):
    member = factories.operator()
    with pytest.raises(Invalid):
        service.set_organisation_status(
            session, factories.actor(member), member.organisation, OrganisationStatus.SUSPENDED
        )


def create(session, **given):
    return service.create_organisation(
        session,
        None,
        OrganisationKind.PARTNER,
        **{"legal_name": "Kestrel Networks Ltd", "country": "GB", "default_locale": "en-GB"}
        | given,
    )


def test_zone_and_currency_follow_the_country(session):
    company = create(session)
    assert (company.timezone, company.base_currency) == ("Europe/London", "GBP")


def test_two_companies_of_one_name_get_two_slugs(session):
    assert [create(session).slug for _ in range(3)] == [
        "kestrel-networks-ltd",
        "kestrel-networks-ltd-2",
        "kestrel-networks-ltd-3",
    ]


def test_a_name_without_a_latin_letter_still_gets_a_slug(session):
    assert create(session, legal_name="株式会社さくら").slug == "company"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"legal_name": ""}, "legal_name"),
        ({"legal_name": "Two\nlines"}, "legal_name"),
        ({"legal_name": "x" * 201}, "legal_name"),
        ({"country": "ZZ"}, "country"),
        ({"country": "gb"}, "country"),
        ({"default_locale": "not a tag"}, "default_locale"),
        ({"timezone": "Nowhere"}, "timezone"),
        ({"base_currency": "XXQ"}, "base_currency"),
    ],
)
def test_a_company_typed_wrong_is_refused_at_its_field(session, given, field):
    with pytest.raises(Invalid) as refusal:
        create(session, **given)
    assert refusal.value.field == field


def test_an_address_belongs_to_one_person(session):
    factories.user(email="ada@kestrel.example")
    with pytest.raises(Conflict):
        service.create_user(session, email="ADA@Kestrel.Example", name="Ada")


def test_a_domain_in_another_script_is_one_address(session):
    first = service.create_user(session, email="info@münchen.example", name="Ada")
    assert first.email_norm == "info@xn--mnchen-3ya.example"
    assert session.scalars(select(User)).one() is first
