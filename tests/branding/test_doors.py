"""The pages of a brand, its public files, previews and reviews, asked over HTTP."""

import io
import re

import pytest

from tests import factories
from tests.factories import branding as make
from tests.factories import identity, kits, partners
from tpma.branding import queries, service
from tpma.branding.models import CoBrandedKitState, LogoVariant
from tpma.kits.models import KitVersion
from tpma.partners.models import Enrolment


@pytest.fixture
def house(db):
    """A vendor with a published kit, a partner in its programme, somebody of each."""
    with db.transaction() as session:
        factories.bind(session)
        helio = partners.vendor(slug="helio", trading_name="Helio Cloud")
        helio.logo_svg = make.SVG
        enrolment = make.enrolment(helio.organisation)
        version = kits.kit_version(
            helio.organisation, slots=(make.slot(requires_approval="if_changed", max_chars=70),)
        )
        return {
            "vendor": helio.organisation,
            "partner": enrolment.partner,
            "enrolment": enrolment,
            "version": version,
            "marketer": identity.membership(enrolment.partner, "PM"),
            "seller": identity.membership(enrolment.partner, "PS"),
            "reviewer": identity.membership(helio.organisation, "BR"),
            "channel": identity.membership(helio.organisation, "CM"),
        }


@pytest.fixture
def as_partner(client, house):
    return identity.signed_in(client, house["marketer"], house["enrolment"])


@pytest.fixture
def as_vendor(app, house):
    return identity.signed_in(app.test_client(), house["reviewer"])


LOGO = make.SVG.encode()


def file(data=LOGO, name="logo.svg"):
    return {"logo": (io.BytesIO(data), name)}


def brand_of(db, house):
    with db.reading() as session:
        return queries.profile(session, house["partner"].id)


FIRST = {
    "sender_name": "Dana Whitfield",
    "reply_to": "dana@brightline.example",
    "contact_phone": "+1 614 555 0142",
    "privacy_url": "https://brightline.example/privacy",
}


# The profile


def test_the_title_counts_what_is_missing(as_partner):
    page = as_partner.get("/portal/brand/").text
    assert re.search(r"<h1>Six things missing before you can launch</h1>", page)


def test_saving_leads_back_and_keeps_it(as_partner, db, house):
    answer = as_partner.post("/portal/brand/", data=FIRST | {"primary": "0057b8"})
    assert answer.status_code == 303
    assert brand_of(db, house).primary == "#0057B8"


def test_what_is_wrong_is_said_at_every_field_and_nothing_is_lost(as_partner, db, house):
    answer = as_partner.post(
        "/portal/brand/", data=FIRST | {"primary": "blue", "reply_to": "dana", "name": "Bright"}
    )
    assert answer.status_code == 422
    assert 'id="primary-error"' in answer.text
    assert 'id="reply_to-error"' in answer.text
    assert 'value="Bright"' in answer.text
    assert brand_of(db, house).sender_name == ""


def test_a_name_is_never_markup(as_partner):
    as_partner.post("/portal/brand/", data={"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in as_partner.get("/portal/brand/").text


def test_a_logo_is_taken_and_served(as_partner, db, house):
    answer = as_partner.post("/portal/brand/logo/primary", data=file())
    assert answer.status_code == 303
    with db.reading() as session:
        sha = queries.brand_logos(session, house["partner"].id)[LogoVariant.PRIMARY].sha256
    assert f"/b/{sha}.png" in as_partner.get("/portal/brand/").text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty"),
        (b"GIF89a", "GIF"),
        (make.SVG.replace("</svg>", "<script/></svg>").encode(), "active content"),
    ],
)
def test_a_refused_logo_is_told_at_its_field(as_partner, data, said):
    answer = as_partner.post("/portal/brand/logo/primary", data=file(data, "logo.png"))
    assert answer.status_code == 422
    assert 'id="logo_primary-error"' in answer.text
    assert said in answer.text


def test_there_are_three_kinds_of_logo(as_partner):
    assert as_partner.post("/portal/brand/logo/mono", data=file()).status_code == 404


