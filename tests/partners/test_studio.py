"""The vendor's pages of its partners."""

import pytest
from sqlalchemy import select

from tests import factories
from tpma.identity.models import Membership
from tpma.jobs import Job
from tpma.partners.models import Enrolment, EnrolmentState, Programme
from tpma.web.security import limiter


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture
def made(db):
    def make(build):
        with db.transaction() as session:
            factories.bind(session)
            return build(session)

    return make


@pytest.fixture
def enrolment(made) -> Enrolment:
    return made(
        lambda _s: factories.enrolment(
            factories.programme(name="Helio Cloud"),
            factories.partner(trading_name="Brightline IT").organisation,
        )
    )


def member_of(made, enrolment, *roles) -> Membership:
    return made(lambda s: factories.membership(s.get_one(Enrolment, enrolment.id).vendor, *roles))


@pytest.fixture
def browser(client, made, enrolment):
    return factories.signed_in(client, member_of(made, enrolment, "VA"))


def at(enrolment, path="") -> str:
    return f"/studio/partners/{enrolment.id}{path}"


def test_a_vendor_sees_its_partners_and_no_others(browser, made, enrolment):
    made(
        lambda _s: factories.enrolment(company=factories.partner(trading_name="Other").organisation)
    )
    page = browser.get("/studio/partners/").text
    assert "Brightline IT" in page
    assert "Xy" not in page


def test_a_vendor_without_partners_is_told_how_to_begin(client, made):
    maya = made(lambda _s: factories.membership(_vendor_with_programme(), "VA"))
    factories.signed_in(client, maya)
    assert "Nobody sells with you here yet" in client.get("/studio/partners/").text


def _vendor_with_programme():
    company = factories.vendor().organisation
    factories.programme(company)
    return company


@pytest.mark.parametrize("query", ["?q=%00", "?tier=x", "?state=x", "?country=%00x", "?q=%25"])
def test_filters_take_whatever_is_typed(browser, query):
    page = browser.get(f"/studio/partners/{query}")
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/tier", {"tier": "silver"}),
        ("/scope", {"territories": "DE"}),
        ("/suspend", {}),
        ("/reinstate", {}),
        ("/invite-again", {}),
    ],
)
def test_another_vendors_partner_is_not_found(browser, made, path, form):
    theirs = made(lambda _s: factories.enrolment())
    assert browser.post(at(theirs, path), data=form).status_code == 404
    assert browser.get(at(theirs)).status_code == 404


def test_the_tier_changes(browser, db, enrolment):
    browser.post(at(enrolment, "/tier"), data={"tier": "platinum"})
    with db.reading() as session:
        assert session.get_one(Enrolment, enrolment.id).tier.key == "platinum"


def test_a_tier_nobody_offered_is_refused(browser, enrolment):
    assert browser.post(at(enrolment, "/tier"), data={"tier": "diamond"}).status_code == 422


def test_territories_are_kept(browser, db, enrolment):
    browser.post(at(enrolment, "/scope"), data={"territories": "de, at", "product_families": "A,B"})
    with db.reading() as session:
        found = session.get_one(Enrolment, enrolment.id)
        assert (found.territories, found.product_families) == (["DE", "AT"], ["A", "B"])


def test_a_country_typed_wrong_is_shown_again(browser, enrolment):
    answer = browser.post(at(enrolment, "/scope"), data={"territories": "Germany"})
    assert answer.status_code == 422
    assert 'value="Germany"' in answer.text


def test_suspending_and_reinstating(browser, db, enrolment):
    for path, state in (("/suspend", "suspended"), ("/reinstate", "active")):
        browser.post(at(enrolment, path))
        with db.reading() as session:
            found = session.get_one(Enrolment, enrolment.id)
            assert found.state is EnrolmentState(state)


def test_suspending_twice_is_a_conflict(browser, enrolment):
    browser.post(at(enrolment, "/suspend"))
    assert browser.post(at(enrolment, "/suspend")).status_code == 409


@pytest.mark.parametrize("role", ["PB", "DD", "EX"])
def test_some_roles_look_and_do_not_touch(client, made, enrolment, role):
    factories.signed_in(client, member_of(made, enrolment, role))
    page = client.get(at(enrolment))
    assert page.status_code == 200
    assert "/suspend" not in page.text
    assert client.post(at(enrolment, "/suspend")).status_code == 404


def test_a_partner_has_no_key_to_the_studio(client, made, enrolment):
    member = made(lambda s: factories.membership(s.get_one(Enrolment, enrolment.id).partner, "PA"))
    factories.signed_in(client, member, enrolment)
    assert client.get("/studio/partners/").status_code == 404
    assert client.get(at(enrolment)).status_code == 404


@pytest.fixture
def ben(made, enrolment) -> Membership:
    return member_of(made, enrolment, "CM")


