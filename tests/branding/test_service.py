"""A brand entered once, the facts made of it, and a kit with a partner's words."""

import io
from threading import Thread
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select

from tests.factories import branding as make
from tests.factories import identity, kits, partners
from tests.factories.base import bind, save
from tpma.branding import fields, lockup, queries, service, vendors, wordmark
from tpma.branding.findings import errors
from tpma.branding.models import BrandState, CoBrandedKitState, Customisation, LogoVariant
from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound
from tpma.identity.models import AuditLog, Membership, Organisation
from tpma.jobs import Job
from tpma.kits.models import KitVersion
from tpma.partners.models import Enrolment

BASE = "https://tpma.example"
State = CoBrandedKitState


def partner(**changes):
    return partners.partner(**changes).organisation


def vendor(**changes):
    return partners.vendor(**changes).organisation


def fields_of(findings):
    return {finding.field for finding in errors(findings)}


# The profile


def test_a_new_brand_is_prefilled_from_the_organisation(session):
    company = partner(trading_name="Brightline IT", website="https://brightline.example")
    brand = queries.profile(session, company.id)
    assert (brand.name, brand.website) == ("Brightline IT", "https://brightline.example")
    assert brand not in session


def test_a_new_brand_lacks_what_only_the_partner_knows(session):
    company = partner(address_line1="1 Main Street", city="Columbus")
    missing = fields_of(service.brand_report(session, company.id))
    assert missing == {"logo", "primary", "sender_name", "reply_to", "privacy_url"}


def test_a_brand_with_everything_is_validated(session):
    company = partner()
    assert make.ready_brand(company).state is BrandState.VALIDATED
    assert errors(service.brand_report(session, company.id)) == []


def test_a_brand_that_loses_something_is_a_draft_again(session):
    company = partner()
    make.ready_brand(company)
    assert service.save_profile(session, company.id, {"reply_to": ""}).state is BrandState.DRAFT


def test_a_blocked_brand_stays_blocked(session):
    company = partner()
    make.ready_brand(company).state = BrandState.BLOCKED
    assert service.save_profile(session, company.id, {}).state is BrandState.BLOCKED
    assert errors(service.brand_report(session, company.id))[0].rule == "brand.blocked"


def test_the_colour_comes_from_the_logo_when_there_is_none(session):
    company = partner()
    service.save_logo(session, company.id, LogoVariant.PRIMARY, make.SVG.encode())
    assert queries.profile(session, company.id).primary == "#0057B8"


def test_a_chosen_colour_is_not_replaced_by_the_logos(session):
    company = partner()
    service.save_profile(session, company.id, {"primary": "#0a6c74"})
    service.save_logo(session, company.id, LogoVariant.PRIMARY, make.SVG.encode())
    assert queries.profile(session, company.id).primary == "#0A6C74"


def test_a_second_logo_replaces_the_first(session):
    company = partner()
    service.save_logo(session, company.id, LogoVariant.PRIMARY, make.SVG.encode())
    service.save_logo(session, company.id, LogoVariant.PRIMARY, make.png())
    assert len(queries.brand_logos(session, company.id)) == 1


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("primary", "0057b8", "#0057B8"),
        ("contact_phone", "+1 (614) 555-0142", "+16145550142"),
        ("contact_phone", "0049 221 5550100", "+492215550100"),
        ("contact_phone", "+٩٧١٤٥٥٥٠١٠٠", "+97145550100"),
        ("website", "www.brightline.example", "https://www.brightline.example"),
        ("privacy_url", "https://müller.example/datenschutz", "https://müller.example/datenschutz"),
        ("reply_to", " Dana@Brightline.EXAMPLE ", "Dana@brightline.example"),
        ("sender_name", "Zoë O’Brien, Brightline IT", "Zoë O’Brien, Brightline IT"),
        ("secondary", "", ""),
    ],
)
def test_what_is_entered_is_kept_in_one_form(session, field, text, kept):
    brand = service.save_profile(session, partner().id, {field: text})
    assert getattr(brand, field) == kept


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("+16145550142", "+1 614 555 0142"),
        ("+492215550100", "+49 221 555 0100"),
        ("+97145550100", "+971 455 501 00"),
        ("+4930901820", "+49 309 018 20"),
        ("", ""),
        ("0221 5550100", "0221 5550100"),
    ],
)
def test_numbers_are_shown_in_groups(kept, shown):
    assert fields.shown_phone(kept) == shown


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("primary", "blue"),
        ("primary", "#12345"),
        ("primary", "red;}body{display:none"),
        ("accent", "#GGGGGG"),
        ("contact_phone", "0221 5550100"),
        ("contact_phone", "+1"),
        ("contact_phone", "+1 614 555 CALL"),
        ("website", "http://brightline.example"),
        ("website", "javascript:alert(1)"),
        ("website", "https://localhost/"),
        ("website", "https://127.0.0.1/"),
        ("website", "https://[::1]/"),
        ("website", "https://[::1"),
        ("website", "https://user:pass@brightline.example"),
        ("website", "https://brightline.example:99999/"),
        ("website", "https://brightline.example/\r\nSet-Cookie: x"),
        ("privacy_url", "file:///etc/passwd"),
        ("imprint_url", "https://printer.local/"),
        ("reply_to", "dana"),
        ("reply_to", "dana@brightline.example\r\nBcc: all@brightline.example"),
        ("reply_to", "a@b.example, c@d.example"),
        ("contact_email", "dana@localhost"),
        ("sender_name", "Dana\r\nBcc: all@brightline.example"),
        ("sender_name", "Dana\u2028Whitfield"),
        ("sender_name", "support@bank.example"),
        ("sender_name", "Dana <dana@brightline.example>"),
        ("sender_name", "x" * 71),
        ("name", ""),
        ("name", "x" * 121),
        ("contact_title", "a\x00b"),
    ],
)
def test_what_is_no_good_is_refused_at_its_field(session, field, text):
    with pytest.raises(Invalid) as refusal:
        service.save_profile(session, partner().id, {field: text})
    assert refusal.value.field == field