@pytest.mark.parametrize(
    ("colour", "said"),
    [("#0057B8", "6.87 : 1"), ("blue", "six digits"), ("", "None"), ("<b>", "six digits")],
)
def test_contrast_is_told_while_a_colour_is_chosen(as_partner, colour, said):
    answer = as_partner.get("/portal/brand/contrast/primary", query_string={"primary": colour})
    assert said in answer.text
    assert "<b>" not in answer.text


def test_readers_elsewhere_bring_the_fields_of_their_law(as_partner):
    page = as_partner.get("/portal/brand/?readers=CH,XX1,<b>").text
    assert 'name="uid"' in page


@pytest.mark.parametrize("path", ["/portal/brand/", "/portal/brand/setup"])
def test_who_only_sells_has_no_brand_page(app, house, path):
    seller = identity.signed_in(app.test_client(), house["seller"], house["enrolment"])
    assert seller.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/portal/brand/", "/portal/brand/setup", "/studio/reviews/"])
def test_strangers_sign_in_first(client, house, path):
    assert client.get(path).status_code == 303


# The first set-up


def test_a_logo_changes_its_tile_and_leaves_what_was_typed(as_partner):
    """The browser swaps the tile alone; without scripts the form is a form."""
    page = as_partner.get("/portal/brand/").text
    tile = re.search(r'<form class="tile" id="tile-primary"[^>]*>', page)[0]
    assert 'hx-post="/portal/brand/logo/primary"' in tile
    assert 'hx-target="#tile-primary"' in tile
    assert 'hx-select="#tile-primary"' in tile
    assert page.count('id="tile-primary"') == 1


def test_a_vendor_sets_its_logo_and_colour(as_vendor, house, db):
    page = as_vendor.get("/studio/brand/").text
    assert "stands beside every partner" in page
    answer = as_vendor.post("/studio/brand/logo/primary", data=file(make.png(ink="#00875A")))
    assert answer.status_code == 303
    assert as_vendor.get("/b/vendor/helio.png").data.startswith(b"\x89PNG")
    assert as_vendor.post("/studio/brand/", data={"brand_colour": "#c8442b"}).status_code == 303
    assert 'value="#C8442B"' in as_vendor.get("/studio/brand/").text
    assert (
        "6.87 : 1" in as_vendor.get("/studio/brand/contrast/brand_colour?brand_colour=0057B8").text
    )


@pytest.mark.parametrize(("data", "said"), [(b"", "This file is empty"), (b"GIF89a", "GIF")])
def test_a_vendors_logo_is_refused_like_a_partners(as_vendor, data, said):
    answer = as_vendor.post("/studio/brand/logo/primary", data=file(data, "logo.png"))
    assert answer.status_code == 422
    assert 'id="logo_primary-error"' in answer.text
    assert said in answer.text


def test_a_vendors_colour_is_refused_at_its_field(as_vendor):
    answer = as_vendor.post("/studio/brand/", data={"brand_colour": '"><b>'})
    assert answer.status_code == 422
    assert 'id="brand_colour-error"' in answer.text
    assert "<b>" not in answer.text.split('id="brand_colour"')[1].split(">")[0]


def test_the_vendors_brand_is_the_vendors(as_partner, client, house, app):
    assert as_partner.get("/studio/brand/").status_code in (403, 404)
    other = identity.signed_in(app.test_client(), house["channel"])
    assert other.get("/studio/brand/").status_code == 200
    assert other.post("/studio/brand/", data={"brand_colour": "#000000"}).status_code == 404
    assert other.post("/studio/brand/logo/primary", data=file()).status_code == 404
    assert (
        identity.signed_in(client, house["reviewer"])
        .post("/studio/brand/logo/icon", data=file())
        .status_code
        == 404
    )


def test_the_set_up_asks_four_things_and_the_logo(as_partner):
    page = as_partner.get("/portal/brand/setup").text
    asked = re.findall(r'<input class="form-control"[^>]*name="([^"]+)"', page)
    assert asked == list(FIRST) or set(asked) == set(FIRST)
    assert 'type="file"' in page