def test_a_channel_manager_sees_only_assigned_partners(client, db, ben, enrolment):
    factories.signed_in(client, ben)
    assert client.get(at(enrolment)).status_code == 404
    with db.transaction() as session:
        session.get_one(Enrolment, enrolment.id).manager_id = ben.user_id
    assert client.get(at(enrolment)).status_code == 200


def test_a_channel_manager_cannot_hand_a_partner_on(client, db, made, ben, enrolment):
    maya = member_of(made, enrolment, "VA")
    with db.transaction() as session:
        session.get_one(Enrolment, enrolment.id).manager_id = ben.user_id
    factories.signed_in(client, ben)
    client.post(at(enrolment, "/scope"), data={"manager": str(maya.user_id)})
    with db.reading() as session:
        assert session.get_one(Enrolment, enrolment.id).manager_id == ben.user_id


FORM = {
    "person_name": "Ada Kerr",
    "person_email": "ada@kestrel.example",
    "trading_name": "Kestrel Networks",
    "legal_name": "Kestrel Networks Ltd",
    "country": "GB",
    "default_locale": "en-GB",
    "legal_register_no": "09876543",
    "tier": "silver",
    "partner_type": "var",
    "persona": "transactional",
}


def test_an_invited_partner_stands_in_the_list_and_has_a_mail(browser, db):
    answer = browser.post("/studio/partners/invite", data=FORM)
    assert answer.status_code == 303
    assert "Ada Kerr has not answered yet" in browser.get(answer.location).text
    with db.reading() as session:
        assert session.scalars(select(Job)).one().payload["recipient"] == "ada@kestrel.example"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("person_name", ""),
        ("person_email", "nobody"),
        ("person_email", "a@b.example\r\nBcc: c@d.example"),
        ("legal_name", ""),
        ("country", "XX"),
        ("default_locale", "?"),
        ("website", "javascript:alert(1)"),
        ("phone", "089 1"),
        ("email", "x"),
        ("legal_register_no", "a\nb"),
        ("territories", "Mars"),
        ("tier", "diamond"),
        ("partner_type", "friend"),
        ("persona", "moody"),
    ],
)
def test_an_invitation_typed_wrong_is_shown_again_at_its_field(browser, db, field, value):
    answer = browser.post("/studio/partners/invite", data=FORM | {field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    with db.reading() as session:
        assert session.scalars(select(Job)).all() == []


def test_the_form_starts_with_the_vendors_country(browser):
    assert '<option value="US" selected>' in browser.get("/studio/partners/invite").text


def test_the_whole_way_from_invitation_to_the_first_page(app, browser, db):
    """Golden journey, steps 1 to 5: open the link, a password, language and country, done."""
    browser.post("/studio/partners/invite", data=FORM)
    with db.reading() as session:
        body = session.scalars(select(Job)).one().payload["body"]
    link = next(word for word in body.split() if "/invitation/" in word)
    path = link.removeprefix("http://localhost:8000")
    ada = app.test_client()
    assert "Welcome to Kestrel Networks" in ada.get(path).text
    form = {"name": "Ada Kerr", "password": "a good password", "locale": "en-GB", "country": "GB"}
    assert ada.post(path, data=form).status_code == 303
    with db.reading() as session:
        newest = select(Enrolment).order_by(Enrolment.created_at.desc(), Enrolment.id.desc())
        assert session.scalars(newest.limit(1)).one().state is EnrolmentState.ACTIVE


def test_partners_are_handed_over_together(browser, db, made, enrolment):
    programme = enrolment.programme_id
    other = made(lambda s: factories.enrolment(s.get_one(Programme, programme)))
    ben = member_of(made, enrolment, "CM")
    both = {"enrolments": [str(enrolment.id), str(other.id)], "manager": str(ben.user_id)}
    browser.post("/studio/partners/assign", data=both)
    with db.reading() as session:
        managers = session.scalars(select(Enrolment.manager_id)).all()
    assert managers == [ben.user_id, ben.user_id]
    page = browser.get(f"/studio/partners/?manager={ben.user_id}").text
    assert "Brightline IT" in page
    assert "No partner like that" in browser.get("/studio/partners/?manager=nobody").text


@pytest.mark.parametrize("lacking", ["enrolments", "manager"])
def test_handing_over_names_what_is_missing(browser, db, made, enrolment, lacking):
    ben = member_of(made, enrolment, "CM")
    sent = {"enrolments": [str(enrolment.id)], "manager": str(ben.user_id)}
    answer = browser.post("/studio/partners/assign", data=sent | {lacking: []})
    assert answer.status_code == 422
    assert f'id="{lacking}-error"' in answer.text


def test_another_vendors_partner_is_not_handed_over(browser, made, enrolment):
    theirs = made(lambda _s: factories.enrolment())
    sent = {"enrolments": [str(enrolment.id), str(theirs.id)], "manager": "nobody"}
    assert browser.post("/studio/partners/assign", data=sent).status_code == 404
