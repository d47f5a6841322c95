"""Whom the law lets a partner write to: the SQL condition and the rule say the same."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tpma.audiences import queries
from tpma.audiences.models import ConsentBasis, ConsentState, Contact
from tpma.audiences.rules import Given, law_fault, months_before
from tpma.localization import packs

CONSENT, SOFT, INTEREST = (
    ConsentBasis.CONSENT,
    ConsentBasis.SOFT_OPT_IN,
    ConsentBasis.LEGITIMATE_INTEREST,
)


@pytest.fixture
def company(session):
    return factories.organisation(country="US")


def told(session, company, person):
    problem = queries.legal_problem(session, company.id, NOW)
    return session.scalar(select(problem).select_from(Contact).where(Contact.id == person.id))


def person(company, country="US", basis=CONSENT, confirmed=False, since=None, **evidence):
    made = factories.contact(company, country=country)
    row = factories.consent(made, basis=basis, evidence=evidence)
    row.confirmed_at = NOW if confirmed else None
    row.obtained_on = since
    return made


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"country": "US", "basis": INTEREST}, ""),
        ({"country": "FR", "basis": INTEREST}, "CONS-01"),
        ({"country": "PL", "basis": SOFT}, "CONS-01"),
        ({"country": "DE"}, "CONS-02"),
        ({"country": "DE", "confirmed": True}, ""),
        ({"country": "AT", "basis": SOFT}, ""),
        ({"country": "CA", "basis": SOFT, "since": months_before(NOW.date(), 24)}, ""),
        (
            {"country": "CA", "basis": SOFT, "since": months_before(NOW.date(), 24) - timedelta(1)},
            "CONS-03",
        ),
        (
            {
                "country": "CA",
                "basis": SOFT,
                "since": months_before(NOW.date(), 7),
                "relation": "inquiry",
            },
            "CONS-03",
        ),
        ({"country": "CA", "since": months_before(NOW.date(), 60)}, ""),  # express: no end
        ({"country": "US", "purchased": True}, "CONS-04"),
        ({"country": ""}, ""),  # the markets are the United States alone
        ({"country": "KE"}, ""),
    ],
)
def test_each_law_is_applied_to_one_person(session, company, given, rule):
    made = person(company, **given)
    assert told(session, company, made) == rule


def test_an_unknown_country_needs_what_the_strictest_market_needs(session, company):
    person(company, country="DE", confirmed=True)
    unknown = person(company, country="")
    proven = person(company, country="", confirmed=True)
    assert told(session, company, unknown) == "CONS-05"
    assert told(session, company, proven) == ""


def test_addresses_of_a_vendor_need_a_written_transfer(session, company):
    made = person(company)
    made.source = "vendor"
    session.flush()
    assert told(session, company, made) == "CONS-06"
    handed = person(company, transfer="joint controllers, 2026-01")
    handed.source = "vendor"
    session.flush()
    assert told(session, company, handed) == ""


def test_who_withdrew_or_never_agreed_has_no_basis(session, company):
    nobody = factories.contact(company)
    gone = person(company)
    factories.consent(gone, state=ConsentState.WITHDRAWN)
    assert told(session, company, nobody) == "CONS-01"
    assert told(session, company, gone) == "CONS-01"


def test_the_database_says_the_same_as_the_rule_for_every_case(session, company):
    lands = ["US", "DE", "CA", "FR", "PL", "JP"]
    days = [None, months_before(NOW.date(), 8), months_before(NOW.date(), 30)]
    cases = itertools.product(
        lands, [CONSENT, SOFT, INTEREST], [False, True], days, ["", "inquiry"]
    )
    expected = {}
    for country, basis, confirmed, since, relation in cases:
        more = {"relation": relation} if relation else {}
        made = person(company, country, basis, confirmed, since, **more)
        law = packs.pack_for(country, NOW.date()).consent
        given = Given(basis, confirmed, since or NOW.date(), relation == "inquiry")
        expected[made.id] = law_fault(given, law, NOW.date())
    problem = queries.legal_problem(session, company.id, NOW)
    session.flush()
    said = dict(session.execute(select(Contact.id, problem)).all())
    assert said == expected
    assert set(expected.values()) == {"", "CONS-01", "CONS-02", "CONS-03"}
    lawful = set(
        session.scalars(select(Contact.id).where(queries.lawful(session, company.id, NOW)))
    )
    assert lawful == {key for key, rule in expected.items() if not rule}


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        ("2026-05-31", 3, "2026-02-28"),
        ("2024-05-31", 3, "2024-02-29"),
        ("2026-01-15", 24, "2024-01-15"),
        ("2026-03-02", 0, "2026-03-02"),
    ],
)
def test_months_are_counted_by_the_calendar(day, months, before):
    from datetime import date

    assert months_before(date.fromisoformat(day), months) == date.fromisoformat(before)