def test_the_set_up_in_one_go(as_partner, db, house):
    answer = as_partner.post("/portal/brand/setup", data=FIRST | file())
    assert (answer.status_code, answer.location) == (303, "/")
    assert brand_of(db, house).primary == "#0057B8"


def test_a_good_logo_is_kept_when_a_field_is_wrong(as_partner, db, house):
    answer = as_partner.post("/portal/brand/setup", data=FIRST | {"reply_to": "dana"} | file())
    assert answer.status_code == 422
    assert 'id="logo-error"' not in answer.text
    assert as_partner.post("/portal/brand/setup", data=FIRST).status_code == 303


def test_the_set_up_names_every_gap(as_partner):
    answer = as_partner.post("/portal/brand/setup", data={})
    assert answer.status_code == 422
    for field in (*FIRST, "logo"):
        assert f'id="{field}-error"' in answer.text


# Public files


def test_a_logo_is_inert_and_never_changes(as_partner, client, db, house):
    as_partner.post("/portal/brand/logo/primary", data=file())
    with db.reading() as session:
        logo = queries.brand_logos(session, house["partner"].id)[LogoVariant.PRIMARY]
    answer = client.get(f"/b/{logo.sha256}.png")
    assert answer.data == logo.png
    assert answer.mimetype == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/b/missing.png",
        f"/b/{'0' * 64}.png",
        "/b/../etc/passwd.png",
        "/b/vendor/nobody.png",
        "/b/vendor/helio-reversed.png",
        "/b/nobody.css",
        "/b/A.css",
    ],
)
def test_what_is_not_there_is_not_found(client, house, path):
    assert client.get(path).status_code == 404


def test_a_vendors_logo_is_drawn(client, house):
    assert client.get("/b/vendor/helio.png").data.startswith(b"\x89PNG")


def test_two_variables_colour_a_public_page(as_partner, client, house):
    slug = house["partner"].slug
    assert client.get(f"/b/{slug}.css").text == ":root{--b:#16181C;--bt:#FFFFFF}\n"
    as_partner.post("/portal/brand/", data={"primary": "#FFB81C"})
    answer = client.get(f"/b/{slug}.css")
    assert answer.mimetype == "text/css"
    assert answer.text == ":root{--b:#FFB81C;--bt:#1A1A1A}\n"


# A kit in this brand


def ready(db, house, **words):
    with db.transaction() as session:
        factories.bind(session)
        make.ready_brand(house["partner"])
        enrolment = session.get_one(Enrolment, house["enrolment"].id)
        version = session.get_one(KitVersion, house["version"].id)
        kit = service.cobranded(session, enrolment, version)
        for slot, value in words.items():
            service.customise(session, kit, "email1", slot, "en", value)
        service.submit(session, kit)
        return kit.id


def test_a_preview_shows_the_partners_words_in_a_locked_frame(as_partner, db, house):
    ready(db, house, headline="Our own headline")
    answer = as_partner.get("/portal/brand/preview/small-kit/email1/en")
    assert answer.status_code == 200
    assert "Our own headline" in answer.text
    assert 'data-slot="headline"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" in policy


def test_what_a_partner_types_is_never_markup_in_a_preview(as_partner, db, house):
    ready(db, house, headline="a < b & c > d")
    text = as_partner.get("/portal/brand/preview/small-kit/email1/en").text
    assert "a &lt; b &amp; c &gt; d" in text


@pytest.mark.parametrize("reader", ["", "longest", "nameless", "nonsense"])
def test_a_preview_can_be_read_by_anybody(as_partner, db, house, reader):
    ready(db, house)
    answer = as_partner.get(f"/portal/brand/preview/small-kit/email1/en?reader={reader}")
    assert answer.status_code == 200
    assert "{{" not in answer.text


def test_every_part_of_a_kit_can_be_seen(as_partner, db, house):
    ready(db, house)
    content = kits.kit_content()
    for asset in content.assets:
        path = f"/portal/brand/preview/small-kit/{asset.key}/de"
        answer = as_partner.get(path, follow_redirects=True)
        assert answer.status_code == 200, asset.key
    assert as_partner.get("/portal/brand/preview/small-kit/email1/en/text").mimetype == "text/plain"


