"""The pages of the room, as their readers ask for them."""

import io

import pytest

from tests import factories
from tests.kits import small_kit
from tpma.identity.models import Organisation
from tpma.kits.models import Kit, KitVersion, KitVersionState
from tpma.kits.queries import covers


@pytest.fixture
def place(db):
    """A vendor with one published kit, and a partner of theirs."""
    with db.transaction() as session:
        factories.bind(session)
        programme = factories.programme()
        vendor = session.get_one(Organisation, programme.tenant_id)
        version = factories.kit_version(vendor)
        enrolment = factories.enrolment(programme)
        members = {
            "partner": (factories.membership(enrolment.partner, "PM"), enrolment),
            "finance": (factories.membership(enrolment.partner, "PF"), enrolment),
            "vendor": (factories.membership(vendor, "PB"), None),
            "reader": (factories.membership(vendor, "EX"), None),
        }
        return {"vendor": vendor, "version": version, "members": members}


@pytest.fixture
def ask(client, place):
    """The client signed in as one of the members."""
    return lambda who: factories.signed_in(client, *place["members"][who])


def page(answer):
    assert answer.status_code == 200, answer.status
    return answer.get_data(as_text=True)


def test_the_library_shows_the_kit_and_why_it_fits(ask):
    text = page(ask("partner").get("/portal/kits/"))
    assert "Small kit" in text
    assert "Open to partners of the tier Gold." in text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("q=small", True),
        ("q=kleines+kit", True),  # its German title
        ("q=SECURITY", True),
        ("q=nothing", False),
        ("language=de", True),
        ("language=ja", False),
        ("product=security", True),
        ("product=storage", False),
        ("sort=new", True),
        ("sort=bogus", True),
        ("q=%27%22%3Cscript%3E", False),
    ],
)
def test_the_library_is_narrowed_by_its_address(ask, query, there):
    text = page(ask("partner").get(f"/portal/kits/?{query}"))
    assert ("/portal/kits/small-kit" in text) is there
    assert "<script>" not in text.replace("<script src", "")


def test_the_page_of_a_kit_shows_what_is_in_it(ask):
    text = page(ask("partner").get("/portal/kits/small-kit"))
    for said in ("E-mail 1", "E-mail 2", "An offer", "Deutsch", "Write to whom you know."):
        assert said in text


@pytest.mark.parametrize("query", ["asset=email1", "asset=../x", "asset=sheet&locale=xx&device=9"])
def test_the_stage_takes_only_what_there_is(ask, query):
    page(ask("partner").get(f"/portal/kits/small-kit?{query}"))


@pytest.mark.parametrize(
    "path", ["/portal/kits/other", "/portal/kits/%00", "/portal/kits/small-kit/x"]
)
def test_an_unknown_kit_is_not_found(ask, path):
    assert ask("partner").get(path).status_code == 404


def test_a_kit_one_is_not_entitled_to_is_not_found(db, ask, place):
    with db.transaction() as session:
        session.get_one(Kit, place["version"].kit_id).entitled_tiers = ["platinum"]
    assert ask("partner").get("/portal/kits/small-kit").status_code == 404
    assert "has not published a kit" in page(ask("partner").get("/portal/kits/"))


@pytest.mark.parametrize("who", ["finance", "vendor"])
def test_the_library_is_for_partners_who_may_read_kits(ask, who):
    assert ask(who).get("/portal/kits/").status_code == 404


@pytest.mark.parametrize("path", ["/portal/kits/", "/studio/kits/", "/studio/kits/upload"])
def test_a_stranger_is_asked_to_sign_in(client, place, path):
    assert client.get(path).status_code == 303


def test_the_studio_lists_the_vendors_kits(ask):
    text = page(ask("vendor").get("/studio/kits/"))
    assert "1 kit is with your partners" in text
    assert "1 of 1 partners" in text


def test_the_studio_shows_one_kit_with_its_languages(ask):
    text = page(ask("vendor").get("/studio/kits/small-kit"))
    assert "right to left" not in text
    assert "Every text is there in 2 languages" in text


def test_an_upload_is_kept_as_a_draft_and_then_published(db, ask):
    manifest = small_kit.MANIFEST.replace('semver = "1.0.0"', 'semver = "1.1.0"')
    answer = sent(ask("vendor"), small_kit.files() | {"kit.toml": manifest.encode()})
    assert answer.location == "/studio/kits/small-kit/versions/1.1.0"
    assert states(db) == {"1.0.0": "published", "1.1.0": "validated"}
    assert "it can go to your partners" in page(ask("vendor").get(answer.location))

    answer = ask("vendor").post(f"{answer.location}/publish")

    assert answer.status_code == 303
    assert states(db) == {"1.0.0": "superseded", "1.1.0": "published"}