def test_a_form_learns_everything_that_is_wrong_at_once():
    found = service.faults({"primary": "blue", "reply_to": "dana", "name": "Brightline"})
    assert {fault.field for fault in found} == {"primary", "reply_to"}


@pytest.mark.parametrize("field", ["address_line1", "vat_id", "representatives"])
def test_legal_data_may_not_open_a_new_line(session, field):
    with pytest.raises(Invalid) as refusal:
        service.save_company(session, partner().id, {field: "x\nBcc: y"})
    assert refusal.value.field == field


def test_a_german_sender_is_asked_for_what_german_law_asks(session):
    company = partner(country="DE")
    make.ready_brand(company)
    missing = fields_of(service.brand_report(session, company.id))
    assert missing == {"representatives", "register_court", "register_no", "vat_id"}


def test_readers_in_switzerland_ask_for_the_uid_as_well(session):
    company = partner()
    make.ready_brand(company)
    findings = service.brand_report(session, company.id, countries=["CH", "US"])
    assert fields_of(findings) == {"uid"}
    assert "Switzerland" in findings[-1].sentence


def test_saving_is_written_down_without_names(session):
    company = partner()
    service.save_profile(session, company.id, {"sender_name": "Dana"}, make.actor(company, "PM"))
    row = session.scalars(select(AuditLog).where(AuditLog.action == "brand_profile.saved")).one()
    assert (row.tenant_id, row.detail) == (company.id, {"state": "draft"})


# Facts


def test_facts_tell_what_a_mail_needs(session):
    company = partner(legal_name="Brightline IT, Inc.", country="US")
    make.ready_brand(company)
    facts = service.facts(session, company.id, BASE)
    assert facts.company.address_lines == ("88 East Broad Street", "Columbus, OH 43215")
    assert (facts.colour, facts.colour_text) == ("#0057B8", "#FFFFFF")
    assert facts.contact_phone == "+1 614 555 0142"
    assert facts.logo.url.startswith(f"{BASE}/b/")
    assert (facts.logo.width, facts.logo.height) == (141, 35)


def test_towns_are_written_as_their_country_writes_them(session):
    company = partner(country="DE", postal_code="50667", city="Köln", address_line1="Domstr. 1")
    assert queries.address_lines(company) == ("Domstr. 1", "50667 Köln")


def test_a_brand_without_a_logo_still_has_facts(session):
    facts = service.facts(session, partner().id, BASE)
    assert facts.logo.url == f"{BASE}/b/missing.png"
    assert facts.colour == queries.NEUTRAL


def test_the_logo_for_dark_ground_is_its_own_file(session):
    company = partner()
    make.ready_brand(company)
    service.save_logo(session, company.id, LogoVariant.REVERSED, make.WHITE_SVG.encode())
    logo = service.facts(session, company.id, BASE).logo
    assert logo.url != logo.reversed_url