def test_a_data_sheet_comes_with_its_pictures(as_partner, db, house, system):
    ready(db, house)
    pdf = next(asset for asset in kits.kit_content().assets if asset.kind == "pdf")
    answer = as_partner.get(f"/portal/brand/document/small-kit/{pdf.key}/en")
    assert answer.mimetype == "application/pdf"
    assert "Brightline IT" in system.pdf.asked[0]


def test_without_a_brand_a_preview_still_answers(as_partner, house):
    assert as_partner.get("/portal/brand/preview/small-kit/email1/en").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "preview/nothing/email1/en",
        "preview/small-kit/nothing/en",
        "preview/small-kit/email1/fr",
        "preview/small-kit/email1/xx-nonsense-tag-that-is-none",
        "preview/small-kit/page/en/text",
        "document/small-kit/email1/en",
        "social/small-kit/email1/en",
    ],
)
def test_there_is_no_preview_of_what_is_not_there(as_partner, house, path):
    assert as_partner.get(f"/portal/brand/{path}").status_code in {404, 422}


def test_another_vendors_kit_is_not_found(app, db, house):
    with db.transaction() as session:
        factories.bind(session)
        other = make.enrolment(partners.vendor().organisation)
        member = identity.membership(other.partner, "PM")
    stranger = identity.signed_in(app.test_client(), member, other)
    assert stranger.get("/portal/brand/preview/small-kit/email1/en").status_code == 404


# Reviews


def test_a_reviewer_sees_old_beside_new_and_approves(as_vendor, db, house):
    kit = ready(db, house, headline="Our own headline")
    assert "1 partner waits" in as_vendor.get("/studio/reviews/").text
    page = as_vendor.get(f"/studio/reviews/{kit}").text
    assert "<del>offer</del>" in page
    assert "<ins>own headline</ins>" in page
    assert as_vendor.post(f"/studio/reviews/{kit}/approve").status_code == 303
    assert "Nobody waits" in as_vendor.get("/studio/reviews/").text


def test_a_version_goes_back_only_with_a_note(as_vendor, db, house):
    kit = ready(db, house, headline="Our own headline")
    answer = as_vendor.post(f"/studio/reviews/{kit}/changes", data={"reason": " "})
    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text
    assert as_vendor.post(f"/studio/reviews/{kit}/changes", data={"reason": "Name it."}).location
    with db.reading() as session:
        found = queries.for_review(session, house["vendor"].id, kit)
        assert (found.state, found.review_note) == (CoBrandedKitState.DRAFT, "Name it.")


def test_who_may_not_decide_only_reads(app, db, house):
    kit = ready(db, house, headline="Our own headline")
    channel = identity.signed_in(app.test_client(), house["channel"])
    assert "Approve" not in channel.get(f"/studio/reviews/{kit}").text
    assert channel.post(f"/studio/reviews/{kit}/approve").status_code == 404


def test_another_vendors_reviewer_finds_nothing(app, db, house):
    kit = ready(db, house, headline="Our own headline")
    with db.transaction() as session:
        factories.bind(session)
        member = identity.membership(partners.vendor().organisation, "BR")
    other = identity.signed_in(app.test_client(), member)
    assert "Nobody waits" in other.get("/studio/reviews/").text
    for path in ("", "/approve", "/changes"):
        ask = other.post if path else other.get
        assert ask(f"/studio/reviews/{kit}{path}").status_code == 404


def test_a_decision_is_made_once(as_vendor, db, house):
    kit = ready(db, house, headline="Our own headline")
    as_vendor.post(f"/studio/reviews/{kit}/approve")
    assert as_vendor.post(f"/studio/reviews/{kit}/approve").status_code == 409


def test_a_reviewer_sees_the_mail_as_readers_would(as_vendor, db, house):
    kit = ready(db, house, headline="Our own headline")
    page = as_vendor.get(f"/studio/reviews/{kit}").text
    assert "every locked text is in it" in page
    path = re.search(r'<iframe src="([^"]+)" sandbox=""', page)[1]
    answer = as_vendor.get(path)
    assert "Our own headline" in answer.text
    assert "sandbox" in answer.headers["Content-Security-Policy"]
