"""Who may be written to, as a table; segments; the language of a recipient."""

import itertools

import pytest
from sqlalchemy import select

from tests import factories
from tpma.audiences.models import (
    ConsentBasis,
    ConsentState,
    Contact,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.queries import granted, suppressed
from tpma.audiences.rules import (
    Definition,
    Held,
    definition,
    import_tags,
    may_lift,
    may_mail,
    recipient_language,
)
from tpma.audiences.service import suppress
from tpma.core.errors import Invalid

GRANTED, PENDING = ConsentState.GRANTED, ConsentState.PENDING_DOI
CONSENT, SOFT, INTEREST = (
    ConsentBasis.CONSENT,
    ConsentBasis.SOFT_OPT_IN,
    ConsentBasis.LEGITIMATE_INTEREST,
)


@pytest.mark.parametrize(
    ("state", "basis", "is_suppressed", "country", "held"),
    [
        (GRANTED, CONSENT, False, "DE", None),
        (GRANTED, SOFT, False, "DE", None),
        (GRANTED, INTEREST, False, "US", None),
        (GRANTED, INTEREST, False, "DE", Held.NOT_LAWFUL),
        (GRANTED, INTEREST, False, "CA", Held.NOT_LAWFUL),
        (GRANTED, ConsentBasis.CONTRACT, False, "DE", None),
        (GRANTED, CONSENT, True, "US", Held.SUPPRESSED),
        (None, None, False, "US", Held.NO_CONSENT),
        (PENDING, CONSENT, False, "US", Held.UNCONFIRMED),
        (ConsentState.WITHDRAWN, CONSENT, False, "US", Held.WITHDRAWN),
        (ConsentState.EXPIRED, CONSENT, False, "US", Held.EXPIRED),
        (None, None, True, "US", Held.SUPPRESSED),
    ],
)
def test_may_mail(state, basis, is_suppressed, country, held):
    assert may_mail(state, basis, is_suppressed, country) is held


def test_the_database_says_the_same_as_the_rule_for_every_case(session):
    company = factories.organisation(country="US")
    cases = itertools.product(
        [None, *ConsentState], [CONSENT, INTEREST], [False, True], ["US", "DE", ""]
    )
    expected = {}
    for state, basis, out, country in cases:
        person = factories.contact(company, country=country)
        if state is not None:
            factories.consent(person, GRANTED, CONSENT)  # an older row never counts
            factories.consent(person, state, basis)
        if out:
            _suppress(session, company, person)
        held = may_mail(state, basis if state else None, out, country or "US")
        expected[person.id] = held is None
    said = session.execute(select(Contact.id, granted(), suppressed()))
    assert {row[0]: bool(row[1] and not row[2]) for row in said} == expected


def _suppress(session, company, person):
    suppress(
        session,
        factories.audiences.SIGNER,
        company.id,
        person.email,
        SuppressionReason.MANUAL,
        "",
    )


def test_a_contact_without_a_country_is_judged_by_the_partners(session):
    german = factories.contact(factories.organisation(country="DE"), country="")
    factories.consent(german, GRANTED, INTEREST)
    assert session.scalar(select(granted()).select_from(Contact)) in (False, 0)


@pytest.mark.parametrize("scope", SuppressionScope)
@pytest.mark.parametrize("reason", SuppressionReason)
def test_a_partner_lifts_only_what_it_put_there_or_mended(scope, reason):
    own = scope is SuppressionScope.PARTNER
    assert may_lift(reason, scope) is (own and reason in {"manual", "hard_bounce"})


@pytest.mark.parametrize(
    ("contact", "country", "primary", "tag"),
    [
        ("es-MX", "es-419", "en", "es-MX"),
        ("", "es-419", "en", "es-419"),
        ("", "", "en", "en"),
    ],
)
def test_a_person_reads_their_own_language_first(contact, country, primary, tag):
    assert recipient_language(contact, country, primary) == tag


def test_a_definition_is_kept_in_canonical_form():
    raw = {"countries": ["germany", "DE"], "locales": ["pt_br"], "tags": ["VIP", " vip "]}
    assert definition(raw) == Definition(("DE",), ("pt-BR",), ("vip",))


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"countries": ["Narnia"]}, "countries"),
        ({"countries": "DE"}, "countries"),
        ({"countries": [7]}, "countries"),
        ({"locales": ["not a tag!"]}, "locale"),
        ({"tags": ["x" * 41]}, "tags"),
        ({"tags": ["a\nb"]}, "tags"),
        ({"tags": [str(n) for n in range(101)]}, "tags"),
        ({"sql": ["1=1"]}, "sql"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused_by_part(raw, field):
    with pytest.raises(Invalid) as refusal:
        definition(raw)
    assert refusal.value.field == field


def test_tags_of_a_list_are_limited():
    assert import_tags(" Fair 2026 , ,fair 2026,VIP") == ["fair 2026", "vip"]
    with pytest.raises(Invalid):
        import_tags(",".join(map(str, range(30))))
