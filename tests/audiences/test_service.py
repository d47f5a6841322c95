"""What people decide about their data, and that it holds."""

import pytest
from sqlalchemy import select, text

from tests import factories
from tests.factories import launches
from tests.factories.audiences import SIGNER
from tpma.audiences import listings, queries, segments, service
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
    Suppression,
    SuppressionReason,
)
from tpma.core.db import Base
from tpma.core.errors import Conflict, Invalid, NotAllowed
from tpma.identity.models import AuditLog, Organisation

MAIL = ConsentPurpose.PARTNER_MARKETING
REASON = SuppressionReason


@pytest.fixture
def ada(session) -> Contact:
    return factories.mailable_contact(email="ada@x.example")


def is_writable(session, person) -> bool:
    return queries.counts(session, person.tenant_id).writable == 1


def test_withdrawing_ends_it_at_once_and_is_written_down(session, ada):
    assert is_writable(session, ada)
    service.withdraw(session, ada, MAIL, "one_click")
    assert not is_writable(session, ada)
    newest = listings.newest_consent(session, ada, MAIL)
    assert (newest.state, newest.evidence) == (ConsentState.WITHDRAWN, {"channel": "one_click"})
    assert listings.suppressions_of(session, ada)[0].reason is REASON.UNSUBSCRIBE
    assert session.scalars(select(AuditLog.action)).all() == ["consent.withdrawn"]


def test_withdrawing_twice_is_withdrawing_once(session, ada):
    for _time in range(2):
        service.withdraw(session, ada, MAIL, "page")
    assert len(listings.consents_of(session, ada)) == 2


def test_withdrawing_what_is_shared_does_not_stop_the_partners_mail(session, ada):
    factories.consent(ada, purpose=ConsentPurpose.SHARE_WITH_VENDOR)
    service.withdraw(session, ada, ConsentPurpose.SHARE_WITH_VENDOR, "page")
    assert is_writable(session, ada)


def test_the_ledger_keeps_every_row(session, ada):
    service.withdraw(session, ada, MAIL, "page")
    factories.consent(ada, ConsentState.PENDING_DOI)
    states = [row.state for row in listings.consents_of(session, ada)]
    assert states == ["pending_doi", "withdrawn", "granted"]


def test_signing_up_again_counts_only_when_it_is_confirmed(session, ada):
    service.withdraw(session, ada, MAIL, "page")
    factories.consent(ada, ConsentState.PENDING_DOI)
    assert not is_writable(session, ada)
    service.confirm_consent(session, ada, MAIL, {"page": "/confirm"})
    assert is_writable(session, ada)


@pytest.mark.parametrize("reason", [REASON.COMPLAINT, REASON.ERASURE, REASON.MANUAL])
def test_confirming_lifts_an_unsubscribe_and_nothing_else(session, ada, reason):
    service.suppress(session, SIGNER, ada.tenant_id, ada.email, reason, "")
    factories.consent(ada, ConsentState.PENDING_DOI)
    service.confirm_consent(session, ada, MAIL, {})
    assert not is_writable(session, ada)


def test_confirming_twice_is_once_and_without_a_question_is_refused(session, ada):
    before = len(listings.consents_of(session, ada))
    service.confirm_consent(session, ada, MAIL, {})
    assert len(listings.consents_of(session, ada)) == before
    service.withdraw(session, ada, MAIL, "page")
    with pytest.raises(Conflict):
        service.confirm_consent(session, ada, MAIL, {})


def test_a_suppression_knows_no_address(session, ada):
    entry = service.suppress(
        session, SIGNER, ada.tenant_id, "ada@x.example", REASON.HARD_BOUNCE, "bounce"
    )
    assert entry.shown == "a…@x.example"
    assert entry.email_hmac == ada.hmac


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (REASON.MANUAL, REASON.COMPLAINT, REASON.COMPLAINT),
        (REASON.COMPLAINT, REASON.MANUAL, REASON.COMPLAINT),
        (REASON.ERASURE, REASON.UNSUBSCRIBE, REASON.ERASURE),
    ],
)
def test_the_stronger_reason_stays(session, ada, first, second, kept):
    for reason in (first, second):
        service.suppress(session, SIGNER, ada.tenant_id, ada.email, reason, "")
    assert session.scalars(select(Suppression)).one().reason is kept


def test_the_platforms_list_has_an_address_once(session, ada):
    for _time in range(2):
        service.suppress(session, SIGNER, None, ada.email, REASON.HARD_BOUNCE, "", "platform")
    assert len(session.scalars(select(Suppression)).all()) == 1


def test_what_is_no_address_cannot_be_suppressed(session, ada):
    with pytest.raises(Invalid) as refusal:
        service.suppress(session, SIGNER, ada.tenant_id, "ada", REASON.MANUAL, "")
    assert refusal.value.field == "email"