def test_a_logo_is_found_by_its_content(session):
    company = partner()
    make.ready_brand(company)
    logo = queries.brand_logos(session, company.id)[LogoVariant.PRIMARY]
    assert queries.logo_by_sha(session, logo.sha256) == logo.png
    with pytest.raises(NotFound):
        queries.logo_by_sha(session, "0" * 64)


def test_a_vendors_logo_has_the_same_area(session):
    row = partners.vendor(slug="helio")
    row.logo_svg = make.SVG
    company = row.organisation
    logo = service.vendor_facts(session, company.id, BASE).logo
    assert (logo.url, logo.reversed_url) == (f"{BASE}/b/vendor/helio.png",) * 2
    assert (logo.width, logo.height) == (141, 35)
    assert vendors.logo_png(session, "helio").startswith(b"\x89PNG")


@pytest.mark.parametrize("drawing", ["", "<svg", "<script/>"])
@pytest.mark.parametrize("name", ["Helio Cloud", "ヘリオ・クラウド", "هيليو", "<b>&\"'"])
def test_a_vendor_without_a_drawing_is_shown_by_its_name(session, drawing, name):
    row = partners.vendor(slug="helio", trading_name=name)
    row.logo_svg = drawing
    logo = service.vendor_facts(session, row.organisation_id, BASE).logo
    assert (logo.url, logo.reversed_url) == (
        f"{BASE}/b/vendor/helio.png",
        f"{BASE}/b/vendor/helio-reversed.png",
    )
    for address in ("helio", "helio-reversed"):
        with Image.open(io.BytesIO(vendors.logo_png(session, address))) as picture:
            assert picture.width == 2 * logo.width
            assert abs(picture.height - 2 * logo.height) <= 2
            assert picture.getchannel("A").getbbox() is not None


def test_a_name_is_drawn_in_the_vendors_colour_where_it_stands_out():
    light, _size = wordmark.drawn("Helio Cloud", "#C8442B", LogoVariant.PRIMARY)
    pale, _size = wordmark.drawn("Helio Cloud", "#FFF2A8", LogoVariant.PRIMARY)
    assert (0xC8, 0x44, 0x2B) in inks(light)
    assert (0x16, 0x18, 0x1C) in inks(pale)
    assert not any(red > 0xF0 and green > 0xE0 for red, green, _blue in inks(pale))


def inks(png):
    with Image.open(io.BytesIO(png)) as picture:
        return {pixel[:3] for _count, pixel in picture.getcolors(1 << 20) if pixel[3] == 255}


def test_a_long_name_is_drawn_on_several_lines():
    _png, (width, height) = wordmark.drawn(
        "Helio Cloud Infrastructure and Managed Security Services International",
        "#C8442B",
        LogoVariant.PRIMARY,
    )
    assert width / height <= lockup.FLATTEST + 0.5


def test_a_vendors_upload_comes_before_its_drawing(session):
    row = partners.vendor(slug="helio")
    row.logo_svg = make.SVG
    admin = make.actor(row.organisation, "VA")
    service.save_vendor_logo(session, admin, LogoVariant.PRIMARY, make.png(ink="#00875A"))
    logo = service.vendor_facts(session, row.organisation_id, BASE).logo
    assert (logo.url, logo.reversed_url) == (f"{BASE}/b/vendor/helio.png",) * 2
    assert (0x00, 0x87, 0x5A) in inks(vendors.logo_png(session, "helio"))
    assert row.brand_colour == "#00875A"


def test_a_chosen_colour_is_kept_when_a_logo_comes(session):
    row = partners.vendor()
    admin = make.actor(row.organisation, "VA")
    service.save_vendor_colour(session, admin, "c8442b")
    service.save_vendor_logo(session, admin, LogoVariant.PRIMARY, make.SVG.encode())
    assert row.brand_colour == "#C8442B"
    with pytest.raises(Invalid) as refusal:
        service.save_vendor_colour(session, admin, "red")
    assert refusal.value.field == "brand_colour"


# The partner's words


def change(session, kit, value, slot="headline", locale="en", asset="email1"):
    service.customise(session, kit, asset, slot, locale, value)


def test_a_partner_gets_one_copy_of_a_kit(session):
    ours = vendor()
    version, enrolment = kits.kit_version(ours), make.enrolment(ours)
    first = service.cobranded(session, enrolment, version)
    assert service.cobranded(session, enrolment, version) is first


