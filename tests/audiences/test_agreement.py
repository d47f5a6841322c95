"""The contacts pages count whom a launch would write to, by the same rules."""

import re

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.factories import launches as make
from tpma.audiences import listings, queries
from tpma.audiences.models import ConsentBasis
from tpma.audiences.rules import months_before
from tpma.identity.models import Organisation, OrganisationKind
from tpma.sending import planning
from tpma.sending.models import Message, SendState


@pytest.fixture
def people(session):
    """A launch's partner with somebody of every fate."""
    launch = make.launch(contacts=2)
    home = session.get_one(Organisation, launch.tenant_id)
    known = {
        "german": make.contact(home, country="DE"),
        "polish": make.contact(home, country="PL", consent=False),
        "unknown": make.contact(home, country=""),
        "forgotten": make.contact(home),
        "nobody": make.contact(home, consent=False),
    }
    make.agree(known["polish"], ConsentBasis.SOFT_OPT_IN)
    row = factories.consent(known["forgotten"], basis=ConsentBasis.CONSENT)
    row.obtained_on = months_before(NOW.date(), 30)
    session.flush()
    return launch, known


def test_the_count_is_that_of_the_launch(session, people):
    launch, _known = people
    counted = queries.counts(session, launch.tenant_id, now=NOW)
    make.schedule(launch)
    planned = session.scalars(
        select(Message).where(
            Message.launch_id == launch.id, Message.send_state == SendState.PLANNED
        )
    ).all()
    skipped = planning.skipped(session, launch.id)
    assert counted.writable == len(planned) == 2
    assert counted.left_out == sum(skipped.values()) == 5


def test_who_is_held_back_adds_up_by_country(session, people):
    launch, _known = people
    counted = queries.counts(session, launch.tenant_id, now=NOW)
    assert sum(counted.left_out_by_country.values()) == counted.left_out
    assert counted.left_out_by_country["DE"] == 1


def test_every_part_of_an_audience_is_counted_once(session, people):
    launch, _known = people
    counted = queries.counts(session, launch.tenant_id, now=NOW)
    assert counted.matching == counted.writable + counted.left_out + counted.suppressed


@pytest.mark.parametrize("name", ["german", "polish", "unknown", "forgotten", "nobody"])
def test_a_person_is_shown_as_the_launch_would_have_it(session, people, name):
    launch, known = people
    assert not listings.is_writable(session, known[name])
    held = listings.contacts(session, launch.tenant_id, listings.Filter(state="held"))
    assert known[name].id in {row.id for row in held}


def test_the_filter_shows_as_many_as_the_figure_says(session, people):
    launch, _known = people
    counted = queries.counts(session, launch.tenant_id, now=NOW)
    for state, number in (("writable", counted.writable), ("held", counted.left_out)):
        found = listings.contacts(session, launch.tenant_id, listings.Filter(state=state))
        assert len(found) == number


def test_the_export_says_who_may_be_mailed_by_the_same_rules(session, people):
    launch, _known = people
    head, *body = listings.export(session, launch.tenant_id)
    place = head.index("may_be_mailed")
    assert sum(row[place] for row in body) == 2


@pytest.fixture
def seen(db, client):
    """The pages of a partner with a reader in Germany who never confirmed."""
    with db.transaction() as session:
        factories.bind(session)
        company = factories.organisation(OrganisationKind.PARTNER)
        member = factories.membership(company, "PM")
        factories.signed_in(client, member, factories.enrolment(company=company))
        make.contact(company)
        make.contact(company, country="DE")
        make.contact(company, consent=False)
    return client


def told(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_page_of_contacts_counts_and_says_why(seen):
    page = told(seen.get("/portal/audiences/"))
    assert "1 person you may write to" in page
    assert "Held back 2" in page
    assert "Their consent does not carry mail there 1" in page
    assert "No lawful basis in their country 1" in page
    assert "on its vendor’s list" in page


def test_a_segment_counts_the_same_way_while_it_is_made(seen):
    page = told(seen.get("/portal/audiences/segments/count?countries=DE"))
    assert "0 people you may write to" in page
    assert "Held back 1" in page


def test_the_page_of_a_person_says_that_they_were_forgotten(db, seen):
    with db.transaction() as session:
        factories.bind(session)
        company = session.scalars(
            select(Organisation).where(Organisation.kind == OrganisationKind.PARTNER)
        ).first()
        old = make.contact(company)
        factories.consent(old).obtained_on = months_before(NOW.date(), 30)
    assert "over two years ago" in told(seen.get(f"/portal/audiences/contacts/{old.id}"))
