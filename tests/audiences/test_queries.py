"""Sets of people, each within one partner."""

import pytest

from tests import factories
from tests.factories.audiences import SIGNER
from tpma.audiences import listings, queries, service
from tpma.audiences.models import ConsentBasis, ConsentState, SuppressionReason, SuppressionScope
from tpma.audiences.rules import Definition
from tpma.core.errors import NotFound


@pytest.fixture
def company(session):
    return factories.organisation(country="US")


def names(session, statement):
    return sorted(row.email_norm.split("@")[0] for row in session.execute(statement))


def test_recipients_are_the_active_contacts_of_one_partner(session, company):
    factories.contact(company, email="ada@x.example")
    factories.contact(email="stranger@x.example")
    gone = factories.contact(company, email="gone@x.example")
    service.erase(session, None, gone)
    assert names(session, queries.recipients(session, company.id)) == ["ada"]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"countries": ["DE", "AT"]}, ["a", "b"]),
        ({"locales": ["de"]}, ["a", "b"]),
        ({"locales": ["de-AT"]}, ["b"]),
        ({"tags": ["vip", "news"]}, ["b", "c"]),
        ({"countries": ["DE", "AT"], "tags": ["vip"]}, ["b"]),
        ({"tags": ["nobody"]}, []),
    ],
)
def test_a_segment_joins_its_parts_by_and_and_each_part_by_or(session, company, parts, found):
    factories.contact(company, email="a@x.example", country="DE", locale="de")
    factories.contact(company, email="b@x.example", country="AT", locale="de-AT", tags=["vip"])
    factories.contact(company, email="c@x.example", country="US", locale="den", tags=["news"])
    segment = factories.segment(company, **parts)
    assert names(session, queries.recipients(session, company.id, segment)) == found
    assert names(session, queries.recipients(session, company.id, segment.id)) == found


def test_another_partners_segment_is_not_found(session, company):
    theirs = factories.segment(factories.organisation())
    for choice in (theirs, theirs.id):
        with pytest.raises(NotFound):
            queries.recipients(session, company.id, choice)


def test_counts_add_up_and_say_where_and_in_which_language(session, company):
    factories.mailable_contact(company, country="US", locale="en")
    factories.mailable_contact(company, country="MX", locale="es-MX")
    held = factories.contact(company, country="DE", locale="de")
    factories.consent(held, basis=ConsentBasis.LEGITIMATE_INTEREST)
    out = factories.mailable_contact(company, country="US")
    service.withdraw(session, out, "partner_marketing", "page")

    counts = queries.counts(session, company.id)

    assert (counts.matching, counts.writable, counts.held, counts.suppressed) == (4, 2, 1, 1)
    assert counts.by_country == {"MX": 1, "US": 1}
    assert counts.by_locale == {"en": 1, "es-MX": 1}
    assert counts.held_by_country == {"DE": 1}


def test_a_definition_can_be_counted_before_it_is_saved(session, company):
    factories.mailable_contact(company, country="FR")
    factories.mailable_contact(company, country="US")
    assert queries.counts(session, company.id, Definition(countries=("FR",))).writable == 1


@pytest.mark.parametrize(
    ("scope", "given", "out"),
    [
        (SuppressionScope.PARTNER, False, True),
        (SuppressionScope.PLATFORM, False, True),
        (SuppressionScope.VENDOR, True, True),
        (SuppressionScope.VENDOR, False, False),  # a vendor's list is not shown to the partner
    ],
)
def test_suppression_holds_in_its_scope(session, company, scope, given, out):
    vendor = factories.organisation()
    owners = {"partner": company.id, "vendor": vendor.id, "platform": None}
    factories.mailable_contact(company, email="ada@x.example")
    service.suppress(
        session, SIGNER, owners[scope], "Ada@x.example", SuppressionReason.COMPLAINT, "", scope
    )
    counts = queries.counts(session, company.id, vendor_id=vendor.id if given else None)
    assert counts.suppressed == int(out)


def test_another_partners_or_vendors_list_does_not_reach_here(session, company):
    factories.mailable_contact(company, email="ada@x.example")
    other, vendor = factories.organisation(), factories.organisation()
    manual = SuppressionReason.MANUAL
    service.suppress(session, SIGNER, other.id, "ada@x.example", manual, "")
    service.suppress(
        session, SIGNER, other.id, "ada@x.example", manual, "", SuppressionScope.VENDOR
    )
    assert queries.counts(session, company.id, vendor_id=vendor.id).suppressed == 0


def test_another_purpose_is_another_question(session, company):
    person = factories.contact(company)
    factories.consent(person, purpose="share_with_vendor")
    assert queries.counts(session, company.id).writable == 0
    assert queries.counts(session, company.id, purpose="share_with_vendor").writable == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (listings.Filter(text="lovelace harbor"), ["ada"]),
        (listings.Filter(text="100%"), []),
        (listings.Filter(text="_"), []),
        (listings.Filter(country="FR"), ["bob"]),
        (listings.Filter(state="held"), ["bob"]),
        (listings.Filter(state="writable"), ["ada"]),
        (listings.Filter(state="suppressed"), []),
        (listings.Filter(tag="vip"), ["ada"]),
    ],
)
def test_the_list_is_narrowed(session, company, wanted, found):
    factories.mailable_contact(company, email="ada@x.example", tags=["vip"])
    factories.contact(
        company, email="bob@x.example", country="FR", family_name="Noyce", company="Fairchild"
    )
    rows = listings.contacts(session, company.id, wanted)
    assert [row.contact.email.split("@")[0] for row in rows] == found


def test_pages_follow_each_other_without_gap_or_repeat(session, company, clock):
    for _person in range(7):
        clock.forward(seconds=1)
        factories.contact(company)
    first = listings.contacts(session, company.id, most=3)
    second = listings.contacts(session, company.id, before=first[-1].id, most=3)
    third = listings.contacts(session, company.id, before=second[-1].id, most=3)
    seen = [row.id for row in [*first, *second, *third]]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7


def test_another_partners_contact_is_not_found(session, company):
    with pytest.raises(NotFound):
        listings.contact_of(session, company.id, factories.contact().id)


def test_the_export_says_who_may_be_written_to(session, company):
    factories.mailable_contact(company, email="ada@x.example")
    factories.contact(company, email="bob@x.example")
    factories.contact(email="stranger@x.example")
    rows = [dict(zip(_HEAD, row, strict=True)) for row in _body(session, company)]
    assert sorted((row["email"], row["may_be_mailed"]) for row in rows) == [
        ("ada@x.example", True),
        ("bob@x.example", False),
    ]


_HEAD = [
    "email",
    "given_name",
    "family_name",
    "company",
    "title",
    "phone",
    "country",
    "language",
    "may_be_mailed",
    "source",
    "source_detail",
    "added",
]


def _body(session, company):
    head, *body = listings.export(session, company.id)
    assert head == _HEAD
    return body


def test_a_pending_answer_counts_as_none(session, company):
    factories.consent(factories.contact(company), ConsentState.PENDING_DOI)
    assert queries.counts(session, company.id).writable == 0