@pytest.mark.parametrize("known_brand", [True, False])
def test_two_colleagues_open_a_kit_at_the_same_moment(db, known_brand):
    with db.transaction() as session:
        bind(session)
        ours = vendor()
        version, enrolment = kits.kit_version(ours), make.enrolment(ours)
        if known_brand:
            service.save_profile(session, enrolment.partner_id, {"name": "Brightline"})
    copies = []

    def open_kit():
        with db.transaction() as session:
            found = session.get_one(Enrolment, enrolment.id)
            same = session.get_one(KitVersion, version.id)
            copies.append(service.cobranded(session, found, same).id)

    with db.transaction() as first:
        found = first.get_one(Enrolment, enrolment.id)
        same = first.get_one(KitVersion, version.id)
        copies.append(service.cobranded(first, found, same).id)
        second = Thread(target=open_kit)
        second.start()
        second.join(0.3)  # it has looked, found none, and waits for the first to be done
    second.join()
    assert len(copies) == 2
    assert len(set(copies)) == 1


def test_an_untouched_kit_is_approved_by_rule(session):
    assert make.cobranded_kit().state is State.APPROVED


def test_own_words_are_kept_for_their_language(session):
    kit = make.cobranded_kit()
    change(session, kit, "Your offices, checked")
    assert service.slot_values(session, kit, "email1", "en") == {
        "headline": "Your offices, checked"
    }
    assert service.slot_values(session, kit, "email1", "de") == {}
    assert service.own_words(session, kit, "en") == {"email1.headline": "Your offices, checked"}


@pytest.mark.parametrize("empty", ["", "   ", "Our offer"])
def test_nothing_or_the_kits_own_words_restore_the_kits(session, empty):
    kit = make.cobranded_kit()
    change(session, kit, "Our own")
    change(session, kit, empty)
    assert session.scalars(select(Customisation)).all() == []


@pytest.mark.parametrize(
    ("asset", "slot"),
    [
        ("email1", "greeting"),
        ("email1", "unsubscribe"),
        ("email2", "headline"),
        ("nope", "headline"),
    ],
)
def test_a_locked_or_unknown_place_is_refused_by_the_server(session, asset, slot):
    kit = make.cobranded_kit()
    with pytest.raises(NotAllowed):
        change(session, kit, "Mine now", slot=slot, asset=asset)


def test_a_slot_of_the_vendors_is_locked_for_the_partner(session):
    kit = make.cobranded_kit(make.slot(editable_by="vendor"))
    with pytest.raises(NotAllowed):
        change(session, kit, "Mine now")


@pytest.mark.parametrize(
    "value",
    ["x" * 500, "<b>Bold</b>", "{{ person.first_name }}", "two\nlines", "a\r\nBcc: b", "\x00"],
)
def test_words_that_do_not_fit_are_refused_at_their_slot(session, value):
    kit = make.cobranded_kit()
    with pytest.raises(Invalid) as refusal:
        change(session, kit, value)
    assert refusal.value.field == "email1.headline"


def test_a_language_the_kit_does_not_have_is_refused(session):
    with pytest.raises(Invalid):
        change(session, make.cobranded_kit(), "Bonjour", locale="fr")


def test_a_change_nobody_asks_about_is_approved_at_once(session):
    kit = make.cobranded_kit(make.slot(requires_approval="never"))
    change(session, kit, "Our own")
    assert kit.state is State.APPROVED


def test_a_change_the_vendor_wants_to_see_waits_for_it(session):
    kit = make.cobranded_kit(make.slot(requires_approval="if_changed"))
    change(session, kit, "Our own")
    assert kit.state is State.PENDING_APPROVAL
    assert kit.submitted_at is not None


def test_a_slot_that_is_always_looked_at_waits_even_untouched(session):
    kit = make.cobranded_kit(make.slot(requires_approval="always"))
    assert kit.state is State.PENDING_APPROVAL


def test_a_claim_of_the_partners_own_waits_for_the_vendor(session):
    kit = make.cobranded_kit(make.slot(requires_approval="never"))
    change(session, kit, "40 % faster")
    assert kit.state is State.PENDING_APPROVAL


def test_a_forbidden_word_is_kept_but_cannot_be_submitted(session):
    kit = make.cobranded_kit()
    change(session, kit, "Guaranteed success")
    assert kit.state is State.DRAFT
    assert kit.check_report["findings"][0]["rule"] == "text.prohibited"
    with pytest.raises(Invalid):
        service.submit(session, kit)


def waiting(session, ours):
    kit = make.cobranded_kit(make.slot(requires_approval="if_changed"), vendor=ours)
    change(session, kit, "Our own")
    return kit