def test_a_version_goes_through_review_and_comes_back_with_a_reason(db, ask):
    manifest = small_kit.MANIFEST.replace('semver = "1.0.0"', 'semver = "1.1.0"')
    where = sent(ask("vendor"), small_kit.files() | {"kit.toml": manifest.encode()}).location
    assert ask("vendor").post(f"{where}/submit").status_code == 303
    assert states(db)["1.1.0"] == "in_review"
    assert "waits for a review" in page(ask("vendor").get("/studio/kits/small-kit"))

    answer = ask("vendor").post(f"{where}/reject", data={"reason": " "})
    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text

    assert ask("vendor").post(f"{where}/reject", data={"reason": "No <b>price</b>"}).location
    assert states(db)["1.1.0"] == "validated"
    assert "No &lt;b&gt;price&lt;/b&gt;" in page(ask("vendor").get(where))


def test_four_eyes_are_asked_for_by_an_admin_and_shown(db, ask, place):
    assert "One person may upload, review and publish" in page(ask("vendor").get("/studio/kits/"))
    assert ask("vendor").post("/studio/kits/four-eyes", data={"wanted": "1"}).status_code == 404
    with db.transaction() as session:
        factories.bind(session)
        admin = factories.membership(session.get_one(Organisation, place["vendor"].id), "VA")
    place["members"]["admin"] = (admin, None)
    assert ask("admin").post("/studio/kits/four-eyes", data={"wanted": "1"}).status_code == 303
    assert "is not the one who publishes it" in page(ask("vendor").get("/studio/kits/"))

    manifest = small_kit.MANIFEST.replace('semver = "1.0.0"', 'semver = "1.1.0"')
    where = sent(ask("vendor"), small_kit.files() | {"kit.toml": manifest.encode()}).location
    text = page(ask("vendor").get(where))
    assert "Send to review" in text
    assert f'action="{where}/publish"' not in text
    assert ask("vendor").post(f"{where}/publish").status_code == 403


@pytest.mark.parametrize("deed", ["submit", "reject"])
def test_who_may_not_publish_does_not_review(ask, deed):
    assert ask("partner").post(f"/studio/kits/small-kit/versions/1.0.0/{deed}").status_code == 404
    assert ask("reader").post(f"/studio/kits/small-kit/versions/1.0.0/{deed}").status_code == 404
    assert ask("reader").post("/studio/kits/four-eyes").status_code == 404


def test_every_fault_of_an_upload_is_named_and_nothing_kept(db, ask):
    files = small_kit.files()
    files["page/landing.html"] = files["page/landing.html"].replace(b"{{ form }}", b"<script>")
    answer = sent(ask("vendor"), files | {"kit.toml": files["kit.toml"].replace(b"TST", b"NEW")})

    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for said in ("page/landing.html", "page.form", "html.unsafe", "Line 4", "&lt;script&gt;"):
        assert said in text
    assert states(db) == {"1.0.0": "published"}


def test_a_published_number_is_refused_with_the_cure(ask):
    files = small_kit.files()
    answer = sent(ask("vendor"), files)
    assert answer.status_code == 422
    assert "1.0.1" in answer.get_data(as_text=True)


@pytest.mark.parametrize("data", [b"", b"no zip at all"])
def test_what_is_no_archive_is_refused(ask, data):
    answer = ask("vendor").post("/studio/kits/upload", data={"kit": (io.BytesIO(data), "kit.zip")})
    assert answer.status_code == 422


def test_an_upload_without_a_file_is_refused(ask):
    assert ask("vendor").post("/studio/kits/upload").status_code == 422


@pytest.mark.parametrize("who", ["partner", "reader"])
def test_only_publishers_upload_and_publish(ask, who):
    assert ask(who).get("/studio/kits/upload").status_code == 404
    assert ask(who).post("/studio/kits/upload").status_code == 404
    assert ask(who).post("/studio/kits/small-kit/versions/1.0.0/publish").status_code == 404


def test_another_vendors_kit_is_not_found(db, client, place):
    with db.transaction() as session:
        factories.bind(session)
        stranger = factories.membership(factories.vendor().organisation, "VA")
    for path in ("", "/versions/1.0.0"):
        assert (
            factories.signed_in(client, stranger).get(f"/studio/kits/small-kit{path}").status_code
            == 404
        )
    posted = client.post("/studio/kits/small-kit/versions/1.0.0/publish")
    assert posted.status_code == 404


def test_a_picture_is_served_to_anybody_for_ever_and_locked(db, client, place):
    with db.reading() as session:
        (path,) = covers(session, [place["version"]]).values()
    answer = client.get(path)
    assert answer.data == small_kit.COVER.encode()
    assert answer.mimetype == "image/svg+xml"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.get(path.replace(".svg", ".png")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/k/abc.png", f"/k/{'0' * 64}.png", f"/k/{'0' * 64}.css", "/k/.png"]
)
def test_no_other_file_is_served(client, place, path):
    assert client.get(path).status_code == 404


def sent(client, files):
    data = {"kit": (io.BytesIO(small_kit.zipped(files)), "small-kit.zip")}
    return client.post("/studio/kits/upload", data=data)


def states(db):
    with db.reading() as session:
        return {v.semver: KitVersionState(v.state).value for v in session.query(KitVersion)}