def test_an_entry_of_ones_own_is_lifted_and_can_come_back(session, ada):
    entry = service.suppress(session, SIGNER, ada.tenant_id, ada.email, REASON.MANUAL, "")
    service.lift(session, None, entry)
    assert is_writable(session, ada)
    service.suppress(session, SIGNER, ada.tenant_id, ada.email, REASON.MANUAL, "again")
    assert not is_writable(session, ada)


@pytest.mark.parametrize("reason", [REASON.UNSUBSCRIBE, REASON.COMPLAINT, REASON.ERASURE])
def test_a_partner_cannot_lift_what_the_person_decided(session, ada, reason):
    entry = service.suppress(session, SIGNER, ada.tenant_id, ada.email, reason, "")
    with pytest.raises(NotAllowed):
        service.lift(session, None, entry)


def test_a_form_finds_the_contact_and_fills_only_gaps(session, ada):
    found = service.find_or_create_contact(
        session, SIGNER, ada.tenant_id, "ADA@X.example",
        source="form", given_name="Augusta", title="Countess",
    )  # fmt: skip
    assert found is ada
    assert (found.given_name, found.title, found.source) == ("Ada", "Countess", "import")


def test_a_form_makes_a_contact_who_can_be_suppressed(session):
    company = factories.organisation()
    made = service.find_or_create_contact(
        session, SIGNER, company.id, "Bob@x.example", source="form", country="FR"
    )
    assert (made.email, made.country, made.company_domain) == ("Bob@x.example", "FR", "x.example")
    assert made.hmac == service.address_hash(SIGNER, "bob@x.example")
    assert not is_writable(session, made)  # a form is no consent by itself


def test_wording_is_kept_once_word_for_word(session, ada):
    shown = service.Wording(ada.tenant_id, MAIL, "en", "sec 1.0.0 1", "Yes", ["Harbor"], "ab" * 32)
    kept = [service.keep_wordings(session, [shown])[shown.key] for _time in range(2)]
    assert kept[0] is kept[1]
    assert (kept[0].text, kept[0].recipients_named) == ("Yes", ["Harbor"])


def test_an_erased_person_is_nowhere_in_the_database(session, ada):
    ada.phone, ada.source_detail = "+16145550186", "ada-list.csv"
    service.record_consent(
        session, ada, MAIL, ConsentBasis.CONSENT, evidence={"ip_prefix": "203.0.113.0", "form": "f"}
    )
    service.erase(session, None, ada)
    session.flush()
    assert ada.status is ContactStatus.ERASED
    dump = "".join(
        str(row)
        for table in Base.metadata.sorted_tables
        for row in session.execute(text(f"SELECT * FROM {table.name}"))
    )
    for trace in ("ada@x.example", "Lovelace", "6145550186", "203.0.113", "ada-list"):
        assert trace not in dump


def test_what_an_erased_person_agreed_to_can_still_be_proved(session, ada):
    service.erase(session, None, ada)
    assert session.scalars(select(Consent)).one().state is ConsentState.GRANTED


def test_two_erased_people_do_not_collide(session):
    company = factories.organisation()
    for _person in range(2):
        service.erase(session, None, factories.contact(company))
    assert queries.counts(session, company.id).matching == 0


@pytest.fixture
def actor(session):
    return factories.actor(factories.membership())


def save(session, actor, name="France", segment=None, **parts):
    return segments.save_segment(session, actor, actor.organisation_id, name, parts, segment)


def test_a_segment_is_saved_and_changed(session, actor):
    made = save(session, actor, countries=["FR"])
    save(session, actor, "Benelux", made, countries=["BE", "NL"])
    (found,) = listings.segments(session, actor.organisation_id)
    assert (found.name, found.definition["countries"]) == ("Benelux", ["BE", "NL"])


@pytest.mark.parametrize(
    ("name", "parts", "field"),
    [
        ("", {"countries": ["FR"]}, "name"),
        ("x" * 81, {"countries": ["FR"]}, "name"),
        ("a\nb", {"countries": ["FR"]}, "name"),
        ("France", {}, "countries"),
        ("Taken", {"countries": ["FR"]}, "name"),
    ],
)
def test_a_segment_needs_a_free_name_and_a_choice(session, actor, name, parts, field):
    save(session, actor, "Taken", countries=["DE"])
    with pytest.raises(Invalid) as refusal:
        save(session, actor, name, **parts)
    assert refusal.value.field == field


def test_a_segment_nobody_launched_to_can_be_deleted(session, actor):
    segments.delete_segment(session, actor, save(session, actor, countries=["FR"]))
    assert listings.segments(session, actor.organisation_id) == []


def test_a_segment_a_launch_was_planned_with_stays(session):
    launch = launches.launch(contacts=1)
    segment = factories.segment(session.get_one(Organisation, launch.tenant_id))
    launch.segment_id = segment.id
    session.flush()
    with pytest.raises(Conflict):
        segments.delete_segment(session, factories.actor(factories.membership()), segment)
    assert listings.segments(session, launch.tenant_id) == [segment]