def test_an_approved_text_is_not_asked_about_again(session):
    ours = vendor()
    kit = waiting(session, ours)
    service.approve(session, make.actor(ours, "BR"), kit)
    assert kit.state is State.APPROVED
    change(session, kit, "Ein anderer", locale="de")
    assert kit.state is State.PENDING_APPROVAL
    change(session, kit, "", locale="de")
    assert kit.state is State.APPROVED


def test_a_kit_that_came_back_carries_the_reason(session):
    ours = vendor()
    kit = waiting(session, ours)
    service.request_changes(session, make.actor(ours, "BR"), kit, "Name the product.")
    assert (kit.state, kit.review_note) == (State.DRAFT, "Name the product.")


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_sending_back_needs_a_reason(session, reason):
    ours = vendor()
    kit = waiting(session, ours)
    with pytest.raises(Invalid) as refusal:
        service.request_changes(session, make.actor(ours, "BR"), kit, reason)
    assert refusal.value.field == "reason"


def test_only_what_waits_can_be_decided(session):
    ours = vendor()
    kit = make.cobranded_kit(vendor=ours)
    with pytest.raises(Conflict):
        service.approve(session, make.actor(ours, "BR"), kit)


def test_nobody_decides_on_the_words_of_their_own_company(session):
    ours = vendor()
    kit = waiting(session, ours)
    reviewer = make.actor(ours, "BR")
    save(Membership(user_id=reviewer.user_id, organisation_id=kit.tenant_id, roles=["PM"]))
    with pytest.raises(NotAllowed):
        service.approve(session, reviewer, kit)


def test_changing_what_waits_makes_it_wait_from_now(session, clock):
    kit = waiting(session, vendor())
    now = clock.forward(hours=1)
    change(session, kit, "Another one")
    assert (kit.state, kit.submitted_at) == (State.PENDING_APPROVAL, now)


def test_restoring_the_kits_words_takes_it_back(session):
    kit = waiting(session, vendor())
    change(session, kit, "")
    assert (kit.state, kit.submitted_at) == (State.APPROVED, None)


def test_a_kit_that_came_back_cannot_be_launched_as_it_is(session):
    ours = vendor()
    kit = waiting(session, ours)
    service.request_changes(session, make.actor(ours, "BR"), kit, "Name the product.")
    (finding,) = errors(service.kit_report(session, kit))
    assert finding.rule == "kit.sent_back"
    assert "Name the product." in finding.message
    assert service.submit(session, kit) is State.PENDING_APPROVAL
    assert errors(service.kit_report(session, kit)) == []


def test_a_recalled_kit_takes_no_words(session):
    kit = make.cobranded_kit()
    kit.state = State.INVALID
    assert errors(service.kit_report(session, kit))[0].rule == "kit.recalled"
    with pytest.raises(Conflict):
        change(session, kit, "Our own")
    with pytest.raises(Conflict):
        service.submit(session, kit)


def test_a_vendor_sees_only_what_waits_in_its_own_programme(session):
    ours, theirs = vendor(), vendor()
    kit = waiting(session, ours)
    assert queries.pending(session, ours.id) == [kit]
    assert queries.pending(session, theirs.id) == []
    assert queries.for_review(session, ours.id, kit.id) is kit
    for other, wanted in ((theirs.id, kit.id), (ours.id, uuid4())):
        with pytest.raises(NotFound):
            queries.for_review(session, other, wanted)


@pytest.mark.parametrize(
    ("decide", "said"),
    [
        (lambda *a: service.approve(*a), "approved"),
        (lambda *a: service.request_changes(*a, "Name the product."), "Name the product."),
    ],
)
def test_who_launches_is_told_of_the_decision_and_nobody_else(session, decide, said):
    ours = vendor()
    kit = waiting(session, ours)
    company = session.get_one(Organisation, kit.tenant_id)
    marketer, _seller = identity.membership(company, "PM"), identity.membership(company, "PS")
    decide(session, make.actor(ours, "BR"), kit)
    (job,) = session.scalars(select(Job).where(Job.name == "sending.notice"))
    assert job.payload["recipient"] == marketer.user.email
    assert said in job.payload["body"]
    assert len(job.key) <= 120


def test_every_decision_is_written_down(session):
    ours = vendor()
    kit = waiting(session, ours)
    service.request_changes(session, make.actor(ours, "BR"), kit, "Name it.")
    actions = session.scalars(select(AuditLog.action).where(AuditLog.tenant_id == kit.tenant_id))
    assert {"cobranded_kit.submitted", "cobranded_kit.changes_requested"} <= set(actions)
